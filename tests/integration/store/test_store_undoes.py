"""A change that takes another back has its outcome in the journal, and moves nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from builders_store import SYNC, Syncing, answer, change, receive

from nps.changes import Change, Deferred, Outcome, Rejected, Unknown, Written
from store.api import State
from store.sql import SqlStore

OUTCOMES: dict[str, Callable[[Change], Outcome]] = {
    "written": lambda one: Written(one.record_id),
    "rejected": lambda one: Rejected(one.record_id, code="DELETED", message="entity is deleted"),
    "deferred": lambda one: Deferred(one.record_id, reason="the row is locked"),
    "unknown": lambda one: Unknown(one.record_id, reason="the connection broke"),
}


def undo(number: int) -> Change:
    return change("003a1", response=None, undoes=number, before={"NPS__c": 9}, after={"NPS__c": None})


@pytest.mark.parametrize("ends", OUTCOMES)
def test_an_undone_change_moves_no_answer_and_leaves_no_letter(store: SqlStore, syncing: Syncing, ends: str):
    receive(store, answer("a1"), answer("a2"))
    syncing.plan()
    syncing.write(lambda one: OUTCOMES["rejected" if one.record_id == "003a2" else "written"](one))
    (written, _refused) = store.run_changes(syncing.run)
    letters, states = store.dead_letters(), store.states(SYNC, [1, 2])

    syncing.begin()
    syncing.settle([], changes={"003a1": undo(written[0].id)})
    syncing.write(OUTCOMES[ends])

    assert [(one.undoes, outcome) for one, outcome in store.run_changes(syncing.run)] == [
        (written[0].id, ends)
    ]
    assert store.dead_letters() == letters
    assert store.states(SYNC, [1, 2]) == states
    assert {number: one.state for number, one in states.items()} == {1: State.WRITTEN, 2: State.REJECTED}
    assert syncing.balance() == (2, 2)


@pytest.mark.parametrize("ends", OUTCOMES)
def test_an_undone_change_is_no_clearing_and_settles_none(store: SqlStore, syncing: Syncing, ends: str):
    syncing.settle([], changes={"003a1": change("003a1", response=None, after={"NPS__c": None})})
    syncing.write(OUTCOMES["deferred"])
    assert store.clearings(SYNC, "", 9) == ["003a1"]

    syncing.begin()
    syncing.settle([], changes={"003a1": undo(1), "003B": change("003B", response=None, undoes=2)})
    syncing.write(OUTCOMES[ends])

    assert store.clearings(SYNC, "", 9) == ["003a1"]


def test_what_an_undone_change_wrote_is_our_last_confirmed_value(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1"))
    syncing.plan()
    syncing.write()
    syncing.begin()
    syncing.settle([], changes={"003a1": undo(1)})
    syncing.write()
    assert store.confirmed("crm", "Contact", ["003a1"]) == {"003a1": {"NPS__c": None}}
