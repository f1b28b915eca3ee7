"""Wootric (InMoment): answers of e-mail, web and mobile surveys."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from connectors.contract import Confidence, Connector, Inbound, Needs, Sender, Sends, Source, Tools
from connectors.wootric.settings import WootricSettings
from nps.asking import Channel


def _source(settings: WootricSettings, tools: Tools) -> Source:
    from connectors.wootric.source import Wootric

    return Wootric(settings, tools)


def _inbound(settings: WootricSettings, folder: Path) -> Inbound:
    from connectors.wootric.inbound import WootricInbound

    return WootricInbound(settings)


def _sender(settings: WootricSettings, tools: Tools) -> Sender:
    from connectors.wootric.sender import WootricSender

    return WootricSender(settings, tools)


def _sends(settings: WootricSettings) -> Sends:
    """A second mail would be a second survey to Wootric, so it sends no reminders for us."""
    channel = Channel.EMAIL if settings.send == "email" else Channel.IN_APP
    return Sends(channel=channel, needs="email", words="vendor", page=False, can_remind=False)


def _grants(settings: WootricSettings, needs: Needs) -> Sequence[str]:
    grants = [
        "An admin opens Settings > API in Wootric and creates a client id and secret for npsync.",
        "The key reads responses and end users. Wootric has no read-only keys: give it to npsync alone.",
    ]
    if not settings.account_token:
        grants.append("A login that owns several accounts also needs account_token.")
    if settings.hooks is not None:
        grants.append("An outgoing webhook for responses created and updated, to this connection's address.")
    if needs.sends:
        grants.append("The same key sends surveys: Wootric tells no rights apart.")
    return grants


CONNECTOR = Connector(
    name="wootric",
    title="Wootric (InMoment)",
    settings=WootricSettings,
    grants=_grants,
    source=_source,
    inbound=_inbound,
    sender=_sender,
    sends=_sends,
    channels=("email", "web", "mobile"),
    edits="At once where Wootric pushes (`hooks`); else answers of the last 7 days (`overlap`) are read again in every "
    "run. Older edits with --full.",
    limits="Calls per minute on some endpoints, 1,500 answers per query: npsync paces and pages by itself.",
    confidence=Confidence.PARTIAL,
    starter="""\
type: wootric
client_id: "${WOOTRIC_ID}"
client_secret: "${WOOTRIC_SECRET}"
# account_token: "${WOOTRIC_ACCOUNT}"   # NPS-EU-… or NPS-AU-… chooses the region
# overlap: 7 days                       # how far back edits are noticed
# hooks: {secret: "${WOOTRIC_HOOK_SECRET}"}   # answers at once, pushed to /hooks/CONNECTION
# send: web                             # asks in the app instead of by mail
""",
)
