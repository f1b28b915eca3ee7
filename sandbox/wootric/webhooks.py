"""Outgoing Webhooks: an answer or a decline, created or updated, as JSON or as a form, signed."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import orjson

from sandbox.deliveries import Channel, Manner, Post
from sandbox.toy import Room, Row
from sandbox.wootric.books import Answer, Books, Decline
from sandbox.wootric.settings import Settings
from sandbox.wootric.times import writer
from sandbox.wootric.tokens import ACCOUNT_TOKEN

SECRET = "09dfb1b73af9"
CHANNEL = "outgoing-webhook"
# What the vendor tries again is not known; here it is nothing, so that polling has something to repair.
_MANNER = Manner(timeout=10)


def signature(secret: str, body: bytes) -> str:
    return "sha1=" + hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()


class Webhooks:
    def __init__(self, room: Room, books: Books, settings: Callable[[], Settings]) -> None:
        self._room = room
        self._books = books
        self._settings = settings
        self._channel: Channel | None = None

    def set(self, given: Row) -> Row:
        """{url, format: json|form, secret, survey_mode}; url null ends it"""
        url = given["url"]
        if url is None:
            self._room.deliveries.close("wootric", CHANNEL)
            self._channel = None
            return {"url": None}
        shape, secret = given.get("format", "json"), str(given.get("secret", SECRET))
        if shape not in ("json", "form"):
            raise ValueError(f"format is json or form, not {shape}")
        mode = str(given.get("survey_mode", "NPS"))

        def make(items: Sequence[Any], attempt: int) -> Post:
            told = {**items[0], "account_token": ACCOUNT_TOKEN, "survey_mode": mode}
            if shape == "json":
                body, kind = orjson.dumps(told), "application/json"
            else:
                body, kind = urlencode(list(_flat(told))).encode(), "application/x-www-form-urlencoded"
            headers = {"Content-Type": kind, "X-Wootric-Signature": signature(secret, body)}
            return Post(url, body, headers)

        self._channel = self._room.deliveries.channel("wootric", CHANNEL, url, make, _MANNER)
        return {"url": url, "secret": secret}

    def tell(self, name: str, one: Answer | Decline) -> None:
        """`name` is created or updated."""
        if self._channel is None:
            return
        written = writer(replace(self._settings(), time_format="iso"))
        person = self._books.people[one.end_user]
        told: dict[str, Any] = {
            "id": one.id,
            "email": person.email,
            "external_id": person.external_id,
            "ip_address": "192.0.2.7",
            "origin_url": "",
            "end_user_id": one.end_user,
            "end_user_properties": person.properties,
            "survey_id": one.survey,
            "created_at": written(one.created),
            "updated_at": written(one.updated),
        }
        if isinstance(one, Answer):
            told |= {"score": one.score, "text": one.text, "excluded_from_calculations": one.excluded}
        key = "response" if isinstance(one, Answer) else "decline"
        now = written(int(self._room.clock.time()))
        self._channel.put({key: told, "event_name": name, "timestamp": now})


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """{"response": {"score": 7}} → response[score]=7"""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{name}[{key}]" if name else str(key))
    else:
        yield name, "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
