"""Undo in a town in memory: what is restored, what is left alone and why, and what holds afterwards."""

from __future__ import annotations

from typing import Any

import pytest
from builders_sync import SYNC, Town, answer, counts
from memory_destination import FIELDS, BadDay, Killed, heal

from nps.errors import BudgetError, ConfigError, UnavailableError
from nps.responses import ResponseStatus
from nps.schema import FieldSchema, ObjectSchema
from sync.restoring import Why
from sync.undoing import UndoReport

ANN = "ann@example.com"


def told(town: Town, id: str, score: int, *, days: float = 0, email: str = ANN, **others: Any) -> int:
    """An answer arrives, and a run writes it."""
    town.tell(answer(id, score, days=days, email=email, **others))
    return town.run().run


def why(report: UndoReport) -> dict[str, tuple[Why, Any]]:
    return {one.field: (one.why, one.run or one.into or one.live) for one in report.findings.left}


@pytest.fixture
def ann(town: Town) -> str:
    return town.crm.add(ANN)


def test_a_first_fill_is_emptied_and_an_overwritten_value_put_back(town: Town, ann: str):
    bob = town.crm.add("bob@example.com", nps=4, comment="ok")
    town.tell(answer("a", 9, email=ANN), answer("b", 2, email="bob@example.com", comment="no"))
    run = town.run().run
    undone = town.undo(run)
    assert town.shown("nps", "segment", "comment", "last") == {ann: (None,) * 4, bob: (4, None, "ok", None)}
    assert (undone.status, undone.written, undone.fields) == ("succeeded", 2, 7)


def test_where_nothing_can_be_read_back_an_undo_refuses_and_says_why(town: Town, ann: str):
    run = told(town, "a", 9)
    before, town.crm.write_only = town.shown(), "nobody can look. Let npsync look"
    with pytest.raises(ConfigError, match=r"crm: nothing was undone.*nobody can look\. Let npsync look"):
        town.undo(run)
    assert town.shown() == before
    assert [one.kind for one in town.store.runs(limit=5)] == ["run"]  # it did not even begin


def test_the_next_runs_leave_it_undone_whatever_they_are_told(town: Town, ann: str):
    told(town, "a", 9)
    town.undo(told(town, "b", 2, days=1))
    for options in ({}, {"everything": True}, {"everything": True, "adopt": True, "recheck": True}):
        report = town.run(**options)
        assert (report.writes, town.shown()) == ({"contacts": 0}, {ann: 9})
    assert report.fields.undone == {"nps": 1, "segment": 1, "last": 1}
    assert report.fields.kept == {}
    assert counts(report) == {"unchanged": 1, "superseded": 1}
    always = {"nps": {"from": "score", "overwrite": "always"}}
    assert town.run(everything=True, job={"fields": always}).fields.undone == {"nps": 1}
    assert town.shown() == {ann: 9}


def test_a_newer_answer_releases_the_hold(town: Town, ann: str):
    town.undo(told(town, "a", 9))
    assert town.shown() == {ann: None}
    told(town, "b", 3, days=1)
    assert town.shown("nps", "segment") == {ann: (3, "detractor")}


def test_an_older_answer_that_comes_late_does_not(town: Town, ann: str):
    town.undo(told(town, "a", 9, days=5))
    told(town, "b", 3, days=1)
    assert town.shown() == {ann: None}


def test_answers_that_were_known_at_the_undo_are_not_newer_though_they_wrote_nothing(town: Town, ann: str):
    first = told(town, "a", 9)
    told(town, "b", 9)  # the same score on the same day
    told(town, "a", 9, comment="fine")  # and an edit
    town.undo(first, fields=frozenset({"nps"}))
    assert town.run(everything=True).fields.undone == {"nps": 1}
    told(town, "older", 3, days=-1)
    assert town.shown() == {ann: None}
    town.tell(answer("b", None, email=ANN, status=ResponseStatus.WITHDRAWN))
    town.run()
    assert town.shown() == {ann: None}


def test_an_answer_that_decides_when_its_elder_left_is_known_too(town: Town, ann: str):
    bob = town.crm.add("bob@example.com")
    town.tell(answer("early", 9, email=ANN), answer("moves", 9, email=ANN))
    run = town.run().run
    told(town, "moves", 9, email="bob@example.com")  # it was for bob, and "early" decides
    town.undo(run)
    assert town.run(everything=True).fields.undone["nps"] == 1
    assert town.shown() == {ann: None, bob: 9}


def test_an_edit_of_the_same_answer_does(town: Town, ann: str):
    town.undo(told(town, "a", 9))
    told(town, "a", 8)
    assert town.shown() == {ann: 8}


