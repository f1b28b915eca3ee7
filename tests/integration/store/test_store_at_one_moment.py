"""Several questions about one moment: none of them sees what is written in between."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from builders_store import answer, receive

from store import open_store
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


def test_an_overlay_is_seen_as_it_is(store: SqlStore) -> None:
    receive(store, answer("a1"))
    with store.overlay() as ours, ours.at_one_moment():
        assert ours.most_answers() == 1
        assert ours.answer("email-nps", "a1") is not None
