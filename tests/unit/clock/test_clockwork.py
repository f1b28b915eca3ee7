"""The clock that runs what is due: overlaps are recorded, stopping hands back, nothing vanishes in a thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from builders_clock import Runs, Ticking, ticks
from builders_config import config_of, yaml
from fake_clock import NOON, FakeClock

from npsync.config import Config
from npsync.schedule import answers_place, soonest
from store import open_store
from store.sql import SqlStore
from sync.leasing import Busy
from sync.verifying import Compared, Verified

QUARTER = 15 * 60.0


def exact() -> str:
    """A file whose sync is run every 15 minutes, to the moment."""
    return yaml(sync="jitter: 0 seconds\n")


@pytest.fixture
def store(sqlite_url: str) -> Iterator[SqlStore]:
    store = open_store(sqlite_url)
    yield store
    store.close()


@pytest.fixture
def told() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as told:
        yield told


def minutes(count: float) -> datetime:
    return NOON + timedelta(minutes=count)


def test_each_due_time_is_run_once_and_noted(store: SqlStore, tmp_path: Path):
    clock, runs = FakeClock(), Runs()
    clockwork = Ticking(config_of(exact(), tmp_path), store, clock, run=runs)
    for _ in range(31):
        clockwork.tick()
        clockwork.finish()
        clock.advance(60)
    assert runs.began == ["a", "a", "a"]
    assert ticks(store) == [(minutes(0), "started"), (minutes(15), "started"), (minutes(30), "started")]


def test_a_long_pause_is_caught_up_once(store: SqlStore, tmp_path: Path):
    clock, runs = FakeClock(), Runs()
    clockwork = Ticking(config_of(exact(), tmp_path), store, clock, run=runs)
    clockwork.tick()
    clockwork.finish()
    clock.advance(4 * QUARTER + 5)
    clockwork.tick()
    clockwork.tick()
    clockwork.wait()
    assert ticks(store) == [(minutes(0), "started"), (minutes(15), "caught_up")]


def test_a_due_time_that_comes_while_its_sync_runs_is_recorded_as_skipped(store: SqlStore, tmp_path: Path):
    clock, runs = FakeClock(), Runs()
    runs.go_on.clear()
    clockwork = Ticking(config_of(exact(), tmp_path), store, clock, run=runs)
    clockwork.tick()
    runs.underway.acquire()
    clock.advance(QUARTER)
    clockwork.tick()
    runs.go_on.set()
    clockwork.wait()
    assert runs.began == ["a"]
    assert ticks(store) == [(minutes(0), "started"), (minutes(15), "skipped_overlap")]


def test_a_sync_that_another_process_runs_is_recorded_as_skipped(store: SqlStore, tmp_path: Path):
    runs = Runs()
    runs.fails_with = Busy("a is being run by another process")
    clockwork = Ticking(config_of(exact(), tmp_path), store, FakeClock(), run=runs)
    clockwork.tick()
    clockwork.wait()
    assert ticks(store)[-1] == (minutes(0), "skipped_overlap")


def test_syncs_that_share_a_connection_run_one_after_the_other(store: SqlStore, tmp_path: Path):
    text = yaml() + yaml("Other__c: score").partition("sync:\n")[2].replace("  a:", "  b:", 1)
    clockwork = Ticking(config_of(text, tmp_path), store, FakeClock(), run=(runs := Runs()))
    runs.go_on.clear()
    clockwork.tick()
    runs.underway.acquire()
    assert not runs.underway.acquire(timeout=0.1)
    runs.go_on.set()
    clockwork.finish()
    assert sorted(runs.began) == ["a", "b"]


def test_stopping_hands_back_what_it_interrupted(store: SqlStore, tmp_path: Path):
    config = config_of(exact(), tmp_path)
    runs = Runs()
    runs.go_on.clear()
    clockwork = Ticking(config, store, FakeClock(), run=runs)
    clockwork.tick()
    runs.underway.acquire()
    clockwork.stop()
    runs.go_on.set()
    clockwork.wait()
    assert soonest(config, store) == {"a": minutes(0)}

    next_one = Ticking(config, store, FakeClock(minutes(1)), run=(again := Runs()))
    next_one.tick()
    next_one.wait()
    assert again.began == ["a"]


def test_a_bug_in_a_run_is_told_and_the_clock_goes_on(store: SqlStore, tmp_path: Path, told: list[Any]):
    clock, runs = FakeClock(), Runs()
    runs.fails_with = ZeroDivisionError("nobody expected this")
    clockwork = Ticking(config_of(exact(), tmp_path), store, clock, run=runs)
    clockwork.tick()
    clockwork.finish()
    clock.advance(QUARTER)
    clockwork.tick()
    clockwork.wait()
    crashes = [one for one in told if one["event"] == "run_crashed"]
    assert len(crashes) == 2
    assert "nobody expected this" in crashes[0]["problem"]
    assert runs.began == ["a", "a"]


class Verifications:
    """Stands for the verification: remembers which syncs were verified."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self.fails_with: Exception | None = None

    def __call__(
        self, config: Config, store: object, name: str, clock: object, stop: Callable[[], bool]
    ) -> Verified:
        self.began.append(name)
        if self.fails_with is not None:
            raise self.fails_with
        return Verified(1, name, "succeeded", 10, Compared(), {}, 0.0)