def test_with_the_undone_answer_withdrawn_the_one_before_it_shows_as_it_did(town: Town, ann: str):
    told(town, "a", 9)
    town.undo(told(town, "b", 2, days=1))
    town.tell(answer("b", None, email=ANN, status=ResponseStatus.WITHDRAWN))
    assert town.run().writes == {"contacts": 0}
    assert town.shown() == {ann: 9}
    town.tell(answer("a", None, email=ANN, status=ResponseStatus.WITHDRAWN))
    town.run()
    assert town.shown() == {ann: None}  # it was ours before the undone run, and is again


def test_what_was_there_before_us_is_not_cleared_after_an_undo(town: Town):
    ann = town.crm.add(ANN, nps=4)
    town.undo(told(town, "a", 9))
    town.tell(answer("a", None, email=ANN, status=ResponseStatus.WITHDRAWN))
    town.run()
    assert town.shown() == {ann: 4}


def test_an_undone_clearing_is_not_cleared_again_until_an_answer_comes_and_goes(town: Town, ann: str):
    told(town, "a", 9)
    town.tell(answer("a", None, email=ANN, status=ResponseStatus.WITHDRAWN))
    town.undo(town.run().run)
    assert town.shown() == {ann: 9}
    report = town.run(everything=True)
    assert (town.shown(), report.fields.undone) == ({ann: 9}, {"nps": 1, "segment": 1, "last": 1})
    told(town, "b", 3, days=1)
    assert town.shown() == {ann: 3}
    town.tell(answer("b", None, email=ANN, status=ResponseStatus.WITHDRAWN))
    town.run()
    assert town.shown() == {ann: None}


def test_what_somebody_sets_after_an_undo_is_theirs(town: Town, ann: str):
    town.undo(told(town, "a", 9))
    town.crm.contacts[ann]["nps"] = 5
    town.tell(answer("b", 3, email=ANN, days=1))
    report = town.run()
    assert (town.shown("nps", "segment"), report.fields.kept) == ({ann: (5, "detractor")}, {"nps": 1})


def test_a_value_adopted_and_given_back_is_somebodys_again(town: Town, ann: str):
    told(town, "a", 9)
    town.crm.contacts[ann]["nps"] = 5
    town.undo(town.run(everything=True, adopt=True).run)
    assert town.shown() == {ann: 5}
    assert told(town, "b", 3, days=1)
    assert town.shown("nps", "segment") == {ann: (5, "detractor")}


# ------------------------------------------------------------ what is left alone


def test_what_somebody_changed_since_is_left_alone_and_told(town: Town, ann: str):
    run = told(town, "a", 9, comment="good")
    town.crm.contacts[ann] |= {"nps": 5, "comment": None}
    undone = town.undo(run)
    assert town.shown("nps", "segment", "comment", "last") == {ann: (5, None, None, None)}
    assert why(undone) == {"nps": (Why.CHANGED, 5), "comment": (Why.SET_BACK, None)}
    assert undone.status == "partial"


def test_what_a_later_run_wrote_is_left_alone_until_that_run_is_undone(town: Town, ann: str):
    first, second = told(town, "a", 9), told(town, "b", 2, days=1)
    undone = town.undo(first)
    assert why(undone) == dict.fromkeys(("nps", "segment", "last"), (Why.WRITTEN_SINCE, second))
    assert town.shown() == {ann: 2}
    town.undo(second)
    assert (town.undo(first).status, town.shown()) == ("succeeded", {ann: None})
    # Neither comes back: both were taken back.
    assert town.run(everything=True).writes == {"contacts": 0}
    town.redo(first)
    assert town.shown() == {ann: 9}
    assert town.run(everything=True).writes == {"contacts": 0}
    town.redo(second)
    assert town.shown() == {ann: 2}
    assert town.run(everything=True).fields.undone == {}


SAME_DAY: dict[str, Any] = {"nps": "score", "last": {"from": "answered_at", "as": "date"}}


def test_what_the_answer_that_decides_now_shows_too_is_left_with_the_rest_of_it(sqlite_url: str):
    town = Town(sqlite_url, fields=SAME_DAY)
    ann = town.crm.add(ANN)
    first, second = told(town, "a", 9), told(town, "b", 1, days=0.1)
    day = town.crm.contacts[ann]["last"]
    undone = town.undo(first)
    assert why(undone) == {"nps": (Why.WRITTEN_SINCE, second), "last": (Why.SHOWN_NOW, second)}
    assert (undone.status, undone.written) == ("partial", 0)
    assert town.shown("nps", "last") == {ann: (1, day)}
    assert town.run(everything=True).writes == {"contacts": 0}
    town.undo(second)
    assert town.shown("nps", "last") == {ann: (9, day)}
    assert (town.undo(first).status, town.shown("nps", "last")) == ("succeeded", {ann: (None, None)})
    town.close()


