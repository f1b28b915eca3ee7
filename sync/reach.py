"""What of a source the inbox holds: from when on, and which parts of an answer. A sync that needs more of it, because
somebody wrote an earlier `since` or mapped a comment, has the source read from its beginning once more."""

from __future__ import annotations

from datetime import datetime

import msgspec

from store.api import Store
from sync.job import Feed

_KEY = "reach"


class Reach(msgspec.Struct, frozen=True):
    """`since` None: from the beginning. `properties` None: all of them."""

    since: datetime | None
    comment: bool
    properties: frozenset[str] | None

    @classmethod
    def needed(cls, feed: Feed) -> Reach:
        return cls(feed.since, feed.keep_comment, feed.keep_properties)

    def covers(self, other: Reach) -> bool:
        from_when_on = self.since is None or (other.since is not None and self.since <= other.since)
        properties = self.properties is None or (
            other.properties is not None and other.properties <= self.properties
        )
        return from_when_on and properties and (self.comment or not other.comment)

    def narrowed(self, other: Reach) -> Reach:
        """What is held once answers arrive of which only `other` is kept."""
        if other.properties is None or self.properties is None:
            properties = self.properties if other.properties is None else other.properties
        else:
            properties = self.properties & other.properties
        return Reach(self.since, self.comment and other.comment, properties)


def known(store: Store, connection: str) -> Reach | None:
    """None when nothing was read, or before this was remembered."""
    told = store.recall(_place(connection), [_KEY]).get(_KEY)
    return None if told is None else msgspec.json.decode(told, type=Reach)


def remember(store: Store, connection: str, reach: Reach) -> None:
    store.memorize(_place(connection), {_KEY: msgspec.json.encode(reach, order="deterministic").decode()})


def _place(connection: str) -> str:
    """Beside the connector's own memory, not in it."""
    return f"pull/{connection}"
