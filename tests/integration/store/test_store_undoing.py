"""What an undo asks of the store, on both databases."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from builders_store import Syncing, answer, change, receive

from nps.changes import Change, Deferred, Outcome, Rejected, Unknown, Written
from nps.errors import LeaseLost
from nps.values import Json
from store.api import Lease, Restoring, Wrote
from store.sql import SqlStore


@pytest.fixture
def written(store: SqlStore, syncing: Syncing) -> list[Change]:
    """Three answers planned, two of them written."""
    receive(store, answer("a1"), answer("a2"), answer("a3"))
    syncing.plan()
    syncing.write(
        lambda one: (
            Rejected(one.record_id, "NO", "not today") if one.record_id == "003a3" else Written(one.record_id)
        )
    )
    return list(store.written_by(syncing.run))


def nothing(record_id: str) -> dict[str, Json]:
    """What a record shows: nobody looks."""
    return {}


def restoring(one: Change, holds: tuple[int, ...] = ()) -> Restoring:
    return Restoring(
        change(one.record_id, response=None, undoes=one.id, before=one.after, after=one.before), holds
    )


def test_what_a_run_wrote_is_what_was_confirmed(store: SqlStore, syncing: Syncing, written: list[Change]):
    assert [one.record_id for one in written] == ["003a1", "003a2"]
    assert store.wrote(syncing.run) == [Wrote("crm", "Contact", 2)]
    assert list(store.written_by(syncing.run, records=["003a2", "003a3"])) == written[1:]
    [refused] = store.unwritten(syncing.run)
    assert (refused.change.record_id, refused.outcome, refused.code, refused.message) == (
        "003a3",
        "rejected",
        "NO",
        "not today",
    )


def test_the_writes_of_a_record_come_in_order_with_what_undoes_them(
    store: SqlStore, syncing: Syncing, written: list[Change]
):
    run = syncing.run
    assert store.undone("crm", "Contact", ["003a1", "003a2"], nothing) == {}
    assert store.undone_by(run) == []

    undo = syncing.begin()
    store.plan_restoring(undo, [restoring(written[0], (2, 3))], lease=syncing.lease, connection="crm")
    assert store.undone("crm", "Contact", ["003a1"], nothing)["003a1"][0].run == run
    assert len(store.writes("crm", "Contact", ["003a1"], nothing)["003a1"]) == 1  # not before it is confirmed
    syncing.write()

    found = store.writes("crm", "Contact", ["003a1", "003a2", "003zz"], nothing)
    assert [(one.run, one.undoes, one.after, one.holds) for one in found["003a1"]] == [
        (run, None, {"NPS__c": 9}, ()),
        (undo, written[0].id, {"NPS__c": None}, (2, 3)),
    ]
    assert [one.response for one in found["003a2"]] == [written[1].response]
    assert found.keys() == {"003a1", "003a2"}
    assert store.undone("crm", "Contact", ["003a1", "003a2"], nothing).keys() == {"003a1"}
    assert (
        store.undone("crm", "Account", ["003a1"], nothing)
        == store.undone("other", "Contact", ["003a1"], nothing)
        == {}
    )
    assert store.undone_by(run) == [undo]


def test_a_planned_restore_that_was_never_sent_leaves_nothing(
    store: SqlStore, syncing: Syncing, written: list[Change]
):
    before = store.confirmed("crm", "Contact", ["003a1"])
    undo = syncing.begin()
    store.plan_restoring(undo, [restoring(written[0])], lease=syncing.lease, connection="crm")
    syncing.begin()
    assert store.abandon(syncing.sync, lease=syncing.lease) == 1
    assert store.confirmed("crm", "Contact", ["003a1"]) == before
    assert store.wrote(undo) == []


def test_a_deferred_restore_is_told_and_not_counted(store: SqlStore, syncing: Syncing, written: list[Change]):
    undo = syncing.begin()
    store.plan_restoring(undo, [restoring(one) for one in written], lease=syncing.lease, connection="crm")
    syncing.write(lambda one: Deferred(one.record_id, "locked"))
    assert [one.outcome for one in store.unwritten(undo)] == ["deferred", "deferred"]
    assert len(store.unwritten(undo, limit=1)) == 1
    assert len(store.writes("crm", "Contact", ["003a1"], nothing)["003a1"]) == 1


@pytest.mark.parametrize(
    ("said", "letters"),
    [
        (lambda one: Unknown(one.record_id, "the connection broke"), 0),
        (lambda one: Rejected(one.record_id, "cut", "the text was cut", in_doubt=True), 1),
    ],
    ids=["unknown", "refused in doubt"],
)
def test_a_write_of_unknown_fate_counts_as_far_as_the_record_shows_it(
    store: SqlStore, syncing: Syncing, said: Callable[[Change], Outcome], letters: int
):
    receive(store, answer("a1"))
    syncing.plan(after={"NPS__c": 9, "Seg__c": "x"}, before={"NPS__c": None, "Seg__c": None})
    syncing.write(said)
    assert (
        len(store.dead_letters()) == letters
    )  # who is told of it decides; the journal knows it all the same

    assert list(store.written_by(syncing.run)) == []
    assert [one.record_id for one in store.written_by(syncing.run, maybe=True)] == ["003a1"]
    assert store.wrote(syncing.run) == [Wrote("crm", "Contact", 1)]
    assert store.writes("crm", "Contact", ["003a1"], nothing) == {}
    shown = store.writes("crm", "Contact", ["003a1"], lambda record_id: {"NPS__c": 9, "Seg__c": "y"})
    assert [one.after for one in shown["003a1"]] == [{"NPS__c": 9}]


def test_restores_need_the_lease(store: SqlStore, syncing: Syncing, written: list[Change]):
    stale = Lease(syncing.lease.name, "somebody else", syncing.lease.token)
    with pytest.raises(LeaseLost):
        store.plan_restoring(syncing.begin(), [restoring(written[0])], lease=stale, connection="crm")
