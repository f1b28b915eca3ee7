"""Runs that are cut short: nothing is lost, nothing is written twice in effect, and the report says what happened."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from builders_sync import SYNC, Town, answer, breaker, counts
from memory_destination import BadDay, Killed, heal

from nps.changes import Batch, Outcome, Unknown
from nps.errors import (
    AccessError,
    BudgetError,
    ConfigError,
    LeaseLost,
    NpsyncError,
    UnavailableError,
)
from nps.responses import ResponseStatus
from sync.leasing import Busy
from sync.writing import SILENT, WRITING

PEOPLE = 10
SHOWN = {f"c{n + 1}": n for n in range(PEOPLE)}


@pytest.fixture
def busy_town(town: Town) -> Town:
    for n in range(PEOPLE):
        town.crm.add(f"a{n}@example.com")
        town.tell(answer(f"a{n}", n))
    return town


def recovers(town: Town) -> None:
    heal(town.crm, *town.sources.values())
    report = town.run()
    assert report.problems == ()
    assert town.shown() == SHOWN
    again = town.run()
    assert (again.writes, again.pulled) == ({"contacts": 0}, 0)


FAILURES = {
    UnavailableError("down"): "failed",
    AccessError("refused"): "failed",
    BudgetError("spent"): "partial",
}


@pytest.mark.parametrize(("failure", "status"), FAILURES.items(), ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("call", range(6))
def test_a_vendor_that_fails_at_any_call_ends_the_run_and_loses_nothing(
    busy_town: Town, call: int, failure: NpsyncError, status: str
):
    busy_town.crm.before_call = BadDay(call, failure)
    report = busy_town.run()
    writing = "write" in busy_town.crm.calls
    assert report.status == status
    assert report.problems == (str(failure),)
    assert sum(report.states.values()) == report.pulled
    assert report.writes["contacts"] == len(busy_town.crm.writes)
    assert writing == (call >= 2)
    recovers(busy_town)
    assert len(busy_town.crm.writes) == PEOPLE


def test_a_lost_reply_is_settled_by_reading_and_nothing_is_written_twice(busy_town: Town):
    busy_town.crm.after_write = BadDay(1, UnavailableError("connection reset"))
    report = busy_town.run()
    assert report.status == "failed"
    arrived = len(busy_town.crm.writes)
    told = report.writes["contacts"]
    assert told < arrived
    heal(busy_town.crm, *busy_town.sources.values())
    resumed = busy_town.run()
    assert (resumed.resumed, resumed.writes["contacts"]) == (arrived - told, PEOPLE - arrived)
    recovers(busy_town)
    assert len(busy_town.crm.writes) == PEOPLE


@pytest.mark.parametrize("knob", ["before_call", "after_write"])
@pytest.mark.parametrize("after", range(4))
def test_a_killed_process_leaves_nothing_behind_that_the_next_one_cannot_settle(
    busy_town: Town, knob: str, after: int
):
    setattr(busy_town.crm, knob, BadDay(after, Killed()))
    with pytest.raises(Killed):
        busy_town.run()
    town = Town(busy_town.url)  # another process, the same store and vendors
    town.crm, town.sources, town.owners = busy_town.crm, busy_town.sources, 10
    recovers(town)
    assert len(town.crm.writes) == PEOPLE
    assert town.store.runs(sync=SYNC, limit=9)[-1].status == "failed"
    town.close()


def test_a_job_under_way_is_asked_for_and_not_sent_again(busy_town: Town):
    busy_town.crm.jobs = {}
    busy_town.crm.after_write = BadDay(0, AccessError("the token was revoked while the job ran"))
    assert busy_town.run().status == "failed"
    busy_town.crm.calls.clear()
    recovers(busy_town)
    assert "resume" in busy_town.crm.calls
    assert len(busy_town.crm.writes) == PEOPLE


def test_a_stopped_run_hands_back_what_was_not_begun(busy_town: Town):
    for after in range(4):
        asked = iter(range(100))
        report = busy_town.run(stop=lambda after=after, asked=asked: next(asked) >= after)
        assert report.status == "partial"
        assert sum(report.states.values()) == report.pulled
    recovers(busy_town)


def test_a_lease_taken_over_stops_the_first_process(busy_town: Town):
    def sleep_for_hours(call: str) -> None:
        if call == "find":
            busy_town.clock.advance(4000)
            taken = busy_town.store.acquire(f"sync/{SYNC}", "the other", now=busy_town.clock.now(), seconds=1)
            assert taken is not None

    busy_town.crm.before_call = sleep_for_hours
    with pytest.raises(LeaseLost):
        busy_town.run()
    assert busy_town.crm.writes == []
    busy_town.later(minutes=1)
    recovers(busy_town)


def test_a_sync_runs_once_at_a_time(busy_town: Town):
    def second_run(call: str) -> None:
        if call == "find":
            with pytest.raises(Busy, match="another process"):
                busy_town.run()

    busy_town.crm.before_call = second_run
    assert busy_town.run().status == "succeeded"


def test_a_source_that_fails_does_not_stop_the_others(busy_town: Town):
    busy_town.tell(answer("a0", 9, days=1, source="app", email="a0@example.com"))
    busy_town.sources["app"].before_page = BadDay(0, UnavailableError("no answer"))
    report = busy_town.run()
    assert (report.status, report.problems, report.pulled) == ("partial", ("app: no answer",), PEOPLE)
    heal(busy_town.crm, *busy_town.sources.values())
    busy_town.run()
    assert busy_town.shown()["c1"] == 9


def test_what_a_source_told_before_it_failed_is_kept(busy_town: Town):
    for expected in (2, 4, 6):
        busy_town.sources["mail"].before_page = BadDay(1, UnavailableError("no answer"))
        busy_town.run()
        assert len(busy_town.store.responses(range(100))) == expected


def test_when_no_source_can_be_read_the_run_failed(busy_town: Town):
    for source in busy_town.sources.values():
        source.before_page = BadDay(0, AccessError("refused"))
    busy_town.tell(answer("b1", source="app"))
    assert busy_town.run().status == "failed"


def test_sources_whose_calls_are_spent_end_the_run_cleanly(busy_town: Town):
    for source in busy_town.sources.values():
        source.before_page = BadDay(0, BudgetError("spent"))
    busy_town.tell(answer("b1", source="app"))
    assert busy_town.run().status == "partial"


def test_a_field_that_is_not_there_is_told_before_anything_is_pulled(busy_town: Town):
    with pytest.raises(ConfigError, match='contacts has no field "npz"'):
        busy_town.run(job={"fields": {"npz": "score"}})
    assert busy_town.store.responses(range(100)) == {}
    (run,) = busy_town.store.runs(sync=SYNC)
    assert run.status == "failed"


@pytest.mark.parametrize("failure", [BudgetError("spent"), Killed()], ids=["budget", "killed"])
def test_a_clearing_that_was_not_written_is_not_forgotten(town: Town, failure: NpsyncError | Killed):
    """No answer is left that would say so: the withdrawn one is settled."""
    town.crm.add("a1@example.com")
    town.tell(answer("a1", 3))
    town.run()
    town.tell(answer("a1", 3, status=ResponseStatus.WITHDRAWN))
    town.crm.before_call = lambda call: (_ for _ in ()).throw(failure) if call == "write" else None
    try:
        report = town.run()
        assert (counts(report), report.status) == ({"excluded": 1}, "partial")
    except Killed:
        pass
    heal(town.crm)
    assert town.shown() == {"c1": 3}
    town.run()
    assert town.shown() == {"c1": None}
    town.crm.calls.clear()
    town.run()
    assert town.crm.calls == ["describe"], "an idle run makes no data call"


def test_a_locked_record_is_written_by_the_next_run(busy_town: Town):
    busy_town.crm.locked = {"c2", "c3"}
    report = busy_town.run()
    assert (counts(report), report.status) == ({"written": 8, "pending": 2}, "partial")
    recovers(busy_town)


def test_a_clearing_of_a_locked_record_is_not_a_success(town: Town):
    town.crm.add("a1@example.com")
    town.tell(answer("a1", 3))
    town.run()
    town.tell(answer("a1", 3, status=ResponseStatus.WITHDRAWN))
    town.crm.locked = {"c1"}
    report = town.run()
    assert (counts(report), report.problems, report.status) == ({"excluded": 1}, (), "partial")
    heal(town.crm)
    assert town.run().status == "succeeded"
    assert town.shown() == {"c1": None}


def test_a_clearing_of_a_record_that_went_away_is_given_up(town: Town):
    town.crm.add("a1@example.com")
    town.tell(answer("a1", 3))
    town.run()
    town.tell(answer("a1", 3, status=ResponseStatus.WITHDRAWN))
    town.crm.before_call = BadDay(2, BudgetError("spent"))
    town.run()
    heal(town.crm)
    del town.crm.contacts["c1"]
    town.run()
    assert town.store.clearings(SYNC, "", 9) == []


# ------------------------------------------------------------ breaker and canary


def crowd(town: Town, size: int, *, known: int | None = None) -> None:
    for n in range(size):
        if known is None or n < known:
            town.crm.add(f"a{n}@example.com")
        town.tell(answer(f"a{n}", n % 11))


def test_a_run_that_would_change_most_of_what_is_shown_stops_before_its_first_write(town: Town):
    town.given["breaker"] = breaker(canary=0)
    town.crm.batch = 100
    crowd(town, 100)
    assert town.run().status == "succeeded", "first fills are no accident"
    town.tell(*(answer(f"b{n}", 5, email=f"a{n}@example.com", days=1) for n in range(50)))
    assert town.run().status == "succeeded", "half of them is not more than half"
    town.tell(*(answer(f"d{n}", 6, email=f"a{n}@example.com", days=2) for n in range(51)))
    report = town.run()
    assert (report.status, counts(report)) == ("stopped", {"pending": 51})
    assert "51 of 100 records" in report.problems[0]
    town.given["breaker"] = breaker(canary=0, changed_share="60%")
    assert town.run().status == "succeeded"


def test_a_match_rate_that_falls_stops_the_run(town: Town):
    town.given["breaker"] = breaker(canary=0, changed_share="100%")
    town.crm.batch = 100
    crowd(town, 60)
    town.run()
    for record in town.crm.contacts.values():
        record["email"] = None  # a match field was emptied
    town.crm.contacts["c1"]["email"] = "b0@example.com"
    town.tell(*(answer(f"b{n}", days=1) for n in range(60)))
    report = town.run()
    assert report.status == "stopped"
    assert "2% of 60 answers found their record, usually 100%" in report.problems[0]
    for _ in range(7):
        assert town.run().status == "stopped", "nobody gets used to it"
    assert town.shown()["c1"] == 0
    for n, record in enumerate(town.crm.contacts.values()):
        record["email"] = f"b{n}@example.com"
    assert town.run(recheck=True).status == "succeeded"
    assert set(town.shown().values()) == {9}


def test_answers_that_wait_and_are_looked_up_daily_are_no_falling_match_rate(town: Town):
    town.given["breaker"] = breaker(canary=0)
    town.crm.batch = 1000
    crowd(town, 600, known=540)
    assert counts(town.run())["waiting"] == 60
    town.later(days=2)
    town.crm.add("new@example.com")
    town.tell(answer("new"))
    assert town.run().status == "succeeded"


def test_records_that_do_not_show_what_was_written_stop_the_run_after_the_canary(town: Town):
    town.given["breaker"] = breaker(canary=5)
    crowd(town, 20)

    def workflow() -> None:
        for id, _ in town.crm.writes:
            town.crm.contacts[id]["nps"] = 0

    town.crm.after_write = workflow
    report = town.run()
    assert (report.status, report.writes) == ("stopped", {"contacts": 3}), "its first call"
    assert "do not show what was written" in report.problems[0]


@pytest.mark.parametrize("canary", [2, 3, 7])
def test_a_canary_of_any_size_keeps_to_the_size_of_a_call(town: Town, canary: int):
    town.given["breaker"] = breaker(canary=canary)
    crowd(town, 20)
    assert town.run().status == "succeeded"
    assert len(town.crm.writes) == 20


def keep_silent(town: Town, record: str) -> None:
    """What is written there arrives, and neither the answer nor, for now, the record says so."""
    town.crm.silent.add(record)
    down = BadDay(0, UnavailableError("the CRM is down"))
    town.crm.after_write = lambda: setattr(town.crm, "before_call", down)


def test_a_write_nobody_confirmed_is_ours_when_the_record_shows_it(town: Town):
    """Else the value it left would look like a colleague's for ever, and no later answer would replace it."""
    ann = town.crm.add("a0@example.com")
    town.tell(answer("a0", 7))
    town.run()
    keep_silent(town, ann)
    town.tell(answer("late", 3, days=1, email="a0@example.com"))
    assert town.run().states["pending"] == 1
    heal(town.crm)
    assert town.run().states["unchanged"] == 1

    town.tell(answer("later", 9, days=2, email="a0@example.com"))
    report = town.run()

    assert report.fields.kept == {}
    assert town.shown() == {ann: 9}


