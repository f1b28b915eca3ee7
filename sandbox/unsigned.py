"""Webhooks that prove nothing: a long address, perhaps a header that somebody chose. Nothing is tried again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import orjson

from sandbox.deliveries import Channel, Manner, Post
from sandbox.toy import Room, Row

_MANNER = Manner(timeout=10)
_KINDS = {"json": "application/json", "form": "application/x-www-form-urlencoded"}


class Unsigned:
    """One address for everything that is told."""

    def __init__(self, room: Room, vendor: str, *, shape: str = "json") -> None:
        self._room = room
        self._vendor = vendor
        self._shape = shape
        self._channel: Channel | None = None
        self.given: Row = {}  # what was registered, for a vendor that lets its owner choose more than the address

    def set(self, given: Row) -> Row:
        """{url, headers}; url null ends it"""
        self._room.deliveries.close(self._vendor, "webhook")
        self._channel, self.given = None, given
        url, headers = given["url"], {str(name): str(one) for name, one in given.get("headers", {}).items()}
        if url is None:
            return {"url": None}

        def make(items: Sequence[Any], attempt: int) -> Post:
            body = orjson.dumps(items[0]) if self._shape == "json" else urlencode(items[0]).encode()
            return Post(url, body, {"Content-Type": _KINDS[self._shape], **headers})

        self._channel = self._room.deliveries.channel(self._vendor, "webhook", url, make, _MANNER)
        return {"url": url, "headers": headers}

    def tell(self, body: Mapping[str, Any]) -> None:
        if self._channel is not None:
            self._channel.put(dict(body))
