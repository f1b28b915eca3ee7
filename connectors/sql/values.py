"""Values at a column's edge: what is written, what is shown again, and what a person typed to look for.

A column's `Kind` is made once of its reflected type. Its canonical form is JSON; the driver gets and gives Python.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from functools import partial
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import types as sql

from connectors.encoding import (
    boolean_of,
    boolean_text,
    day_of,
    empty_is_none,
    moment_of,
    no_option,
    read_day,
    read_moment,
    refused,
)
from nps.errors import ConfigError, RejectedError
from nps.schema import FieldType
from nps.values import Json, Value

_WHOLE = re.compile(r"-?\d{1,19}")
_PLAIN_NUMBER = re.compile(r"-?\d{1,40}(\.\d{1,40})?")
_EXACT_DIGITS = 15  # of a number that JSON holds without loss
_MOST_WHOLE = 2**63  # and of a whole number; columns hold larger ones
_EXACT = Context(prec=2_000, rounding=ROUND_HALF_UP)  # as many digits as any column has, and any float


@dataclass(frozen=True)
class Kind:
    """`canonical`: neutral → what is shown after the write. `bound`: that → what the driver takes. `shown`: what the
    driver gives → the same form. `typed`: that → neutral. `asked`: a looked-up text → what the driver takes, or
    None when no value of this column reads like that."""

    type: FieldType
    canonical: Callable[[Value], Json]
    bound: Callable[[Any], Any]
    shown: Callable[[Any], Json]
    typed: Callable[[Json], Value]
    asked: Callable[[str], Any]
    length: int | None = None
    options: tuple[str, ...] | None = None
    writable: bool = True


@dataclass(frozen=True)
class Edge:
    """What a value's form depends on beside its type. `zone`: of times without one; None where nobody said."""

    table: str
    name: str
    dialect: str
    zone: ZoneInfo | None
    options: tuple[str, ...] | None = None


def kind_of(type: Any, edge: Edge) -> Kind:
    """The kind of a column with this reflected type."""
    kind = _kind(type, edge)
    return replace(kind, canonical=empty_is_none(kind.canonical), shown=_none_is_none(kind.shown))


def _kind(type: Any, edge: Edge) -> Kind:
    if edge.options is not None:
        return _choice(edge)
    match type:
        case sql.Boolean():
            return _boolean(edge)
        case sql.Integer():
            return _whole(edge, _bounds(type, edge.dialect))
        case sql.Numeric() | sql.Float():
            return _number(edge, *_places(type, edge.dialect))
        case sql.DateTime():
            return _moment(edge, type)
        case sql.Date():
            return _date(edge)
        case sql.Uuid():
            return _uuid(edge)
        case sql.String():
            return _text(edge, type.length, fixed=isinstance(type, sql.CHAR))
    return _other()


def _none_is_none(shown: Callable[[Any], Json]) -> Callable[[Any], Json]:
    return lambda value: None if value is None else shown(value)


def _same(value: Any) -> Any:
    return value


# ---------------------------------------------------------------- text and choices


def _text(edge: Edge, length: int | None, *, fixed: bool) -> Kind:
    def canonical(value: Value) -> Json:
        text = _as_text(edge, value)
        if length is not None and len(text) > length:
            raise refused(
                edge, f"takes {length:,} characters, got {len(text):,}; add `truncate:`", "too_long"
            )
        if "\x00" in text:
            raise refused(edge, "takes no NUL character", "nul_character")
        return shown(text)

    def shown(value: Any) -> Json:
        text = str(value)
        # A fixed width is filled up with spaces, which nobody wrote.
        return (text.rstrip(" ") if fixed else text) or None

    def asked(text: str) -> Any:
        return None if "\x00" in text else text

    return Kind(FieldType.TEXT, canonical, _same, shown, _same, asked, length=length)


def _as_text(edge: Edge, value: Value) -> str:
    match value:
        case str():
            return value
        case bool():
            return boolean_text(value)
        case datetime():
            return _iso(value)
        case date():
            return value.isoformat()
        case int() | Decimal() | float():
            return str(value)
        case _:
            raise refused(edge, "takes one text, not a list")


