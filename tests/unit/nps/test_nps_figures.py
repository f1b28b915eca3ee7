from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps.figures import Tally, csat, response_rate, rounded

counts = st.integers(0, 10_000)
tallies = st.builds(Tally, counts, counts, counts)


@pytest.mark.parametrize(
    ("promoters", "passives", "detractors", "nps", "margin"),
    [
        (50, 33, 17, "33.0", "14.68"),
        (60, 25, 15, "45.0", "14.50"),
        (120, 60, 20, "50.0", "9.30"),
        (3, 1, 1, "40.0", "70.12"),
    ],
)
def test_nps_and_its_95_percent_formula(promoters, passives, detractors, nps, margin):
    tally = Tally(promoters, passives, detractors)
    assert str(tally.nps(1)) == nps
    assert str(rounded(tally.half_width(), 2)) == margin


def test_a_margin_is_printed_from_30_answers_on():
    assert Tally(10, 10, 9).margin() is None
    assert Tally(10, 10, 10).margin() is not None
    assert Tally(3, 1, 1).margin() is None


@pytest.mark.parametrize("tally", [Tally(0, 0, 4), Tally(0, 0, 40), Tally(40, 0, 0), Tally(0, 40, 0)])
def test_plus_minus_zero_is_never_printed(tally):
    assert tally.margin() is None


def test_a_whole_base_that_answered_has_no_margin_of_zero():
    assert Tally(20, 10, 10).margin(base=40) is None


def test_a_small_known_base_narrows_the_margin():
    tally = Tally(50, 33, 17)
    # 14.6818 * sqrt((200 - 100) / (200 - 1)) = 10.4076
    assert tally.margin(base=200) == Decimal("10.41")
    assert tally.margin(base=10_000_000) == Decimal("14.68")


def test_more_answers_than_people_is_a_bug():
    with pytest.raises(ValueError, match="base is only 20"):
        Tally(50, 33, 17).margin(base=20)


def test_nobody_answered_is_null_never_zero():
    assert Tally().nps() is None
    assert Tally().margin() is None
    assert Tally(1, 0, 1).nps() == 0


@pytest.mark.parametrize(("exact", "whole"), [("12.5", "13"), ("-12.5", "-13"), ("0.5", "1"), ("-0.4", "0")])
def test_halves_are_rounded_away_from_zero(exact, whole):
    assert str(rounded(Decimal(exact))) == whole


def test_an_nps_of_twelve_and_a_half_is_13_and_minus_13():
    assert Tally(9, 7, 0).nps(2) == Decimal("56.25")
    assert Tally(2, 5, 1).nps() == 13
    assert Tally(1, 5, 2).nps() == -13


def test_the_tally_of_scores_counts_zero_as_a_detractor():
    assert Tally.of([0, 6, 7, 8, 9, 10, 10]) == Tally(3, 2, 2)


@given(tallies)
def test_nps_lies_between_minus_100_and_100(tally):
    nps = tally.nps()
    assert nps is None or -100 <= nps <= 100


@given(tallies, tallies)
def test_counts_add_up_so_a_sum_is_the_group_of_both(one, other):
    assert (one + other).answers == one.answers + other.answers
    assert one + other == other + one


@given(tallies)
def test_swapping_promoters_and_detractors_mirrors_the_nps(tally):
    nps, mirrored = tally.nps(), Tally(tally.detractors, tally.passives, tally.promoters).nps()
    assert mirrored == (None if nps is None else -nps)


def test_csat_is_the_share_of_4_and_5():
    assert csat([5, 4, 3, 1]) == 50
    assert csat([4, 4, 2]) == 67
    assert csat([]) is None
    with pytest.raises(ValueError, match="1 to 5"):
        csat([5, 6])


def test_the_response_rate_is_completed_per_delivered():
    assert response_rate(1, 8, 1) == Decimal("12.5")
    assert response_rate(1, 8) == 13
    assert response_rate(0, 0) is None
