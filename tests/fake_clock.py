"""A clock that only moves when somebody sleeps, and the tools a connector is given, for tests without
waiting."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from connectors.contract import Tools

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class FakeClock:
    """Sleeping takes no time and moves the clock; `slept` remembers every nap."""

    def __init__(self, start: datetime = NOON) -> None:
        self._start = start
        self._elapsed = 0.0
        self._lock = threading.Lock()
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return self._elapsed

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept.append(seconds)
            self._elapsed += seconds

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._elapsed += seconds


class MemoryInMemory:
    """A connection's memory that forgets everything when the test ends."""

    def __init__(self) -> None:
        self.items: dict[str, str] = {}
        self._leases: set[str] = set()
        self._lock = threading.Lock()

    def get(self, keys: Sequence[str]) -> dict[str, str]:
        return {key: self.items[key] for key in keys if key in self.items}

    def put(self, items: Mapping[str, str]) -> None:
        with self._lock:
            self.items.update(items)

    def forget(self, keys: Sequence[str]) -> None:
        with self._lock:
            for key in keys:
                self.items.pop(key, None)

    @contextmanager
    def lease(self, name: str, seconds: float) -> Iterator[bool]:
        with self._lock:
            held = name not in self._leases
            self._leases.add(name)
        try:
            yield held
        finally:
            if held:
                self._leases.discard(name)


class Notices(list[tuple[str, dict[str, object]]]):
    """Every notice a connector gave, as (event, facts)."""

    def __call__(self, event: str, /, **facts: object) -> None:
        self.append((event, facts))


class Calls:
    """How many HTTP requests were counted."""

    def __init__(self) -> None:
        self.count = 0
        self._lock = threading.Lock()

    def __call__(self) -> None:
        with self._lock:
            self.count += 1


def fake_tools(
    connection: str = "vendor",
    *,
    clock: FakeClock | None = None,
    memory: MemoryInMemory | None = None,
    notice: Notices | None = None,
    count_call: Calls | None = None,
    time_zone: str = "UTC",
    folder: Path = Path(),
) -> Tools:
    memory = MemoryInMemory() if memory is None else memory
    return Tools(
        connection=connection,
        memory=memory,
        credentials=memory,
        clock=FakeClock() if clock is None else clock,
        notice=Notices() if notice is None else notice,
        count_call=Calls() if count_call is None else count_call,
        time_zone=time_zone,
        folder=folder,
    )