def nightly(tmp_path: Path) -> Config:
    """Verified at two in the night; NOON is Monday's."""
    return config_of(
        exact().replace("every:", 'verify: {cron: "0 2 * * *", sample: 10}\n    every:', 1), tmp_path
    )


def test_a_sync_is_verified_every_night_beside_its_runs(store: SqlStore, tmp_path: Path, told: list[Any]):
    clock, runs, verifications = FakeClock(), Runs(), Verifications()
    clockwork = Ticking(nightly(tmp_path), store, clock, run=runs, verify=verifications)
    for _ in range(2 * 24):
        clockwork.tick()
        clockwork.finish()
        clock.advance(3600)
    assert verifications.began == ["a", "a"]
    verified = [one for one in told if one["event"] == "verified"]
    assert [(one["sync"], one["status"]) for one in verified] == [("a", "succeeded")] * 2


def test_a_night_that_was_missed_is_verified_once_when_the_clock_is_back(store: SqlStore, tmp_path: Path):
    clock, runs, verifications = FakeClock(), Runs(), Verifications()
    config = nightly(tmp_path)
    first = Ticking(config, store, clock, run=runs, verify=verifications)
    first.tick()
    first.finish()
    clock.advance(3 * 24 * 3600)
    second = Ticking(config, store, clock, run=runs, verify=verifications)
    for _ in range(2):
        second.tick()
        second.finish()
    assert verifications.began == ["a"]


def test_a_verification_that_fails_is_told_and_the_clock_goes_on(
    store: SqlStore, tmp_path: Path, told: list[Any]
):
    clock, runs, verifications = FakeClock(), Runs(), Verifications()
    verifications.fails_with = Busy("a is being run by another process")
    clockwork = Ticking(nightly(tmp_path), store, clock, run=runs, verify=verifications)
    for _ in range(2):
        clockwork.tick()
        clockwork.finish()
        clock.advance(24 * 3600)
    skipped = [one["sync"] for one in told if one["event"] == "tick" and one["outcome"] == "skipped_overlap"]
    assert skipped == ["verify/a"]
    assert runs.began == ["a", "a"]


# ---------------------------------------------------------------- what was pushed


def test_what_was_pushed_is_taken_up_beside_the_rhythm_and_is_no_tick_of_the_clock(
    store: SqlStore, tmp_path: Path
):
    clock, runs, taken = FakeClock(), Runs(), Runs()
    clockwork = Ticking(config_of(exact(), tmp_path), store, clock, run=runs, take_up=taken)
    clockwork.tick()
    clockwork.finish()
    clock.advance(60)
    store.schedule(answers_place("a"), clock.now())
    for _ in range(3):
        clockwork.tick()
        clockwork.finish()
        clock.advance(60)
    assert (runs.began, taken.began) == (["a"], ["a"])
    assert ticks(store) == [(minutes(0), "started")]


def test_what_is_pushed_while_its_sync_takes_up_has_its_turn_afterwards(store: SqlStore, tmp_path: Path):
    clock, taken = FakeClock(), Runs()
    taken.go_on.clear()
    clockwork = Ticking(config_of(exact(), tmp_path), store, clock, run=Runs(), take_up=taken)
    store.schedule(answers_place("a"), clock.now())
    clockwork.tick()
    taken.underway.acquire()
    clock.advance(1)
    store.schedule(answers_place("a"), clock.now())
    clockwork.tick()
    taken.go_on.set()
    clockwork.finish()
    clockwork.tick()
    clockwork.finish()
    assert taken.began == ["a", "a"]


def test_what_was_pushed_for_a_sync_that_another_process_runs_is_taken_up_soon(
    store: SqlStore, tmp_path: Path
):
    clock, taken = FakeClock(), Runs()
    taken.fails_with = Busy("another process runs it")
    clockwork = Ticking(config_of(exact(), tmp_path), store, clock, run=Runs(), take_up=taken)
    store.schedule(answers_place("a"), clock.now())
    clockwork.tick()
    clockwork.finish()
    taken.fails_with = None
    clock.advance(5)
    clockwork.tick()
    clockwork.finish()
    assert taken.began == ["a", "a"]
    assert ticks(store) == [(minutes(0), "started")]
