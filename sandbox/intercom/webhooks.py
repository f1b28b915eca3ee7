"""Notifications: one address for every topic, checked with HEAD, signed, tried once more after a minute."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Sequence
from typing import Any

import orjson

from sandbox.deliveries import MINUTE, Channel, Heard, Manner, Post
from sandbox.intercom.words import APP_ID, CLIENT_SECRET, signature
from sandbox.toy import Room, Row

CHANNEL, CHECK = "notifications", "address check"
TOPICS = (
    "conversation.admin.closed",
    "conversation.admin.opened",
    "conversation.rating.added",
    "contact.unsubscribed",
    "contact.email.updated",
    "contact.merged",
    "contact.deleted",
    "content_stat.survey",
    "ping",
)


def _again(heard: Heard) -> bool:
    """410 ends the subscription; everything else is tried once more."""
    return heard.status != 410


class Webhooks:
    def __init__(self, room: Room) -> None:
        self._room = room
        self._numbers = itertools.count(1)
        self._channel: Channel | None = None
        self._topics: frozenset[str] = frozenset()
        self.disabled = False

    def set(self, given: Row) -> Row:
        """{url, topics, secret}; url null ends it. Nothing is sent before the address answered HEAD with 2xx; the
        first notification is a ping"""
        url, secret = given["url"], str(given.get("secret", CLIENT_SECRET))
        self._channel, self.disabled = None, False
        for name in (CHANNEL, CHECK):
            self._room.deliveries.close("intercom", name)
        if url is None:
            return {"topics": []}
        self._topics = frozenset(given.get("topics", TOPICS)) | {"ping"}
        if unknown := self._topics - set(TOPICS):
            raise ValueError(f"no topic {', '.join(unknown)}; there are: {', '.join(TOPICS)}")

        def make(items: Sequence[Any], attempt: int) -> Post:
            body = orjson.dumps({**items[0], "delivery_attempts": attempt + 1})
            headers = {"Content-Type": "application/json", "X-Hub-Signature": signature(secret, body)}
            return Post(url, body, headers)

        manner = Manner(gaps=(MINUTE,), timeout=5, taken=self._taken, tries_again=_again)
        channel = self._room.deliveries.channel("intercom", CHANNEL, url, make, manner)

        def checked(items: Sequence[Any], heard: Heard) -> None:
            self._channel = channel
            self.tell("ping", {"type": "ping", "message": "something something interzen"})

        self._room.deliveries.channel(
            "intercom",
            CHECK,
            url,
            lambda items, attempt: Post(url, b"", {}, "HEAD"),
            Manner(timeout=5),
            heard=checked,
        ).put("check")
        return {"topics": sorted(self._topics)}

    def tell(self, topic: str, item: Row) -> None:
        if self._channel is None or self.disabled or topic not in self._topics:
            return
        now = int(self._room.clock.time())
        id = f"notif_{uuid.UUID(int=next(self._numbers))}"
        data = {"type": "notification_event_data", "item": orjson.loads(orjson.dumps(item))}
        self._channel.put(
            {
                "type": "notification_event",
                "app_id": APP_ID,
                "data": data,
                "links": {},
                "id": id,
                "topic": topic,
                "delivery_status": "pending",
                "delivered_at": 0,
                "first_sent_at": now,
                "created_at": now,
                "self": None,
            }
        )

    def _taken(self, heard: Heard) -> bool:
        if heard.status == 410:
            self.disabled = True
        return heard.ok
