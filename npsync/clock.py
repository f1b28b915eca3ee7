"""The real time, behind the protocol that connectors and engines are given."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nps.errors import Interrupted

if TYPE_CHECKING:
    from connectors.contract import Clock

MOMENT = 1.0  # so long calls may still wait once the end is asked for
LOOK = 0.5  # between two looks at whether it is


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def monotonic(self) -> float:
        return time.monotonic()


class UntilStopped:
    """The clock of connections that are to be let go of: once the end is asked for, whoever would wait for a vendor's
    leave for more than a moment longer, all waits together, is Interrupted instead and makes no call."""

    def __init__(self, clock: Clock, stop: Callable[[], bool]) -> None:
        self._clock, self._stop = clock, stop
        self._over_at: float | None = None
        self._closing = False

    def closing(self) -> None:
        """No more calls are made. What is still slept for, a turn to save what was counted, is slept."""
        self._closing = True

    def now(self) -> datetime:
        return self._clock.now()

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def sleep(self, seconds: float) -> None:
        until, left = self._clock.monotonic() + seconds, seconds
        while left > 0:
            if self._over_at is None and self._stop():
                self._over_at = self._clock.monotonic() + MOMENT
            if self._over_at is not None and until > self._over_at and not self._closing:
                raise Interrupted
            self._clock.sleep(min(left, LOOK))
            left -= LOOK
