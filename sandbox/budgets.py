"""How many calls a vendor takes in a minute, an hour or a day, on the sandbox's clock."""

from __future__ import annotations

from sandbox.clock import Clock


class Budget:
    """So many calls in each span of `seconds`, counted from the full minute (hour, day) on."""

    def __init__(self, clock: Clock, seconds: int) -> None:
        self._clock = clock
        self._seconds = seconds
        self._span = -1
        self._used = 0

    def spend(self, most: int) -> float | None:
        """One call; the seconds until there are more, when there is none left. 0 is a budget without an end."""
        if not most:
            return None
        span = int(self._clock.time() // self._seconds)
        if span != self._span:
            self._span, self._used = span, 0
        if self._used >= most:
            return self.resets_in()
        self._used += 1
        return None

    def left(self, most: int) -> int:
        return max(0, most - self._used)

    def resets_in(self) -> float:
        return self._seconds - self._clock.time() % self._seconds

    def resets_at(self) -> int:
        return int(self._clock.time() // self._seconds + 1) * self._seconds
