"""Values at the edge of a column: what is shown after a write is what canonical said before it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import types as sql
from sqlalchemy.dialects import mysql, postgresql

from connectors.sql.choices import listed
from connectors.sql.values import Edge, Kind, kind_of
from nps.errors import ConfigError, RejectedError
from nps.schema import FieldType

BERLIN = ZoneInfo("Europe/Berlin")


def kind(
    type: Any,
    dialect: str = "postgresql",
    zone: ZoneInfo | None = None,
    options: tuple[str, ...] | None = None,
) -> Kind:
    return kind_of(type, Edge("customer", "column", dialect, zone, options))


def refused(known: Kind, value: Any) -> str:
    with pytest.raises(RejectedError) as caught:
        known.canonical(value)
    assert caught.value.field == "column"
    return caught.value.code


# ---------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("type", "dialect", "most"),
    [
        (sql.SmallInteger(), "postgresql", 2**15 - 1),
        (sql.Integer(), "postgresql", 2**31 - 1),
        (sql.BigInteger(), "postgresql", 2**63 - 1),
        (sql.Integer(), "sqlite", 2**63 - 1),
        (mysql.TINYINT(), "mysql", 127),
        (mysql.INTEGER(unsigned=True), "mysql", 2**32 - 1),
    ],
)
def test_a_whole_number_has_to_fit(type: Any, dialect: str, most: int) -> None:
    known = kind(type, dialect)
    assert known.canonical(most) == most
    assert refused(known, most + 1) == "out_of_range"
    assert refused(known, Decimal("1.5")) == "wrong_type"
    assert refused(known, True) == "wrong_type"


def test_a_decimal_is_rounded_as_databases_round() -> None:
    known = kind(sql.Numeric(5, 2))
    assert [known.canonical(Decimal(text)) for text in ("1.005", "-1.005", "2.00", "0")] == [
        1.01,
        -1.01,
        2,
        0,
    ]
    assert refused(known, 1000) == "out_of_range"
    assert known.bound(1.01) == Decimal("1.01")
    assert known.shown(Decimal("1.01")) == 1.01


def test_digits_that_json_would_lose_are_text() -> None:
    known = kind(sql.Numeric(30, 10))
    assert known.canonical(Decimal("12345678901234567.25")) == "12345678901234567.25"
    assert known.bound("12345678901234567.25") == Decimal("12345678901234567.25")
    assert known.typed("12345678901234567.25") == Decimal("12345678901234567.25")


@pytest.mark.parametrize("far", [1e30, -1e300, "1" * 35, Decimal("1" * 35 + ".5")])
def test_a_number_far_too_large_is_refused_by_itself(far: Any) -> None:
    assert refused(kind(sql.Numeric(10, 2)), far) == "out_of_range"


@pytest.mark.parametrize(
    ("type", "held"),
    [
        (sql.Numeric(38, 0), Decimal(10**25 + 1)),
        (sql.Numeric(38, 10), Decimal("12345678901234567890123.5")),
        (sql.Numeric(60, 2), Decimal("-" + "9" * 35 + ".25")),
        (sql.Double(), 1e30),
    ],
)
def test_numbers_larger_than_json_holds_are_shown_to_the_last_digit_and_written_back(
    type: Any, held: Any
) -> None:
    known = kind(type)
    shown = known.shown(held)
    assert orjson.loads(orjson.dumps(shown)) == shown
    assert known.canonical(shown) == shown
    assert known.typed(shown) == known.bound(shown) == Decimal(str(held))


def test_a_zero_is_a_number_and_not_empty() -> None:
    for type in (sql.Integer(), sql.Numeric(5, 2), sql.Float()):
        assert kind(type).canonical(0) == 0
        assert kind(type).typed(0) == 0


def test_single_precision_keeps_six_digits() -> None:
    known = kind(postgresql.REAL())
    assert known.canonical(Decimal("33.3333333")) == known.shown(33.333332) == 33.3333


# ---------------------------------------------------------------- text


def test_text_has_to_fit_and_holds_no_nul() -> None:
    known = kind(sql.String(5))
    assert known.canonical("O'Bri") == "O'Bri"
    assert refused(known, "O'Brie") == "too_long"
    assert refused(known, "a\x00b") == "nul_character"
    assert known.asked("a\x00b") is None


def test_what_fills_up_a_fixed_width_is_nobodys_text() -> None:
    known = kind(sql.CHAR(5))
    assert known.canonical("ab") == known.shown("ab   ") == "ab"


def test_a_choice_takes_its_options_and_is_asked_for_nothing_else() -> None:
    known = kind(sql.Text(), options=("promoter", "passive"))
    assert known.type is FieldType.CHOICE
    assert known.canonical("promoter") == "promoter"
    assert refused(known, "Promoter") == "not_an_option"
    assert known.asked("Promoter") is None


def test_a_uuid_is_one_value_however_it_is_spelt() -> None:
    known = kind(postgresql.UUID())
    text = "b33b0b31-bff2-49b6-8123-534a8e14718f"
    assert known.canonical(text.upper()) == text == known.shown(UUID(text))
    assert known.asked("not a uuid") is None


def test_what_a_survey_never_writes_is_only_read() -> None:
    known = kind(postgresql.JSONB())
    assert not known.writable
    assert known.shown({"a": 1}) == "{'a': 1}"


# ---------------------------------------------------------------- times


def test_a_column_without_a_zone_is_not_used_before_somebody_says_which() -> None:
    known = kind(sql.DateTime())
    with pytest.raises(ConfigError, match=r"customer\.column holds times without a zone.*naive_times"):
        known.canonical(datetime(2026, 3, 2, tzinfo=UTC))


def test_a_naive_column_holds_the_wall_clock_of_its_zone() -> None:
    known = kind(sql.DateTime(), zone=BERLIN)
    shown = known.canonical(datetime(2026, 7, 1, 10, tzinfo=UTC))
    assert shown == "2026-07-01T10:00:00Z"
    assert known.bound(shown) == datetime(2026, 7, 1, 12)  # noqa: DTZ001
    assert known.shown(datetime(2026, 7, 1, 12)) == shown  # noqa: DTZ001


@given(st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)))  # noqa: DTZ001
def test_every_moment_reads_back_as_canonical_said_also_in_the_hour_a_zone_has_twice(naive: datetime) -> None:
    moment = naive.replace(tzinfo=UTC)
    for known in (
        kind(sql.DateTime(), zone=BERLIN),
        kind(sql.DateTime(), "sqlite", zone=BERLIN),
        kind(sql.DateTime(timezone=True)),
        kind(mysql.DATETIME(), "mysql", zone=BERLIN),
        kind(mysql.DATETIME(fsp=3), "mysql", zone=BERLIN),
        kind(mysql.TIMESTAMP(), "mysql"),
    ):
        shown = known.canonical(moment)
        assert known.shown(known.bound(shown)) == shown
        typed = known.typed(shown)
        assert isinstance(typed, datetime)
        assert known.canonical(typed) == shown


def test_mysql_counts_whole_seconds_unless_the_column_says_more() -> None:
    moment = datetime(2026, 3, 2, 10, 0, 0, 999_999, UTC)
    assert kind(mysql.DATETIME(), "mysql", ZoneInfo("UTC")).canonical(moment) == "2026-03-02T10:00:00Z"
    assert (
        kind(mysql.DATETIME(fsp=3), "mysql", ZoneInfo("UTC")).canonical(moment)
        == "2026-03-02T10:00:00.999000Z"
    )


def test_a_moment_needs_its_zone_and_a_date_is_none() -> None:
    known = kind(sql.DateTime(timezone=True))
    assert refused(known, datetime(2026, 3, 2)) == "naive_datetime"  # noqa: DTZ001
    assert refused(known, date(2026, 3, 2)) == "wrong_type"
    assert refused(kind(sql.Date()), datetime(2026, 3, 2, tzinfo=UTC)) == "wrong_type"
    east = timezone(timedelta(hours=9))
    assert known.canonical(datetime(2026, 3, 2, 9, tzinfo=east)) == "2026-03-02T00:00:00Z"


@pytest.mark.parametrize("held", ["2026-03-02 10:00:00", "2026-03-02T10:00:00", "2026-03-02T10:00:00Z"])
def test_sqlite_holds_times_as_anybody_spells_them(held: str) -> None:
    assert kind(sql.DateTime(), "sqlite", ZoneInfo("UTC")).shown(held) == "2026-03-02T10:00:00Z"


# ---------------------------------------------------------------- options in constraints


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        ("nps_segment IN ('promoter', 'passive')", ("nps_segment", ("promoter", "passive"))),
        ("(\"nps_segment\" in ('it''s'))", ("nps_segment", ("it's",))),
        ("(`seg` in ('p','q'))", ("seg", ("p", "q"))),
        ("seg = ANY (ARRAY['p'::text, 'q'::text])", ("seg", ("p", "q"))),
        (
            "seg::text = ANY (ARRAY['p'::character varying, 'q'::character varying]::text[])",
            ("seg", ("p", "q")),
        ),
        ("seg IS NULL OR (seg::text = ANY (ARRAY['p'::character varying]::text[]))", ("seg", ("p",))),
        ("seg = 'only'::text", ("seg", ("only",))),
        ("seg IN ('p') OR other IN ('q')", None),
        ("other IS NULL OR seg IN ('p')", None),
        ("seg <> 'p'", None),
        ("score >= 0 AND score <= 10", None),
        ("lower(seg) IN ('p')", None),
    ],
)
def test_a_list_in_a_check_constraint_is_the_columns_options(constraint: str, expected: object) -> None:
    assert listed(constraint) == expected
