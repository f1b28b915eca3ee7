"""When a sync is due: by rhythm or by the wall clock, once each, whoever else looks at the same store."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from builders_clock import due_claims, runs_due
from builders_config import config_of, yaml
from hypothesis import given
from hypothesis import strategies as st

from npsync.clockwork.claims import Claim
from npsync.clockwork.rescuing import resume_killed
from npsync.config import Config
from npsync.schedule import answers_place, next_due, soonest
from store import open_store
from store.sql import SqlStore
from sync.spec import SyncSpec

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")
MINUTE = timedelta(minutes=1)
EXACT = "jitter: 0 seconds\n"


@pytest.fixture
def store(sqlite_url: str) -> Iterator[SqlStore]:
    store = open_store(sqlite_url)
    yield store
    store.close()


def due_every(folder: Path, rhythm: str = "every: 15 minutes", more: str = "") -> Config:
    text = yaml(top="time_zone: America/New_York\n", sync=EXACT + more)
    return config_of(text.replace("every: 15 minutes", rhythm), folder)


def cron(line: str) -> SyncSpec:
    return SyncSpec.model_validate(
        {"cron": line, "survey": "nps", "to": "crm", "fields": {"NPS__c": "score"}}
    )


def fires(line: str, after: datetime, count: int, zone: ZoneInfo = NEW_YORK) -> list[str]:
    """The next times in the zone's own words, with the hours from UTC."""
    times = []
    for _ in range(count):
        after = next_due(cron(line), after, zone=zone)
        times.append(after.astimezone(zone).strftime("%m-%d %H:%M %Z"))
    return times


# ------------------------------------------------------------ cron and the wall clock


def test_a_cron_line_follows_the_business_zone():
    assert fires("30 8 * * mon-fri", NOON, 3) == ["03-02 08:30 EST", "03-03 08:30 EST", "03-04 08:30 EST"]


def test_a_due_time_is_later_than_now_be_it_by_a_moment():
    just_before = datetime(2026, 3, 2, 12, 14, 59, 900_000, tzinfo=UTC)
    assert next_due(cron("*/15 * * * *"), just_before, zone=NEW_YORK) == NOON + 15 * MINUTE
    assert next_due(cron("*/15 * * * *"), NOON + 15 * MINUTE, zone=NEW_YORK) == NOON + 30 * MINUTE


def test_a_daily_time_that_the_clock_skips_comes_as_much_later():
    eve = datetime(2026, 3, 7, 12, tzinfo=UTC)
    assert fires("30 2 * * *", eve, 3) == ["03-08 03:30 EDT", "03-09 02:30 EDT", "03-10 02:30 EDT"]


def test_a_daily_time_that_comes_twice_runs_once():
    eve = datetime(2026, 10, 31, 12, tzinfo=UTC)
    assert fires("30 1 * * *", eve, 3) == ["11-01 01:30 EDT", "11-02 01:30 EST", "11-03 01:30 EST"]


def test_a_rhythm_goes_on_in_the_hour_that_comes_twice():
    before = datetime(2026, 11, 1, 4, 45, tzinfo=UTC)
    assert fires("*/30 * * * *", before, 5) == [
        "11-01 01:00 EDT",
        "11-01 01:30 EDT",
        "11-01 01:00 EST",
        "11-01 01:30 EST",
        "11-01 02:00 EST",
    ]


def test_a_rhythm_skips_the_hour_that_is_left_out():
    before = datetime(2026, 3, 8, 6, 15, tzinfo=UTC)
    assert fires("*/30 * * * *", before, 3) == ["03-08 01:30 EST", "03-08 03:00 EDT", "03-08 03:30 EDT"]


