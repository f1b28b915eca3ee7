"""What the breaker and the quota ask of the store, on both databases."""

from __future__ import annotations

from itertools import pairwise

import pytest
from builders_store import SYNC, Syncing, answer, change, later, receive

from nps.changes import Rank
from store import open_store
from store.sql import SqlStore


@pytest.mark.parametrize(
    ("planned", "most", "looked_at"),
    [(0, 5, 0), (4, 5, 4), (5, 5, 5), (6, 5, 3), (10, 5, 5), (23, 5, 5), (101, 10, 10)],
)
def test_a_sample_is_spread_evenly_over_the_plan(
    store: SqlStore, syncing: Syncing, planned: int, most: int, looked_at: int
):
    syncing.settle([], changes={f"003{n:03}": change(f"003{n:03}") for n in range(planned)})

    numbers = [int(one.record_id[3:]) for one in store.sampled(syncing.run, most)]

    assert len(numbers) == looked_at <= most
    assert len({after - before for before, after in pairwise(numbers)}) <= 1
    if looked_at:
        assert numbers[0] == 0


def test_what_cannot_be_paid_for_stays_planned(store: SqlStore, syncing: Syncing):
    changes = {f"003{n:02}": change(f"003{n:02}", rank=Rank(n % 4)) for n in range(20)}
    syncing.settle([], changes=changes)
    plan = [one.record_id for one in store.planned(syncing.run)]

    assert store.cut(syncing.run, lease=syncing.lease, api="collections", size=4, first=3, most=9) == 3

    batches = syncing.open()
    assert [len(batch.changes) for batch in batches] == [3, 4, 2]
    assert [one.record_id for batch in batches for one in batch.changes] == plan[:9]
    syncing.settle_batches(batches)
    assert {outcome for _, outcome in store.run_changes(syncing.run)} == {"written", "planned"}
    assert store.abandon(SYNC, lease=syncing.lease) == 11


def test_nothing_can_be_paid_for(store: SqlStore, syncing: Syncing):
    syncing.settle([], changes={"003A": change("003A")})
    assert store.cut(syncing.run, lease=syncing.lease, api="collections", size=4, most=0) == 0
    assert syncing.open() == []


def test_persons_whose_latest_answer_is_low_are_named(store: SqlStore, syncing: Syncing):
    receive(
        store,
        answer("a1", 3, email="sad@example.com"),
        answer("a2", 9, email="better@example.com", at=later(days=2)),
        answer("a3", 2, email="better@example.com", at=later(days=1)),
        answer("a4", 0, email="zero@example.com"),
        answer("a5", 7, email="fine@example.com"),
    )
    syncing.take_up()

    low = store.scored(SYNC, at_most=6, limit=10)

    found, _ = store.work(SYNC, None, 100, persons=low)
    assert {taken.response.email for taken in found} == {"sad@example.com", "zero@example.com"}
    assert len(store.scored(SYNC, at_most=6, limit=1)) == 1


def test_calls_are_added_up_by_connection_and_day(store: SqlStore):
    store.count_calls("crm", "2026-03-01", 5)
    store.count_calls("crm", "2026-03-02", 2)
    assert store.count_calls("crm", "2026-03-02", 3) == 5
    store.count_calls("mail", "2026-03-02", 7)
    before = list(store.dump())

    assert store.calls_since("2026-03-02") == {("crm", "2026-03-02"): 5, ("mail", "2026-03-02"): 7}
    store.count_calls("crm", "2026-03-02", 1)
    store.memorize("quota/crm", {"allowance": "{}"})
    assert list(store.dump()) == before, "looking costs calls and changes nothing"


def test_a_store_that_is_not_there_is_not_ready_and_not_made(empty_url: str):
    store = open_store(empty_url)
    assert not store.is_ready()
    if empty_url.startswith("sqlite"):
        assert not store.database.path.exists()  # type: ignore[attr-defined]
    store.migrate()
    assert store.is_ready()
    store.close()
