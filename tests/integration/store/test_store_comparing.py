"""How a sync stands as a whole, and what it has ever written."""

from __future__ import annotations

from builders_store import SYNC, Syncing, answer, receive

from nps.changes import Change, Outcome, Rejected, Written
from store.api import Settled, State
from store.api.comparing import Standing
from store.sql import SqlStore


def test_answers_are_counted_by_state_and_reason_and_overtaken_versions_are_not(
    store: SqlStore, syncing: Syncing
) -> None:
    receive(store, answer("a1"), answer("a2"), answer("a3"))
    syncing.take_up()
    first, second, third = syncing.work()
    syncing.settle(
        [
            Settled(number=first.number, state=State.UNCHANGED, record_id="003A"),
            Settled(number=second.number, state=State.EXCLUDED, code="filtered"),
            Settled(number=third.number, state=State.SUPERSEDED, code="edited"),
        ]
    )
    assert store.standings(SYNC) == [
        Standing(State.EXCLUDED, "filtered", False, 1),
        Standing(State.UNCHANGED, "", False, 1),
    ]
    assert store.standings("other") == []


def test_what_a_plan_is_going_to_write_is_told_apart(store: SqlStore, syncing: Syncing) -> None:
    receive(store, answer("a1"))
    syncing.plan()
    assert [(one.state, one.planned, one.answers) for one in store.standings(SYNC)] == [
        (State.PENDING, True, 1)
    ]


def test_fields_are_those_of_confirmed_writes_each_counted_by_its_records(
    store: SqlStore, syncing: Syncing
) -> None:
    def outcome(change: Change) -> Outcome:
        if change.record_id == "003a3":
            return Rejected(change.record_id, "NO", "no")
        return Written(change.record_id)

    receive(store, answer("a1"), answer("a2"), answer("a3"))
    syncing.plan(after={"NPS__c": 9, "Old__c": "x"})
    assert store.fields_written(SYNC) == []
    syncing.write(outcome)
    receive(store, answer("a1", 3), cursor=2)
    syncing.begin()
    syncing.plan(after={"NPS__c": 3})
    syncing.write()
    assert sorted(store.fields_written(SYNC)) == ["NPS__c", "Old__c"]
    assert (store.records_with(SYNC, "Old__c"), store.records_with(SYNC, "NPS__c")) == (2, 2)
    assert store.records_with(SYNC, "Old") == 0
    assert store.fields_written("other") == []
