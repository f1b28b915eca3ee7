"""Every due time is accounted for: what was begun, caught up or skipped is no missed one, and a lost one is found."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from builders_clock import Runs, Ticking, dead_process, due_claims
from builders_config import config_of, yaml
from fake_clock import NOON, FakeClock

from npsync.clockwork.missed import Kept, kept
from npsync.config import Config
from npsync.operating.health import health
from npsync.pauses import pause, resume
from store import open_store
from store.sql import SqlStore
from sync.leasing import Busy

LONG_AGO = NOON - timedelta(days=1)
QUARTER = timedelta(minutes=15)


@pytest.fixture
def store(sqlite_url: str) -> Iterator[SqlStore]:
    store = open_store(sqlite_url)
    yield store
    store.close()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return config_of(yaml(), tmp_path)


def of_a(config: Config, store: SqlStore, clock: FakeClock) -> Kept:
    [found] = kept(config, store, since=LONG_AGO, now=clock.now())
    return found


def test_what_ran_was_caught_up_or_skipped_is_no_missed_due_time(store: SqlStore, config: Config):
    clock, runs = FakeClock(), Runs()
    ticking = Ticking(config, store, clock, run=runs)
    ticking.tick_and_finish()
    clock.advance(15 * 60 + 30)
    runs.fails_with = Busy("another process runs it")
    ticking.tick_and_finish()
    runs.fails_with = None
    clock.advance(5 * 3600)
    ticking.tick_and_finish()
    found = of_a(config, store, clock)
    assert found.outcomes == {"started": 1, "skipped_overlap": 1, "caught_up": 1}
    assert found.whole
    ticking.wait()


def test_a_due_time_that_was_taken_without_a_note_is_found(store: SqlStore, config: Config):
    clock = FakeClock()
    ticking = Ticking(config, store, clock, run=Runs())
    ticking.tick_and_finish()
    assert store.claim_due(
        "a", NOON + QUARTER, NOON + 2 * QUARTER
    )  # as somebody would who forgets to note it
    assert of_a(config, store, clock).missed == (NOON + QUARTER,)
    clock.advance(31 * 60)
    ticking.tick_and_finish()
    assert of_a(config, store, clock).missed == (NOON + QUARTER,)
    well = health(config, store, clock.now())
    assert (well.missed, well.checks["on_time"]) == ((("a", NOON + QUARTER),), False)
    assert any("nothing was done or noted" in line for line in well.lines(config.time_zone))
    ticking.wait()


def test_while_nobody_ticks_what_is_due_is_late_and_nothing_is_missed_yet(store: SqlStore, config: Config):
    clock = FakeClock()
    ticking = Ticking(config, store, clock, run=Runs())
    ticking.tick_and_finish()
    clock.advance(3600)
    found = of_a(config, store, clock)
    assert (found.missed, found.late) == ((), NOON + QUARTER)
    assert not found.whole
    ticking.wait()


@pytest.mark.parametrize("seed", range(5))
def test_whatever_happens_to_it_no_due_time_is_missed(store: SqlStore, tmp_path: Path, seed: int):
    """Restarts, kills, pauses, jumps of the clock, another process at the sync, another rhythm in the file."""
    killed = dead_process()
    chance = random.Random(seed)
    clock, runs = FakeClock(), Runs()
    config = config_of(yaml(), tmp_path)
    ticking = Ticking(config, store, clock, run=runs)
    for _ in range(60):
        runs.fails_with = Busy("") if chance.random() < 0.2 else None
        match chance.randrange(9):
            case 0:
                ticking.stop()
                ticking.wait()
                ticking = Ticking(config, store, clock, run=runs)
            case 1:
                pause(store, "a", "cli:ann", clock.now())
            case 2:  # often just when it has come due and is taken a little later
                due = store.due(["a"])["a"]
                between = due.due_at + (due.taken_at - due.due_at) / 2
                clock.advance(chance.choice([0.0, max(0.0, (between - clock.now()).total_seconds())]))
                resume(store, "a", clock.now())
            case 3:
                rhythm = chance.choice(["every: 5 minutes", "every: 1 hour", 'cron: "*/10 * * * *"'])
                config = config_of(yaml().replace("every: 15 minutes", rhythm), tmp_path)
                ticking.clockwork.take(config, "")
            case 4:
                clock.advance(chance.choice([-1800, -1, 7200, 86_400]))
            case 5:  # another one takes what is due, and is killed before it does anything
                clock.advance(3600)
                list(due_claims(config, store, owner=killed).due(clock.now()))
            case _:
                clock.advance(chance.randrange(1, 1200))
        ticking.tick_and_finish()
    resume(store, "a", clock.now())
    clock.advance(2 * 3600)
    for _ in range(2):
        ticking.tick_and_finish()
        clock.advance(60)
    found = of_a(config, store, clock)
    assert found.missed == ()
    assert found.late is None
    assert store.open_ticks() == []
    assert sum(found.outcomes.values()) > 10
    ticking.wait()