def _choice(edge: Edge) -> Kind:
    options = edge.options or ()

    def canonical(value: Value) -> Json:
        text = _as_text(edge, value)
        if text not in options:
            raise no_option(edge, text, options)
        return text

    def asked(text: str) -> Any:
        return text if text in options else None  # a database knows no other value even to compare with

    return Kind(
        FieldType.CHOICE,
        canonical,
        _same,
        lambda value: str(value) or None,
        _same,
        asked,
        options=edge.options,
    )


def _uuid(edge: Edge) -> Kind:
    def canonical(value: Value) -> Json:
        parsed = asked(value) if isinstance(value, str) else None
        if parsed is None:
            raise refused(edge, "takes a UUID")
        return str(parsed)

    def asked(text: str) -> Any:
        try:
            return UUID(text) if len(text) == 36 else None
        except ValueError:
            return None

    return Kind(FieldType.TEXT, canonical, lambda text: UUID(text), str, _same, asked, length=36)


def _other() -> Kind:
    """What a survey never writes: binary data, JSON, lists. It may be read."""

    def shown(value: Any) -> Json:
        return value.hex() if isinstance(value, bytes) else str(value)

    def canonical(value: Value) -> Json:
        raise RejectedError("a column of this type is not written", code="wrong_type")

    return Kind(FieldType.OTHER, canonical, _same, shown, _same, lambda text: None, writable=False)


# ---------------------------------------------------------------- numbers


def _boolean(edge: Edge) -> Kind:
    words = {"true": True, "false": False}
    return Kind(FieldType.BOOLEAN, partial(boolean_of, edge), _same, bool, _same, words.get)


def _bounds(type: Any, dialect: str) -> tuple[int, int]:
    bits = 64 if dialect == "sqlite" or isinstance(type, sql.BigInteger) else 32
    if dialect != "sqlite" and isinstance(type, sql.SmallInteger):
        bits = 16
    if type.__visit_name__.upper() == "TINYINT":
        bits = 8
    if getattr(type, "unsigned", False):
        return 0, (1 << bits) - 1
    return -(1 << bits - 1), (1 << bits - 1) - 1


def _whole(edge: Edge, bounds: tuple[int, int]) -> Kind:
    least, most = bounds

    def canonical(value: Value) -> Json:
        number = _as_number(edge, value)
        if number != number.to_integral_value():
            raise refused(edge, "takes a whole number; use `as: integer`")
        if not least <= number <= most:
            raise refused(edge, f"takes {least:,} to {most:,}", "out_of_range")
        return int(number)

    def asked(text: str) -> Any:
        # Ids are exact: 007 is not 7.
        number = int(text) if _WHOLE.fullmatch(text) else None
        return number if number is not None and str(number) == text and least <= number <= most else None

    def shown(value: Any) -> Json:
        return int(value) if isinstance(value, int | float | Decimal) else str(value)

    return Kind(FieldType.INTEGER, canonical, _same, shown, _same, asked)


def _places(type: Any, dialect: str) -> tuple[int | None, int | None, bool]:
    """Digits in all, digits after the point, and whether it is a float of single precision."""
    if isinstance(type, sql.Float):
        name = type.__visit_name__.upper()
        return (
            None,
            None,
            (name, dialect) in (("REAL", "postgresql"), ("FLOAT", "mysql"), ("FLOAT", "mariadb")),
        )
    return type.precision, type.scale, False


def _number(edge: Edge, precision: int | None, scale: int | None, single: bool) -> Kind:
    def form(number: Decimal) -> Decimal:
        if single:
            return Decimal(f"{number:.6g}")
        # As databases round: half away from zero.
        return number if scale is None else number.quantize(Decimal(1).scaleb(-scale), context=_EXACT)

    def canonical(value: Value) -> Json:
        number = form(_as_number(edge, value))
        if precision is not None and abs(number) >= Decimal(10) ** (precision - (scale or 0)):
            raise refused(edge, f"takes {precision - (scale or 0)} digits before the point", "out_of_range")
        return _json_number(number)

    def shown(value: Any) -> Json:
        number = _decimal(str(value))
        return str(value) if number is None else _json_number(form(number))

    def asked(text: str) -> Any:
        return bound(text) if _PLAIN_NUMBER.fullmatch(text) else None

    def bound(value: Any) -> Any:
        number = Decimal(str(value))
        return float(number) if edge.dialect == "sqlite" else number  # which knows no decimals

    def typed(value: Json) -> Value:
        return Decimal(str(value)) if isinstance(value, int | float) else _decimal_or_text(value)

    return Kind(FieldType.NUMBER, canonical, _none_is_none(bound), shown, typed, asked)


