"""From one type to another without guessing: what does not fit is rejected, with a code and a sentence.

A message never repeats the value: it may be a customer's words.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from nps.errors import RejectedError
from nps.values import Value

_INTEGER = re.compile(r"[+-]?[0-9]{1,30}(?:\.0+)?", re.ASCII)
_NUMBER = re.compile(r"[+-]?[0-9]{1,30}(?:\.[0-9]{1,30})?", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_TRUTH = {"true": True, "false": False}

Conversion = Callable[[Any], Value]


def is_empty(value: object) -> bool:
    """Nothing to show: null, blank text, an empty list. 0 and false are something."""
    if value is None:
        return True
    if isinstance(value, str):
        return not value or value.isspace()
    return not value and isinstance(value, tuple | list)


def wrong_type(wanted: str, value: object) -> RejectedError:
    found = "text" if isinstance(value, str) else type(value).__name__
    return RejectedError(f"the value is not {wanted} (it is {found})", code="wrong_type")


def naive(what: str = "the value") -> RejectedError:
    return RejectedError(f"{what} is a time without a zone", code="naive_datetime")


def plain(value: Any) -> Value:
    """A picked value as a field may show it: a list of texts is a multi-select, an object is refused."""
    if isinstance(value, str):  # most of what is picked
        return value
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise naive()
        return value
    if isinstance(value, list | tuple):
        if all(isinstance(item, str) for item in value):
            return tuple(value) or None
        raise wrong_type("one value or a list of texts", value)
    if isinstance(value, dict):
        raise RejectedError("the value is an object; name one of its fields", code="not_a_value")
    if isinstance(value, float | Decimal) and not math.isfinite(value):
        raise wrong_type("a finite number", value)
    return value  # type: ignore[no-any-return]


def as_text(value: Any, zone: ZoneInfo) -> str:
    """Text for people: a time in the business zone, a whole number without its ".0", a list with commas."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float | Decimal) and math.isfinite(value):
        digits = format(Decimal(repr(value)) if isinstance(value, float) else value, "f")
        return digits.rstrip("0").rstrip(".") if "." in digits else digits
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise naive()
        return value.astimezone(zone).isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple | list):
        return ", ".join(as_text(item, zone) for item in value)
    if isinstance(value, int):
        return str(value)
    raise wrong_type("something to show as text", value)


def as_integer(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value():
        return int(value)
    if isinstance(value, str) and _INTEGER.fullmatch(text := value.strip()):
        return int(text.partition(".")[0])
    raise wrong_type("a whole number", value)


def as_number(value: Any) -> int | float | Decimal:
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool) and math.isfinite(value):
        return value
    if isinstance(value, str) and _NUMBER.fullmatch(text := value.strip()):
        return Decimal(text)
    raise wrong_type("a number", value)


def as_datetime(value: Any) -> datetime:
    """A moment. A bare date has no time of day, and a time without a zone is no moment: both are rejected."""
    if isinstance(value, str):
        value = _parsed(value)
    if not isinstance(value, datetime):
        raise wrong_type("a date with time and zone", value)
    if value.tzinfo is None:
        raise naive()
    return value


def as_date(value: Any, zone: ZoneInfo) -> date:
    """The day, of a moment the one in the business zone: never the server's, never UTC's."""
    if isinstance(value, str):
        value = _parsed(value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise naive()
        return value.astimezone(zone).date()
    if isinstance(value, date):
        return value
    raise wrong_type("a date", value)


def _parsed(text: str) -> date | datetime:
    text = text.strip()
    try:
        return date.fromisoformat(text) if _DAY.fullmatch(text) else datetime.fromisoformat(text)
    except ValueError:
        raise RejectedError(
            "the value is not a date as 2026-03-02 or 2026-03-02T23:30:00Z", code="wrong_type"
        ) from None


def as_boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and (truth := _TRUTH.get(value.strip().lower())) is not None:
        return truth
    raise wrong_type("true or false", value)


def as_multi(value: Any, zone: ZoneInfo) -> tuple[str, ...]:
    """The choices of a multi-select; a single value is one choice."""
    items = value if isinstance(value, tuple | list) else (value,)
    return tuple(as_text(item, zone) for item in items)


def conversion(name: str, zone: ZoneInfo) -> Conversion:
    """The function behind one word of `as:`."""
    conversions: dict[str, Conversion] = {
        "text": lambda value: as_text(value, zone),
        "integer": as_integer,
        "number": as_number,
        "date": lambda value: as_date(value, zone),
        "datetime": as_datetime,
        "boolean": as_boolean,
        "multi": lambda value: as_multi(value, zone),
    }
    return conversions[name]


def in_utc(moment: datetime) -> str:
    """2026-03-02T23:30:00Z"""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
