"""Durations, shares, survey ids and cron lines: what is taken, what is refused."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from nps.durations import Duration, Period, Share, duration, in_words, share, spread
from nps.surveys import SurveySpec
from sync.spec import SyncSpec


class Asked(BaseModel):
    length: Duration = timedelta()
    period: Period = timedelta(1)
    part: Share = Decimal()


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("15 minutes", timedelta(minutes=15)),
        ("1 minute", timedelta(minutes=1)),
        ("2 hours", timedelta(hours=2)),
        ("365 days", timedelta(days=365)),
        ("0 days", timedelta()),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text, length):
    assert duration(text) == length


@pytest.mark.parametrize(
    "text",
    [
        "15",
        "15m",
        "15 min",
        "-1 days",
        "1.5 hours",
        "P1D",
        "",
        "1 week",
        "1 days 2 hours",
        "٣ days",
        "9999999 days",
    ],
)
def test_no_other_grammar_is_a_duration(text):
    with pytest.raises(ValueError, match="duration"):
        duration(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0 seconds", 0), ("1 second", 1), ("30 seconds", 30), ("2 minutes", 120), ("60 minutes", 3600)],
)
def test_what_is_short_may_be_said_in_seconds(text, seconds):
    assert spread(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["30", "30s", "1 hour", "61 minutes", "-1 seconds", "1.5 seconds", "", "٣ seconds"]
)
def test_what_is_no_jitter_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match='write it like "30 seconds"'):
        spread(text)


def test_a_bare_number_is_no_duration_of_anything():
    with pytest.raises(ValidationError):
        Asked(length=15)


def test_a_period_is_longer_than_nothing():
    with pytest.raises(ValidationError, match="at least 1 minute"):
        Asked(period="0 hours")


@given(st.integers(0, 36_500), st.sampled_from(["minute", "hour", "day"]))
def test_a_duration_in_words_is_the_same_duration(count, unit):
    length = duration(f"{count} {unit}s")
    assert duration(in_words(length)) == length


@pytest.mark.parametrize(("text", "part"), [("40%", "0.4"), ("0%", "0"), ("100%", "1"), ("2.5%", "0.025")])
def test_a_share_is_written_in_percent(text, part):
    assert share(text) == Decimal(part)
    assert share(Asked(part=text).model_dump()["part"]) == Decimal(part)


@pytest.mark.parametrize("text", ["40", "0.4", "101%", "-1%", "40 %", "%"])
def test_what_is_not_in_percent_is_no_share(text):
    with pytest.raises(ValueError):
        share(text)


@pytest.mark.parametrize("given", [True, 1.5, None, "", []])
def test_a_survey_id_is_text_or_a_whole_number(given):
    with pytest.raises(ValidationError):
        SurveySpec(at={"mail": given})


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("0 8 * * *", "0 8 * * *"),
        ("0 8 * * 0", "0 8 * * sun"),
        ("0 8 * * 7", "0 8 * * sun"),
        ("0 8 * * 1-5", "0 8 * * mon,tue,wed,thu,fri"),
        ("0 8 * * 5-7", "0 8 * * fri,sat,sun"),
        ("0 8 * * */2", "0 8 * * sun,tue,thu,sat"),
        ("0 8 * * mon-fri", "0 8 * * mon-fri"),
    ],
)
def test_weekdays_count_from_sunday_as_in_every_crontab(written, means):
    assert SyncSpec(cron=written, survey="nps", to="crm", fields={"NPS__c": "score"}).cron == means


@pytest.mark.parametrize("cron", ["0 8 * * 8", "61 * * * *", "* * * *", "@daily", "0 8 1 * 1", "0 8 * * 5-1"])
def test_a_cron_line_that_means_nothing_certain_is_refused(cron):
    with pytest.raises(ValidationError):
        SyncSpec(cron=cron, survey="nps", to="crm", fields={"NPS__c": "score"})
