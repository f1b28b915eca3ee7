"""What Intercom pushes to us: notifications, each about one conversation or contact, signed over the raw body.

A conversation is only named: what is true of it is read again. Whoever unsubscribes is believed at once.
"""

from __future__ import annotations

import hmac
from datetime import UTC, datetime
from hashlib import sha1
from typing import Any

import orjson

from connectors.contract import LeftOut, Posted, Refused, Reply, Taken
from connectors.intercom.kinds import CONVERSATION_CLOSED, CONVERSATION_REOPENED
from connectors.intercom.settings import IntercomSettings
from connectors.intercom.told import TOPIC, answered
from nps.events import Arrival, Hint, Signal, SignalKind, Subject
from nps.keys import email_key, id_key

LARGEST = 2_000_000

# Anything but 2xx is tried once more, and a 410 ends the subscription for good: what we do not use is taken as well.
_TAKEN = Reply(200, b"{}")
_KINDS = {
    "conversation.admin.closed": CONVERSATION_CLOSED,
    "conversation.admin.opened": CONVERSATION_REOPENED,
}
_UNSUBSCRIBED = frozenset({"contact.unsubscribed", "contact.lead.unsubscribed", "contact.user.unsubscribed"})


class IntercomInbound:
    """Fulfils `connectors.contract.Inbound`."""

    def __init__(self, settings: IntercomSettings) -> None:
        self._hooks, self._answers = settings.hooks, settings.answers

    def receive(self, posted: Posted) -> Taken:
        if self._hooks is None:
            raise Refused(403, "this connection takes nothing that is pushed", code="not_configured")
        if len(posted.body) > LARGEST:
            raise Refused(413, f"more than {LARGEST:,} bytes", code="too_large")
        _prove(posted, self._hooks.client_secret.get_secret_value())
        try:
            told = orjson.loads(posted.body)
        except orjson.JSONDecodeError:
            raise Refused(400, "the body is not JSON", code="bad_json") from None
        if not isinstance(told, dict):
            raise Refused(400, "the body is no notification", code="bad_body")
        if told.get("topic") == TOPIC:
            return self._of_survey(told, posted)
        arrival = _arrival(told, posted)
        return Taken(() if arrival is None else (arrival,), _TAKEN)

    def _of_survey(self, told: dict[str, Any], posted: Posted) -> Taken:
        if self._answers is None:
            return Taken((), _TAKEN)
        at = _moment(told.get("created_at")) or posted.at
        key = _text(told.get("id")) or sha1(posted.body).hexdigest()
        found = answered(_item(told), self._answers, key, at)
        if isinstance(found, LeftOut):
            return Taken((), _TAKEN, (found,))
        return Taken(() if found is None else (found,), _TAKEN)


def signature(secret: str, body: bytes) -> str:
    return "sha1=" + hmac.new(secret.encode(), body, sha1).hexdigest()


def _prove(posted: Posted, secret: str) -> None:
    given = posted.headers.get("x-hub-signature")
    if given is None or not hmac.compare_digest(
        given.strip().encode(), signature(secret, posted.body).encode()
    ):
        raise Refused(401, "the signature is missing or wrong", code="bad_signature")


def _arrival(told: dict[str, Any], posted: Posted) -> Arrival | None:
    """What a notification means to us; None for what no trigger could ask about (a ping, another topic)."""
    topic, item = _text(told.get("topic")) or "", _item(told)
    key = _text(told.get("id")) or sha1(posted.body).hexdigest()
    if topic in _KINDS and (id := _text(item.get("id"))):
        return Hint(
            connection="",
            key=key,
            kind=_KINDS[topic],
            subject=Subject("conversations", id),
            occurred_at=_moment(told.get("created_at")) or posted.at,
        )
    address, external_id = email_key(_text(item.get("email"))), id_key(item.get("external_id"))
    if topic in _UNSUBSCRIBED and (address or external_id):
        return Signal(
            connection="",
            key=key,
            kind=SignalKind.UNSUBSCRIBE,
            at=_moment(told.get("created_at")) or posted.at,
            address=address,
            external_id=external_id,
        )
    return None


def _item(told: dict[str, Any]) -> dict[str, Any]:
    data = told.get("data")
    item = data.get("item") if isinstance(data, dict) else None
    return item if isinstance(item, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= 254 else None


def _moment(value: object) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 32_503_680_000:
        return None
    return datetime.fromtimestamp(value, UTC)
