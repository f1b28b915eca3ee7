"""How often one thing may be done: a bucket of permits that fills up again, per name, in this process."""

from __future__ import annotations

import threading
from collections import OrderedDict

MOST_NAMES = 20_000


class Throttle:
    """At most `burst` at once, and `per_minute` in the long run, for each name."""

    def __init__(self, burst: int, per_minute: float) -> None:
        self._burst, self._rate = float(burst), per_minute / 60.0
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # name → permits, as of when
        self._lock = threading.Lock()

    def admits(self, name: str, at: float) -> bool:
        """Whether one more is admitted. `at` is a monotonic time in seconds."""
        with self._lock:
            left = self._now(name, at)
            self._left.pop(name, None)
            admitted = left >= 1.0
            self._left[name] = (left - 1.0 if admitted else left, at)
            while len(self._left) > MOST_NAMES:  # whoever was seen longest ago has a full bucket by now
                self._left.popitem(last=False)
            return admitted

    def has_left(self, name: str, at: float) -> bool:
        """Whether one more would be admitted; it costs nothing to ask."""
        with self._lock:
            return self._now(name, at) >= 1.0

    def _now(self, name: str, at: float) -> float:
        left, before = self._left.get(name, (self._burst, at))
        return min(self._burst, left + max(0.0, at - before) * self._rate)