def _as_number(edge: Edge, value: Value) -> Decimal:
    match value:
        case bool():
            raise refused(edge, "takes a number, not yes or no")
        case int() | Decimal() | float() if Decimal(str(value)).is_finite():
            return Decimal(str(value))
        case str() if _PLAIN_NUMBER.fullmatch(value.strip()):
            return Decimal(value.strip())
        case _:
            raise refused(edge, "takes a number; use `as: number` or `as: integer`")


def _json_number(number: Decimal) -> Json:
    """A number where JSON holds it exactly, else its digits as text."""
    if number == number.to_integral_value() and abs(number) < _MOST_WHOLE:
        return int(number)
    if (
        number != number.to_integral_value()
        and len(number.normalize(_EXACT).as_tuple().digits) <= _EXACT_DIGITS
    ):
        return float(number)
    return format(number.normalize(_EXACT), "f")


def _decimal(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _decimal_or_text(value: Json) -> Value:
    return _decimal(value) or value if isinstance(value, str) else None


# ---------------------------------------------------------------- dates and times


def _date(edge: Edge) -> Kind:
    def canonical(value: Value) -> Json:
        return str(day_of(edge, value))

    def asked(text: str) -> Any:
        found = read_day(text) if len(text) == 10 else None
        return bound(str(found)) if found is not None else None

    def bound(text: Any) -> Any:
        return text if text is None or edge.dialect == "sqlite" else date.fromisoformat(text)

    def shown(value: Any) -> Json:
        return str(value)[:10]

    def typed(value: Json) -> Value:
        return (read_day(value) or value) if isinstance(value, str) else None

    return Kind(FieldType.DATE, canonical, bound, shown, typed, asked)


def _moment(edge: Edge, type: Any) -> Kind:
    naive = not getattr(type, "timezone", False)
    seconds = edge.dialect in ("mysql", "mariadb") and not getattr(type, "fsp", None)
    # MySQL keeps a TIMESTAMP in UTC and shows it in the session's zone, which is ours: UTC.
    universal = edge.dialect in ("mysql", "mariadb") and isinstance(type, sql.TIMESTAMP)
    digits = getattr(type, "fsp", None) or getattr(type, "precision", None)

    def zone() -> ZoneInfo:
        if universal:
            return ZoneInfo("UTC")
        if edge.zone is None:
            raise ConfigError(
                f"{edge.table}.{edge.name} holds times without a zone: say which one is meant, "
                "with naive_times: UTC (or Europe/Berlin …) at the connection"
            )
        return edge.zone

    def cut(moment: datetime) -> datetime:
        if seconds:
            return moment.replace(microsecond=0)
        step = 10 ** (6 - digits) if isinstance(digits, int) and digits < 6 else 1
        return moment.replace(microsecond=moment.microsecond // step * step)

    def stored(moment: datetime) -> datetime:
        """As the column holds it."""
        return cut(moment.astimezone(zone()).replace(tzinfo=None) if naive else moment.astimezone(UTC))

    def universally(held: datetime) -> datetime:
        # In the hour that a zone has twice the first is meant, always: so what is written reads back the same.
        return (held.replace(tzinfo=zone()) if held.tzinfo is None else held).astimezone(UTC)

    def canonical(value: Value) -> Json:
        return _iso(universally(stored(moment_of(edge, value))))

    def bound(text: Any) -> Any:
        if text is None:
            return None
        held = stored(datetime.fromisoformat(text))
        return held.isoformat(sep=" ") if edge.dialect == "sqlite" else held

    def shown(value: Any) -> Json:
        held = value if isinstance(value, datetime) else read_moment(str(value))
        return str(value) if held is None else _iso(universally(held))

    def asked(text: str) -> Any:
        moment = read_moment(text)
        return bound(text) if moment is not None and moment.utcoffset() is not None else None

    def typed(value: Json) -> Value:
        return (read_moment(value) or value) if isinstance(value, str) else None

    return Kind(FieldType.DATETIME, canonical, bound, shown, typed, asked)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
