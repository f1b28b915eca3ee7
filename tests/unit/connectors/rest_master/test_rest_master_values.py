"""Dates in a master's own format, and values that survive being written and read."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.rest_master.dates import date_format, iso_day
from connectors.rest_master.encoding import canonical, live, refusal, typed
from connectors.rest_master.fields import Known
from nps.errors import RejectedError
from nps.schema import FieldSchema, FieldType

DAY = date(2026, 3, 2)


def known(type: FieldType, **more: Any) -> Known:
    options = more.pop("options", None)
    return Known(FieldSchema("f", "f", type, writable=True, options=options), **more)


@pytest.mark.parametrize(
    ("text", "separator", "written"),
    [
        ("DD/MM/YYYY", None, "02/03/2026"),
        ("mm-dd-yyyy", None, "03-02-2026"),
        ("YYYYMMDD", None, "20260302"),
        ("YYYYMMDD", ".", "2026.03.02"),
        ("DD MM YYYY", "/", "02/03/2026"),
        ("D.M.YYYY", None, "2.3.2026"),
        ("MM/DD/YY", None, "03/02/26"),
        ("YYYY-MM-DD", "", "2026-03-02"),
    ],
)
def test_a_format_says_what_is_written_and_read(text: str, separator: str | None, written: str) -> None:
    form = date_format(text, separator)
    assert form.written(DAY) == written
    assert form.read(f" {written} ") == DAY


@pytest.mark.parametrize(
    "text", ["", "DD/MM", "DD/DD/YYYY", "MMM DD YYYY", "quarter", "DMYYYY", "DD/MM/YYYY hh:mm", "%d/%m/%Y"]
)
def test_what_is_no_format_of_a_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"format|read back"):
        date_format(text)


@given(
    st.dates(min_value=date(1000, 1, 1)),
    st.permutations(["YYYY", "MM", "DD"]),
    st.sampled_from(["", "/", "-", " ", "."]),
)
def test_every_day_survives_every_format(day: date, order: list[str], gap: str) -> None:
    form = date_format(gap.join(order))
    assert form.read(form.written(day)) == day


@pytest.mark.parametrize(
    "text", ["31/02/2026", "2/3/2026", "02-03-2026", "02/03/2026 10:00", "٠٢/٠٣/٢٠٢٦", ""]
)
def test_what_is_not_in_the_format_is_no_date(text: str) -> None:
    assert date_format("DD/MM/YYYY").read(text) is None


def test_an_iso_date_is_understood_with_and_without_a_time() -> None:
    assert iso_day("2026-03-02") == iso_day("2026-03-02T23:59:59Z") == DAY
    assert iso_day("2026-3-2") is None


def test_a_live_date_reads_alike_in_both_spellings() -> None:
    field = known(FieldType.DATE, dates=date_format("MM/DD/YYYY"))
    assert live(field)("2026-03-02T00:00:00Z") == live(field)("03/02/2026") == canonical(field)(DAY)
    assert live(field)("someday") == "someday"


@pytest.mark.parametrize(
    ("type", "value", "shown"),
    [
        (FieldType.INTEGER, Decimal("7.0"), 7),
        (FieldType.INTEGER, "7", 7),
        (FieldType.NUMBER, Decimal("7.5"), 7.5),
        (FieldType.NUMBER, 0, 0),
        (FieldType.BOOLEAN, True, True),
        (FieldType.BOOLEAN, "false", False),
        (FieldType.DATETIME, datetime(2026, 3, 2, 12, tzinfo=UTC), "2026-03-02T12:00:00Z"),
        (FieldType.DATETIME, "2026-03-02T13:00:00.250+01:00", "2026-03-02T12:00:00.250Z"),
        (FieldType.TEXT, 7, "7"),
        (FieldType.TEXT, True, "true"),
        (FieldType.TEXT, "a\r\nb", "a\nb"),
        (FieldType.MULTI, ("b", "a", "b"), ["a", "b"]),
        (FieldType.MULTI, "b; a", ["a", "b"]),
        (FieldType.OTHER, "x", "x"),
    ],
)
def test_what_is_written_is_what_is_compared(type: FieldType, value: Any, shown: Any) -> None:
    field = known(type)
    assert canonical(field)(value) == shown
    assert live(field)(shown) == shown
    assert canonical(field)(typed(field)(shown)) == shown


@pytest.mark.parametrize(
    ("type", "value", "code"),
    [
        (FieldType.INTEGER, Decimal("7.5"), "wrong_type"),
        (FieldType.INTEGER, True, "wrong_type"),
        (FieldType.NUMBER, "NaN", "wrong_type"),
        (FieldType.NUMBER, "1e999x", "wrong_type"),
        (FieldType.BOOLEAN, "yes", "wrong_type"),
        (FieldType.DATE, datetime(2026, 3, 2, tzinfo=UTC), "wrong_type"),
        (FieldType.DATETIME, datetime(2026, 3, 2), "naive_datetime"),  # noqa: DTZ001
        (FieldType.DATETIME, DAY, "wrong_type"),
        (FieldType.TEXT, ("a", "b"), "wrong_type"),
        (FieldType.MULTI, 7, "wrong_type"),
    ],
)
def test_what_a_field_cannot_hold_is_refused(type: FieldType, value: Any, code: str) -> None:
    with pytest.raises(RejectedError) as caught:
        canonical(known(type))(value)
    assert caught.value.code == code


@pytest.mark.parametrize("type", list(FieldType))
def test_empty_is_none_both_ways(type: FieldType) -> None:
    field = known(type)
    for empty in (None, ""):
        assert canonical(field)(empty) is None
        assert live(field)(empty) is None
        assert typed(field)(empty) is None


def test_a_field_that_may_not_be_empty_is_not_cleared() -> None:
    problem = refusal(known(FieldType.TEXT, required=True), None)
    assert problem is not None
    assert problem.code == "required"
    assert refusal(known(FieldType.TEXT), None) is None


@given(st.integers(min_value=-(2**62), max_value=2**62))
def test_whole_numbers_keep_every_digit(number: int) -> None:
    field = known(FieldType.INTEGER)
    assert canonical(field)(number) == number
    assert live(field)(str(number)) == number
