"""Keeping data only as long as `retention:` says, and our own notes for 90 days: nightly in serve, and by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from connectors.contract import Clock
from nps.errors import BrokenOff
from npsync.logs import notice
from npsync.schedule import has_its_turn

if TYPE_CHECKING:
    from npsync.config import Config
    from store.api import Store

AT_A_TIME = 500
EVERY = timedelta(days=1)
OWN = timedelta(days=90)  # what npsync notes of itself: ticks of the clock, what people asked it to do
FORESEEN_FOR = timedelta(days=1)  # what a plan made at a page would change
PLACE = "retention"


@dataclass
class Pruned:
    """How many of what went."""

    counts: Mapping[str, int] = field(default_factory=dict)
    scrubbed: bool = False  # the bytes of what was erased before are gone now
    problems: Sequence[str] = ()

    @property
    def did_something(self) -> bool:
        return bool(self.counts) or self.scrubbed

    def as_json(self) -> dict[str, Any]:
        return {"pruned": dict(self.counts), "scrubbed": self.scrubbed}


def prune(config: Config, store: Store, now: datetime, *, stop: Callable[[], bool] = lambda: False) -> Pruned:
    """Everything whose time is over by now, and the bytes of somebody who was erased while others used the store."""
    kept, counts = config.retention, {}
    steps: list[tuple[str, timedelta | None, Callable[[datetime], int]]] = [
        ("comments", kept.comments, lambda at: store.expire_comments(before=at, limit=AT_A_TIME)),
        (
            "answers",
            kept.answers,
            lambda at: store.expire_answers(before=at, zone=config.time_zone, limit=AT_A_TIME),
        ),
        (
            "before_values",
            kept.before_values,
            lambda at: store.expire_before_values(before=at, limit=AT_A_TIME),
        ),
        ("events", kept.events, lambda at: store.expire_asking(before=at, limit=AT_A_TIME)),
        ("receipts", kept.receipts, lambda at: store.expire_receipts(before=at)),
        ("audit", kept.receipts, lambda at: store.expire_audit(before=at, limit=AT_A_TIME)),
        ("ticks", OWN, lambda at: store.expire_ticks(before=at, limit=AT_A_TIME)),
        ("plans", FORESEEN_FOR, lambda at: store.expire_foreseen(before=at)),
        ("actions", OWN, lambda at: store.expire_actions(before=at, limit=AT_A_TIME)),
    ]
    for name, length, expire in steps:
        if length is not None and (gone := _all(lambda: expire(now - length), stop)):  # noqa: B023 - run at once
            counts[name] = gone
    return Pruned(counts, scrubbed=_scrubbed(store, stop))


def _scrubbed(store: Store, stop: Callable[[], bool]) -> bool:
    """What was broken off is due the next time."""
    if stop() or not store.scrubbing_due():
        return False
    try:
        return store.scrub(stop)
    except BrokenOff:
        if not stop():
            raise
        return False


def _all(expire: Callable[[], int], stop: Callable[[], bool]) -> int:
    gone = 0
    while not stop() and (some := expire()):
        gone += some
    return gone


class Nightly:
    """Once a day, by whoever of several processes takes the day."""

    def __init__(self, config: Config, store: Store, clock: Clock, *, stop: Callable[[], bool]) -> None:
        self._config, self._store, self._clock, self._stop = config, store, clock, stop

    def turn(self) -> Pruned:
        now = self._clock.now()
        if not has_its_turn(self._store, PLACE, now, lambda at: at + EVERY):
            return Pruned()
        if counts := self._store.put_right(now=now):
            notice("put_right", **counts)
        return prune(self._config, self._store, now, stop=self._stop)
