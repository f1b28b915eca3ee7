"""Any tool that posts JSON: Segment, RudderStack, a product of your own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from connectors.contract import Connector, EventKind, EventSource, Inbound, Needs, Tools
from connectors.webhook.events import Track
from connectors.webhook.settings import Hmac, SecretPath, WebhookSettings


def _inbound(settings: WebhookSettings, folder: Path) -> Inbound:
    from connectors.webhook.inbound import WebhookInbound

    return WebhookInbound(settings)


def _events(settings: WebhookSettings, tools: Tools) -> EventSource:
    from connectors.webhook.events import WebhookEvents

    return WebhookEvents(settings, tools)


def _grants(settings: WebhookSettings, needs: Needs) -> Sequence[str]:
    grants = [
        "The sender reaches public_url over HTTPS: POST public_url/hooks/CONNECTION. npsync calls nobody."
    ]
    if any(isinstance(auth, SecretPath) for auth in settings.auth):
        grants.append(
            "The address itself is the secret (/hooks/CONNECTION/SECRET): keep it out of tickets and chats."
        )
    if any(isinstance(auth, Hmac) and auth.signed == "first_batch_item" for auth in settings.auth):
        grants.append(
            "Of a batch only the first event is signed: let the sender post one event per request, or add a header "
            "with a secret and list it under auth, too."
        )
    return grants


CONNECTOR = Connector(
    name="webhook",
    title="Webhook (Segment, RudderStack, your own)",
    settings=WebhookSettings,
    grants=_grants,
    inbound=_inbound,
    events=_events,
    event_kinds=(EventKind("track", "something was done", parameters=Track, by=("hook",)),),
    limits="5 MB per request. What is pushed while npsync is down arrives when its sender tries again.",
    starter="""\
type: webhook
preset: segment                         # or rudderstack; without one say auth and fields
auth: {secret: "${SEGMENT_SECRET}"}     # the shared secret of Segment's webhook destination
# max_event_age: 1 day                  # older events are refused
""",
)
