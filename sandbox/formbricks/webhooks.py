"""Standard Webhooks: an id that stays through every attempt, a time that does not, and a signature over both."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from sandbox.deliveries import Channel, Manner, Post
from sandbox.toy import Room, Row

SECRET = "whsec_" + base64.b64encode(b"formbricks-sandbox-secret-000001").decode()
EVENTS = ("responseCreated", "responseUpdated", "responseFinished")
_MANNER = Manner(gaps=(5, 10), timeout=5)  # three attempts; a redirect is a failure too


def signature(secret: str, id: str, timestamp: int, body: bytes) -> str:
    """webhook-signature, one of the list it may be"""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


@dataclass(frozen=True)
class _Hook:
    id: str
    events: frozenset[str]
    surveys: frozenset[str]  # none: all of them
    channel: Channel


class Webhooks:
    def __init__(self, room: Room, pushed: Callable[[Row], Row]) -> None:
        self._room = room
        self._pushed = pushed
        self._numbers, self._messages = itertools.count(1), itertools.count(1)
        self._hooks: list[_Hook] = []

    def set(self, given: Row) -> Row:
        """{url, secret, events, surveys, old_secrets: signed with as well}; url null ends all of them"""
        for hook in self._hooks:
            self._room.deliveries.close("formbricks", hook.channel.name)
        self._hooks.clear()
        if given["url"] is None:
            return {"webhooks": []}
        events = [str(one) for one in given.get("events", EVENTS)]
        if unknown := set(events) - set(EVENTS):
            raise ValueError(f"no event {', '.join(unknown)}; there are: {', '.join(EVENTS)}")
        secrets = [str(given.get("secret", SECRET)), *map(str, given.get("old_secrets", []))]
        return self._open(str(given["url"]), events, given.get("surveys", []), secrets, insist=True)

    def create(self, body: Row, refused: Callable[[str], Exception]) -> Row:
        """What `POST /v2/management/webhooks` does; the secret is told this once."""
        url, triggers, surveys = body.get("url"), body.get("triggers"), body.get("surveyIds", [])
        if (
            not isinstance(url, str)
            or not isinstance(triggers, list)
            or any(one not in EVENTS for one in triggers)
        ):
            raise refused(f"url and triggers ({', '.join(EVENTS)}) are required")
        if not isinstance(surveys, list):
            raise refused("surveyIds is a list")
        number = next(self._numbers)
        secret = "whsec_" + base64.b64encode(f"formbricks-sandbox-hook-{number:08d}".encode()).decode()
        made = self._open(url, triggers, surveys, [secret], insist=False)
        return {**body, **made, "secret": secret}

    def _open(
        self, url: str, events: Sequence[str], surveys: Sequence[str], secrets: list[str], *, insist: bool
    ) -> Row:
        id = f"clwebh{next(self._numbers):019d}"

        def make(items: Sequence[Any], attempt: int) -> Post:
            message, body = items[0]
            now = int(self._room.clock.time())
            headers = {
                "Content-Type": "application/json",
                "webhook-id": message,
                "webhook-timestamp": str(now),
                "webhook-signature": " ".join(signature(one, message, now, body) for one in secrets),
            }
            return Post(url, body, headers)

        channel = self._room.deliveries.channel("formbricks", id, url, make, _MANNER, insist=insist)
        self._hooks.append(_Hook(id, frozenset(events), frozenset(map(str, surveys)), channel))
        return {"id": id, "url": url, "triggers": list(events), "surveyIds": list(surveys)}

    def tell(self, event: str, row: Row) -> None:
        for hook in self._hooks:
            if event not in hook.events or (hook.surveys and row["survey"] not in hook.surveys):
                continue
            body = orjson.dumps({"webhookId": hook.id, "event": event, "data": self._pushed(row)})
            told = f"{hook.id} {event} {next(self._messages)}".encode()
            hook.channel.put((hashlib.sha256(told).hexdigest()[:32], body))
