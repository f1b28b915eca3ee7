"""Whether two groups differ by more than chance: known answers, and what is never claimed."""

from __future__ import annotations

import math
import random
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps.comparing import compared
from nps.figures import ENOUGH, Tally

counts = st.integers(0, 2_000)
tallies = st.builds(Tally, counts, counts, counts)


@pytest.mark.parametrize(
    ("before", "after", "change", "margin", "p"),
    [
        # s² .45/200 and .5475/100 → standard error 8.7892, z = -5 / 8.7892
        (Tally(120, 60, 20), Tally(60, 25, 15), "-5", "17.23", "0.5694"),
        # s² .66/100 and .5611/100 → standard error 11.0504, z = 33 / 11.0504
        (Tally(33, 34, 33), Tally(50, 33, 17), "33", "21.66", "0.0028"),
        (Tally(50, 33, 17), Tally(50, 33, 17), "0", "20.76", "1.0000"),
    ],
)
def test_the_change_its_margin_and_how_likely_it_is_by_chance(before, after, change, margin, p):
    found = compared(before, after)
    assert found is not None
    assert (str(found.change), str(found.margin), f"{found.p:.4f}") == (change, margin, p)


def test_it_is_the_difference_of_two_means_of_plus_one_nought_and_minus_one():
    before, after = Tally(70, 20, 30), Tally(40, 40, 60)
    found = compared(before, after)
    assert found is not None
    values = [[1] * t.promoters + [0] * t.passives + [-1] * t.detractors for t in (before, after)]
    means = [sum(each) / len(each) for each in values]
    error = math.sqrt(
        sum(
            sum((v - mean) ** 2 for v in each) / len(each) ** 2
            for each, mean in zip(values, means, strict=True)
        )
    )
    assert float(found.margin) == pytest.approx(196 * error, abs=0.006)
    z = (means[1] - means[0]) / error
    assert float(found.p) == pytest.approx(math.erfc(abs(z) / math.sqrt(2)), rel=1e-9)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (Tally(29, 0, 0), Tally(0, 0, 29)),
        (Tally(20, 5, 4), Tally(0, 100, 900)),
        (Tally(40, 0, 0), Tally(1, 0, 39)),  # no spread at all: its margin would be ±0
    ],
)
def test_nothing_is_claimed_of_small_groups_and_of_those_without_spread(before, after):
    found = compared(before, after)
    assert found is not None
    assert (found.p, found.margin, found.significant) == (None, None, False)


def test_nobody_cannot_be_compared():
    assert compared(Tally(), Tally(1, 1, 1)) is None
    assert compared(Tally(1, 1, 1), Tally()) is None


def test_a_change_is_rounded_once():
    # 12.5 and 0.4: each rounded would be 13 - 0
    assert compared(Tally(1, 0, 0) + Tally(126, 748, 125), Tally(2, 11, 3) + Tally(3, 13, 0)).change == 6


@given(tallies, tallies)
def test_swapping_the_two_turns_the_sign_and_nothing_else(before, after):
    there, back = compared(before, after), compared(after, before)
    assert (there is None) == (back is None)
    if there is not None and back is not None:
        assert (there.change, there.margin, there.p) == (-back.change, back.margin, back.p)


@given(tallies, tallies)
def test_a_claim_needs_thirty_on_both_sides(before, after):
    found = compared(before, after)
    if found is not None and found.significant:
        assert min(before.answers, after.answers) >= ENOUGH


def test_of_two_samples_of_one_population_one_in_twenty_is_called_different():
    draw = random.Random(6)
    claimed = 0
    for _ in range(1000):
        pair = []
        for size in (150, 220):
            got = draw.choices((0, 1, 2), weights=(5, 3, 2), k=size)
            pair.append(Tally(got.count(0), got.count(1), got.count(2)))
        claimed += compared(*pair).significant
    assert 30 <= claimed <= 70


def test_a_fall_that_is_no_chance_is_told_apart_from_a_rise():
    low, high = Tally(20, 30, 50), Tally(60, 30, 10)
    assert compared(high, low).fell
    assert not compared(low, high).fell
    assert compared(low, high).p < Decimal("0.001")
