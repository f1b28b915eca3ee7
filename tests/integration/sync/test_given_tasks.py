"""`follow_up:` with a task: exactly one for an answer that meets a rule, for somebody who can do it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from builders_aftercare import CALL, HISTORY, CaringTown, followed
from builders_sync import answer, breaker, counts
from fake_clock import NOON
from memory_aftercare import deferred, refusal
from memory_destination import MemoryCrm

from connectors.contract import Case, Priority, Task
from nps.errors import UnavailableError
from nps.responses import ResponseStatus
from nps.suspicion import HoldSpec
from npsync.words.followed_text import plan_lines
from store.api import State
from store.api.outbox import Kind, Stage

Build = Callable[..., CaringTown]
VIP: dict[str, Any] = {
    "where": "score <= 2",
    "task": {"subject": "At once: {score}", "due": "1 day", "priority": "high"},
}


@pytest.fixture
def town(caring_town: Build) -> CaringTown:
    return caring_town(rules=[CALL])


def the_task(town: CaringTown) -> Task:
    (task,) = town.crm.tasks.values()
    return task


def unhappy(town: CaringTown, score: int = 3, **others: Any) -> None:
    town.contact("ann")
    town.tell(answer("a", score, email="ann@example.com", **others))


def test_an_unhappy_answer_becomes_one_task_for_the_records_owner(town: CaringTown):
    unhappy(town)
    town.contact("bob")
    town.tell(answer("b", 9, email="bob@example.com"))
    report = town.run()
    task = the_task(town)
    assert (task.subject, task.owner, task.record_id, task.priority) == (
        "Call ann@example.com: scored 3",
        "kim",
        "c1",
        Priority.NORMAL,
    )
    assert task.due == (town.clock.now() + timedelta(days=2)).date()
    assert (followed(report, Kind.TASK), report.status) == ({"created": 1}, "succeeded")
    assert town.stages(Kind.TASK) == {"mail:a": Stage.DONE}


def test_the_body_saves_the_reader_the_research(town: CaringTown):
    town.contact("ann")
    opened = datetime(2026, 2, 27, 9, tzinfo=UTC)
    town.crm.told_cases["c1"] = [
        Case("5001", "Invoice wrong", "Closed", False, opened, opened + timedelta(days=2)),
        Case("5002", "Cannot log in", "New", True, opened),
    ]
    town.tell(
        answer("old", 9, email="ann@example.com"),
        answer("a", 3, days=1, email="ann@example.com", comment="Too slow.", channel="email"),
    )
    town.run()
    assert the_task(town).body == (
        "ann@example.com gave 3 of 10 (detractor) on 2026-03-03. Survey: relationship (mail, email).\n\n"
        "Comment:\nToo slow.\n\n"
        "Before: 9 on 2026-03-02.\n\n"
        "Cases:\n- Cannot log in (New, open since 2026-02-27)\n- Invoice wrong (Closed, closed 2026-03-01)\n\n"
        "Why the record shows this: npsync why c1"
    )


def test_the_body_may_be_ones_own(caring_town: Build):
    task = {**CALL["task"], "body": "Was {previous_score} on {previous_answered_at}.{cases} See {why}"}
    town = caring_town(rules=[{**CALL, "task": task}])
    town.contact("ann")
    town.tell(answer("old", 9, email="ann@example.com"), answer("a", 3, days=1, email="ann@example.com"))
    town.run()
    assert the_task(town).body == "Was 9 on 2026-03-02.none open, none lately. See npsync why c1"


@pytest.mark.parametrize("order", [[CALL, VIP], [VIP, CALL]])
def test_several_rules_make_one_task_the_first_ones(caring_town: Build, order: list[dict[str, Any]]):
    town = caring_town(rules=order)
    unhappy(town, 1)
    town.run()
    assert the_task(town).subject == order[0]["task"]["subject"].format(
        score=1, record=type("R", (), {"email": "ann@example.com"})
    )


def test_an_edit_opens_no_second_task(town: CaringTown):
    unhappy(town)
    town.run()
    town.tell(answer("a", 1, comment="worse", email="ann@example.com"))
    town.run()
    town.run(everything=True)
    assert len(town.crm.tasks) == 1
    assert town.twice() == []


def test_a_good_answer_that_is_edited_to_a_bad_one_opens_one(town: CaringTown):
    unhappy(town, 9)
    town.run()
    assert town.outbox() == []  # what no rule wants leaves no trace
    town.tell(answer("a", 2, email="ann@example.com"))
    town.run()
    assert the_task(town).subject == "Call ann@example.com: scored 2"


def test_only_the_answer_that_decides_its_record_opens_a_task(town: CaringTown):
    town.contact("ann")
    town.tell(
        answer("older", 1, email="ann@example.com"), answer("newer", 3, days=1, email="ann@example.com")
    )
    town.run()
    assert [task.key for task in town.crm.tasks.values()] == ["mail:newer"]


def test_an_answer_that_decides_again_is_followed_up_then(town: CaringTown):
    town.contact("ann")
    town.tell(
        answer("older", 1, email="ann@example.com"), answer("newer", 9, days=1, email="ann@example.com")
    )
    town.run()
    assert town.crm.tasks == {}
    town.tell(answer("newer", 9, days=1, email="ann@example.com", status=ResponseStatus.WITHDRAWN))
    town.run()
    assert [task.key for task in town.crm.tasks.values()] == ["mail:older"]


def test_an_answer_without_a_record_or_one_that_is_refused_opens_none(town: CaringTown):
    town.tell(answer("waiting", 1), answer("bad", 99))
    assert counts(town.run()) == {"waiting": 1, "rejected": 1}
    assert (town.crm.tasks, town.outbox()) == ({}, [])


def test_a_held_answer_opens_none_until_a_person_releases_it(caring_town: Build):
    town = caring_town(rules=[CALL], history=HISTORY, hold=HoldSpec())
    town.contact("ann")
    quick: dict[str, Any] = {"channel": "email", "invited_at": NOON, "days": 3 / 86_400}
    town.tell(answer("a", 0, email="ann@example.com", **quick))
    assert counts(town.run()) == {"held": 1}
    assert (town.crm.tasks, town.crm.kept_entries, town.outbox()) == ({}, {}, [])
    ((stored, _),) = town.store.undecided("nps", [State.HELD], limit=10)
    town.store.release_held([("mail", "a")], {"nps": [stored.number]}, now=town.clock.now())
    town.run()
    assert ([task.key for task in town.crm.tasks.values()], list(town.crm.kept_entries)) == (
        ["mail:a"],
        ["mail:a"],
    )


def test_an_answer_whose_change_was_refused_opens_none_until_it_is_written(town: CaringTown):
    unhappy(town)
    town.crm.refused.add("c1")
    report = town.run()
    assert followed(report, Kind.TASK) == {"void": 1}
    assert [(one.stage, one.code) for one in town.outbox()] == [(Stage.VOID, "rejected")]
    town.crm.refused.clear()
    town.store.retry_letters([letter.id for letter in town.store.dead_letters()])
    town.run()
    assert len(town.crm.tasks) == 1


def test_an_answer_whose_change_is_put_off_waits_with_its_task(town: CaringTown):
    unhappy(town)
    town.crm.locked.add("c1")
    assert followed(town.run(), Kind.TASK) == {"left": 1}
    town.crm.locked.clear()
    assert followed(town.run(), Kind.TASK) == {"created": 1}


def test_a_run_the_breaker_stops_opens_none(caring_town: Build):
    town = caring_town(rules=[CALL], breaker=breaker(changed_share="0%", canary=0))
    for number in range(60):
        town.contact(f"p{number}", nps=10)
        town.tell(answer(f"p{number}", 1))
    assert town.run(adopt=True).status == "stopped"
    assert town.crm.tasks == {}
    assert town.run(accept_breaker=True, adopt=True).status == "succeeded"
    assert len(town.crm.tasks) == 60


def test_nothing_answered_before_the_first_run_is_followed_up(caring_town: Build):
    town = caring_town(rules=[CALL], since=None)
    unhappy(town)
    [said, _] = plan_lines(town.previewed_whole().followed)
    assert said.strip().startswith("follow-up begins with the first run: answers given before it are not")
    town.run()
    assert (town.crm.tasks, town.outbox()) == ({}, [])
    assert list(plan_lines(town.previewed_whole().followed)) == []
    town.later(days=1)
    town.contact("bob")
    town.tell(answer("late", 1, days=99, email="bob@example.com"))  # given before, told only now
    town.run()
    assert town.crm.tasks == {}
    town.tell(answer("new", 2, days=100.5, email="bob@example.com"))
    town.run()
    assert [task.key for task in town.crm.tasks.values()] == ["mail:new"]


def test_follow_ups_turned_on_later_leave_old_answers_alone(caring_town: Build):
    town = caring_town(since=None)
    unhappy(town)
    town.run()
    town.later(days=1)
    town.rules = (CALL,)
    town.run(everything=True)
    assert town.crm.tasks == {}
    town.since = NOON - timedelta(days=1)  # follow_up_since says otherwise
    town.run(everything=True)
    assert len(town.crm.tasks) == 1


def test_follow_ups_taken_out_and_put_back_begin_anew(caring_town: Build):
    town = caring_town(rules=[CALL], since=None)
    town.run()
    town.later(days=1)
    town.rules = ()
    town.run()
    town.contact("ann")
    town.tell(answer("meanwhile", 1, days=101.5, email="ann@example.com"))
    town.later(days=1)
    town.rules = (CALL,)
    town.run()
    assert town.crm.tasks == {}


# ------------------------------------------------------------ whose it is


def test_whoever_is_next_gets_it_when_the_owner_has_left(caring_town: Build):
    rule = {**CALL, "task": {**CALL["task"], "otherwise": ["lee@acme.com", "boss"]}}
    town = caring_town(rules=[rule])
    town.crm.leave("kim")
    unhappy(town)
    town.run()
    assert the_task(town).owner == "lee"
    town.crm.leave("lee")
    town.contact("bob", owner=None)
    town.tell(answer("b", 3, email="bob@example.com"))
    town.run()
    assert [task.owner for task in town.crm.tasks.values()] == ["lee", "boss"]


def test_somebody_the_crm_refuses_is_passed_over_within_the_same_run(caring_town: Build):
    """An owner may look active and still get no task: only the CRM knows."""
    rule = {**CALL, "task": {**CALL["task"], "otherwise": ["lee"]}}
    town = caring_town(rules=[rule])
    asked = town.crm.owners

    def stale(ids: Any) -> Any:
        found = dict(asked(ids))
        town.crm.leave("kim")
        return found

    town.crm.owners = stale  # type: ignore[method-assign]
    unhappy(town)
    report = town.run()
    assert (the_task(town).owner, followed(report, Kind.TASK)) == ("lee", {"created": 1})


def test_with_nobody_left_it_is_refused_with_the_reason(town: CaringTown):
    town.crm.leave("kim")
    unhappy(town)
    town.contact("bob", owner=None)
    town.tell(answer("b", 3, email="bob@example.com"))
    report = town.run()
    assert (followed(report, Kind.TASK), report.status) == ({"rejected": 2}, "partial")
    assert {one.subject: one.reason for one in town.outbox()} == {
        "mail:a": "nobody is left to give it to: of 1 named, 1 inactive",
        "mail:b": "its record has no owner, and the rule names nobody under `otherwise`",
    }
    assert {one.code for one in town.outbox()} == {"no_owner"}


def test_the_yaml_may_name_another_owner_field(caring_town: Build):
    town = caring_town(rules=[{**CALL, "task": {**CALL["task"], "owner": "record.code"}}])
    MemoryCrm.add(town.crm, "ann@example.com", owner="kim", code="boss")
    town.tell(answer("a", 3, email="ann@example.com"))
    town.run()
    assert the_task(town).owner == "boss"


# ------------------------------------------------------------ bad days


def test_a_task_nobody_answered_for_is_looked_up_and_never_given_twice(town: CaringTown):
    unhappy(town)
    town.crm.mute.add("mail:a")
    report = town.run()
    assert (followed(report, Kind.TASK), report.status) == ({"unknown": 1}, "partial")
    town.crm.mute.clear()
    assert (followed(town.run(), Kind.TASK), town.twice()) == ({"created": 1}, [])
    assert town.stages(Kind.TASK) == {"mail:a": Stage.DONE}


def test_a_task_that_did_not_arrive_is_given_once_that_is_known(town: CaringTown):
    unhappy(town)

    def lost(call: str) -> None:
        if call == "give":
            raise UnavailableError("crm: no answer")

    town.crm.before_call = lost
    assert followed(town.run(), Kind.TASK) == {"unknown": 1}
    town.crm.before_call = lambda call: None
    assert followed(town.run(), Kind.TASK) == {"created": 1}
    assert len(town.crm.tasks) == 1


def test_a_task_that_was_superseded_while_it_waited_is_not_given(town: CaringTown):
    unhappy(town)
    town.crm.outcome["mail:a"] = deferred
    town.run()
    town.tell(answer("b", 10, days=1, email="ann@example.com"))
    report = town.run()
    assert (town.crm.tasks, followed(report, Kind.TASK)) == ({}, {"void": 1})


def test_a_refused_task_is_told_and_retried_by_a_person(town: CaringTown):
    unhappy(town)
    town.crm.outcome["mail:a"] = refusal
    assert town.run().status == "partial"
    assert town.run().status == "succeeded"
    (entry,) = town.outbox()
    assert (entry.stage, entry.reason) == (Stage.REJECTED, "not wanted here")
    town.store.retry_entries([entry.id], now=town.clock.now())
    town.run()
    assert len(town.crm.tasks) == 1


def test_a_merged_records_task_goes_to_the_survivor(town: CaringTown):
    unhappy(town)
    survivor = town.contact("anna", owner="lee")
    town.crm.outcome["mail:a"] = deferred
    town.run()
    town.crm.merge("c1", survivor)
    town.run()
    assert (the_task(town).record_id, the_task(town).owner) == (survivor, "lee")


def test_a_plan_shows_the_tasks_and_gives_none(town: CaringTown):
    unhappy(town)
    made = town.previewed_whole()
    tally = made.followed.tallies[Kind.TASK]
    due = (town.clock.now() + timedelta(days=2)).date()
    assert tally.examples == [f"Call ann@example.com: scored 3 (due {due}, for Kim)"]
    assert (tally.as_json(), town.crm.tasks) == ({"created": 1}, {})
    assert isinstance(due, date)


# ------------------------------------------------------------ closing the loop


def test_what_people_closed_is_learned_at_most_once_an_hour(town: CaringTown):
    unhappy(town)
    town.run()
    (id,) = town.crm.tasks
    done_at = town.clock.now() + timedelta(minutes=30)
    town.crm.close_task(id, done_at)
    town.crm.calls.clear()
    town.later(minutes=50)
    assert "task_states" not in town.crm.calls
    assert followed(town.run(), Kind.TASK) == {}
    town.later(minutes=20)
    assert followed(town.run(), Kind.TASK) == {"closed": 1}
    assert [one.closed_at for one in town.store.given_tasks(["nps"])] == [done_at]
    town.crm.calls.clear()
    town.later(hours=2)
    town.run()
    assert "task_states" not in town.crm.calls  # none is open any more


def test_a_task_somebody_deleted_counts_as_gone_and_is_not_given_again(town: CaringTown):
    unhappy(town)
    town.run()
    list(town.crm.take_away(list(town.crm.tasks)))
    town.later(hours=2)
    assert followed(town.run(), Kind.TASK) == {"gone": 1}
    town.run(everything=True)
    assert (town.crm.tasks, town.stages(Kind.TASK)) == ({}, {"mail:a": Stage.REMOVED})


def test_a_task_that_a_person_discards_while_its_owner_is_looked_up_is_not_given(town: CaringTown):
    unhappy(town)

    def discard(call: str) -> None:
        if call == "owners":
            [entry] = town.store.entries_like(kind=Kind.TASK)
            town.store.discard_entries([entry.id], "Bob: she was called", now=NOON)

    town.crm.before_call = discard
    assert town.run().status == "succeeded"
    assert (town.crm.tasks, town.stages(Kind.TASK)) == ({}, {"mail:a": Stage.VOID})
