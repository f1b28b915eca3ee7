"""A form's webhooks by tag: each submission once, signed, tried again as the receiver's status deserves."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from sandbox.deliveries import HOUR, MINUTE, Channel, Heard, Manner, Post
from sandbox.toy import Room, Row

SECRET = "typeform-sandbox-secret"
TAG = "npsync"
_GONE, _BUSY = (404, 410), (408, 423, 429, 503)
# Busy receivers are called every two to three minutes for ten hours; the others in "several tries over hours".
_GAPS = (5 * MINUTE, 10 * MINUTE, 20 * MINUTE, 40 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR)


def signature(secret: str, body: bytes) -> str:
    """Typeform-Signature"""
    return "sha256=" + base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


class Webhooks:
    def __init__(self, room: Room, shown: Callable[[Row], Row], definition: Callable[[str], Row]) -> None:
        self._room = room
        self._shown = shown
        self._definition = definition
        self._numbers = itertools.count(1)
        self._channels: dict[tuple[str, str], Channel] = {}

    def set(self, form: str, given: Row, *, insist: bool = True) -> Row:
        """{url, secret, enabled, tag, form}; url null ends it"""
        url, tag = given["url"], str(given.get("tag", TAG))
        secret = str(given.get("secret", SECRET if insist else ""))
        self.end(form, tag)
        if url is None or not given.get("enabled", True):
            return {"form_id": form, "tag": tag, "enabled": False}

        def make(items: Sequence[Any], attempt: int) -> Post:
            body = orjson.dumps(items[0])
            headers = {"Content-Type": "application/json"}
            if secret:
                headers["Typeform-Signature"] = signature(secret, body)
            return Post(url, body, headers)

        def taken(heard: Heard) -> bool:
            if heard.status in _GONE:
                self._channels.pop((form, tag), None)
            return heard.ok

        manner = Manner(
            gaps=_GAPS,
            timeout=30,
            taken=taken,
            tries_again=lambda heard: heard.status not in _GONE,
            pause=lambda heard: 150.0 if heard.status in _BUSY else None,
        )
        name = f"{form}/{tag}"
        channel = self._room.deliveries.channel("typeform", name, url, make, manner, insist=insist)
        self._channels[form, tag] = channel
        return {"id": name, "form_id": form, "tag": tag, "url": url, "enabled": True, "secret": secret}

    def end(self, form: str, tag: str) -> None:
        if self._channels.pop((form, tag), None) is not None:
            self._room.deliveries.close("typeform", f"{form}/{tag}")

    def tell(self, row: Row) -> None:
        form = row["survey"]
        shown = self._shown(row)
        told = {
            "form_id": form,
            **{name: shown[name] for name in ("token", "landed_at", "submitted_at", "hidden", "calculated")},
            "definition": self._definition(form),
            "answers": shown["answers"],
        }
        for (of, _), channel in self._channels.items():
            if of == form:
                event = f"01TYPEFORM{next(self._numbers):016d}"
                channel.put({"event_id": event, "event_type": "form_response", "form_response": told})
