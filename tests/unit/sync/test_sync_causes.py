"""A refusal says who can do something about it, and the command that comes after."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from nps.changes import Cause
from nps.errors import RejectedError
from nps.retrying import next_try
from nps.score import parse_score
from sync.causes import advice, cause_of

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_has_somebody_who_can_help_and_a_next_command(cause: Cause):
    found = advice(cause, "ANY_CODE")
    assert found.who
    assert found.do
    assert found.then.startswith("dead-letters ")
    assert "{}" in found.then


@pytest.mark.parametrize("raw", [None, "", "eleven", True, 9.5, float("nan"), 11, "-1"])
def test_a_score_that_is_none_is_the_answers_fault(raw: object):
    with pytest.raises(RejectedError) as refused:
        parse_score(raw, "nps")
    assert cause_of(refused.value.code) is Cause.ANSWER


@pytest.mark.parametrize("code", ["map_miss", "too_long", "not_an_option", "wrong_type", "expression_failed"])
def test_a_value_that_fits_no_field_is_the_mappings(code: str):
    assert cause_of(code) is Cause.MAPPING
    assert advice(Cause.MAPPING, code).do != advice(Cause.MAPPING, "ANY_CODE").do


def test_what_is_not_tried_by_itself_any_more_needs_a_person():
    assert advice(Cause.TRANSIENT, "X").who == "nobody"
    assert advice(Cause.TRANSIENT, "X", by_itself=False).who != "nobody"


def test_a_passing_refusal_is_tried_after_an_hour_six_hours_and_daily_for_a_week():
    tried, attempts = NOON, 0
    moments: list[timedelta] = []
    while (again := next_try(attempts, tried)) is not None:
        tried, attempts = again, attempts + 1
        moments.append(tried - NOON)
    assert moments == [timedelta(hours=1), timedelta(hours=6), *(timedelta(days=day) for day in range(1, 8))]
