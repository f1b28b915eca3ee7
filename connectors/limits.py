"""How often a connection may call: one limiter shared by all of its threads."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import repeat

from connectors.contract import Tools
from nps.errors import BudgetError

# The vendor counts when a call arrives, we count when it leaves. A window is kept this much longer than the
# vendor's, so that a call that travelled slowly and a later one that travelled fast never meet in one window
# over there.
_MARGIN_SHARE = 0.02
_MARGIN_LEAST = 0.05

# Shorter than this, floating point may leave the clock where it was.
_SHORTEST_NAP = 0.001

_WORTH_TELLING = 10.0

# A longer pause is not pacing any more: the run ends cleanly and the next one carries on.
LONGEST_PAUSE = 900.0


@dataclass(frozen=True)
class Window:
    """At most `calls` in any `seconds`."""

    calls: int
    seconds: float


class Limiter:
    """Paces all threads of a connection in this process. Processes that share a connection each keep to its windows by
    themselves: together they may run into the vendor's, whose 429 paces them then. Today's budget is shared, as far as
    the vendor's headers and `DailyCount` tell.

    `windows` names them per bucket. The windows of bucket "" hold for every call, those of a named bucket for
    the calls that name it, in addition. A call leaves at the first moment at which no window is exceeded, so
    a long job runs at the floor the vendor's limit sets.
    """

    def __init__(self, tools: Tools, windows: Mapping[str, Sequence[Window]] | None = None) -> None:
        self._tools = tools
        self._clock = tools.clock
        self._lock = threading.Lock()
        self._buckets: dict[str, list[_Sent]] = {"": []}
        for name, wanted in (windows or {}).items():
            self._buckets[name] = [_Sent(window) for window in wanted]
        self._holding = self._all_that_hold()
        self._resume_at = 0.0
        self._told_until = 0.0
        self._paused_for = ""
        self._left: int | None = None
        self._left_until: datetime | None = None

    def acquire(self, bucket: str = "", cost: int = 1) -> None:
        """Return when `cost` calls may leave, and count them. BudgetError when today's are spent, or when the
        vendor asked for a pause longer than a run should wait."""
        while (wait := self._reserve(bucket, cost)) > 0:
            paused = self._resume_at > self._clock.monotonic()
            self._tell(wait, self._paused_for if paused else "to keep within the vendor's limit")
            self._clock.sleep(wait)

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

    def pause(self, seconds: float, *, why: str = "the vendor asked for a pause") -> None:
        """Nobody calls for so long. Pauses never shorten one another."""
        with self._lock:
            resume_at = self._clock.monotonic() + seconds
            if resume_at > self._resume_at:
                self._resume_at, self._paused_for = resume_at, why
        self._tell(seconds, why)

    def allow(self, calls: int, *, until: datetime | None = None) -> None:
        """So many calls are left of today's budget; each acquired one takes from it. `until`: when it is another
        day's, and the next reply tells anew."""
        with self._lock:
            self._left = max(calls, 0)
            self._left_until = until

    @property
    def left(self) -> int | None:
        """What is left of today's budget; None when there is none."""
        return self._left

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

    def _another_day(self) -> bool:
        if self._left_until is None or self._clock.now() < self._left_until:
            return False
        self._left = self._left_until = None
        return True

    def _reserve(self, bucket: str, cost: int) -> float:
        """Count the calls and return 0, or return how long to wait before asking again."""
        with self._lock:
            if self._left is not None and self._left < cost and not self._another_day():
                raise BudgetError(
                    f"{self._tools.connection}: the daily call budget is spent; "
                    "what is left goes out in a later run"
                )
            now = self._clock.monotonic()
            pause = self._resume_at - now
            if pause > LONGEST_PAUSE:
                raise BudgetError(
                    f"{self._tools.connection}: {self._paused_for} of {pause:.0f} s; "
                    "what is left goes out in a later run"
                )
            holding = self._holding.get(bucket, self._holding[""])
            wait = pause
            for window in holding:
                wait = max(wait, window.wait(now, cost))
            if wait > 0:
                return max(wait, _SHORTEST_NAP)
            for window in holding:
                window.count(now, cost)
            if self._left is not None:
                self._left -= cost
            return 0.0

    def _all_that_hold(self) -> Mapping[str, Sequence[_Sent]]:
        """Bucket → every window that a call of it has to fit: put together when they change, not once a call."""
        general = self._buckets[""]
        return {name: [*general, *own] if name else [*general] for name, own in self._buckets.items()}


class _Sent:
    """The moments at which the calls of one window left, oldest first. Guarded by the limiter's lock."""

    def __init__(self, limit: Window) -> None:
        self.limit = limit  # `tighten` lowers its calls; its seconds stay
        self._kept = limit.seconds + max(limit.seconds * _MARGIN_SHARE, _MARGIN_LEAST)
        self._moments = deque[float]()

    def wait(self, now: float, cost: int) -> float:
        """Seconds until `cost` more calls fit."""
        moments, calls = self._moments, self.limit.calls
        while moments and moments[0] + self._kept <= now:
            moments.popleft()
        too_many = len(moments) + min(cost, calls) - calls
        if too_many <= 0:
            return 0.0
        return moments[too_many - 1] + self._kept - now

    def count(self, now: float, cost: int) -> None:
        self._moments.extend(repeat(now, cost))
