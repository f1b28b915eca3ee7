"""Small groups are merged, and nobody finds one of them by subtracting the others from the whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps.small_groups import merged

sizes = st.dictionaries(st.integers(), st.integers(0, 30), max_size=12)
least = st.integers(0, 10)


@pytest.mark.parametrize(
    ("groups", "together"),
    [
        ({"a": 50, "b": 20}, ""),
        ({"a": 50, "b": 20, "c": 3, "d": 2}, "cd"),
        ({"a": 50, "b": 20, "c": 3}, "bc"),  # c alone would be the rest of the whole
        ({"a": 50, "b": 6, "c": 1, "d": 1}, "bcd"),
        ({"a": 3, "b": 1}, "ab"),
        ({"a": 50, "b": 0}, ""),
    ],
)
def test_which_groups_are_told_only_together(groups, together):
    assert merged(groups, 5) == frozenset(together)


@given(sizes, least)
def test_what_is_told_apart_is_large_enough(groups, least):
    hidden = merged(groups, least)
    assert all(size >= least or not size for name, size in groups.items() if name not in hidden)


@given(sizes, least)
def test_what_is_left_of_the_whole_is_nobody_or_at_least_two_groups_and_large_enough(groups, least):
    hidden = merged(groups, least)
    rest = sum(groups[name] for name in hidden)
    everybody = sum(groups.values())
    assert not hidden or (rest >= least and len(hidden) >= 2) or rest == everybody


@given(sizes, least)
def test_every_small_group_is_hidden(groups, least):
    hidden = merged(groups, least)
    assert all(name in hidden for name, size in groups.items() if 0 < size < least)
