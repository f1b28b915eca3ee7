"""What one run did, page by page: its changes by outcome, record and field, its answers by state."""

from __future__ import annotations

import pytest
from builders_store import Syncing, answer, receive

from nps.changes import Cause, Change, Outcome, Rejected, Unknown, Written
from store import looking
from store.api import State
from store.sql import SqlStore


def outcomes(one: Change) -> Outcome:
    if one.record_id == "003a2":
        return Rejected(one.record_id, "RULE", "no", cause=Cause.RECORD)
    return Unknown(one.record_id, "nobody answered") if one.record_id == "003a4" else Written(one.record_id)


@pytest.fixture
def ran(store: SqlStore, syncing: Syncing) -> Syncing:
    receive(store, *(answer(f"a{n}") for n in range(1, 6)))
    syncing.plan()
    syncing.write(outcomes)
    return syncing


def test_changes_come_a_page_at_a_time_and_each_once(store: SqlStore, ran: Syncing):
    seen, after = [], 0
    while some := store.journal_page(ran.run, after=after, limit=2):
        seen += some
        after = some[-1].number
    assert sorted(one.change.record_id for one in seen) == [f"003a{n}" for n in range(1, 6)]
    assert [one.number for one in seen] == sorted(one.number for one in seen)
    assert store.journal_page(ran.run + 1) == []


def test_changes_are_narrowed_to_an_outcome_a_record_or_a_field(store: SqlStore, ran: Syncing):
    [refused] = store.journal_page(ran.run, outcome="rejected")
    assert (refused.change.record_id, refused.code, refused.message) == ("003a2", "RULE", "no")
    assert [one.change.record_id for one in store.journal_page(ran.run, outcome="unknown")] == ["003a4"]
    assert len(store.journal_page(ran.run, outcome="written")) == 3
    assert [one.outcome for one in store.journal_page(ran.run, record="003a1")] == ["written"]
    assert len(store.journal_page(ran.run, field="NPS__c")) == 5
    assert store.journal_page(ran.run, field="NPS_%") == []


def test_what_is_only_planned_says_so(store: SqlStore, syncing: Syncing):
    receive(store, answer())
    syncing.plan()
    assert [one.outcome for one in store.journal_page(syncing.run)] == ["planned"]
    syncing.cut()
    syncing.open()
    assert [one.outcome for one in store.journal_page(syncing.run)] == ["open"]


def test_the_answers_of_a_run_are_listed_by_state(store: SqlStore, ran: Syncing):
    def ids(state: State) -> list[str]:
        found, on = store.run_answers(ran.run, state)
        assert on is None
        return [stored.response.id for stored, _ in found]

    assert ids(State.WRITTEN) == ["a5", "a3", "a1"]
    assert ids(State.REJECTED) == ["a2"]
    assert ids(State.PENDING) == ["a4"]
    assert ids(State.EXCLUDED) == []


def test_answers_come_a_page_at_a_time_however_far_apart_they_are(
    store: SqlStore, ran: Syncing, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(looking, "REACH", 2)
    seen: list[str] = []
    on: int | None = None
    while True:
        found, on = store.run_answers(ran.run, State.WRITTEN, before=on, limit=1)
        seen += [stored.response.id for stored, _ in found]
        if on is None:
            break
    assert seen == ["a5", "a3", "a1"]


def test_what_arrived_after_a_run_ended_is_not_looked_through(store: SqlStore, ran: Syncing):
    store.end_run(ran.run, "succeeded", now=answer().answered_at, report={})
    found, _ = store.run_answers(ran.run, State.WRITTEN)
    assert len(found) == 3
    assert store.run_answers(99, State.WRITTEN) == ([], None)


def test_changes_of_another_run_are_not_shown(store: SqlStore, ran: Syncing):
    ran.begin()
    receive(store, answer("b1"), cursor=9)
    ran.plan()  # and a4, of which nobody knows whether it arrived
    assert [one.change.record_id for one in store.journal_page(ran.run)] == ["003a4", "003b1"]
