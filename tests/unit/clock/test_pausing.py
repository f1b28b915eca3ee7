"""A pause leaves nothing out unseen: what is skipped is noted, and caught up once when it is over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from builders_clock import Runs, Ticking, due_claims, ticks
from builders_config import config_of, yaml
from fake_clock import NOON, FakeClock

from npsync.clockwork.standing import standings
from npsync.config import Config
from npsync.pauses import pause, paused_syncs, paused_triggers, resume, trigger_place
from npsync.schedule import answers_place, soonest
from store import open_store
from store.sql import SqlStore
from sync.report import Report
from sync.verifying import Compared, Verified

QUARTER = 15 * 60.0
ANN = "user:ann"


@pytest.fixture
def store(sqlite_url: str) -> Iterator[SqlStore]:
    store = open_store(sqlite_url)
    yield store
    store.close()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return config_of(yaml(sync="jitter: 0 seconds\n"), tmp_path)


def minutes(count: float) -> datetime:
    return NOON + timedelta(minutes=count)


def test_a_paused_sync_skips_and_says_so_and_catches_up_once(store: SqlStore, config: Config):
    clock, runs = FakeClock(), Runs()
    ticking = Ticking(config, store, clock, run=runs)
    ticking.tick_and_finish()
    assert pause(store, "a", ANN, clock.now())
    for _ in range(3):
        clock.advance(QUARTER)
        ticking.tick_and_finish()
    assert runs.began == ["a"]
    clock.advance(60)
    resumed = resume(store, "a", clock.now())
    assert resumed is not None
    assert (resumed.paused_at, resumed.skipped) == (NOON, 3)
    ticking.tick_and_finish()
    ticking.tick_and_finish()
    assert runs.began == ["a", "a"]
    assert ticks(store) == [
        (minutes(0), "started"),
        (minutes(15), "skipped_paused"),
        (minutes(30), "skipped_paused"),
        (minutes(45), "skipped_paused"),
        (minutes(46), "started"),
    ]
    ticking.wait()


def test_what_is_skipped_while_somebody_lets_it_go_on_is_caught_up_too(store: SqlStore, config: Config):
    clock, runs = FakeClock(), Runs()
    ticking = Ticking(config, store, clock, run=runs)
    ticking.tick_and_finish()
    assert pause(store, "a", ANN, clock.now())
    clock.advance(QUARTER)
    lets_go = store.unpause

    def slowly(sync: str, *, due_at: datetime | None = None) -> bool:
        ticking.tick_and_finish()
        return lets_go(sync, due_at=due_at)

    store.unpause = slowly  # type: ignore[method-assign]
    resumed = resume(store, "a", clock.now())
    assert resumed is not None
    assert resumed.skipped == 1
    ticking.tick_and_finish()
    assert runs.began == ["a", "a"]
    ticking.wait()


def test_a_due_time_that_came_just_before_somebody_lets_it_go_on_is_kept(store: SqlStore, tmp_path: Path):
    """It has passed, and is taken a little later: not everybody asks a vendor in the same second."""
    config, clock, runs = config_of(yaml(), tmp_path), FakeClock(), Runs()
    ticking = Ticking(config, store, clock, run=runs)
    ticking.tick_and_finish()
    pause(store, "a", ANN, clock.now())
    clock.advance(QUARTER + 60)
    ticking.tick_and_finish()
    due = store.due(["a"])["a"]
    assert due.taken_at > due.due_at == minutes(30)
    between = due.due_at + (due.taken_at - due.due_at) / 2
    clock.advance((between - clock.now()).total_seconds())
    assert resume(store, "a", clock.now()) is not None
    ticking.tick_and_finish()
    assert runs.began == ["a", "a"]
    assert ticks(store)[-2:] == [(minutes(15), "skipped_paused"), (minutes(30), "started")]
    ticking.wait()


def test_what_the_file_paused_is_caught_up_once_when_it_does_not_any_more(store: SqlStore, tmp_path: Path):
    clock, runs = FakeClock(), Runs()
    exact = "jitter: 0 seconds\n"
    ticking = Ticking(config_of(yaml(sync=f"paused: true\n{exact}"), tmp_path), store, clock, run=runs)
    for _ in range(3):
        ticking.tick_and_finish()
        clock.advance(QUARTER)
    assert runs.began == []
    ticking.clockwork.take(config_of(yaml(sync=exact), tmp_path), "new")
    for _ in range(3):
        ticking.tick_and_finish()
        clock.advance(60)
    assert runs.began == ["a"]
    ticking.wait()


def test_what_is_under_way_ends_by_the_file_it_began_with(store: SqlStore, tmp_path: Path):
    files: list[Path] = []

    def run(config: Config, *rest: object) -> Report:
        files.append(config.file.parent)
        return runs(config, *rest)  # type: ignore[arg-type]

    clock, runs = FakeClock(), Runs()
    runs.go_on.clear()
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    text = yaml(sync="jitter: 0 seconds\n")
    ticking = Ticking(config_of(text, tmp_path / "old"), store, clock, run=run)
    ticking.tick()
    runs.underway.acquire()
    ticking.clockwork.take(config_of(text, tmp_path / "new"), "new")
    assert soonest(ticking.clockwork.config, store) == {"a": minutes(15)}
    runs.go_on.set()
    ticking.finish()
    clock.advance(QUARTER)
    ticking.tick_and_finish()
    assert [one.name for one in files] == ["old", "new"]
    ticking.wait()


def test_a_pause_between_two_due_times_changes_nothing(store: SqlStore, config: Config):
    clock, runs = FakeClock(), Runs()
    ticking = Ticking(config, store, clock, run=runs)
    ticking.tick_and_finish()
    pause(store, "a", ANN, clock.now())
    clock.advance(60)
    ticking.tick_and_finish()
    resumed = resume(store, "a", clock.now())
    assert resumed is not None
    assert resumed.skipped == 0
    assert soonest(config, store) == {"a": minutes(15)}
    ticking.wait()


def test_a_pause_outlives_a_restart_and_a_sync_that_was_never_due(store: SqlStore, config: Config):
    assert pause(store, "a", ANN, NOON)
    runs = Runs()
    ticking = Ticking(config, store, FakeClock(minutes(1)), run=runs)
    ticking.tick_and_finish()
    ticking.wait()
    assert runs.began == []
    assert ticks(store) == [(minutes(0), "skipped_paused")]


def test_only_the_first_who_pauses_is_remembered_and_nobody_resumes_twice(store: SqlStore):
    assert pause(store, "a", ANN, NOON)
    assert not pause(store, "a", "cli:ben", minutes(1))
    assert paused_syncs(store)["a"].paused_by == ANN
    assert resume(store, "a", minutes(2)) is not None
    assert resume(store, "a", minutes(3)) is None


def test_what_is_pushed_for_a_paused_sync_waits(store: SqlStore, config: Config):
    store.schedule(answers_place("a"), NOON)
    pause(store, "a", ANN, NOON)
    assert list(due_claims(config, store).pushes(minutes(1))) == []
    resume(store, "a", minutes(2))
    assert [claim.place for claim in due_claims(config, store).pushes(minutes(2))] == ["answers/a"]


def test_a_night_that_was_skipped_is_verified_once_after_the_pause(store: SqlStore, tmp_path: Path):
    text = yaml(sync='jitter: 0 seconds\nverify: {cron: "0 2 * * *"}\n')
    verified: list[str] = []

    def verify(config: Config, store: object, name: str, clock: object, stop: object) -> Verified:
        verified.append(name)
        return Verified(1, name, "succeeded", 10, Compared(), {}, 0.0)

    clock = FakeClock()
    ticking = Ticking(config_of(text, tmp_path), store, clock, run=Runs(), verify=verify)
    ticking.tick_and_finish()
    pause(store, "a", ANN, clock.now())
    clock.advance(2 * 24 * 3600)
    ticking.tick_and_finish()
    assert verified == []
    resume(store, "a", clock.now())
    for _ in range(2):
        ticking.tick_and_finish()
    assert verified == ["a"]
    ticking.wait()


def test_people_see_who_paused_a_sync_and_when_it_would_be_due(store: SqlStore, config: Config):
    pause(store, "a", ANN, NOON)
    [standing] = standings(config, store, minutes(1))
    assert (standing.paused, standing.paused_by, standing.paused_at) == (True, ANN, NOON)
    assert (standing.rhythm, standing.due_at, standing.last) == ("every 15 minutes", NOON, None)


def test_people_see_how_far_a_run_is_and_that_one_died(store: SqlStore, config: Config):
    run = store.begin_run("a", "run", now=NOON, facts={})
    store.note_progress(run, "planning", 41_200, 200_000, now=NOON)
    lease = store.acquire("sync/a", "elsewhere:1:2:3", now=NOON, seconds=120)
    assert lease is not None
    [standing] = standings(config, store, minutes(1))
    assert standing.under_way is not None
    assert standing.under_way.progress is not None
    assert (standing.under_way.run, standing.under_way.progress.done, standing.under_way.died) == (
        run,
        41_200,
        False,
    )
    [later] = standings(config, store, minutes(3))
    assert later.under_way is not None
    assert later.under_way.died


def test_a_trigger_is_paused_beside_a_sync_of_the_same_name(store: SqlStore):
    pause(store, trigger_place("a"), ANN, NOON)
    assert (paused_triggers(store), paused_syncs(store)) == ({"a"}, {})
    assert resume(store, trigger_place("a"), minutes(1)) is not None
    assert paused_triggers(store) == set()
