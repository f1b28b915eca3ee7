"""Intercom: conversations closed and opened again, as events that ask for a survey."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.contract import Confidence, Connector, EventSource, Inbound, Needs, Tools
from connectors.intercom.kinds import KINDS
from connectors.intercom.settings import IntercomSettings


def _events(settings: IntercomSettings, tools: Tools) -> EventSource:
    from connectors.intercom.events import IntercomEvents

    return IntercomEvents(settings, tools)


def _inbound(settings: IntercomSettings) -> Inbound:
    from connectors.intercom.inbound import IntercomInbound

    return IntercomInbound(settings)


def _grants(settings: IntercomSettings, needs: Needs) -> Sequence[str]:
    granted = [
        "An app of your own in the Developer Hub, with the permission to read conversations.",
        "The permission to read and list users: npsync looks up whom a conversation was with.",
    ]
    if settings.hooks is not None:
        granted.append(
            "Webhook topics conversation.admin.closed, conversation.admin.opened and contact.unsubscribed."
        )
    return granted


CONNECTOR = Connector(
    name="intercom",
    title="Intercom",
    settings=IntercomSettings,
    grants=_grants,
    events=_events,
    event_kinds=KINDS,
    inbound=_inbound,
    limits="1,000 calls per 10 seconds, less where Intercom says so; one call per conversation that is read again",
    confidence=Confidence.PARTIAL,
    starter="""\
type: intercom
access_token: "${INTERCOM_TOKEN}"
region: us                              # eu or au
# hooks: {client_secret: "${INTERCOM_CLIENT_SECRET}"}
""",
)
