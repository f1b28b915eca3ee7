"""On PostgreSQL several processes write at the same time: what each of them is told stays true."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import pytest
from builders_store import NOON, SYNC, Syncing, answer, receive
from postgres_server import StoreInTurn

from store import open_store
from store.api import Settled, State
from store.sql import SqlStore

PATIENCE = 30  # seconds a transaction may need to run into the lock; it takes a moment


@pytest.fixture
def url(store_in_turn: StoreInTurn) -> str:
    return store_in_turn.emptied()


@pytest.fixture
def store(url: str) -> Iterator[SqlStore]:
    store = open_store(url)
    yield store
    store.close()


@contextmanager
def stopped_at(url: str, lock: str, work: Callable[[], int]) -> Iterator[Callable[[], int]]:
    """`work` runs beside us as far as the rows that `lock` locks, and on from there when it is asked for its result."""
    with (
        psycopg.connect(url) as holder,
        psycopg.connect(url, autocommit=True) as looking,
        ThreadPoolExecutor(1) as pool,
    ):
        try:
            holder.execute(lock)
            working = pool.submit(work)
            last = time.monotonic() + PATIENCE
            while not looking.execute(
                "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            ).fetchone():
                assert time.monotonic() < last
                assert not working.done(), "it met no lock"
                time.sleep(0.005)

            def went_on() -> int:
                holder.rollback()
                return working.result()

            yield went_on
        finally:
            holder.rollback()


def test_a_batch_answered_while_somebody_looks_is_told_to_its_answers_too(url: str, store: SqlStore):
    receive(store, answer("a1"), answer("a2"))
    syncing = Syncing(store)
    syncing.plan()
    syncing.cut(size=1)
    first, second = syncing.open()
    syncing.settle_batches([first])

    [its] = [one.response for one in first.changes]
    lock = f"SELECT 1 FROM answer_state WHERE response = {its} FOR UPDATE"
    with stopped_at(url, lock, lambda: store.deciding(SYNC)) as went_on:
        syncing.settle_batches([second])
        assert went_on() == 1

    assert store.deciding(SYNC) == 2


def test_a_wish_that_arrives_while_a_run_takes_up_is_heard_by_the_next(url: str, store: SqlStore):
    receive(store, answer("a1"), answer("a2"))
    syncing = Syncing(store)
    one, other = (taken.number for taken in syncing.plan())
    syncing.write()
    store.ask_again(SYNC, [one])

    in_the_way = f"INSERT INTO work (sync, person, response) SELECT '{SYNC}', person, id FROM response WHERE id = {one}"
    with stopped_at(url, in_the_way, syncing.take_up) as went_on:
        store.ask_again(SYNC, [other])
        assert went_on() == 1

    assert syncing.take_up() == 2


def test_what_a_person_leaves_out_while_a_run_takes_up_stays_out(url: str, store: SqlStore):
    receive(store, answer("a1"), answer("a2"))
    syncing = Syncing(store)
    syncing.take_up()
    one, other = (taken.number for taken in syncing.work())
    waiting = [Settled(number=n, state=State.WAITING, look_again=NOON) for n in (one, other)]
    syncing.settle(waiting)

    def take_up() -> int:
        return syncing.take_up(now=NOON + timedelta(days=1))

    lock = f"SELECT 1 FROM answer_state WHERE response = {one} FOR UPDATE"
    with stopped_at(url, lock, take_up) as went_on:
        assert store.ignore(SYNC, other, "a test")
        assert went_on() == 1

    assert store.states(SYNC, [other])[other].state is State.EXCLUDED


@pytest.mark.parametrize("settle", ["shown", "later"])
def test_reasons_are_settled_in_the_order_in_which_they_are_noted(
    url: str, store: SqlStore, settle: str
) -> None:
    """Else whoever unsubscribes somebody meanwhile and we would wait for each other, and one of us would lose."""
    store.note_reasons(["b"], now=NOON)
    store.note_reasons(["a"], now=NOON + timedelta(hours=1))
    due = store.reasons_due(9, now=NOON + timedelta(days=1))
    assert [one.key for one in due] == ["b", "a"]

    def settled() -> int:
        store.reasons_shown(due) if settle == "shown" else store.show_reasons_later(due, NOON)
        return 0

    with (
        stopped_at(url, "SELECT 1 FROM reason_due WHERE key = 'a' FOR UPDATE", settled) as went_on,
        psycopg.connect(url) as other,
    ):
        other.execute("SELECT 1 FROM reason_due WHERE key = 'b' FOR UPDATE NOWAIT")
        other.rollback()
        went_on()
