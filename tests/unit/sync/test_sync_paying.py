"""What the calls that are left pay for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import Allowance, Way
from sync.paying import begins_with, cannot_pay, pays_for

COLLECTIONS = Way("collections", 200, lambda n: -(-n // 200))
BULK = Way("bulk", 10_000, lambda n: -(-n // 10_000) * 12)


@pytest.mark.parametrize(
    ("ways", "changes", "left", "api", "paid"),
    [
        ([COLLECTIONS], 1000, None, "collections", 1000),  # nothing limits it
        ([COLLECTIONS], 1000, 5, "collections", 1000),
        ([COLLECTIONS], 1000, 4, "collections", 800),
        ([COLLECTIONS], 1000, 0, "collections", 0),
        ([COLLECTIONS], 1000, -7, "collections", 0),  # others have taken more than we left them
        ([BULK, COLLECTIONS], 30_000, 36, "bulk", 30_000),
        ([BULK, COLLECTIONS], 30_000, 35, "bulk", 20_000),
        ([BULK, COLLECTIONS], 30_000, 11, "collections", 2_200),  # no bulk job, but eleven calls
    ],
)
def test_the_way_that_gets_furthest_is_taken(
    ways: list[Way], changes: int, left: int | None, api: str, paid: int
):
    found = pays_for(ways, changes, left)
    assert (found.way.api, found.changes) == (api, paid)


@pytest.mark.parametrize(("left", "paid"), [(7, 1000), (6, 850), (3, 250), (2, 50), (1, 0), (0, 0)])
def test_a_canary_needs_a_call_of_its_own_and_one_to_be_read_back(left: int, paid: int):
    assert pays_for([COLLECTIONS], 1000, left, first=50).changes == paid


@given(st.integers(0, 100_000), st.integers(-5, 2_000))
def test_what_is_paid_for_never_costs_more_than_is_left_and_one_more_would(changes: int, left: int):
    way, paid = pays_for([BULK, COLLECTIONS], changes, left)
    assert 0 <= paid <= changes
    if paid:
        assert way.cost(paid) <= left
    if paid < changes:
        assert all(one.cost(paid + 1) > left for one in (BULK, COLLECTIONS))


@given(st.integers(0, 100_000), st.integers(0, 2_000))
def test_as_many_answers_are_begun_as_can_be_looked_up_and_written(answers: int, left: int):
    begun = begins_with(lambda _: [COLLECTIONS], answers, left)
    assert 0 <= begun <= answers
    if begun:
        assert 2 + begun / 40 + begun / 200 <= left


@pytest.mark.parametrize(
    ("known", "said"),
    [
        (
            {"left": 120, "used": 3880, "limit": 5000, "kept": 1000},
            "crm: 120 of 5,000 calls a day are left for npsync (3,880 used by all, 1,000 kept for others). "
            "9 wait until calls come free again; the next run goes on",
        ),
        (
            {"left": 0, "resets_at": datetime(2026, 3, 3, 5, 0, tzinfo=UTC)},
            "crm: 0 calls are left for npsync today. 9 wait until 2026-03-03 05:00 UTC, when the count begins anew; "
            "the next run then goes on",
        ),
    ],
)
def test_the_problem_says_what_is_left_who_waits_and_until_when(known: dict[str, Any], said: str):
    assert str(cannot_pay("crm", Allowance(**known), "9 wait")) == said
