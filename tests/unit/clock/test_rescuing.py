"""A due time that somebody took and did not live to do is due again; nobody takes it from one who lives."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import structlog
from builders_clock import Runs, Ticking, dead_process, ticks
from builders_config import config_of, yaml
from fake_clock import NOON, FakeClock

from npsync.cli.syncs import serving_lines
from npsync.clockwork.claims import SET_BACK, Claim, Claims
from npsync.clockwork.rescuing import (
    AT_ONCE,
    FIRST_REST,
    LONGEST_REST,
    UNSEEN,
    due_again,
    rescue,
    resume_killed,
)
from npsync.clockwork.steadily import Ticks
from npsync.clockwork.ticking import SEEN_EVERY, is_alive
from npsync.clockwork.work import Work
from npsync.config import Config
from npsync.schedule import installation_of, soonest, spread_of
from npsync.serve import JUMP_SECONDS, Walls
from store import open_store
from store.api import Serving
from store.sql import SqlStore

ELSEWHERE = "elsewhere:1:2:3"
HOUR = 3600.0


@pytest.fixture
def store(sqlite_url: str) -> Iterator[SqlStore]:
    store = open_store(sqlite_url)
    yield store
    store.close()


def daily(folder: Path, rhythm: str = 'cron: "0 2 * * *"', jitter: str = "0 seconds") -> Config:
    text = yaml(sync=f"jitter: {jitter}\n")
    return config_of(text.replace("every: 15 minutes", rhythm), folder)


def minutes(count: float) -> datetime:
    return NOON + timedelta(minutes=count)


def taken_by(owner: str, config: Config, store: SqlStore, now: datetime) -> list[Claim]:
    return list(Claims(config, store, owner, "here").due(now))


# ------------------------------------------------------------ kills


def test_a_due_time_whose_process_died_before_it_began_is_due_again_at_once(store: SqlStore, tmp_path: Path):
    config = daily(tmp_path, "every: 1 day")
    assert taken_by(dead_process(), config, store, NOON) != []
    assert soonest(config, store) == {"a": minutes(24 * 60)}
    clock, runs = FakeClock(minutes(1)), Runs()
    ticking = Ticking(config, store, clock, run=runs)
    ticking.tick_and_finish()
    assert runs.began == ["a"]
    assert ticks(store) == [(NOON, "handed_back"), (NOON, "started")]
    assert store.open_ticks() == []
    ticking.wait()


def test_what_somebody_on_another_machine_took_is_his_until_he_is_not_seen_any_more(
    store: SqlStore, tmp_path: Path
):
    config = daily(tmp_path, "every: 1 day")
    taken_by(ELSEWHERE, config, store, NOON)
    alive = Serving(owner=ELSEWHERE, kind="serve", began_at=NOON, seen_at=minutes(9), config_at=NOON, mark="")
    store.note_serving(alive)
    assert rescue(store, minutes(10)) == []
    assert [tick.due_at for tick in rescue(store, minutes(9) + UNSEEN + timedelta(seconds=1))] == [NOON]
    assert soonest(config, store) == {"a": NOON}


def test_what_a_command_without_a_clock_runs_is_its_own_while_it_holds_the_lease(
    store: SqlStore, tmp_path: Path
):
    taken_by(ELSEWHERE, daily(tmp_path, "every: 1 day"), store, NOON)
    assert store.acquire("sync/a", ELSEWHERE, now=minutes(9), seconds=120) is not None
    assert rescue(store, minutes(10)) == []
    assert len(rescue(store, minutes(12))) == 1


def test_what_a_queue_keeps_is_not_rescued(store: SqlStore, tmp_path: Path):
    [claim] = taken_by(ELSEWHERE, daily(tmp_path, "every: 1 day"), store, NOON)
    assert claim.tick is not None
    store.hand_tick(claim.tick, None)
    assert rescue(store, minutes(60)) == []


def test_what_a_queue_kept_when_it_was_backed_up_is_due_again_where_that_is_restored(
    store: SqlStore, tmp_path: Path
):
    config = daily(tmp_path, "every: 1 day")
    [claim] = taken_by(ELSEWHERE, config, store, NOON)
    assert claim.tick is not None
    store.hand_tick(claim.tick, None)
    store.backup(tmp_path / "backup.db")
    store.restore(tmp_path / "backup.db")
    assert [tick.due_at for tick in rescue(store, minutes(60))] == [NOON]
    assert soonest(config, store) == {"a": NOON}


def test_what_two_processes_find_at_once_is_due_again_once(store: SqlStore, tmp_path: Path):
    config = daily(tmp_path, "every: 1 day")
    taken_by(dead_process(), config, store, NOON)
    found = store.open_ticks()
    assert [tick.due_at for tick in due_again(found, store, minutes(1))] == [NOON]
    assert [claim.due_at for claim in taken_by(ELSEWHERE, config, store, minutes(2))] == [NOON]
    assert due_again(found, store, minutes(3)) == []
    assert soonest(config, store) == {"a": minutes(24 * 60)}


def test_what_was_handed_back_is_ended_in_the_same_moment(store: SqlStore, tmp_path: Path):
    config = daily(tmp_path, "every: 1 day")
    [claim] = taken_by(ELSEWHERE, config, store, NOON)
    assert claim.tick is not None
    Work(config, store, FakeClock(), lambda: True).hand_back(claim)
    assert (soonest(config, store), store.open_ticks()) == ({"a": NOON}, [])
    [again] = taken_by(ELSEWHERE, config, store, minutes(1))
    assert not store.return_tick(claim.tick, now=minutes(2))  # it is somebody's again
    assert again.tick is not None


def test_what_was_done_is_not_rescued(store: SqlStore, tmp_path: Path):
    [claim] = taken_by(ELSEWHERE, daily(tmp_path, "every: 1 day"), store, NOON)
    assert claim.tick is not None
    store.end_tick(claim.tick, now=minutes(1))
    assert rescue(store, minutes(60)) == []


def test_who_ticks_is_seen_while_it_does_with_what_is_wrong_with_its_file(store: SqlStore, tmp_path: Path):
    clock = FakeClock()
    ticking = Ticking(daily(tmp_path), store, clock, run=Runs(), owner="serve:1:2:3")
    ticking.tick_and_finish()
    clock.advance(SEEN_EVERY)
    ticking.clockwork.show("npsync.yaml:14:5: no duration")
    ticking.tick_and_finish()
    [seen] = store.serving()
    assert (seen.owner, seen.kind, seen.problem) == ("serve:1:2:3", "serve", "npsync.yaml:14:5: no duration")
    assert (seen.began_at, seen.seen_at, seen.config_at) == (NOON, clock.now(), NOON)
    ticking.clockwork.take(daily(tmp_path), "other")
    ticking.tick_and_finish()
    assert [(one.mark, one.config_at) for one in store.serving()] == [("other", clock.now())]
    ticking.wait()
    assert store.serving() == []


def test_an_installation_keeps_its_name_for_all_processes(store: SqlStore):
    assert installation_of(store) == installation_of(store)


def dies_with_it(config: Config, store: SqlStore, at: datetime) -> None:
    """A process takes whatever is due, and its successor finds what it left."""
    assert taken_by(dead_process(), config, store, at) != []
    rescue(store, at)


def test_what_its_processes_die_of_rests_longer_before_each_try(store: SqlStore, tmp_path: Path):
    config = daily(tmp_path, "every: 1 day")
    at, rests = NOON, list[timedelta]()
    for _ in range(14):
        dies_with_it(config, store, at)
        due_at = soonest(config, store)["a"]
        rests.append(max(timedelta(0), due_at - at))
        at = max(at, due_at)
    assert rests[:AT_ONCE] == [timedelta(0), timedelta(0), FIRST_REST]
    assert rests[AT_ONCE:6] == [2 * FIRST_REST, 4 * FIRST_REST, 8 * FIRST_REST]
    assert set(rests[-3:]) == {LONGEST_REST}


def test_a_due_time_that_was_done_is_begun_at_once_the_next_time_its_process_dies(
    store: SqlStore, tmp_path: Path
):
    config = daily(tmp_path, "every: 1 day")
    for _ in range(AT_ONCE):
        dies_with_it(config, store, NOON)
        store.schedule("a", NOON)
    ticking = Ticking(config, store, FakeClock(), run=Runs())
    ticking.tick_and_finish()
    ticking.wait()
    store.schedule("a", NOON)
    dies_with_it(config, store, NOON)
    assert soonest(config, store)["a"] == NOON


def test_two_that_were_there_when_their_process_died_do_not_begin_together_again(
    store: SqlStore, tmp_path: Path
):
    two = yaml().replace(
        "sync:\n", "sync:\n  b: {every: 1 day, survey: nps, to: crm, fields: {B__c: score}}\n"
    )
    config = config_of(two, tmp_path)
    assert set(config.sync) == {"a", "b"}
    for _ in range(AT_ONCE):
        for name in config.sync:
            store.schedule(name, NOON)
        dies_with_it(config, store, NOON)
    assert sorted(soonest(config, store).values()) == [NOON + FIRST_REST, NOON + 2 * FIRST_REST]


def test_a_restart_does_not_shorten_the_rest(store: SqlStore, tmp_path: Path):
    config = daily(tmp_path, "every: 1 day")
    store.begin_run("a", "run", now=NOON, facts={})
    for _ in range(AT_ONCE):
        store.schedule("a", NOON)
        dies_with_it(config, store, NOON)
    resume_killed(config, store, NOON + timedelta(seconds=1))
    assert soonest(config, store)["a"] == NOON + FIRST_REST


# ------------------------------------------------------------ jitter


def test_a_sync_is_taken_a_little_later_than_due_and_keeps_its_rhythm(store: SqlStore, tmp_path: Path):
    config = daily(tmp_path, "every: 15 minutes", "2 minutes")
    spread = spread_of("here", "a", timedelta(minutes=2), timedelta(minutes=15))
    assert timedelta(0) < spread < timedelta(minutes=2)
    assert [claim.due_at for claim in taken_by(ELSEWHERE, config, store, NOON)] == [NOON]
    for turn in range(1, 5):
        due_at = minutes(15 * turn)
        just_before = due_at + spread - timedelta(milliseconds=2)
        assert taken_by(ELSEWHERE, config, store, just_before) == []
        assert taken_by(ELSEWHERE, config, store, due_at + spread) == [Claim("a", due_at)]


def test_many_installations_are_spread_and_each_stays_at_its_place():
    gap, jitter = timedelta(minutes=15), timedelta(seconds=60)
    spreads = [spread_of(f"shop {n}", "a", jitter, gap) for n in range(600)]
    per_second = [sum(int(one.total_seconds()) == second for one in spreads) for second in range(60)]
    assert max(per_second) <= 30
    assert min(spreads) >= timedelta(0)
    assert max(spreads) < jitter
    assert spreads == [spread_of(f"shop {n}", "a", jitter, gap) for n in range(600)]


def test_jitter_never_reaches_the_next_due_time():
    assert spread_of("x", "a", timedelta(hours=1), timedelta(minutes=1)) < timedelta(seconds=30)
    assert spread_of("x", "a", timedelta(0), timedelta(minutes=1)) == timedelta(0)


# ------------------------------------------------------------ a clock that is set, a machine that sleeps


def test_a_clock_that_is_put_back_a_little_runs_nothing_twice(store: SqlStore, tmp_path: Path):
    config = daily(tmp_path)
    taken_by(ELSEWHERE, config, store, NOON)
    night = minutes(14 * 60)
    assert taken_by(ELSEWHERE, config, store, night) == [Claim("a", night)]
    assert taken_by(ELSEWHERE, config, store, night - timedelta(seconds=1)) == []
    assert taken_by(ELSEWHERE, config, store, night) == []
    assert soonest(config, store) == {"a": night + timedelta(days=1)}


def test_a_clock_that_was_far_ahead_does_not_stop_the_syncs_when_it_is_put_right(
    store: SqlStore, tmp_path: Path
):
    for rhythm, again in (("every: 15 minutes", 15), ('cron: "0 * * * *"', 60)):
        config = daily(tmp_path, rhythm)
        store.schedule("a", NOON)
        taken_by(ELSEWHERE, config, store, NOON + timedelta(days=365))
        taken_by(ELSEWHERE, config, store, NOON)
        assert soonest(config, store)["a"] <= minutes(again)
    assert timedelta(days=365) > SET_BACK


def test_a_machine_that_slept_catches_up_once(store: SqlStore, tmp_path: Path):
    clock, runs = FakeClock(), Runs()
    ticking = Ticking(daily(tmp_path, "every: 15 minutes"), store, clock, run=runs)
    ticking.tick_and_finish()
    clock.advance(9 * HOUR + 60)
    for _ in range(3):
        ticking.tick_and_finish()
    assert [outcome for _, outcome in ticks(store)] == ["started", "caught_up"]
    assert soonest(daily(tmp_path, "every: 15 minutes"), store)["a"] == minutes(9 * 60 + 15)
    ticking.wait()


def test_a_jump_of_the_wall_clock_is_noticed_and_its_drift_is_not():
    walls = Walls()
    assert walls.jumped(1000.0, 50.0) is None
    assert walls.jumped(1001.4, 51.0) is None
    assert walls.jumped(1001.4 - HOUR, 52.0) == pytest.approx(-HOUR - 1)
    assert walls.jumped(1002.4 - HOUR, 53.0) is None
    assert walls.jumped(1003.4 - HOUR + 8 * HOUR, 54.0) == pytest.approx(8 * HOUR)
    assert JUMP_SECONDS < 60


def test_a_tick_that_fails_is_told_once_and_stops_neither_the_clock_nor_what_comes_after_it():
    went: list[str] = []

    def fails() -> None:
        if len(went) < 2:
            raise ZeroDivisionError

    tick = Ticks(fails, lambda: went.append("on"))
    with structlog.testing.capture_logs() as told:
        for _ in range(4):
            tick()
    assert went == ["on"] * 4
    assert [line["event"] for line in told] == ["tick_failed", "ticking_again"]


def test_a_tick_that_waited_is_told_when_it_is_over():
    times = iter([0.0, 0.5, 1.0, 76.0])
    tick = Ticks(lambda: None, monotonic=lambda: next(times))
    with structlog.testing.capture_logs() as told:
        tick()
        tick()
    assert [(line["event"], line["seconds"]) for line in told] == [("tick_slow", 75)]


# ------------------------------------------------------------ who is shown


def served(store: SqlStore, owner: str, seen_at: datetime) -> Serving:
    one = Serving(owner=owner, kind="serve", began_at=NOON, seen_at=seen_at, config_at=NOON, mark="m")
    store.note_serving(one)
    return one


def test_who_was_killed_is_alive_no_more_and_forgotten_by_the_next(store: SqlStore, tmp_path: Path):
    killed = served(store, dead_process(), NOON)
    elsewhere = served(store, ELSEWHERE, NOON)
    assert [is_alive(one, NOON) for one in (killed, elsewhere)] == [False, True]
    ticking = Ticking(daily(tmp_path), store, FakeClock(NOON), run=Runs())
    ticking.tick_and_finish()
    owners = {one.owner for one in store.serving()}
    assert killed.owner not in owners
    assert elsewhere.owner in owners


def test_people_see_of_each_process_that_does_not_tick_when_it_was_last_seen(store: SqlStore):
    served(store, dead_process(), minutes(9.9))
    served(store, "gone-3:1:2:3", minutes(-60 * 25))
    silent = served(store, "shop-2:1:2:3", minutes(3))
    quiet = served(store, "shop-3:1:2:3", minutes(9.25))
    ticking = served(store, "shop-1:1:2:3", minutes(9.9))
    told = serving_lines(store.serving(), minutes(10), ZoneInfo("UTC"))
    assert sorted(told) == [
        "\nnpsync serve (shop-1) goes by the file of 2026-03-02 12:00 UTC.",
        "\nnpsync serve (shop-2) was last seen 7 minutes ago.",
        "\nnpsync serve (shop-3) goes by the file of 2026-03-02 12:00 UTC, last seen 45 seconds ago.",
    ]
    assert {is_alive(one, minutes(10)) for one in (quiet, ticking)} == {True}
    alone = serving_lines([silent], minutes(10), ZoneInfo("UTC"))
    assert alone == [
        "\nNo npsync serve runs on this store: nothing is done by the clock.",
        "\nnpsync serve (shop-2) was last seen 7 minutes ago.",
    ]
