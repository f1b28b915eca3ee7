"""Every call counted, per connection and day, and what the vendors said is left of theirs."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import msgspec

from connectors.contract import Allowance, Clock
from nps.errors import NpsyncError

if TYPE_CHECKING:
    from npsync.config import Config
    from store.api import Store

KEPT_EVERY = 100  # calls of a connection; what a killed process made since is not in the books
SHOWN_DAYS = 7
_ALLOWANCE = "allowance"

Keep = Callable[[str, int], None]


class CallCounter:
    """Calls sent per connection, counted from any thread; `keep` is told of every so many, and of the rest by
    `flush`."""

    def __init__(self, keep: Keep | None = None) -> None:
        self._lock = threading.Lock()
        self._calls: Counter[str] = Counter()
        self._unkept: Counter[str] = Counter()
        self._keep = keep

    def count(self, connection: str) -> None:
        with self._lock:
            self._calls[connection] += 1
            self._unkept[connection] += 1
            full = self._keep is not None and self._unkept[connection] >= KEPT_EVERY
        if full:
            self._write(connection)

    def seen(self) -> dict[str, int]:
        with self._lock:
            return dict(self._calls)

    def flush(self) -> None:
        for connection in self.seen():
            self._write(connection)

    def _write(self, connection: str) -> None:
        if self._keep is None:
            return
        with self._lock:
            count = self._unkept.pop(connection, 0)
        if count:
            self._keep(connection, count)


def keeper(store: Store | None, clock: Clock, zone: ZoneInfo) -> Keep | None:
    """Counts into the store, by the business day."""
    if store is None:
        return None

    def keep(connection: str, count: int) -> None:
        store.count_calls(connection, clock.now().astimezone(zone).date().isoformat(), count)

    return keep


# ------------------------------------------------------------ what the vendor said


class Told(msgspec.Struct, frozen=True):
    """An allowance as of the last reply that carried it."""

    allowance: Allowance
    at: datetime


def remember_allowance(store: Store, connection: str, allowance: Allowance, now: datetime) -> None:
    told = msgspec.json.encode(Told(allowance, now)).decode()
    store.memorize(beside(connection), {_ALLOWANCE: told})


def last_allowance(store: Store, connection: str) -> Told | None:
    told = store.recall(beside(connection), [_ALLOWANCE]).get(_ALLOWANCE)
    return None if told is None else msgspec.json.decode(told, type=Told)


def beside(connection: str) -> str:
    """Where is kept what we know of a connection, beside the connector's own memory."""
    return f"quota/{connection}"


# ------------------------------------------------------------ as people ask for it


@dataclass(frozen=True)
class Quota:
    """One connection's calls: ours by day, latest first, and everybody's as the vendor counts them."""

    connection: str
    type: str
    days: Mapping[date, int]
    told: Told | None
    spent_at: datetime | None  # when today's pace will have used up what is left, if before it begins anew

    @property
    def today(self) -> int:
        return next(iter(self.days.values()), 0)

    @property
    def week(self) -> int:
        return sum(self.days.values())


def quotas(config: Config, store: Store, now: datetime, names: Sequence[str] | None = None) -> list[Quota]:
    """Of all connections, or of these."""
    zone = config.time_zone
    today = now.astimezone(zone).date()
    days = [today - timedelta(days=back) for back in range(SHOWN_DAYS)]
    counted = store.calls_since(days[-1].isoformat())
    found = []
    for name in config.connections if names is None else names:
        by_day = {day: counted.get((name, day.isoformat()), 0) for day in days}
        told = last_allowance(store, name)
        spent_at = None if told is None else spent(by_day[today], told, now, zone)
        found.append(Quota(name, config.connections[name].type, by_day, told, spent_at))
    return found


def spent(calls_today: int, told: Told, now: datetime, zone: ZoneInfo) -> datetime | None:
    """When calls at today's pace use up what is left; None when it lasts until it begins anew (a day, if the vendor
    counts a rolling window), or when what the vendor said is older than that."""
    left, until = told.allowance.left, told.allowance.resets_at or now + timedelta(days=1)
    if not calls_today or until <= now or now - told.at > timedelta(days=1):
        return None
    local = now.astimezone(zone)
    midnight = datetime(local.year, local.month, local.day, tzinfo=zone)
    pace = max(now - midnight, timedelta(hours=1)) / calls_today
    ends = now + pace * max(left, 0) if left * pace < until - now else until
    return ends if ends < until else None


@contextmanager
def books(config: Config) -> Iterator[Store | None]:
    """The store, to count calls in, if it is there and of this version: a command that only looks makes none, and
    does not fail because of it."""
    from npsync.logs import notice
    from store import open_store

    store = open_store(config.store, config.forgetting)
    try:
        ready = store.is_ready()
    except NpsyncError as error:
        notice("calls_not_counted", problem=str(error))
        ready = False
    try:
        yield store if ready else None
    finally:
        store.close()
