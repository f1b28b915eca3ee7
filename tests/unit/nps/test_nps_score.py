from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps.errors import RejectedError
from nps.score import SCALES, Segment, parse_score, segment_of


def refusal(raw: object, metric: str = "nps", labelled: str | None = None) -> str:
    with pytest.raises(RejectedError) as caught:
        parse_score(raw, metric, labelled)  # type: ignore[arg-type]
    assert caught.value.field == "score"
    return caught.value.code


def test_promoters_are_9_and_10_passives_7_and_8_detractors_the_rest():
    segments = [Segment.of(score) for score in range(11)]
    assert segments == [Segment.DETRACTOR] * 7 + [Segment.PASSIVE] * 2 + [Segment.PROMOTER] * 2


@pytest.mark.parametrize("score", [-1, 11])
def test_a_segment_of_a_score_outside_the_scale_is_a_bug(score):
    with pytest.raises(ValueError, match="0 to 10"):
        Segment.of(score)


def test_only_nps_has_segments():
    assert segment_of(5, "csat") is None
    assert segment_of(7, "ces") is None
    assert segment_of(None, "nps") is None
    assert segment_of(0, "nps") is Segment.DETRACTOR


@pytest.mark.parametrize(
    ("raw", "score"), [(9, 9), ("9", 9), (9.0, 9), ("9.0", 9), (" 10 ", 10), (0, 0), ("0", 0), (-0.0, 0)]
)
def test_a_whole_number_on_the_scale_is_a_score_and_zero_is_one(raw, score):
    assert parse_score(raw, "nps") == score


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("11", "score_out_of_range"),
        (-1, "score_out_of_range"),
        (10**400, "score_out_of_range"),
        ("100000000000", "score_out_of_range"),
        ("9.5", "score_not_whole"),
        (9.5, "score_not_whole"),
        ("", "score_missing"),
        ("  ", "score_missing"),
        (None, "score_missing"),
        ("Extremely likely - 10", "score_not_a_number"),
        ("nine", "score_not_a_number"),
        ("９", "score_not_a_number"),
        ("1e1", "score_not_a_number"),
        (True, "score_not_a_number"),
        (False, "score_not_a_number"),
        (float("nan"), "score_not_a_number"),
        (float("inf"), "score_not_a_number"),
        ([9], "score_not_a_number"),
    ],
)
def test_anything_else_is_rejected_never_clamped_or_guessed(raw, code):
    assert refusal(raw) == code


@pytest.mark.parametrize(("metric", "low", "high"), [("nps", 0, 10), ("csat", 1, 5), ("ces", 1, 7)])
def test_each_metric_has_its_own_scale(metric, low, high):
    assert parse_score(low, metric) == low
    assert parse_score(str(high), metric) == high
    assert refusal(low - 1, metric) == refusal(high + 1, metric) == "score_out_of_range"


@pytest.mark.parametrize(
    ("text", "rule", "score"),
    [
        ("Extremely likely - 10", "trailing_number", 10),
        ("Likely (9)", "trailing_number", 9),
        ("10 - Extremely likely", "leading_number", 10),
        ("9, great", "leading_number", 9),
        ("7", "leading_number", 7),
    ],
)
def test_labelled_text_is_read_by_a_declared_rule(text, rule, score):
    assert parse_score(text, "nps", rule) == score


@pytest.mark.parametrize(
    ("text", "rule", "code"),
    [
        ("9/10", "leading_number", "score_not_a_number"),
        ("9 / 10", "trailing_number", "score_not_a_number"),
        ("9.5 - nearly", "leading_number", "score_not_a_number"),
        ("nearly 9.5", "trailing_number", "score_not_a_number"),
        ("Extremely likely - 10", "leading_number", "score_not_a_number"),
        ("likely 12", "trailing_number", "score_out_of_range"),
        ("not likely", "trailing_number", "score_not_a_number"),
    ],
)
def test_even_a_declared_rule_takes_no_part_of_a_number(text, rule, code):
    assert refusal(text, labelled=rule) == code


def test_a_refusal_does_not_repeat_the_customers_words():
    with pytest.raises(RejectedError) as caught:
        parse_score("call me on +1 202 555 0143", "nps")
    assert "555" not in str(caught.value)


@given(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary()))
def test_whatever_comes_is_a_score_on_the_scale_or_a_rejection(raw):
    for metric, (low, high) in SCALES.items():
        with contextlib.suppress(RejectedError):
            assert low <= parse_score(raw, metric) <= high
