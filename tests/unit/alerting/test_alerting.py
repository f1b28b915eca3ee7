"""What is told, when and how often: falls that are no chance, occasions once, digests caught up once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from fake_clock import FakeClock

from nps.comparing import compared
from nps.figures import Tally
from nps.several import surely
from npsync.alerting import turn as turning
from npsync.alerting.falls import figure, points
from npsync.alerting.messages import deliver, want
from npsync.alerting.occasions import Occasion, of_run
from npsync.alerting.spec import On
from npsync.alerting.turn import Telling, digest_place
from npsync.config import Config, load
from store.api import State
from store.api.messages import MESSAGES
from store.api.outbox import Kind
from store.sql import SqlStore
from sync.report import FieldReport, MatchReport, Report

MONDAY = datetime(2026, 3, 2, 7, tzinfo=UTC)
YAML = """
store: sqlite:///npsync.db
connections:
  ops: {type: outgoing_webhook, url: "http://127.0.0.1:9/nobody", allow_http: true}
surveys:
  relationship: {ask: How likely are you to recommend us?}
alerts:
  - {connection: ops, on: [run_failed, held], again_after: 1 day}
report:
  digests:
    - {audience: Leadership, connection: ops, cron: "0 8 * * mon"}
"""


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "npsync.yaml").write_text(YAML)
    return load(tmp_path / "npsync.yaml", {})


@pytest.fixture
def store(sqlite_url: str) -> Iterator[SqlStore]:
    from store import open_store

    store = open_store(sqlite_url)
    store.migrate()
    yield store
    store.close()


def wanted(store: SqlStore, at: datetime) -> list[str]:
    ids = store.wanted_entries(MESSAGES, Kind.ALERT, now=at + timedelta(days=365))
    return [one.subject for one in store.entries(ids)]


# ------------------------------------------------------------ no chance


def test_one_group_in_twenty_falls_by_chance_and_is_not_told():
    chances = [Decimal("0.04"), *[Decimal("0.5")] * 19]
    assert surely(chances) == [False] * 20
    assert surely([Decimal("0.04")]) == [True]


def test_holm_lets_the_sure_ones_through_and_stops_at_the_first_doubt():
    ps = [Decimal("0.001"), None, Decimal("0.02"), Decimal("0.03"), Decimal("0.4")]
    assert surely(ps) == [True, False, False, False, False]
    assert surely([Decimal("0.001"), Decimal("0.02"), Decimal("0.03")]) == [True, True, True]
    assert surely([]) == []


def test_figures_are_told_with_their_margin_or_with_why_there_is_none():
    many, few = Tally(60, 25, 15), Tally(3, 1, 1)
    assert figure(many) == "45 ± 15 of 100 people"
    assert figure(few) == "40 (n too small for a margin) of 5 people"
    assert figure(Tally()) == "no answers"
    change = compared(Tally(80, 10, 10), many)
    assert change is not None
    assert points(change).startswith("-25 ± ")


# ------------------------------------------------------------ occasions


def report(status: str = "succeeded", **given: Any) -> Report:
    base: dict[str, Any] = {"run": 7, "sync": "nps", "pulled": 1, "repeated": 0, "states": {}, "writes": {}}
    base |= {"calls": {}, "seconds": 1.0, "match": MatchReport(), "fields": FieldReport(), "status": status}
    return Report(**(base | given))


def told(one: Report) -> dict[On | None, Occasion]:
    return {each.on: each for each in of_run(one)}


def test_what_is_held_is_told_of_the_run_that_held_it():
    assert told(report()) == {}
    held = told(report("partial", states={State.HELD: 12}))[On.HELD]
    assert held.title == "nps: 12 answers held"


# ------------------------------------------------------------ once


def test_the_same_occasion_is_wanted_once_and_its_topic_again_after_a_while(store: SqlStore):
    def another(id: str, now: datetime, again: timedelta | None = timedelta(days=1)) -> int:
        one = Occasion(on=On.RUN_FAILED, topic="run_failed nps", id=id, title="nps failed")
        return want(store, "ops", "", [one], now=now, again_after=again)

    assert another("1", MONDAY) == 1
    assert another("1", MONDAY, None) == 0
    assert another("2", MONDAY + timedelta(hours=23)) == 0
    assert another("3", MONDAY + timedelta(hours=25)) == 1
    assert wanted(store, MONDAY) == ["run_failed nps 1", "run_failed nps 3"]
    elsewhere = Occasion(on=On.RUN_FAILED, topic="run_failed nps", id="1", title="nps failed")
    assert want(store, "ops", "#other", [elsewhere], now=MONDAY, again_after=timedelta(days=1)) == 1


def test_a_digest_comes_when_it_is_due_and_missed_ones_are_caught_up_once(
    config: Config, store: SqlStore, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(turning, "deliver", lambda *_, **__: turning.Told())
    clock = FakeClock(MONDAY)
    telling = Telling(config, store, clock)
    telling.turn()
    assert wanted(store, MONDAY) == []
    clock.advance(3_600)
    telling.turn()
    telling.turn()
    assert wanted(store, MONDAY) == ["digest Leadership 2026-03-02T08:00+00:00"]
    clock.advance(22 * 86_400)  # the process was down for three weeks
    Telling(config, store, clock).turn()
    telling.turn()
    assert wanted(store, MONDAY)[1:] == ["digest Leadership 2026-03-09T08:00+00:00"]
    [spec] = turning.digests_of(config)
    due = store.due([digest_place(spec)])[digest_place(spec)].due_at
    assert due == datetime(2026, 3, 30, 8, tzinfo=UTC)


def test_what_cannot_be_handed_over_is_kept_told_and_given_up_after_a_day(
    config: Config, store: SqlStore, monkeypatch: pytest.MonkeyPatch
):
    clock = FakeClock(MONDAY)
    heard: list[Mapping[str, Any]] = []
    monkeypatch.setattr(turning, "notice", lambda event, **facts: heard.append({"event": event, **facts}))
    turning.tell_of_run(config, store, report("failed", problems=("no sign-in",)), clock)
    assert heard[0]["event"] == "told"
    assert heard[0]["delivered"] == 0
    assert len(wanted(store, MONDAY)) == 1
    clock.advance(2 * 86_400)
    turning.tell_of_run(config, store, report("failed", run=8), clock)
    first = store.entries_like(sync=MESSAGES, limit=10)[-1]
    assert (first.stage.value, first.code) == ("rejected", "given_up")


def test_what_a_killed_process_left_open_is_told_as_unknown_and_not_repeated(
    config: Config, store: SqlStore, monkeypatch: pytest.MonkeyPatch
):
    from npsync.alerting.messages import deliver
    from store.api.outbox import Opening

    clock = FakeClock(MONDAY)
    one = Occasion(on=None, topic="digest Leadership", id="1", title="NPS")
    want(store, "ops", "", [one], now=MONDAY)
    [id] = store.wanted_entries(MESSAGES, Kind.ALERT, now=MONDAY)
    lease = store.acquire(MESSAGES, "dead", now=MONDAY, seconds=1)
    assert lease is not None
    store.open_entries(1, [Opening(id, None, None)], lease=lease, now=MONDAY)
    clock.advance(600)
    done = deliver(config, store, clock)
    assert done.delivered == 0
    assert [("is not known" in each) for each in done.problems] == [True]
    assert store.entries([id])[0].stage.value == "unknown"
    assert deliver(config, store, clock).problems == []


def test_a_message_to_a_connection_that_left_the_yaml_holds_up_no_other(config: Config, store: SqlStore):
    clock = FakeClock(MONDAY)
    gone = Occasion(on=None, topic="try", id="1", title="to nobody")
    want(store, "slack-of-old", "", [gone], now=MONDAY)
    want(store, "ops", "", [gone], now=MONDAY)
    told = deliver(config, store, clock)
    assert len(told.problems) == 2
    assert told.problems[0] == "alerts: connection slack-of-old: it is not in the YAML any more"
    assert [one.code for one in store.entries_like(sync=MESSAGES)] == ["deferred", "deferred"]