def test_what_todays_mapping_shows_no_more_of_it_is_restored(sqlite_url: str):
    town = Town(sqlite_url, fields=SAME_DAY)
    ann = town.crm.add(ANN)
    first, _ = told(town, "a", 9), told(town, "b", 1, days=0.1)
    town.given["fields"] = {"nps": "score"}
    assert set(why(town.undo(first))) == {"nps"}
    assert town.shown("nps", "last") == {ann: (1, None)}
    town.close()


def test_what_the_answer_that_decides_shows_is_worked_out_from_the_record_as_it_is(sqlite_url: str):
    town = Town(sqlite_url, fields={"nps": "score", "comment": {"from": "record.code"}})
    ann = town.crm.add(ANN, code="gold")
    first, second = told(town, "a", 9), told(town, "b", 1, days=1)
    assert why(town.undo(first))["comment"] == (Why.SHOWN_NOW, second)
    town.crm.contacts[ann]["code"] = "silver"  # now it would show another
    town.undo(first)
    assert town.shown("nps", "comment") == {ann: (1, None)}
    town.close()


def test_undoing_twice_changes_nothing_more(town: Town, ann: str):
    run = told(town, "a", 9)
    first, again = town.undo(run), town.undo(run)
    assert (again.status, again.written) == ("succeeded", 0)
    assert set(why(again).values()) == {(Why.UNDONE, first.run)}
    assert town.shown() == {ann: None}


def test_a_record_that_is_gone_and_one_that_was_merged_are_told(town: Town, ann: str):
    bob, cyd = town.crm.add("bob@example.com"), town.crm.add("cyd@example.com")
    town.tell(answer("a", 9, email=ANN), answer("b", 3, email="bob@example.com"))
    run = town.run().run
    del town.crm.contacts[ann]
    town.crm.merge(bob, cyd)
    undone = town.undo(run)
    assert {(one.record_id, one.why, one.into) for one in undone.findings.left} == {
        (ann, Why.GONE, None),
        (bob, Why.MERGED, cyd),
    }
    assert (undone.status, undone.written) == ("partial", 0)


def test_a_hold_follows_its_answer_into_the_record_that_survives(town: Town, ann: str):
    other = town.crm.add("other@example.com")
    town.undo(told(town, "a", 9))
    town.crm.merge(ann, other)
    report = town.run(everything=True)
    assert (town.shown(), report.fields.undone) == ({other: None}, {"nps": 1, "segment": 1, "last": 1})


def test_a_field_that_is_gone_or_read_only_now_is_told(town: Town, ann: str, monkeypatch: pytest.MonkeyPatch):
    run = told(town, "a", 9)
    fields = {
        name: FieldSchema(name, name, type, writable=name != "segment")
        for name, type in FIELDS.items()
        if name != "last"
    }
    monkeypatch.setattr(town.crm, "describe", lambda object: ObjectSchema(object, fields))
    undone = town.undo(run)
    assert {name: one for name, (one, _) in why(undone).items()} == {
        "segment": Why.READ_ONLY,
        "last": Why.NO_FIELD,
    }
    assert town.shown("nps", "segment") == {ann: (None, "promoter")}


def test_only_the_records_and_fields_named_are_restored(town: Town, ann: str):
    bob = town.crm.add("bob@example.com")
    town.tell(answer("a", 9, email=ANN), answer("b", 3, email="bob@example.com"))
    run = town.run().run
    town.undo(run, records=(bob,), fields=frozenset({"nps"}))
    assert town.shown("nps", "segment") == {ann: (9, "promoter"), bob: (None, "detractor")}
    town.undo(run)
    assert town.shown("nps", "segment") == {ann: (None, None), bob: (None, None)}
    assert [one.written for one in town.redo(run)] == [2, 1]
    assert town.shown("nps", "segment") == {ann: (9, "promoter"), bob: (3, "detractor")}


def test_a_field_the_run_did_not_write_is_refused_before_anything_is_restored(town: Town, ann: str):
    run = told(town, "a", 9)
    with pytest.raises(ConfigError, match="wrote no field code; it wrote last, nps, segment"):
        town.undo(run, fields=frozenset({"code", "nps"}))
    assert town.shown() == {ann: 9}
    assert town.store.runs(limit=1)[0].status == "failed"


# ------------------------------------------------------------ bad days


def test_a_refused_restore_is_told_and_no_dead_letter(town: Town, ann: str):
    run = told(town, "a", 9)
    town.crm.refused.add(ann)
    undone = town.undo(run)
    assert (undone.status, undone.fields, [one.code for one in undone.refused]) == (
        "partial",
        0,
        ["validation"],
    )
    assert (town.shown(), town.store.dead_letters()) == ({ann: 9}, [])
    heal(town.crm)
    assert (town.undo(run).status, town.shown()) == ("succeeded", {ann: None})


