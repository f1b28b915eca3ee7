"""The limiter's side of a shared pace: it borrows lots of calls through the store, and lends them to its threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import msgspec

from connectors.contract import Clock, Pacing
from connectors.pacing import UNCOUNTED, Ask, Left, Lent, Limit, Pace, Used, answered

_MOST_AT_ONCE = 1_000
_STALE = 1.0  # seconds after which the others may have learned something

_read = msgspec.json.Decoder(Pace).decode
_written = msgspec.json.Encoder().encode


@dataclass
class _Lot:
    """What is left of one, by this process's own clock."""

    number: int
    count: int
    starts: float
    ends: float
    asked: float  # when
    used: int = 0
    last: float = 0.0

    def fits(self, now: float, cost: int) -> bool:
        return now < self.ends and self.used + cost <= self.count


class Lots:
    """Lots of one limiter, by bucket. Thread-safe; whoever finds none left asks for all threads."""

    def __init__(self, pacing: Pacing, name: str, clock: Clock) -> None:
        self._pacing, self._name, self._clock = pacing, name, clock
        self._lock = threading.Lock()
        self._held: dict[str, _Lot] = {}
        self._wanted: dict[str, int] = {}
        self._news = Ask()
        self._heard_at: float | None = None
        self._answered_at = 0.0
        self._left: int | None = None
        pacing.at_end(self.give_back)

    def take(self, bucket: str, cost: int, limits: Callable[[], Sequence[Limit]]) -> Lent:
        """`count` of what is returned is `cost` when the calls may leave now; otherwise it is 0: wait for `pause` or
        `starts_in` seconds, or not enough are `left` today."""
        with self._lock:
            now = self._clock.monotonic()
            lot = self._held.get(bucket)
            if lot is None or not lot.fits(now, cost):
                lent = self._ask(bucket, cost, limits())
                if not lent.count:
                    return lent
                lot, now = self._held[bucket], self._clock.monotonic()
                if not lot.fits(now, cost):
                    return Lent()  # the store took longer to answer than the lot lasts
            if now < lot.starts:
                return Lent(starts_in=lot.starts - now)
            if now - lot.asked > _STALE:  # we have slept: did anybody ask for a pause meanwhile?
                lot.asked = now
                if pause := self._asked(Ask()).pause:
                    return Lent(pause=pause)
                now = self._clock.monotonic()
                if not lot.fits(now, cost):
                    return Lent()  # the store took longer to answer than the lot lasts
            lot.used, lot.last = lot.used + cost, now
            return Lent(count=cost)

    @property
    def left(self) -> int | None:
        """What is left of today's budget for this process, as far as the others told: what it was lent among it."""
        if self._left is None:
            return None
        return self._left + sum(lot.count - lot.used for lot in self._held.values() if lot.number)

    def hear(self, *, told: Left | None = None, own: Left | None = None) -> None:
        """Something about the day's budget, for the others to know with the next lot."""
        with self._lock:
            if told is not None:
                self._news, self._heard_at = replace(self._news, told=told), self._clock.monotonic()
                self._left = None  # the vendor knows better than what the others told before
            if own is not None:
                self._news = replace(self._news, own=own)
            self._drop_uncounted()

    def drop_uncounted(self) -> None:
        """There is a limit now: what was lent while there was none is not used on."""
        with self._lock:
            self._drop_uncounted()

    def _drop_uncounted(self) -> None:
        self._held = {bucket: lot for bucket, lot in self._held.items() if lot.number}

    def pause(self, seconds: float, why: str) -> None:
        """At once: the others are calling."""
        with self._lock:
            self._asked(Ask(pause=seconds, why=why))

    def count_elsewhere(self, said: Limit, limits: Sequence[Limit]) -> None:
        with self._lock:
            self._asked(Ask(elsewhere=said, limits=limits))

    def give_back(self) -> None:
        """What is not used any more, for the others."""
        with self._lock:
            self._wanted.clear()
            if self._held or self._news != Ask():
                self._asked(Ask(), back=list(self._held))

    # ------------------------------------------------------------ asking

    def _ask(self, bucket: str, cost: int, limits: Sequence[Limit]) -> Lent:
        size = self._next_size(bucket, cost, self._clock.monotonic())
        lent = self._asked(Ask(bucket, cost, size, limits), back=[bucket])
        if lent.count:
            starts = self._answered_at + lent.starts_in
            self._held[bucket] = _Lot(lent.number, lent.count, starts, starts + lent.lasts, self._answered_at)
        return lent

    def _next_size(self, bucket: str, cost: int, now: float) -> int:
        """Twice as many where they were used up in time, as many as were used where they were not."""
        lot = self._held.get(bucket)
        size = self._wanted.get(bucket, 1)
        if lot is not None:
            in_time = now < lot.ends and lot.used + cost > lot.count
            size = min(2 * max(lot.count, 1), _MOST_AT_ONCE) if in_time else max(lot.used, 1)
        if lot is not None and lot.count == UNCOUNTED:
            size = 1
        self._wanted[bucket] = size
        return size

    def _asked(self, ask: Ask, back: Sequence[str] = ()) -> Lent:
        now = self._clock.monotonic()
        used = [self._returned(self._held.pop(bucket), now) for bucket in back if bucket in self._held]
        news, self._news = self._news, Ask()
        heard_at = self._heard_at
        told = None if news.told is None or heard_at is None else replace(news.told, ago=now - heard_at)
        used = [one for one in used if one.number]
        ask = replace(ask, used=used, told=told, own=news.own, unheard=heard_at is None)
        lent = self._pacing.change(self._name, partial(self._changed, ask))
        self._left = lent.left
        return lent

    def _changed(self, ask: Ask, known: bytes | None, now: int) -> tuple[bytes, Lent]:
        # The store is ours just now, and `now` was looked at this moment: that is what what is lent counts from.
        self._answered_at = self._clock.monotonic()
        pace = Pace() if known is None else _read(known)
        lent = answered(pace, ask, now)
        return _written(pace), lent

    def _returned(self, lot: _Lot, now: float) -> Used:
        return Used(lot.number, lot.used, max(now - lot.last, 0.0) if lot.used else 0.0)
