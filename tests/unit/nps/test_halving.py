"""Halving: every bad record is refused alone, every good one is taken, and it costs few calls."""

from __future__ import annotations

from math import ceil, log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps.halving import Halving


def found(halving: Halving[int], bad: set[int]) -> tuple[set[int], set[int], int]:
    """Who was refused alone, who was taken, and what it cost."""
    culprits: set[int] = set()
    taken: set[int] = set()
    calls = 0
    while group := halving.next():
        calls += 1
        assert not taken & set(group)
        if not bad & set(group):
            taken |= set(group)
            halving.taken()
            continue
        if len(group) == 1:
            culprits |= set(group)
        halving.refused(group)
    return culprits, taken, calls


@given(size=st.integers(1, 120), data=st.data())
def test_each_bad_record_is_refused_alone_and_each_good_one_taken(size: int, data: st.DataObject) -> None:
    bad = data.draw(st.sets(st.integers(0, size - 1)))
    culprits, taken, calls = found(Halving(range(size)), bad)
    assert culprits == bad
    assert taken == set(range(size)) - bad
    assert calls <= 1 + (2 * ceil(log2(size)) + 4) * len(bad)
    assert calls <= 2 * size + 2 * ceil(log2(size)) + 2


@pytest.mark.parametrize("bad", range(100))
def test_one_bad_record_among_a_hundred_costs_at_most_nine_calls_more(bad: int) -> None:
    _, _, calls = found(Halving(range(100)), {bad})
    assert calls - 1 <= 9


def test_nothing_but_bad_records_cost_little_more_than_a_call_each() -> None:
    _, _, calls = found(Halving(range(100)), set(range(100)))
    assert calls <= 125


def test_behind_a_block_of_bad_records_the_groups_grow_again() -> None:
    _, _, calls = found(Halving(range(200)), set(range(100)))
    assert calls <= 140


def test_a_group_that_was_refused_already_is_not_sent_again() -> None:
    assert len(Halving(range(10), refused=True).next()) == 5


def test_a_right_hint_costs_two_calls() -> None:
    halving = Halving(list(range(100)))
    halving.next()
    halving.refused(range(100))
    halving.suspect({42})
    culprits, taken, calls = found(halving, {42})
    assert (culprits, len(taken), calls) == ({42}, 99, 2)


@given(bad=st.sets(st.integers(0, 49), min_size=1), hint=st.sets(st.integers(0, 49)))
def test_a_wrong_hint_costs_calls_and_nothing_else(bad: set[int], hint: set[int]) -> None:
    halving = Halving(list(range(50)))
    halving.next()
    halving.refused(range(50))
    halving.suspect(hint)
    culprits, taken, _ = found(halving, bad)
    assert culprits == bad
    assert taken == set(range(50)) - bad


def test_hints_that_are_always_wrong_are_soon_not_followed_any_more() -> None:
    halving = Halving(list(range(200)))
    calls = 0
    while group := halving.next():
        calls += 1
        if 77 not in group:
            halving.taken()
            continue
        halving.refused(group)
        halving.suspect(group[2:3])  # "line 1, column 482", whatever it was
    assert calls <= 1 + 10 + 2


def test_records_the_vendor_named_are_left_out_and_the_others_sent_as_they_stand() -> None:
    halving = Halving(list(range(100)))
    halving.next()
    halving.again([one for one in range(100) if one not in (3, 4)])
    assert len(halving.next()) == 98


def test_what_is_left_is_told_when_the_search_must_end() -> None:
    halving = Halving(list(range(8)))
    halving.next()
    halving.refused(range(8))
    assert halving.next() == [0, 1, 2, 3]
    assert halving.left == [4, 5, 6, 7]
