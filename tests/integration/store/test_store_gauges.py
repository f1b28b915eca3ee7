"""What is measured from outside: counted on, and read from indexes, in both databases."""

from __future__ import annotations

from datetime import datetime, timedelta

from builders_store import NOON, SOURCE, answer, receive

from nps.asking import InvitationState
from store.api import State
from store.sql import SqlStore


def ran(store: SqlStore, status: str | None = "succeeded", began: datetime = NOON) -> int:
    run = store.begin_run("contacts", "run", now=began, facts={})
    if status is not None:
        store.end_run(run, status, now=NOON, report={})
    return run


def test_runs_are_counted_up_to_the_first_that_is_under_way(store: SqlStore):
    first, under_way, after = ran(store), ran(store, None), ran(store, "failed")
    counted = store.runs_counted(after=0)
    assert (counted.runs, counted.up_to) == ({("contacts", "run", "succeeded"): 1}, first)
    store.end_run(under_way, "failed", now=NOON, report={})
    counted = store.runs_counted(after=first)
    assert (counted.runs, counted.up_to) == ({("contacts", "run", "failed"): 2}, after)
    assert store.runs_counted(after=after).up_to == after


def test_a_run_that_died_with_a_sync_that_is_gone_does_not_stop_the_counting(store: SqlStore):
    ran(store, None, began=NOON - timedelta(days=30))
    last = ran(store)
    assert store.runs_counted(after=0).up_to == last


def test_answers_that_nobody_settled_count_as_pending_with_their_age(store: SqlStore):
    receive(store, answer("a"), at=NOON - timedelta(hours=2))
    receive(store, answer("b"), at=NOON - timedelta(hours=1), cursor=2)
    with store.database.write() as tx:
        tx.run("INSERT INTO work (sync, person, response) SELECT 'contacts', person, id FROM response")
    assert store.state_counts("contacts")[State.PENDING] == 2
    assert store.oldest_pending(["contacts", "other"]) == {"contacts": NOON - timedelta(hours=2)}
    assert store.newest_answers([SOURCE, "other"]) == {SOURCE: NOON - timedelta(hours=1)}


def test_what_lies_in_the_queues_is_counted(store: SqlStore):
    store.want_action("run", "contacts", {"sync": "contacts"}, who="cli:ann", key="k", now=NOON)
    depths = store.depths()
    assert (depths.actions, depths.arrivals, depths.messages, depths.outbox) == (1, 0, 0, 0)
    assert store.invitation_counts() == dict[InvitationState, int]()
