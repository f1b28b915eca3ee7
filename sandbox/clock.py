"""The time the toys believe it is: real time, which control may move forward."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime


class Clock:
    def __init__(self) -> None:
        self._ahead = 0.0
        self.watchers: list[Callable[[], None]] = []  # told when control moved the time

    def time(self) -> float:
        """UNIX seconds."""
        return time.time() + self._ahead

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.time(), UTC)

    def advance(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError("the clock only goes forward")
        self._ahead += seconds
        for tell in self.watchers:
            tell()
