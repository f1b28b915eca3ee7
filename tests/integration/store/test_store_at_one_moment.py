"""Several questions about one moment: none of them sees what is written in between."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from builders_store import answer, receive

from store import open_store
from store.postgres import CONNECTIONS, MOMENTS
from store.sql import SqlStore


@pytest.fixture
def elsewhere(url: str, store: SqlStore) -> Iterator[SqlStore]:
    """The same store, as another process has it."""
    other = open_store(url)
    yield other
    other.close()


def test_what_is_written_meanwhile_is_seen_afterwards(store: SqlStore, elsewhere: SqlStore) -> None:
    receive(store, answer("a1"))
    with store.at_one_moment():
        assert store.most_answers() == 1
        receive(elsewhere, answer("a2"))
        with store.at_one_moment():
            assert store.most_answers() == 1
        assert store.most_answers() == 1
        receive(store, answer("a3"))  # what this thread writes goes where everything goes
        assert elsewhere.most_answers() == 3
    assert store.most_answers() == 3


def test_other_threads_read_at_moments_of_their_own(store: SqlStore, elsewhere: SqlStore) -> None:
    receive(store, answer("a1"))
    with store.at_one_moment(), ThreadPoolExecutor(1) as pool:
        assert store.most_answers() == 1
        receive(elsewhere, answer("a2"))
        assert pool.submit(store.most_answers).result() == 2
        assert store.most_answers() == 1


def test_whoever_writes_at_a_moment_waits_for_nobody_who_does_the_same(
    store: SqlStore, elsewhere: SqlStore
) -> None:
    """On PostgreSQL a moment holds a connection, and a write takes another one; there are so many."""
    entered, go_on = threading.Semaphore(0), threading.Event()

    def look_and_write(place: int) -> int:
        with store.at_one_moment():
            store.most_answers()
            entered.release()
            assert go_on.wait(60)
            return receive(store, answer(f"a{place}", source=f"s{place}")).new

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        looking = [pool.submit(look_and_write, place) for place in range(CONNECTIONS)]
        for _ in range(MOMENTS):
            assert entered.acquire(timeout=60)
        go_on.set()
        assert sum(one.result() for one in looking) == CONNECTIONS
    assert elsewhere.most_answers() == CONNECTIONS


def test_an_overlay_is_seen_as_it_is(store: SqlStore) -> None:
    receive(store, answer("a1"))
    with store.overlay() as ours, ours.at_one_moment():
        assert ours.most_answers() == 1
        assert ours.answer("email-nps", "a1") is not None
