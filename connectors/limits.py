"""How often a connection may call: one limiter shared by all of its threads."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import repeat

from connectors.contract import Tools
from connectors.lots import Lots
from connectors.pacing import Left, Limit, kept
from nps.errors import BudgetError

# Shorter than this, floating point may leave the clock where it was.
_SHORTEST_NAP = 0.001

_WORTH_TELLING = 10.0
_WORTH_SHARING = 0.1

# A longer pause is not pacing any more: the run ends cleanly and the next one carries on.
LONGEST_PAUSE = 900.0


@dataclass(frozen=True)
class Window:
    """At most `calls` in any `seconds`."""

    calls: int
    seconds: float


class Limiter:
    """Paces the calls of a connection: those of all threads, and of all processes that share `tools.pacing`.

    `windows` names the limits per bucket. The windows of bucket "" hold for every call, those of a named bucket for
    the calls that name it, in addition. A call leaves at the first moment at which no window is exceeded, so
    a long job runs at the floor the vendor's limit sets. `name` tells apart what the vendor counts apart: all limiters
    of a connection with one name are one.
    """

    def __init__(
        self, tools: Tools, windows: Mapping[str, Sequence[Window]] | None = None, *, name: str = ""
    ) -> None:
        self._tools = tools
        self._clock = tools.clock
        self._lock = threading.Lock()
        self._buckets: dict[str, list[_Sent]] = {"": []}
        for bucket, wanted in (windows or {}).items():
            self._buckets[bucket] = [_Sent(window) for window in wanted]
        self._holding = self._all_that_hold()
        self._resume_at = 0.0
        self._told_until = 0.0
        self._paused_for = ""
        self._told: _Today | None = None  # by the vendor
        self._own: _Today | None = None  # by the YAML
        self._lots: Lots | None = None
        if tools.pacing is not None:
            place = f"{tools.connection}/{name}" if name else tools.connection
            self._lots = Lots(tools.pacing, place, tools.clock)

    def acquire(self, bucket: str = "", cost: int = 1, *, patience: float = math.inf) -> None:
        """Return when `cost` calls may leave, and count them. BudgetError when today's are spent, when the vendor
        asked for a pause longer than a run should wait, or when it would be more than `patience` seconds."""
        until = self._clock.monotonic() + patience
        while (wait := self.reserve(bucket, cost)) > 0:
            if self._clock.monotonic() + wait > until:
                raise BudgetError(
                    f"{self._tools.connection}: its turn comes in {wait:.0f} s; what is left goes out later"
                )
            paused = self._resume_at > self._clock.monotonic()
            self._tell(wait, self._paused_for if paused else "to keep within the vendor's limit")
            self._clock.sleep(wait)

    def reserve(self, bucket: str = "", cost: int = 1) -> float:
        """Count the calls and return 0, or return how long to wait before asking again."""
        with self._lock:
            left = self._left_here()
            if left is not None and left < cost:
                raise self._spent()
            if (pause := self._pausing()) > 0:
                return pause
            wait = self._wait(bucket, cost) if self._lots is None else 0.0
            if wait > 0:
                return max(wait, _SHORTEST_NAP)
            if self._lots is None:
                self._count(bucket, cost)
                return 0.0
        return self._borrow(self._lots, bucket, cost)

    def tighten(self, calls: int, seconds: float, *, bucket: str = "") -> None:
        """The vendor's headers say its limit is this: keep to it where it is stricter than what is known."""
        if calls < 1 or seconds <= 0:
            return
        with self._lock:
            sent = self._buckets.setdefault(bucket, [])
            for window in sent:
                if window.limit.seconds == seconds:
                    window.limit = Window(min(calls, window.limit.calls), seconds)
                    return
            sent.append(_Sent(Window(calls, seconds)))
            self._holding = self._all_that_hold()
        if self._lots is not None:
            self._lots.drop_uncounted()

    def count_elsewhere(self, calls: int, seconds: float) -> None:
        """The vendor says that so many calls of this window are gone: those that nobody here made count as well."""
        if self._lots is not None:
            self._lots.count_elsewhere(Limit("", calls, seconds), self._limits(""))
            return
        with self._lock:
            now = self._clock.monotonic()
            for window in self._buckets[""]:
                if window.limit.seconds == seconds:
                    window.count(now, max(min(calls, window.limit.calls) - window.counted(now), 0))

    def pause(self, seconds: float, *, why: str = "the vendor asked for a pause") -> None:
        """Nobody calls for so long. Pauses never shorten one another."""
        with self._lock:
            resume_at = self._clock.monotonic() + seconds
            longer = resume_at - self._resume_at
            if longer > 0:
                self._resume_at, self._paused_for = resume_at, why
        if self._lots is not None and longer > _WORTH_SHARING:
            self._lots.pause(seconds, why)
        self._tell(seconds, why)

    def allow(self, calls: int, *, until: datetime | None = None) -> None:
        """So many calls are left of today's budget, says the vendor; each acquired one takes from it. `until`: when it
        is another day's, and the next reply tells anew."""
        with self._lock:
            self._told = _Today(max(calls, 0), until)
        if self._lots is not None:
            self._lots.hear(told=Left(max(calls, 0), self._seconds_to(until)))

    def ration(self, calls: int, most: int, *, until: datetime) -> None:
        """So many are left of the `most` that the YAML allows a day, as far as this process has counted. Where several
        count, the fewest hold."""
        with self._lock:
            self._own = _Today(max(calls, 0), until)
        if self._lots is not None:
            self._lots.hear(own=Left(max(calls, 0), self._seconds_to(until), most))

    @property
    def left(self) -> int | None:
        """What is left of today's budget; None when there is none."""
        with self._lock:
            here = self._left_here()
        there = self._lots.left if self._lots is not None else None
        known = [calls for calls in (here, there) if calls is not None]
        return min(known) if known else None

    # ------------------------------------------------------------ alone

    def _wait(self, bucket: str, cost: int) -> float:
        now = self._clock.monotonic()
        holding = self._holding.get(bucket, self._holding[""])
        return max((window.wait(now, cost) for window in holding), default=0.0)

    def _count(self, bucket: str, cost: int) -> None:
        now = self._clock.monotonic()
        for window in self._holding.get(bucket, self._holding[""]):
            window.count(now, cost)
        self._spend(cost)

    # ------------------------------------------------------------ with others

    def _borrow(self, lots: Lots, bucket: str, cost: int) -> float:
        """The same through what all processes share."""
        lent = lots.take(bucket, cost, lambda: self._limits(bucket))
        with self._lock:
            if lent.count:
                self._spend(cost)
                return 0.0
            if lent.pause > 0:
                self._resume_at = max(self._resume_at, self._clock.monotonic() + lent.pause)
                self._paused_for = lent.why or self._paused_for or "another process was asked for a pause"
                return max(self._pausing(), _SHORTEST_NAP)
        if lent.left is not None and lent.left < cost:
            raise self._spent()
        return max(lent.starts_in, _SHORTEST_NAP)

    def _limits(self, bucket: str) -> list[Limit]:
        with self._lock:
            names = ("", bucket) if bucket else ("",)
            return [
                Limit(name, window.limit.calls, window.limit.seconds)
                for name in names
                for window in self._buckets.get(name, ())
            ]

    # ------------------------------------------------------------ pauses and budgets

    def _pausing(self) -> float:
        """Seconds of a pause that are left; BudgetError when that is too long."""
        pause = self._resume_at - self._clock.monotonic()
        if pause > LONGEST_PAUSE:
            raise BudgetError(
                f"{self._tools.connection}: {self._paused_for} of {pause:.0f} s; "
                "what is left goes out in a later run"
            )
        return max(pause, _SHORTEST_NAP) if pause > 0 else 0.0

    def _left_here(self) -> int | None:
        now = self._clock.now() if self._told is not None or self._own is not None else None
        if now is not None:
            self._told = None if self._told is None or self._told.is_over(now) else self._told
            self._own = None if self._own is None or self._own.is_over(now) else self._own
        known = [today.left for today in (self._told, self._own) if today is not None]
        return min(known) if known else None

    def _spend(self, cost: int) -> None:
        for today in (self._told, self._own):
            if today is not None:
                today.left -= cost

    def _spent(self) -> BudgetError:
        return BudgetError(
            f"{self._tools.connection}: the daily call budget is spent; what is left goes out in a later run"
        )

    def _seconds_to(self, until: datetime | None) -> float | None:
        return None if until is None else (until - self._clock.now()).total_seconds()

    def _tell(self, wait: float, why: str) -> None:
        """A wait that people would wonder about, once for all threads."""
        if wait < _WORTH_TELLING:
            return
        with self._lock:
            until = self._clock.monotonic() + wait
            if until < self._told_until + _WORTH_TELLING:
                return
            self._told_until = until
        self._tools.notice("waiting", seconds=round(wait), why=why)

    def _all_that_hold(self) -> Mapping[str, Sequence[_Sent]]:
        """Bucket → every window that a call of it has to fit: put together when they change, not once a call."""
        general = self._buckets[""]
        return {name: [*general, *own] if name else [*general] for name, own in self._buckets.items()}


@dataclass
class _Today:
    left: int
    until: datetime | None

    def is_over(self, now: datetime) -> bool:
        return self.until is not None and now >= self.until


class _Sent:
    """The moments at which the calls of one window left, oldest first. Guarded by the limiter's lock."""

    def __init__(self, limit: Window) -> None:
        self.limit = limit  # `tighten` lowers its calls; its seconds stay
        self._kept = kept(limit.seconds)
        self._moments = deque[float]()

    def counted(self, now: float) -> int:
        while self._moments and self._moments[0] + self._kept <= now:
            self._moments.popleft()
        return len(self._moments)

    def wait(self, now: float, cost: int) -> float:
        """Seconds until `cost` more calls fit."""
        moments, calls = self._moments, self.limit.calls
        too_many = self.counted(now) + min(cost, calls) - calls
        if too_many <= 0:
            return 0.0
        return moments[too_many - 1] + self._kept - now

    def count(self, now: float, cost: int) -> None:
        self._moments.extend(repeat(now, cost))
