"""Values at Intercom's edge: dates are Unix seconds that a workspace shows in a zone of its own."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st
from played_intercom import ATTRIBUTES, OWN, attribute

from connectors.intercom.attributes import Attributes, attributes, value_of
from connectors.intercom.encoding import canonical, live, sent, typed
from nps.errors import ConfigError, RejectedError
from nps.schema import FieldType
from nps.values import Json, Value

NEW_YORK = ZoneInfo("America/New_York")


def contacts(zone: ZoneInfo = NEW_YORK) -> Attributes:
    return attributes("chat", "contacts", zone, ATTRIBUTES)


def written(name: str, value: Value) -> Json:
    return canonical(contacts().field(OWN + name))(value)


def test_attributes_of_ones_own_stand_beside_the_standard_fields() -> None:
    fields = contacts().schema.fields
    assert fields["role"].options == ("user", "lead")
    assert not fields["role"].writable
    assert fields[f"{OWN}role"].type is FieldType.TEXT
    assert fields[f"{OWN}nps_segment"].options == ("promoter", "passive", "detractor")
    assert fields[f"{OWN}nps_last_survey_at"].type is FieldType.DATE
    assert not fields[f"{OWN}plan"].writable
    assert f"{OWN}old_score" not in fields


def test_options_are_told_as_texts_or_as_they_are_given() -> None:
    row = attribute("size", "options", options=[{"value": "small"}, {"value": "large"}])
    known = attributes("chat", "contacts", NEW_YORK, [row])
    assert known.field(f"{OWN}size").schema.options == ("small", "large")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("nps_score", f'did you mean "{OWN}nps_score"'),
        (f"{OWN}nps_scor", f'did you mean "{OWN}nps_score"'),
        (f"{OWN}old_score", "it is archived"),
    ],
)
def test_a_name_that_is_none_says_what_may_be_meant(name: str, hint: str) -> None:
    with pytest.raises(ConfigError, match=hint):
        contacts().field(name)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("nps_score", 9, 9),
        ("nps_score", "7", 7),
        ("rating", 4.5, 4.5),
        ("vip", True, True),
        ("vip", "false", False),
        ("nps_segment", "passive", "passive"),
        ("nps_comment", "a\r\nb", "a\nb"),
        ("nps_comment", 7, "7"),
        ("nps_comment", True, "true"),
        ("nps_asked_at", datetime(2026, 3, 2, 12, 0, 0, 900_000, UTC), "2026-03-02T12:00:00Z"),
        ("nps_comment", "", None),
        ("nps_score", None, None),
    ],
)
def test_what_is_written(name: str, value: Value, expected: Json) -> None:
    assert written(name, value) == expected


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("nps_score", 7.5, "wrong_type"),
        ("nps_score", True, "wrong_type"),
        ("nps_score", "many", "wrong_type"),
        ("rating", float("nan"), "wrong_type"),
        ("vip", "perhaps", "wrong_type"),
        ("nps_segment", "fan", "not_an_option"),
        ("nps_last_survey_at", datetime(2026, 3, 2, tzinfo=UTC), "wrong_type"),
        ("nps_last_survey_at", "yesterday", "wrong_type"),
        ("nps_asked_at", date(2026, 3, 2), "wrong_type"),
        ("nps_asked_at", datetime(2026, 3, 2), "naive_datetime"),  # noqa: DTZ001
        ("nps_comment", ("a", "b"), "wrong_type"),
    ],
)
def test_what_a_field_cannot_hold_is_refused_before_it_is_sent(name: str, value: Value, code: str) -> None:
    with pytest.raises(RejectedError) as refused:
        written(name, value)
    assert (refused.value.code, refused.value.field) == (code, OWN + name)


days = st.dates(date(1971, 1, 1), date(2099, 12, 31))
zones = st.sampled_from(sorted(available_timezones() - {"Etc/GMT+12"})).map(ZoneInfo)


@given(days, zones)
def test_a_date_is_the_same_day_in_every_zone_within_eleven_hours(day: date, zone: ZoneInfo) -> None:
    known = contacts(zone).field(f"{OWN}nps_last_survey_at")
    seconds = sent(known, canonical(known)(day))
    assert isinstance(seconds, int)
    assert typed(known)(seconds) == day
    assert live(known)(seconds) == canonical(known)(day) == day.isoformat()
    there = datetime.fromtimestamp(seconds, zone)
    assert {(there + timedelta(hours=hours)).date() for hours in (-11, 0, 11)} == {day}


@given(days, zones, st.integers(1, 86_398))
def test_any_moment_of_a_day_is_that_day(day: date, zone: ZoneInfo, second: int) -> None:
    known = contacts(zone).field(f"{OWN}nps_last_survey_at")
    moment = int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()) + second
    if datetime.fromtimestamp(moment, zone).date() == day and moment % 86_400:  # not a day of 23 hours
        assert live(known)(moment) == canonical(known)(day)


@given(days, zones)
def test_midnight_in_utc_is_the_day_it_names(day: date, zone: ZoneInfo) -> None:
    """How most tools write a date: in New York it would be the day before."""
    known = contacts(zone).field(f"{OWN}nps_last_survey_at")
    midnight = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
    assert typed(known)(midnight) == day


def test_a_moment_is_sent_in_seconds_and_comes_back() -> None:
    known = contacts().field(f"{OWN}nps_asked_at")
    moment = datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert sent(known, canonical(known)(moment)) == 1_772_452_800
    assert typed(known)(1_772_452_800) == moment
    assert live(known)("1772452800") == "2026-03-02T12:00:00Z"


def test_milliseconds_are_not_taken_for_a_date() -> None:
    known = contacts().field(f"{OWN}nps_asked_at")
    assert live(known)(1_772_452_800_000) == 1_772_452_800_000
    assert typed(known)(1_772_452_800_000) == 1_772_452_800_000


def test_numbers_that_come_as_text_are_numbers() -> None:
    known = contacts()
    assert live(known.field(f"{OWN}nps_score"))("9") == 9
    assert live(known.field(f"{OWN}vip"))("true") is True
    assert live(known.field(f"{OWN}nps_comment"))(9) == "9"


def test_of_several_companies_none_is_the_account() -> None:
    one, two = {"type": "company", "id": "c1"}, {"type": "company", "id": "c2"}
    assert value_of({"companies": {"data": [one]}}, "company") == "c1"
    assert value_of({"companies": {"data": [one, two]}}, "company") is None
    assert value_of({"companies": {"data": [one], "has_more": True}}, "company") is None
    assert value_of({}, "company") is None


def test_the_domain_is_told_by_the_address_where_it_is_not_told_itself() -> None:
    assert value_of({"email": "jo@acme.example"}, "email_domain") == "acme.example"
    assert value_of({"email": None}, "email_domain") is None
