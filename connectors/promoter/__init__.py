"""Promoter.io: surveys sent into a campaign. What people answered is read as connectors/presets/promoter.yaml says."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.contract import Connector, Needs, Sender, Sends, Tools
from connectors.declared.connecting import connector_of
from connectors.presets import preset
from connectors.promoter.settings import PromoterSettings
from nps.asking import Channel


def _sender(settings: PromoterSettings, tools: Tools) -> Sender:
    from connectors.promoter.sender import Promoter

    return Promoter(settings, tools)


def _sends(settings: PromoterSettings) -> Sends:
    return Sends(
        channel=Channel.SMS if settings.channel == "sms" else Channel.EMAIL,
        needs="email",
        words="vendor",
        page=False,
        can_remind=False,
        needs_survey_id=True,
    )


def _grants(settings: PromoterSettings, needs: Needs) -> Sequence[str]:
    return [
        "The account's API key (Settings > API). Promoter.io has one for everything: give it to npsync alone.",
        "A campaign per survey, without a cadence of its own: npsync says when a person is asked.",
    ]


CONNECTOR: Connector = connector_of(
    "promoter",
    preset("promoter"),
    base=PromoterSettings,
    grants=_grants,
    sender=_sender,
    sends=_sends,
    starter="""\
type: promoter
api_key: "${PROMOTER_KEY}"
# overlap: 14 days                      # how far back edits are noticed
# external_id_attribute: customer_id
# campaign_field: campaign              # for sending, when Promoter.io does not take campaign_id
""",
)
