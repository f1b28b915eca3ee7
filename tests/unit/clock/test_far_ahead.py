"""A clock that was years ahead and is put right: what has its turn now and then has it at once again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from builders_clock import due_claims
from builders_config import config_of, yaml
from fake_clock import NOON, FakeClock

from connectors.pacing import Ask, Left, Limit, Pace, answered
from nps.events import Hint, Subject
from npsync.clockwork.rescuing import rescue
from npsync.clockwork.ticking import is_alive
from npsync.operating.retention import Nightly
from npsync.schedule import answers_place, has_its_turn
from npsync.serve import put_right
from store import open_store
from store.api import Serving
from store.sql import SqlStore
from sync.finding import next_look
from triggers.closing import CLOSED_FOR, Closed

AHEAD = datetime(2030, 1, 1, tzinfo=UTC)
LIVES = "elsewhere:1:2:3"  # on another machine: nobody can tell whether it is gone
DAY = timedelta(days=1)


@pytest.fixture
def store(sqlite_url: str) -> Iterator[SqlStore]:
    store = open_store(sqlite_url)
    yield store
    store.close()


def daily(store: SqlStore, now: datetime) -> bool:
    return has_its_turn(store, "daily", now, lambda at: at + DAY)


def test_what_has_its_turn_every_day_has_it_once_a_day_and_at_once_when_the_clock_is_right_again(
    store: SqlStore,
):
    assert daily(store, AHEAD)
    assert daily(store, NOON)
    a_little_behind = NOON - timedelta(minutes=5)  # the clock of the process beside
    assert [daily(store, at) for at in (NOON, a_little_behind, NOON + DAY)] == [False, False, True]


def test_a_night_of_years_ahead_keeps_nothing_from_being_put_away(store: SqlStore, tmp_path: Path):
    config = config_of(yaml(), tmp_path)
    Nightly(config, store, FakeClock(AHEAD), stop=lambda: False).turn()
    night = store.due(["retention"])["retention"].due_at
    Nightly(config, store, FakeClock(NOON), stop=lambda: False).turn()
    assert (night, store.due(["retention"])["retention"].due_at) == (AHEAD + DAY, NOON + DAY)


def test_what_was_pushed_is_taken_up_although_who_took_it_died_years_ahead(store: SqlStore, tmp_path: Path):
    claims = due_claims(config_of(yaml(), tmp_path), store)
    store.schedule(answers_place("a"), NOON)
    [taken] = claims.pushes(AHEAD)
    [again] = claims.pushes(NOON)
    assert (taken.pushed, again.pushed) == (True, True)
    assert list(claims.pushes(NOON)) == []


def test_a_process_that_was_seen_years_ahead_is_neither_alive_nor_keeps_what_it_took(
    store: SqlStore, tmp_path: Path
):
    store.schedule("a", NOON)
    store.take_tick("a", NOON, NOON + DAY, "started", LIVES, now=AHEAD)
    seen = Serving(owner=LIVES, kind="serve", began_at=AHEAD, seen_at=AHEAD, config_at=AHEAD, mark="")
    store.note_serving(seen)
    assert is_alive(seen, AHEAD)
    assert not is_alive(seen, NOON)
    assert [tick.due_at for tick in rescue(store, NOON)] == [NOON]


def test_serve_puts_right_what_was_put_off(store: SqlStore):
    hint = Hint(key="h1", connection="crm", kind="case_closed", subject=Subject("Case", "500A"))
    store.receive([hint], now=AHEAD)
    assert store.arrivals(9, now=NOON) == []
    put_right(store, FakeClock(NOON))
    assert len(store.arrivals(9, now=NOON)) == 1


def test_an_answer_that_arrived_years_ahead_is_looked_up_again_within_the_hour():
    assert next_look(AHEAD, NOON) == NOON + timedelta(hours=1)


def test_no_pause_and_no_budget_of_a_day_years_ahead_holds_a_connection_back():
    then, now = (round(at.timestamp() * 1000) for at in (AHEAD, NOON))
    limits = [Limit("", 10, 10.0)]
    pace = Pace()
    spent = Ask(told=Left(0, 60.0), own=Left(0, 3600.0, 100), pause=600.0, limits=limits)
    answered(pace, spent, then)
    held = answered(pace, Ask(cost=1, limits=limits), then)
    assert (held.count, held.pause, held.left) == (0, 600.0, 0)
    lent = answered(pace, Ask(cost=1, limits=limits), now)
    assert (lent.count, lent.pause, lent.left) == (1, 0.0, None)


def test_a_connection_that_refused_years_ahead_is_asked_again():
    closed = Closed({"mailer": AHEAD + CLOSED_FOR})
    assert closed.is_closed("mailer", AHEAD)
    assert not closed.is_closed("mailer", NOON)
