"""Values as HubSpot keeps them, there and back."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.hubspot.encoding import canonical, live, typed
from nps.errors import RejectedError
from nps.schema import FieldSchema, FieldType
from nps.values import Json, Value

SEGMENTS = ("Promoter", "Passive", "Detractor")


def known(type: FieldType, **more: object) -> FieldSchema:
    fields = {"name": "nps", "label": "NPS", "type": type, "writable": True, **more}
    return FieldSchema(**fields)  # type: ignore[arg-type]


def written(type: FieldType, value: Value, **more: object) -> Json:
    return canonical(known(type, **more))(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (9, "9"),
        (0, "0"),
        (9.0, "9"),
        (9.5, "9.5"),
        (Decimal("1E+3"), "1000"),
        (Decimal("9.50"), "9.5"),
        (1e-7, "0.0000001"),
        (Decimal("-0.0"), "0"),
        (1234567, "1234567"),
        ("9", "9"),
        ("9.50", "9.5"),
    ],
)
def test_a_number_is_plain_digits_without_exponent_or_separators(value: Value, text: str) -> None:
    assert written(FieldType.NUMBER, value) == text


@pytest.mark.parametrize(
    "value", [True, "nine", "1,000", "1e3", float("nan"), float("inf"), date(2026, 3, 2)]
)
def test_what_is_no_number_is_refused_by_a_number(value: Value) -> None:
    with pytest.raises(RejectedError) as refused:
        written(FieldType.NUMBER, value)
    assert (refused.value.code, refused.value.field) == ("wrong_type", "nps")


def test_a_zero_and_a_false_are_not_empty() -> None:
    assert written(FieldType.NUMBER, 0) == "0"
    assert written(FieldType.BOOLEAN, False) == "false"


@pytest.mark.parametrize("type", list(FieldType))
def test_empty_is_always_none(type: FieldType) -> None:
    for nothing in (None, "", ()):
        assert written(type, nothing) is None
    assert live(known(type))(None) is None
    assert live(known(type))("") is None
    assert typed(known(type))("") is None


def test_a_date_is_a_calendar_day_and_never_a_moment_cut_short() -> None:
    assert written(FieldType.DATE, date(2026, 11, 21)) == "2026-11-21"
    assert written(FieldType.DATE, "2026-11-21") == "2026-11-21"
    for wrong in (datetime(2026, 11, 21, 23, 30, tzinfo=UTC), "21.11.2026", "2026-11-31", 20261121):
        with pytest.raises(RejectedError, match="as: date"):
            written(FieldType.DATE, wrong)


def test_a_moment_is_utc_with_milliseconds() -> None:
    new_york = timezone(timedelta(hours=-5))
    assert (
        written(FieldType.DATETIME, datetime(2026, 3, 2, 18, 30, tzinfo=new_york))
        == "2026-03-02T23:30:00.000Z"
    )
    assert written(FieldType.DATETIME, "2026-03-02T18:30:00.25-05:00") == "2026-03-02T23:30:00.250Z"


def test_a_moment_without_zone_or_a_bare_date_is_refused_by_a_datetime() -> None:
    for wrong in (
        datetime(2026, 3, 2, tzinfo=UTC).replace(tzinfo=None),
        date(2026, 3, 2),
        "2026-03-02",
        "noonTime",
    ):
        with pytest.raises(RejectedError):
            written(FieldType.DATETIME, wrong)


def test_an_option_is_written_exactly_and_an_unknown_one_names_the_options() -> None:
    assert written(FieldType.CHOICE, "Promoter", options=SEGMENTS) == "Promoter"
    with pytest.raises(RejectedError) as refused:
        written(FieldType.CHOICE, "promoter", options=SEGMENTS)
    assert '"Promoter", "Passive", "Detractor"' in str(refused.value)
    assert refused.value.code == "not_an_option"


def test_a_score_may_be_an_option() -> None:
    assert written(FieldType.CHOICE, 9, options=tuple(str(n) for n in range(11))) == "9"


def test_options_kept_elsewhere_are_not_checked() -> None:
    assert written(FieldType.CHOICE, "64492917", options=None) == "64492917"


def test_several_options_are_compared_without_regard_to_their_order() -> None:
    topics = known(FieldType.MULTI, options=("price", "support", "speed"))
    assert canonical(topics)(("support", "price")) == live(topics)("support;price") == "price;support"
    assert typed(topics)("support;price") == ("price", "support")


def test_a_leading_semicolon_would_append_and_is_never_written() -> None:
    topics = known(FieldType.MULTI, options=("price", "support"))
    assert canonical(topics)(";price") == "price"


def test_a_comment_keeps_quotes_newlines_and_emoji_but_one_kind_of_line_end() -> None:
    comment = 'She said "wow" 🎉\r\n=cmd()\rbye'
    assert written(FieldType.TEXT, comment) == 'She said "wow" 🎉\n=cmd()\nbye'


def test_a_text_longer_than_a_property_takes_is_refused_with_the_way_out() -> None:
    assert written(FieldType.TEXT, "x" * 65_536, length=65_536) == "x" * 65_536
    with pytest.raises(RejectedError, match="truncate"):
        written(FieldType.TEXT, "x" * 65_537, length=65_536)


def test_old_records_show_dates_as_milliseconds() -> None:
    assert live(known(FieldType.DATE))("1795219200000") == "2026-11-21"
    assert live(known(FieldType.DATETIME))("1735689600000") == "2025-01-01T00:00:00.000Z"
    assert live(known(FieldType.DATETIME))("2025-01-01T00:00:00Z") == "2025-01-01T00:00:00.000Z"


def test_a_live_value_that_does_not_fit_its_type_is_shown_as_it_is() -> None:
    assert live(known(FieldType.NUMBER))("about nine") == "about nine"
    assert typed(known(FieldType.NUMBER))("about nine") == "about nine"
    assert live(known(FieldType.DATE))("soon") == "soon"
    assert live(known(FieldType.CHOICE, options=SEGMENTS))("an option of old") == "an option of old"


def test_an_email_is_shown_in_lower_case() -> None:
    email = known(FieldType.TEXT, name="email")
    assert canonical(email)("Ann@Example.COM") == live(email)("Ann@example.com") == "ann@example.com"


@pytest.mark.parametrize(
    ("type", "value"),
    [
        (FieldType.NUMBER, Decimal("9.5")),
        (FieldType.BOOLEAN, True),
        (FieldType.DATE, date(2026, 3, 2)),
        (FieldType.DATETIME, datetime(2026, 3, 2, 12, 0, 0, 250_000, tzinfo=UTC)),
        (FieldType.MULTI, ("a", "b")),
        (FieldType.TEXT, "ünïcode"),
    ],
)
def test_a_value_comes_back_as_what_it_was(type: FieldType, value: Value) -> None:
    field = known(type)
    assert typed(field)(canonical(field)(value)) == value


@given(
    st.one_of(st.integers(-(10**15), 10**15), st.decimals(allow_nan=False, allow_infinity=False, places=6))
)
def test_what_is_written_is_what_is_read(number: int | Decimal) -> None:
    field = known(FieldType.NUMBER)
    text = canonical(field)(number)
    assert live(field)(text) == text
    assert typed(field)(text) == Decimal(number)


@given(st.text(max_size=200))
def test_a_text_settles_after_one_writing(text: str) -> None:
    field = known(FieldType.TEXT)
    once = canonical(field)(text)
    assert live(field)(once) == once
