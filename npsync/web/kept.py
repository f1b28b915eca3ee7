"""What was worked out a moment ago: asked for by many, it is worked out once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from connectors.contract import Clock

Found = TypeVar("Found")


class Kept(Generic[Found]):
    """Thread-safe; while one works it out, the others wait for it."""

    def __init__(self, clock: Clock, seconds: float, make: Callable[[], Found]) -> None:
        self._clock, self._seconds, self._make = clock, seconds, make
        self._turn = threading.Lock()
        self._found: tuple[float, Found] | None = None

    def __call__(self) -> Found:
        with self._turn:
            at = self._clock.monotonic()
            if self._found is None or at - self._found[0] >= self._seconds:
                self._found = at, self._make()
            return self._found[1]
