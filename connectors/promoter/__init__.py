"""Promoter.io: surveys sent into a campaign."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.contract import Confidence, Connector, Needs, Sender, Sends, Tools
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


CONNECTOR = Connector(
    name="promoter",
    title="Promoter.io",
    settings=PromoterSettings,
    grants=_grants,
    sender=_sender,
    sends=_sends,
    limits="Calls per minute by your plan; its own throttle may refuse a person, which is told as suppressed.",
    confidence=Confidence.PARTIAL,
    starter="""\
type: promoter
api_key: "${PROMOTER_KEY}"
# campaign_field: campaign              # when Promoter.io does not take campaign_id
# external_id_attribute: customer_id
""",
)
