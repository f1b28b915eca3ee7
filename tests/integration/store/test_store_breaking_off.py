"""A long look at the store ends in the middle when this process is asked to end, on either database."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nps.errors import BrokenOff
from store.breaking_off import broken_off, never
from store.sql import SqlStore

WITHOUT_END = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT 1 FROM n) SELECT count(*) FROM n"

LONG = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT count(*) FROM n"
)


def from_the(nth: int) -> Callable[[], bool]:
    """Asked for an end before it is asked for the nth time."""
    asked = iter(range(1, nth))
    return lambda: next(asked, None) is None


def test_a_statement_that_would_never_end_is_broken_off_in_the_middle(store: SqlStore):
    with pytest.raises(BrokenOff, match="Nothing is half-stored"), store.database.still(from_the(3)) as tx:
        tx.rows(WITHOUT_END)


def fill_and_look(store: SqlStore) -> None:
    with store.database.still(from_the(3)) as tx:
        tx.run("CREATE TEMPORARY TABLE filled (i integer)")
        tx.run("INSERT INTO filled VALUES (1)")
        tx.rows(WITHOUT_END)


def test_what_was_filled_until_then_is_gone_and_the_connection_is_as_before(store: SqlStore):
    with pytest.raises(BrokenOff):
        fill_and_look(store)
    with pytest.raises(BrokenOff):  # the same connection again, where its table is not
        fill_and_look(store)
    with store.database.read() as tx:
        assert tx.rows(LONG) == [(100_000,)]


def look_when_it_is_to_end_already(store: SqlStore) -> None:
    ends = [False]
    with store.database.still(lambda: ends[0]) as tx:
        assert tx.rows("SELECT 1") == [(1,)]
        ends[0] = True
        tx.rows(WITHOUT_END)


def test_an_end_that_is_asked_for_between_two_statements_breaks_off_the_next(store: SqlStore):
    with pytest.raises(BrokenOff):
        look_when_it_is_to_end_already(store)


def test_who_is_never_asked_for_an_end_pays_nothing_for_it(store: SqlStore):
    class Untouched:
        def __getattr__(self, name: str) -> object:
            raise AssertionError(name)

    with broken_off(Untouched(), never):  # type: ignore[arg-type]
        pass
    with store.database.still() as tx:
        assert tx.rows("SELECT 1") == [(1,)]
