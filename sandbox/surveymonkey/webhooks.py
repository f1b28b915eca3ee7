"""Webhooks that tell ids only; each address is asked with HEAD before anything is sent to it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
from collections.abc import Sequence
from typing import Any

import orjson

from sandbox.deliveries import Channel, Heard, Manner, Post
from sandbox.moments import iso_offset
from sandbox.serving import Refused
from sandbox.toy import Room, Row

CLIENT_ID, CLIENT_SECRET = "surveymonkey-sandbox-client", "surveymonkey-sandbox-secret"
EVENTS = ("response_created", "response_updated", "response_completed", "response_deleted")
_MANNER = Manner(timeout=10)  # whether anything is tried again is not documented: polling repairs


def signature(client_id: str, client_secret: str, body: bytes) -> str:
    """Sm-Signature"""
    key = f"{client_id}&{client_secret}".encode()
    return base64.b64encode(hmac.new(key, body, hashlib.sha1).digest()).decode()


class Webhooks:
    def __init__(self, room: Room) -> None:
        self._room = room
        self._numbers, self._events = itertools.count(1), itertools.count(1)
        self._hooks: dict[tuple[str, str], tuple[Row, Channel | None]] = {}  # event and address → the hook

    def set(self, given: Row) -> Row:
        """{url, events, surveys, secret, client_id}: one webhook for each event; url null ends them all"""
        for hook, _ in self._hooks.values():
            self._room.deliveries.close("surveymonkey", hook["name"])
        self._hooks.clear()
        if given["url"] is None:
            return {"webhooks": []}
        surveys = [str(one) for one in given.get("surveys", [])]
        events = dict.fromkeys(str(one) for one in given.get("events", ("response_completed",)))
        return {
            "webhooks": [self._open(one, str(given["url"]), surveys, given, insist=True) for one in events]
        }

    def create(self, body: Row) -> Row:
        """What `POST /webhooks` does."""
        try:
            event, url = str(body["event_type"]), str(body["subscription_url"])
        except KeyError as missing:
            raise Refused(400, {"error": {"id": "1000", "message": f"{missing} is required"}}) from None
        if event not in EVENTS:
            raise Refused(400, {"error": {"id": "1000", "message": f"no event_type {event}"}})
        surveys = body.get("object_ids", [])
        if not isinstance(surveys, list):
            raise Refused(400, {"error": {"id": "1000", "message": "object_ids is a list"}})
        return self._open(event, url, [str(one) for one in surveys], body, insist=False)

    def _open(self, event: str, url: str, surveys: list[str], given: Row, *, insist: bool) -> Row:
        if event not in EVENTS:
            raise ValueError(f"no event {event}; there are: {', '.join(EVENTS)}")
        if (event, url) in self._hooks:
            raise Refused(409, {"error": {"id": "1025", "message": "subscription_url must be unique"}})
        id = str(next(self._numbers))
        name = str(given.get("name", f"{event} {id}"))
        client = str(given.get("client_id", CLIENT_ID)), str(given.get("secret", CLIENT_SECRET))

        def make(items: Sequence[Any], attempt: int) -> Post:
            body = orjson.dumps(items[0])
            headers = {
                "Content-Type": "application/vnd.surveymonkey.response.v1+json",
                "Sm-Apikey": client[0],
            }
            return Post(url, body, {**headers, "Sm-Signature": signature(*client, body)})

        hook = {"id": id, "name": name, "event_type": event, "object_type": "survey", "object_ids": surveys}
        deliveries = self._room.deliveries
        channel = deliveries.channel("surveymonkey", name, url, make, _MANNER, insist=insist)
        self._hooks[event, url] = (hook, None)

        def answered(items: Sequence[Any], heard: Heard) -> None:
            if (event, url) in self._hooks:
                self._hooks[event, url] = (hook, channel)

        def ask(items: Sequence[Any], attempt: int) -> Post:
            return Post(url, b"", {}, "HEAD")

        checks = deliveries.channel(
            "surveymonkey", f"check {name}", url, ask, Manner(timeout=5), heard=answered, insist=insist
        )
        checks.put("check")
        return {**hook, "subscription_url": url, "href": f"/v3/webhooks/{id}"}

    def tell(self, event: str, survey: str, response: str, person: str | None) -> None:
        for (name, _), (hook, channel) in self._hooks.items():
            if name != event or channel is None or (hook["object_ids"] and survey not in hook["object_ids"]):
                continue
            resources = {
                "respondent_id": response,
                "recipient_id": person or "0",
                "collector_id": "40001",
                "survey_id": survey,
                "user_id": "9001",
            }
            channel.put(
                {
                    "name": hook["name"],
                    "filter_type": "survey",
                    "filter_id": survey,
                    "event_type": event,
                    "event_id": str(10_000 + next(self._events)),
                    "object_type": "response",
                    "object_id": response,
                    "event_datetime": iso_offset(self._room.clock.time()),
                    "resources": resources,
                }
            )