@given(
    start=st.integers(0, 2 * 366 * 24 * 60).map(lambda minutes: NOON + minutes * MINUTE),
    line=st.sampled_from(
        ["*/15 * * * *", "0 * * * *", "30 1 * * *", "30 2 * * *", "0 0 * * *", "5 4 * * sun"]
    ),
    zone=st.sampled_from(["America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "UTC", "Asia/Kolkata"]),
)
def test_due_times_always_move_on_and_no_day_is_left_out(start: datetime, line: str, zone: str):
    first = next_due(cron(line), start, zone=ZoneInfo(zone))
    second = next_due(cron(line), first, zone=ZoneInfo(zone))
    assert start < first < second
    assert second - first <= timedelta(days=7, hours=1)
    assert next_due(cron(line), first - timedelta(microseconds=1), zone=ZoneInfo(zone)) == first


def test_a_cron_line_that_never_comes_due_is_refused():
    with pytest.raises(ValueError, match="never comes due"):
        cron("0 0 30 2 *")


# ------------------------------------------------------------ claims


def test_a_new_rhythm_is_due_at_once_and_then_keeps_its_beat(store: SqlStore, tmp_path: Path):
    config = due_every(tmp_path)
    assert list(runs_due(config, store, NOON)) == [Claim("a", NOON)]
    assert list(runs_due(config, store, NOON + 14 * MINUTE)) == []
    late = NOON + 15 * MINUTE + timedelta(seconds=40)
    assert list(runs_due(config, store, late)) == [Claim("a", NOON + 15 * MINUTE)]
    assert soonest(config, store) == {"a": NOON + 30 * MINUTE}


class Watched:
    """A store, and what it was asked."""

    def __init__(self, store: SqlStore) -> None:
        self.store, self.asked = store, list[str]()

    def __getattr__(self, name: str) -> Any:
        self.asked.append(name)
        return getattr(self.store, name)


def test_while_nothing_is_due_a_look_is_one_question_to_the_store(store: SqlStore, tmp_path: Path):
    config = due_every(tmp_path, more="verify: {cron: '0 3 * * *'}\n")
    store.schedule(answers_place("a"), NOON)
    at_noon = list(due_claims(config, store).due(NOON))
    assert [(claim.verify, claim.pushed) for claim in at_noon] == [(False, False), (False, True)]
    at_night = due_claims(config, store).due(NOON + timedelta(days=1), busy=lambda place: True)
    assert [(claim.verify, claim.pushed) for claim in at_night] == [(False, False), (True, False)]
    watched = Watched(store)
    soon = NOON + timedelta(days=1, minutes=1)
    assert list(due_claims(config, cast(SqlStore, watched)).due(soon, busy=lambda place: True)) == []
    assert watched.asked == ["due"]


def test_missed_due_times_are_caught_up_once(store: SqlStore, tmp_path: Path):
    config = due_every(tmp_path)
    list(runs_due(config, store, NOON))
    after_the_weekend = NOON + timedelta(days=2, minutes=7)
    assert list(runs_due(config, store, after_the_weekend)) == [Claim("a", NOON + 15 * MINUTE, "caught_up")]
    assert list(runs_due(config, store, after_the_weekend)) == []
    assert soonest(config, store) == {"a": NOON + timedelta(days=2, minutes=15)}


def test_a_new_cron_line_waits_for_its_time(store: SqlStore, tmp_path: Path):
    config = due_every(tmp_path, 'cron: "0 8 * * *"')
    assert list(runs_due(config, store, NOON)) == []
    assert soonest(config, store) == {"a": NOON + timedelta(hours=1)}
    [claim] = runs_due(config, store, NOON + timedelta(hours=3))
    assert claim == Claim("a", NOON + timedelta(hours=1))


def test_a_rhythm_made_shorter_takes_effect_at_once(store: SqlStore, tmp_path: Path):
    list(runs_due(due_every(tmp_path, "every: 2 days"), store, NOON))
    shorter = due_every(tmp_path, "every: 5 minutes")
    assert list(runs_due(shorter, store, NOON + MINUTE)) == []
    assert soonest(shorter, store) == {"a": NOON + 6 * MINUTE}


def test_a_paused_sync_is_never_due(store: SqlStore, tmp_path: Path):
    config = due_every(tmp_path, more="paused: true\n")
    assert list(runs_due(config, store, NOON)) == [Claim("a", NOON, "skipped_paused")]


def test_of_many_who_look_at_once_one_claims_each_due_time(store: SqlStore, tmp_path: Path):
    config = due_every(tmp_path)
    claimed: list[Claim] = []
    ready = threading.Barrier(4)

    def look() -> None:
        for turn in range(5):
            ready.wait()
            claimed.extend(runs_due(config, store, NOON + turn * 15 * MINUTE))

    lookers = [threading.Thread(target=look) for _ in range(4)]
    for one in lookers:
        one.start()
    for one in lookers:
        one.join()

    assert sorted(one.due_at for one in claimed) == [NOON + turn * 15 * MINUTE for turn in range(5)]


# ------------------------------------------------------------ what a kill left behind


@pytest.mark.parametrize(("held_by", "waits"), [("elsewhere:1:2:3", 120), (None, 0)])
def test_a_killed_run_is_taken_up_again_as_soon_as_it_is_known_to_be_dead(
    store: SqlStore, tmp_path: Path, held_by: str | None, waits: int
):
    config = due_every(tmp_path, "every: 1 days")
    list(runs_due(config, store, NOON))
    store.begin_run("a", "run", now=NOON, facts={})  # and the process is gone
    if held_by is not None:
        assert store.acquire("sync/a", held_by, now=NOON, seconds=120) is not None

    resume_killed(config, store, NOON + MINUTE)

    assert soonest(config, store)["a"] == NOON + MINUTE + timedelta(seconds=waits)


def test_cron_takes_up_what_is_known_to_be_dead_and_leaves_what_may_be_busy(store: SqlStore, tmp_path: Path):
    config = due_every(tmp_path, "every: 1 days")
    list(runs_due(config, store, NOON))
    store.begin_run("a", "run", now=NOON, facts={})
    busy = store.acquire("sync/a", "elsewhere:1:2:3", now=NOON, seconds=120)
    assert busy is not None
    resume_killed(config, store, NOON + MINUTE, surely=True)
    assert soonest(config, store)["a"] == NOON + timedelta(days=1)

    store.release(busy)
    resume_killed(config, store, NOON + MINUTE, surely=True)
    assert soonest(config, store)["a"] == NOON + MINUTE


def test_a_run_that_ended_is_not_taken_up_again(store: SqlStore, tmp_path: Path):
    config = due_every(tmp_path, "every: 1 days")
    list(runs_due(config, store, NOON))
    store.end_run(store.begin_run("a", "run", now=NOON, facts={}), "succeeded", now=NOON, report={})

    resume_killed(config, store, NOON + MINUTE)

    assert soonest(config, store)["a"] == NOON + timedelta(days=1)
