"""The outbox: wanted with the answer's state, opened before the call, settled exactly once."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from builders_store import NOON, SYNC, Syncing, answer, receive

from nps.errors import LeaseLost
from store import open_store
from store.api import Settled, State, Wanted
from store.api.outbox import Kind, Opening, Outgoing, Settling, Stage, Waiting
from store.errors import StoreError
from store.sql import SqlStore

LATER = NOON + timedelta(hours=1)


def wanted(kind: Kind = Kind.TASK, subject: str = "mail:a1", **others: Any) -> Wanted:
    given = {"response": 1, "record_id": "003A", "connection": "crm", "object": "Task", "key": subject}
    return Wanted(kind=kind, subject=subject, **(given | others))


def want(syncing: Syncing, *some: Wanted, at: Any = NOON) -> None:
    syncing.store.settle(
        SYNC,
        syncing.run,
        lease=syncing.lease,
        now=at,
        settled=[],
        demoted={},
        changes={},
        connection="crm",
        wanted=some,
    )


def the(store: SqlStore, kind: Kind = Kind.TASK) -> Outgoing:
    (entry,) = store.entries_like(sync=SYNC, kind=kind)
    return entry


def open_(syncing: Syncing, *ids: int, digest: int = 7) -> None:
    syncing.store.open_entries(
        syncing.run, [Opening(id, digest, "003A") for id in ids], lease=syncing.lease, now=NOON
    )


def settle(syncing: Syncing, id: int, stage: Stage, vendor_id: str | None = None, **others: Any) -> None:
    one = Settling(id=id, stage=stage, vendor_id=vendor_id, **others)
    syncing.store.settle_entries([one], lease=syncing.lease, now=NOON, durable=True)


def made(syncing: Syncing, kind: Kind = Kind.TASK) -> Outgoing:
    want(syncing, wanted(kind))
    open_(syncing, the(syncing.store, kind).id)
    settle(syncing, the(syncing.store, kind).id, Stage.DONE, "00T1")
    return the(syncing.store, kind)


def test_what_is_wanted_is_committed_with_the_state_of_its_answer(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1"))
    syncing.take_up()
    with pytest.raises(LeaseLost):
        store.settle(
            SYNC,
            syncing.run,
            lease=type(syncing.lease)(SYNC, "somebody", 99),
            now=NOON,
            settled=[Settled(number=1, state=State.UNCHANGED, record_id="003A")],
            demoted={},
            changes={},
            connection="crm",
            wanted=[wanted()],
        )
    assert store.entries_like() == []
    assert store.states(SYNC, [1]) == {}


def test_what_waits_is_counted_with_the_last_reason(store: SqlStore, syncing: Syncing):
    assert store.waiting_entries() == Waiting(0, "")
    want(syncing, wanted(), wanted(Kind.ALERT, "mail:a2"))
    assert store.waiting_entries(sync=SYNC) == Waiting(2, "")
    id = the(store, Kind.ALERT).id
    open_(syncing, id)
    settle(syncing, id, Stage.WANTED, code="deferred", reason="slack is down")
    assert store.waiting_entries(kind=Kind.ALERT) == Waiting(1, "slack is down")
    assert store.waiting_entries(kind=Kind.TASK) == Waiting(1, "")
    assert store.waiting_entries(sync="another") == Waiting(0, "")


def test_an_entry_is_opened_only_while_it_is_wanted(store: SqlStore, syncing: Syncing):
    want(syncing, wanted())
    id = the(store).id
    open_(syncing, id)
    assert (the(store).stage, the(store).attempts, the(store).digest) == (Stage.OPEN, 1, 7)
    with pytest.raises(StoreError, match="nothing may be sent twice"):
        open_(syncing, id)


def test_what_a_person_discards_before_it_is_sent_is_not_sent(store: SqlStore, syncing: Syncing):
    want(syncing, wanted(), wanted(subject="mail:a2"))
    one, other = (the_of(store, subject).id for subject in ("mail:a1", "mail:a2"))
    assert store.discard_entries([one], "Bob: no", now=NOON) == [one]
    opening = [Opening(id, 7, "003A") for id in (one, other)]
    assert store.open_entries(syncing.run, opening, lease=syncing.lease, now=NOON) == {other}
    assert the_of(store, "mail:a1").stage is Stage.VOID
    assert the_of(store, "mail:a2").stage is Stage.OPEN


def test_what_a_person_discards_while_its_fate_is_looked_up_stays_discarded(
    store: SqlStore, syncing: Syncing
):
    want(syncing, wanted())
    id = the(store).id
    open_(syncing, id)
    settle(syncing, id, Stage.UNKNOWN)
    assert store.discard_entries([id], "Bob: no", now=NOON) == [id]
    settle(syncing, id, Stage.WANTED)
    assert (the(store).stage, the(store).code) == (Stage.VOID, "discarded")


def test_an_entry_is_settled_exactly_once(store: SqlStore, syncing: Syncing):
    entry = made(syncing)
    assert (entry.stage, entry.vendor_id, entry.run) == (Stage.DONE, "00T1", syncing.run)
    with pytest.raises(StoreError, match="unsettled"):
        settle(syncing, entry.id, Stage.DONE, "00T2")
    assert the(store).vendor_id == "00T1"


@pytest.mark.parametrize("kind", [Kind.TASK, Kind.ALERT])
def test_an_edit_makes_no_second_task_or_alert(store: SqlStore, syncing: Syncing, kind: Kind):
    made(syncing, kind)
    want(syncing, wanted(kind, response=2))
    assert (the(store, kind).stage, the(store, kind).response) == (Stage.DONE, 2)
    assert store.wanted_entries(SYNC, kind, now=NOON) == []


@pytest.mark.parametrize("kind", [Kind.HISTORY, Kind.LIST])
def test_an_edit_brings_what_is_kept_up_to_date(store: SqlStore, syncing: Syncing, kind: Kind):
    entry = made(syncing, kind)
    want(syncing, wanted(kind, response=2))
    assert (the(store, kind).stage, the(store, kind).vendor_id, the(store, kind).digest) == (
        Stage.WANTED,
        "00T1",
        7,
    )
    assert store.wanted_entries(SYNC, kind, now=NOON) == [entry.id]


@pytest.mark.parametrize("kind", list(Kind))
def test_what_a_call_left_open_is_not_wanted_before_it_was_looked_up(
    store: SqlStore, syncing: Syncing, kind: Kind
):
    want(syncing, wanted(kind))
    open_(syncing, the(store, kind).id)
    want(syncing, wanted(kind, response=2))
    assert (the(store, kind).stage, the(store, kind).response) == (Stage.OPEN, 2)
    assert store.wanted_entries(SYNC, kind, now=NOON) == []
    assert store.doubtful_entries(SYNC, kind) == [the(store, kind).id]


@pytest.mark.parametrize("stage", [Stage.VOID, Stage.REJECTED])
def test_what_was_not_made_is_wanted_again_by_the_next_version(
    store: SqlStore, syncing: Syncing, stage: Stage
):
    want(syncing, wanted())
    settle(syncing, the(store).id, stage, code="superseded")
    want(syncing, wanted(response=2))
    assert (the(store).stage, the(store).code) == (Stage.WANTED, "")


def test_an_answer_that_creates_nothing_new_only_touches_what_is_known(store: SqlStore, syncing: Syncing):
    want(syncing, wanted(Kind.HISTORY, response=2, known_only=True))
    assert store.entries_like() == []
    made(syncing, Kind.HISTORY)
    want(syncing, wanted(Kind.HISTORY, response=2, known_only=True))
    assert (the(store, Kind.HISTORY).stage, the(store, Kind.HISTORY).response) == (Stage.WANTED, 2)
    want(syncing, wanted(Kind.HISTORY, response=None, known_only=True))
    assert the(store, Kind.HISTORY).response == 2


def test_what_was_put_off_is_not_due_before_its_time(store: SqlStore, syncing: Syncing):
    want(syncing, wanted())
    open_(syncing, the(store).id)
    settle(syncing, the(store).id, Stage.WANTED, look_again=LATER, tried=False)
    assert store.wanted_entries(SYNC, Kind.TASK, now=NOON) == []
    assert store.wanted_entries(SYNC, Kind.TASK, now=LATER) == [the(store).id]
    assert the(store).attempts == 0


def test_a_run_for_one_person_leaves_what_was_wanted_before(store: SqlStore, syncing: Syncing):
    want(syncing, wanted())
    want(syncing, wanted(subject="mail:a2", response=2), at=LATER)
    assert len(store.wanted_entries(SYNC, Kind.TASK, now=LATER)) == 2
    assert store.wanted_entries(SYNC, Kind.TASK, now=LATER, since=LATER) == [the_of(store, "mail:a2").id]


def the_of(store: SqlStore, subject: str) -> Outgoing:
    return store.entries_of(SYNC, Kind.TASK, "", [subject])[subject]


def test_what_no_rule_wants_leaves_no_trace_unless_it_was_begun(store: SqlStore, syncing: Syncing):
    want(syncing, wanted(), wanted(subject="mail:a2"))
    begun = the_of(store, "mail:a2").id
    open_(syncing, begun)
    settle(syncing, begun, Stage.WANTED)
    store.drop_entries([the_of(store, "mail:a1").id, begun], lease=syncing.lease)
    assert the(store).subject == "mail:a2"


def test_people_retry_what_was_refused_and_alerts_nobody_knows_of(store: SqlStore, syncing: Syncing):
    fates = {"a": Stage.REJECTED, "b": Stage.UNKNOWN, "c": Stage.DONE}
    for kind in (Kind.TASK, Kind.ALERT):
        for subject, stage in fates.items():
            want(syncing, wanted(kind, subject))
            id = store.entries_of(SYNC, kind, "", [subject])[subject].id
            open_(syncing, id)
            settle(syncing, id, stage)
    everything = [entry.id for entry in store.entries_like()]
    again = store.retry_entries(everything, now=LATER)
    assert Counter((one.kind, one.subject) for one in store.entries(again)) == Counter(
        [(Kind.TASK, "a"), (Kind.ALERT, "a"), (Kind.ALERT, "b")]
    )
    discarded = store.discard_entries(everything, "called already", now=LATER)
    assert Counter((one.kind, one.stage) for one in store.entries_like()) == {
        (Kind.TASK, Stage.VOID): 2,
        (Kind.TASK, Stage.DONE): 1,
        (Kind.ALERT, Stage.VOID): 2,
        (Kind.ALERT, Stage.DONE): 1,
    }
    assert len(discarded) == 4


def test_given_tasks_tell_when_they_were_closed(store: SqlStore, syncing: Syncing):
    entry = made(syncing)
    assert [(one.vendor_id, one.closed_at) for one in store.given_tasks([SYNC])] == [("00T1", None)]
    store.close_tasks([(entry.id, LATER)], lease=syncing.lease)
    assert [one.closed_at for one in store.given_tasks([SYNC])] == [LATER]
    assert store.given_tasks([SYNC], still_open=True) == []
    store.lose_tasks([entry.id], "deleted", lease=syncing.lease, now=LATER)
    assert (store.given_tasks([SYNC]), the(store).stage) == ([], Stage.REMOVED)


def test_entries_are_found_by_answer_and_by_record(store: SqlStore, syncing: Syncing):
    want(syncing, wanted(), wanted(Kind.LIST, "003A", response=None), wanted(subject="x", response=5))
    assert [one.kind for one in store.entries_about([1], [])] == [Kind.TASK]
    assert len(store.entries_about([5], ["003A"])) == 3


def test_looking_for_wanted_entries_goes_by_the_index_of_unsettled_ones(sqlite_url: str):
    with closing(open_store(sqlite_url)) as store, store.database.read() as tx:
        plan = tx.rows(
            "EXPLAIN QUERY PLAN SELECT id FROM outbox WHERE sync = :s AND kind = :k AND state = 'wanted'",
            s=SYNC,
            k="task",
        )
    assert "ix_outbox_unsettled" in str(plan)
