"""Between an erasing that was broken off and the next one the store still has what its person said: nothing takes it
up, so that nothing is written to the CRM again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from builders_aftercare import CALL, HISTORY, CaringTown
from builders_sync import SYNC, Town, answer, counts
from memory_aftercare import refusal

from nps.forgetting import Forgetting, person_name
from store.api import State
from store.api.outbox import Stage
from sync.inbox import take_in
from sync.restoring import Why

PEPPER = Forgetting("a-pepper-of-the-town")
ANN = "ann@example.com"


def forget(town: Town, *names: str) -> None:
    """The first step of erasing somebody, and the last one before the kill."""
    town.store.database.forgetting = PEPPER  # type: ignore[attr-defined]
    town.store.bury(names or [f"email:{ANN}"], now=town.clock.now())


def empty(town: Town, id: str) -> None:
    """As erasing does in the CRM."""
    town.crm.contacts[id].update(nps=None, segment=None, comment=None, last=None)


@pytest.mark.parametrize("options", [{}, {"everything": True}, {"everything": True, "adopt": True}])
def test_what_was_emptied_stays_empty_whatever_a_run_is_told(town: Town, options: dict[str, bool]):
    ann, bob = town.crm.add(ANN), town.crm.add("bob@example.com")
    town.tell(answer("a", 9, email=ANN), answer("b", 3, email="bob@example.com"))
    town.run()
    forget(town)
    empty(town, ann)
    report = town.run(**options)
    assert (report.status, report.writes) == ("succeeded", {"contacts": 0})
    assert town.shown() == {ann: None, bob: 3}
    if options:
        assert counts(report) == {"excluded": 1, "unchanged": 1}
    assert town.store.balance(SYNC, ("mail", "app")) == (2, 2)


def test_neither_an_undo_nor_a_redo_writes_about_somebody_who_is_being_erased(town: Town):
    """What was there before was empty, so an emptied record looks as an undo had left it."""
    ann, bob = town.crm.add(ANN), town.crm.add("bob@example.com")
    town.tell(answer("a", 9, email=ANN), answer("b", 3, email="bob@example.com"))
    run = town.run().run
    town.undo(run)
    town.later(minutes=1)
    forget(town, f"email:{ANN}", person_name("crm", ann))
    empty(town, ann)
    [redone] = town.redo(run)
    assert {(one.record_id, one.why) for one in redone.findings.left} == {(ann, Why.ERASED)}
    assert town.shown() == {ann: None, bob: 3}

    town.crm.contacts[ann]["nps"] = 9  # not emptied yet
    undone = town.undo(run)
    assert {one.why for one in undone.findings.left if one.record_id == ann} == {Why.ERASED}
    assert town.shown() == {ann: 9, bob: None}


def test_what_was_written_after_they_came_back_can_be_undone(town: Town):
    ann = town.crm.add(ANN)
    forget(town, person_name("crm", ann))
    town.later(minutes=1)
    town.tell(answer("a", 9, email=ANN))
    assert town.undo(town.run().run).written == 1
    assert town.shown() == {ann: None}


def test_who_they_were_stays_known_until_they_are_erased(town: Town):
    ann = town.crm.add(ANN)
    town.tell(answer("a", 9, email=ANN))
    town.run()
    forget(town)
    town.run(everything=True)
    [settled] = town.store.states(SYNC, [1]).values()
    assert (settled.state, settled.code, settled.record_id) == (State.EXCLUDED, "forgotten", ann)
    assert town.shown() == {
        ann: 9
    }  # emptying the CRM is for the erasing, which may have been told to keep it


def test_an_answer_that_waited_is_not_written_when_its_record_comes(town: Town):
    town.tell(answer("a", 9, email=ANN))
    town.run()
    forget(town)
    ann = town.crm.add(ANN)
    assert counts(town.run(recheck=True)) == {"excluded": 1}
    assert town.shown() == {ann: None}


def test_an_edit_that_no_run_has_seen_is_not_written_and_what_came_before_it_gives_way(town: Town):
    ann = town.crm.add(ANN)
    town.tell(answer("a", 9, email=ANN))
    town.run()
    take_in(town.job().feeds[0], [answer("a", 2, email=ANN)], town.store, town.clock, region=None)
    forget(town)
    empty(town, ann)
    assert town.run(everything=True).writes == {"contacts": 0}
    assert town.shown() == {ann: None}


def test_of_a_shared_record_the_answer_of_somebody_else_decides(town: Town):
    """Two people of one office; who was forgotten answered later."""
    office = town.crm.add("office@example.com", code="7")
    job = {"match": ("email", "external_id")}
    town.tell(
        answer("a", 9, email="jo@example.com", external_id="7", days=5),
        answer("b", 3, email="office@example.com"),
    )
    town.run(job=job)
    assert town.shown() == {office: 9}
    forget(town, "email:jo@example.com")
    town.tell(answer("c", 4, email="office@example.com", days=1))
    town.run(job=job)
    assert town.shown() == {office: 4}


@pytest.mark.parametrize("after", [{"rules": [CALL]}, {"history": HISTORY}], ids=["task", "history"])
def test_what_was_refused_of_what_follows_is_not_made_when_somebody_retries(
    caring_town: Callable[..., CaringTown], after: dict[str, Any]
):
    town = caring_town(**after)
    town.contact("ann")
    town.tell(answer("a", 3, email=ANN))
    town.crm.outcome["mail:a"] = refusal
    town.run()
    [entry] = town.outbox()
    assert entry.stage is Stage.REJECTED
    forget(town)
    town.crm.outcome.clear()
    town.store.retry_entries([entry.id], now=town.clock.now())
    town.run()
    assert (town.crm.tasks, town.crm.made) == ({}, [])
    assert [one.stage for one in town.outbox()] == [Stage.VOID]


def test_a_refused_change_that_is_retried_is_not_written(town: Town):
    ann = town.crm.add(ANN)
    town.crm.refused.add(ann)
    town.tell(answer("a", 9, email=ANN))
    town.run()
    [letter] = town.store.dead_letters()
    forget(town)
    town.crm.refused.clear()
    town.store.retry_letters([letter.id])
    assert counts(town.run()) == {"excluded": 1}
    assert town.shown() == {ann: None}