def test_what_a_colleague_wrote_after_an_unconfirmed_write_is_theirs(town: Town):
    ann = town.crm.add("a0@example.com")
    town.tell(answer("a0", 3))
    town.run()
    keep_silent(town, ann)
    town.tell(answer("later", 5, days=1, email="a0@example.com"))
    town.run()
    heal(town.crm)
    town.crm.contacts[ann]["nps"] = 8

    report = town.run()

    assert report.fields.kept == {"nps": 1}
    assert town.shown() == {ann: 8}


def test_a_vendor_that_answers_no_call_any_more_is_not_asked_for_the_rest(
    town: Town, monkeypatch: pytest.MonkeyPatch
):
    for n in range(90):
        town.crm.add(f"a{n}@example.com")
        town.tell(answer(f"a{n}", n % 11))

    def silent(batch: Batch, remember: Callable[[str], None]) -> list[Outcome]:
        town.crm.calls.append("write")
        return [Unknown(one.record_id, "no answer came") for one in batch.changes]

    with monkeypatch.context() as down:
        down.setattr(town.crm, "write", silent)
        report = town.run()

    asked = town.crm.calls.count("write")
    assert SILENT <= asked <= SILENT + WRITING < 30
    assert report.status == "failed"
    assert f"whether {asked * town.crm.batch} of the changes arrived is not known" in report.problems[-1]
    assert counts(report) == {"pending": 90}
    assert town.run().writes == {"contacts": 90}


def test_changes_whose_fate_is_unknown_are_told_with_the_reason(town: Town, monkeypatch: pytest.MonkeyPatch):
    town.crm.add("a1@example.com")
    town.tell(answer("a1", 9))

    def lost(batch: Batch, remember: Callable[[str], None]) -> list[Outcome]:
        return [Unknown(one.record_id, "no answer came") for one in batch.changes]

    with monkeypatch.context() as down:
        down.setattr(town.crm, "write", lost)
        report = town.run()

    assert report.status == "partial"
    assert report.problems == (
        "whether 1 of the changes arrived is not known (no answer came). The next run reads these records before "
        "it plans",
    )
    assert counts(report) == {"pending": 1}
