"""What is well or is not: told when it turns and when it is over, and not in between."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npsync.alerting.conditions import Condition, of_connections, of_deaths, of_queues, of_report, run_failed
from npsync.alerting.spec import AlertSpec, On
from npsync.alerting.turns import in_words, want_turns
from npsync.operating.connection_health import ACCESS, Failure, Health
from store.api import Queue, RunRow
from store.api.messages import MESSAGES
from store.sql import SqlStore
from sync.report import FieldReport, MatchReport, Report

MONDAY = datetime(2026, 3, 2, 7, tzinfo=UTC)


@pytest.fixture
def store(sqlite_url: str) -> Iterator[SqlStore]:
    from store import open_store

    store = open_store(sqlite_url)
    store.migrate()
    yield store
    store.close()


def report(status: str = "succeeded", **given: Any) -> Report:
    base: dict[str, Any] = {"run": 7, "sync": "nps", "pulled": 1, "repeated": 0, "states": {}, "writes": {}}
    base |= {"calls": {}, "seconds": 1.0, "match": MatchReport(), "fields": FieldReport(), "status": status}
    return Report(**(base | given))


def bad(one: Report) -> dict[On, bool]:
    return {each.on: each.bad for each in of_report(one)}


def titles(store: SqlStore) -> list[str]:
    found = store.recall_below(MESSAGES, "")
    return sorted(orjson.loads(content)["title"] for content in found.values())


def at(minutes: float) -> datetime:
    return MONDAY + timedelta(minutes=minutes)


# ------------------------------------------------------------ what a run says


def test_a_run_that_went_well_says_that_all_is_well():
    calm = {On.RUN_FAILED: False, On.RUN_STOPPED: False, On.RUN_DEGRADED: False}
    assert bad(report()) == calm
    assert bad(report("partial")) == calm  # a rejected answer is no trouble of the run's


def test_what_a_run_did_not_get_to_it_says_nothing_of():
    assert bad(report("failed", problems=("x",))) == {On.RUN_FAILED: True}
    assert bad(report("stopped", problems=("x",))) == {On.RUN_STOPPED: True}


def test_a_run_that_did_not_get_through_is_degraded_and_a_silent_source_is_something_else():
    silent = report(
        "partial", silent=("mail",), listened=("mail", "app"), problems=("mail: nothing since May",)
    )
    assert bad(silent)[On.RUN_DEGRADED] is False
    assert [(one.about, one.bad) for one in of_report(silent) if one.on is On.SOURCE_SILENT] == [
        ("mail", True),
        ("app", False),
    ]
    assert bad(report("partial", problems=("crm: the daily call budget is spent",)))[On.RUN_DEGRADED] is True


def test_many_problems_are_told_with_how_many_more_there_are():
    [failed] = of_report(report("failed", problems=tuple(f"problem {n}" for n in range(9))))
    assert failed.title == "nps failed"
    assert failed.next_step == "npsync runs 7"
    assert failed.text.endswith("… and 4 more")


def killed(kind: str = "run", status: str = "running") -> RunRow:
    return RunRow(id=7, sync="nps", kind=kind, status=status, started_at=MONDAY, ended_at=None, report={})


@pytest.mark.parametrize(
    ("latest", "dead", "said"),
    [
        (killed(), 0, []),
        (killed(), 1, []),  # somebody has killed it, and it is begun again
        (killed(), 2, [True]),
        (killed(status="succeeded"), 0, []),  # it told how it went
        (killed("verify", "succeeded"), 0, [False]),
        (killed("verify", "running"), 0, []),
        (killed("verify", "failed"), 1, []),
        (killed("verify", "failed"), 2, [True]),
    ],
)
def test_what_its_processes_died_of_twice_is_a_failure(latest: RunRow, dead: int, said: list[bool]):
    found = list(of_deaths("nps", latest, dead))
    assert [one.bad for one in found] == said
    assert all(one.on is On.RUN_FAILED for one in found)


# ------------------------------------------------------------ what the store says


def test_refused_credentials_are_told_of_their_connection():
    refused = Health(failed=Failure(ACCESS, "crm: sign in: refused", MONDAY))
    health = {"crm": refused, "tool": Health(fine_at=MONDAY), "never": Health()}
    told = {one.about: (one.bad, one.text) for one in of_connections(health, MONDAY)}
    assert told == {"crm": (True, "crm: sign in: refused"), "tool": (False, "")}


@pytest.mark.parametrize(
    ("waiting", "said"), [(10, [False]), (12, [False]), (13, []), (25, []), (26, [True]), (900, [True])]
)
def test_a_queue_is_too_long_above_its_limit_and_well_again_at_half_of_it(waiting: int, said: list[bool]):
    alert = AlertSpec(connection="ops", on=(On.DEAD_LETTERS,), more_than=25)
    found = of_queues({"nps": Queue(dead_letters=waiting)}, alert)
    assert [one.bad for one in found if one.on is On.DEAD_LETTERS] == said


# ------------------------------------------------------------ told


def test_a_failure_is_told_once_and_so_is_its_end(store: SqlStore):
    failed, fine = run_failed("nps", "no such field", "npsync check"), run_failed("nps", None, "")
    assert [want_turns(store, "ops", "", [fine], now=at(0))] == [0]
    wanted = [want_turns(store, "ops", "", [failed], now=at(minute)) for minute in (1, 16, 31)]
    assert wanted == [1, 0, 0]
    assert want_turns(store, "ops", "", [fine], now=at(46)) == 1
    assert want_turns(store, "ops", "", [fine], now=at(61)) == 0
    assert titles(store) == ["nps failed", "nps runs again"]
    [over] = [one for one in store.recall_below(MESSAGES, "").values() if "again" in one]
    assert ["Lasted", "45 minutes"] in orjson.loads(over)["facts"]
    assert want_turns(store, "ops", "", [failed], now=at(76)) == 1


def test_each_place_is_told_by_itself(store: SqlStore):
    failed = run_failed("nps", "no such field", "npsync check")
    assert want_turns(store, "ops", "", [failed], now=at(0)) == 1
    assert want_turns(store, "ops", "#other", [failed], now=at(1)) == 1


def test_a_process_that_died_before_it_remembered_tells_nothing_twice(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
):
    failed = run_failed("nps", "no such field", "npsync check")

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr(store, "memorize", dies)
        with pytest.raises(KeyboardInterrupt):
            want_turns(store, "ops", "", [failed], now=at(0))
    assert want_turns(store, "ops", "", [failed], now=at(1)) == 0
    assert titles(store) == ["nps failed"]
    assert want_turns(store, "ops", "", [run_failed("nps", None, "")], now=at(2)) == 1


@given(st.lists(st.booleans(), max_size=12))
def test_as_many_messages_as_there_are_turns(states: list[bool]):
    store = _Remembering()
    wanted = [
        want_turns(store, "ops", "", [_condition(each)], now=at(minute))  # type: ignore[arg-type]
        for minute, each in enumerate(states)
    ]
    turns = [now != before for before, now in zip([False, *states], states, strict=False)]
    assert wanted == [int(each) for each in turns]


def _condition(is_bad: bool) -> Condition:
    return Condition(on=On.RUN_FAILED, about="nps", bad=is_bad, title="nps failed", over="nps runs again")


class _Remembering:
    """A store that keeps what it is told."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        self.occasions: set[str] = set()

    def recall(self, _: str, keys: list[str]) -> dict[str, str]:
        return {key: self.kept[key] for key in keys if key in self.kept}

    def memorize(self, _: str, items: dict[str, str]) -> None:
        self.kept |= items

    def want_message(self, message: Any, *, again_from: datetime | None, now: datetime) -> bool:
        new = message.occasion not in self.occasions
        self.occasions.add(message.occasion)
        return new


def test_how_long_it_lasted_is_told_in_the_largest_unit_that_fits():
    assert [in_words(seconds) for seconds in (20, 60, 7_199, 90_000, 200_000)] == [
        "less than a minute", "1 minute", "1 hour", "1 day", "2 days",
    ]  # fmt: skip
