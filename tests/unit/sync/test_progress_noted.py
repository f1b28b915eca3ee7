"""How far a run is, kept in the store for pages and other processes, and told to who watches as before."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fake_clock import NOON, FakeClock

from connectors.contract import Allowance
from store import open_store
from store.api import Progress
from store.sql import SqlStore
from sync.progress import Noted


@pytest.fixture
def store(sqlite_url: str) -> Iterator[SqlStore]:
    store = open_store(sqlite_url)
    yield store
    store.close()


class Watching:
    def __init__(self) -> None:
        self.told: list[object] = []

    def phase(self, name: str, total: int | None) -> None:
        self.told.append((name, total))

    def advance(self, count: int) -> None:
        self.told.append(count)

    def allowed(self, allowance: Allowance) -> None:
        self.told.append(allowance)


def test_a_phase_is_noted_at_once_and_its_steps_once_a_second(store: SqlStore):
    clock, watching = FakeClock(), Watching()
    run = store.begin_run("a", "run", now=NOON, facts={})
    noted = Noted(watching, store, run, clock)

    def shown() -> tuple[str, int, int | None]:
        found = store.progress_of(run)
        assert isinstance(found, Progress)
        return found.phase, found.done, found.total

    noted.phase("pulling", None)
    assert shown() == ("pulling", 0, None)
    noted.advance(500)
    assert shown() == ("pulling", 0, None)
    clock.advance(1)
    noted.advance(500)
    assert shown() == ("pulling", 1000, None)
    noted.phase("planning", 1000)
    assert shown() == ("planning", 0, 1000)
    assert watching.told == [("pulling", None), 500, 500, ("planning", 1000)]


def test_what_is_left_of_the_calls_is_only_passed_on(store: SqlStore):
    watching = Watching()
    noted = Noted(watching, store, 1, FakeClock())
    noted.allowed(left := Allowance(left=10, limit=20))
    assert watching.told == [left]
    assert store.progress() == {}


def test_how_long_each_phase_took_is_added_up(store: SqlStore):
    clock = FakeClock()
    noted = Noted(None, store, 1, clock)
    for name, seconds in (("pulling", 2), ("planning", 3), ("pulling", 1)):
        noted.phase(name, None)
        clock.advance(seconds)
    assert noted.took() == {"pulling": 3.0, "planning": 3.0}
    clock.advance(1)
    assert noted.took() == {"pulling": 4.0, "planning": 3.0}
