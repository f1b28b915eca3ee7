"""Processes that share a vendor's limit, each with a clock that begins somewhere else, and a vendor that counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from fake_clock import NOON, FakeClock, fake_tools

from connectors.contract import Pacing
from connectors.limits import Limiter, Window

T = TypeVar("T")


class PacingInMemory:
    """What a store does, for sharers in one process."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.kept: dict[str, bytes] = {}
        self.trips = 0
        self._ends: list[Callable[[], None]] = []

    def change(self, name: str, change: Callable[[bytes | None, int], tuple[bytes, T]]) -> T:
        self.trips += 1
        self.kept[name], answer = change(self.kept.get(name), round(self._now() * 1000))
        return answer

    def at_end(self, tell: Callable[[], None]) -> None:
        self._ends.append(tell)

    def end(self) -> None:
        for tell in self._ends:
            tell()


class _Watch(FakeClock):
    """Shows the world's time, from a beginning of its own."""

    def __init__(self, world: World, began: float) -> None:
        super().__init__(NOON)
        self._world, self._began = world, began

    def monotonic(self) -> float:
        return self._began + self._world.now

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self._world.now)


@dataclass
class World:
    """Sharers are asked in any order; time stands still unless somebody moves it."""

    now: float = 0.0
    left: list[tuple[str, float]] = field(default_factory=list)  # (sharer, when a call left)

    def limiter(
        self, pacing: Pacing, windows: dict[str, Sequence[Window]] | None = None, *, began: float = 0.0
    ) -> Limiter:
        tools = fake_tools("crm", clock=_Watch(self, began), pacing=pacing)
        return Limiter(tools, windows)

    def try_call(self, who: str, limiter: Limiter, bucket: str = "", cost: int = 1) -> float:
        """0 when it left, else how long it should wait."""
        wait = limiter.reserve(bucket, cost)
        if wait == 0:
            self.left.extend([(who, self.now)] * cost)
        return wait

    def most_in_any(self, seconds: float, calls: Sequence[float] | None = None) -> int:
        moments = sorted(when for _, when in self.left) if calls is None else sorted(calls)
        most = first = 0
        for last, moment in enumerate(moments):
            while moments[first] <= moment - seconds:
                first += 1
            most = max(most, last - first + 1)
        return most