def test_a_spent_budget_leaves_the_rest_for_the_next_undo(town: Town):
    people = [town.crm.add(f"p{n}@example.com") for n in range(7)]
    town.tell(*(answer(f"a{n}", 9, email=f"p{n}@example.com") for n in range(7)))
    run = town.run().run
    town.crm.before_call = BadDay(3, BudgetError("no calls left today"))
    undone = town.undo(run)
    assert (undone.status, undone.problems) == ("partial", ("no calls left today",))
    heal(town.crm)
    town.undo(run)
    assert town.shown() == dict.fromkeys(people)


def test_asked_to_stop_an_undo_says_so_unless_nothing_is_left(town: Town):
    people = [town.crm.add(f"p{n}@example.com") for n in range(7)]
    town.tell(*(answer(f"a{n}", 9, email=f"p{n}@example.com") for n in range(7)))
    run = town.run().run
    before = len(town.crm.writes)
    stopped = town.undo(run, stop=lambda: True)
    assert (stopped.status, stopped.problems) == ("partial", ("the undo was asked to stop",))
    done = town.undo(run, stop=lambda: len(town.crm.writes) > before)
    assert (done.status, done.problems, done.written) == ("succeeded", (), 7)
    assert town.shown() == dict.fromkeys(people)


@pytest.mark.parametrize("failure", [Killed(), UnavailableError("the reply is lost")])
def test_a_reply_lost_in_the_middle_is_settled_by_looking(town: Town, ann: str, failure: Any):
    run = told(town, "a", 9)
    town.crm.after_write = BadDay(0, failure)
    if isinstance(failure, Killed):
        with pytest.raises(Killed):
            town.undo(run)
        town.later(minutes=5)
    else:
        assert town.undo(run).status == "failed"
    heal(town.crm)
    writes = len(town.crm.writes)
    again = town.undo(run)
    assert (again.written, len(town.crm.writes), town.shown()) == (0, writes, {ann: None})
    assert {one.why for one in again.findings.left} == {Why.UNDONE}
    assert town.run(everything=True).writes == {"contacts": 0}


def no_answer_to_writes(town: Town) -> None:
    """Writes arrive, the vendor says nothing of them, and reading the records fails."""
    town.crm.silent |= set(town.crm.contacts)

    def busy(call: str) -> None:
        if call == "get" and "write" in town.crm.calls:
            raise UnavailableError("busy")

    town.crm.calls.clear()
    town.crm.before_call = busy


def test_a_write_nobody_was_told_of_is_taken_back_where_it_shows(town: Town, ann: str):
    bob = town.crm.add("bob@example.com")
    town.tell(answer("a", 9, email=ANN), answer("b", 3, email="bob@example.com"))
    no_answer_to_writes(town)
    run = town.run().run
    assert [outcome for _, outcome in town.store.run_changes(run)] == ["unknown", "unknown"]
    town.crm.contacts[bob] |= {"nps": None, "segment": None, "last": None}  # for bob it did not arrive
    heal(town.crm)
    undone = town.undo(run)
    assert (undone.status, undone.written, undone.findings.left) == ("succeeded", 1, [])
    assert town.shown() == {ann: None, bob: None}
    assert town.run(everything=True, adopt=True).fields.undone == {"nps": 1, "segment": 1, "last": 1}
    assert town.shown() == {ann: None, bob: 3}


def test_a_restore_nobody_was_told_of_holds_where_it_shows(town: Town, ann: str):
    run = told(town, "a", 9)
    no_answer_to_writes(town)
    town.undo(run)
    assert town.shown() == {ann: None}
    heal(town.crm)
    assert town.run(everything=True).writes == {"contacts": 0}
    assert {one.why for one in town.undo(run).findings.left} == {Why.UNDONE}


def test_what_a_bulk_job_wrote_is_undone_without_it(town: Town):
    people = [town.crm.add(f"p{n}@example.com") for n in range(5)]
    town.tell(*(answer(f"a{n}", 9, email=f"p{n}@example.com") for n in range(5)))
    town.crm.jobs = {}
    run = town.run().run
    assert town.crm.jobs
    town.crm.jobs = None
    assert (town.undo(run).written, town.shown()) == (5, dict.fromkeys(people))


def test_an_undo_moves_no_answer_and_is_a_run_of_its_own(town: Town, ann: str):
    run = told(town, "a", 9)
    before = town.store.states(SYNC, [1])
    undone = town.undo(run)
    assert town.store.states(SYNC, [1]) == before
    row = town.store.run(undone.run)
    assert row is not None
    assert (row.kind, row.status, row.report["undoes"]) == ("undo", "succeeded", run)
    (redone,) = town.redo(undone.run)
    assert (town.store.run(redone.run).kind, town.shown()) == ("redo", {ann: 9})  # type: ignore[union-attr]
    assert town.undo(redone.run).written == 1
    assert town.shown() == {ann: None}
    assert town.run(everything=True).writes == {"contacts": 0}
