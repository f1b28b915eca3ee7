"""What the vendors' encoders share: what a field takes of our values, and how what it does not take is refused.

Each vendor's own module says which of these its types are, and how the vendor spells what comes out of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from connectors.numbers import finite, json_number
from nps.errors import RejectedError
from nps.values import Json, Value

Canonical = Callable[[Value], Json]  # ours → what the vendor shows after the write
Live = Callable[[Json], Json]  # what the vendor sent → the same form
Typed = Callable[[Json], Value]  # that → ours

_SHOWN = 20  # options of a field that has many


class Named(Protocol):
    """A field, as its vendor's module knows it."""

    @property
    def name(self) -> str: ...


def refused(known: Named, why: str, code: str = "wrong_type") -> RejectedError:
    return RejectedError(f"{known.name} {why}", code=code, field=known.name)


def no_option(known: Named, text: str, options: Sequence[str]) -> RejectedError:
    shown = ", ".join(f'"{option}"' for option in options[:_SHOWN]) or "none at all"
    more = f" and {len(options) - _SHOWN} more" if len(options) > _SHOWN else ""
    return refused(known, f'has no option "{text[:80]}"; it has {shown}{more}', "not_an_option")


def empty_is_none(encode: Canonical) -> Canonical:
    return lambda value: None if value is None or value == "" or value == () else encode(value)


# ---------------------------------------------------------------- from ours: RejectedError for what does not fit


def text_of(known: Named, value: Value, spelled: Callable[[datetime], str]) -> str:
    """`spelled` is how the vendor writes a moment."""
    match value:
        case str():
            return line_ends(value)
        case bool():
            return boolean_text(value)
        case int() | float() | Decimal():
            number = finite(value)
            if number is None:
                raise refused(known, "takes a finite number")
            return str(json_number(number))
        case datetime():
            return spelled(moment_of(known, value))
        case date():
            return value.isoformat()
        case _:
            raise refused(known, "takes one text, not a list")


def number_of(known: Named, value: Value) -> int | float:
    if isinstance(value, bool):
        raise refused(known, "takes a number, not yes or no")
    number = finite(value) if isinstance(value, int | float | Decimal | str) else None
    if number is None:
        raise refused(known, "takes a number; use `as: number` or `as: integer`")
    return json_number(number)


def whole_of(known: Named, value: Value) -> int:
    number = number_of(known, value)
    if isinstance(number, float):
        raise refused(known, "takes a whole number; use `as: integer`")
    return number


def boolean_of(known: Named, value: Value) -> bool:
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return value == "true"
    raise refused(known, "takes true or false; use `as: boolean`")


def day_of(known: Named, value: Value) -> date:
    # A moment has no date until somebody says in which zone: `as: date` does.
    if isinstance(value, datetime):
        raise refused(known, "takes a date, not a moment; use `as: date`")
    day = read_day(value) if isinstance(value, str) and len(value) == 10 else value
    if not isinstance(day, date):
        raise refused(known, "takes a date like 2026-11-21; use `as: date`")
    return day


def moment_of(known: Named, value: Value) -> datetime:
    moment = read_moment(value) if isinstance(value, str) and "T" in value else value
    if moment is None:
        raise refused(known, "takes a moment like 2026-11-21T09:30:00Z")
    if not isinstance(moment, datetime):
        raise refused(known, "takes a moment, not a date; use `as: datetime`")
    if moment.utcoffset() is None:
        raise refused(known, "takes a moment with its time zone", "naive_datetime")
    return moment


def choice_of(known: Named, value: Value) -> str:
    """The text of an option, whether there is such an option or not."""
    if not isinstance(value, str | int):
        raise refused(known, "takes one of its options")
    return boolean_text(value) if isinstance(value, bool) else str(value)


def boolean_text(value: bool) -> str:
    return "true" if value else "false"


# ---------------------------------------------------------------- what a vendor sends: nothing is refused


def live_text(known: Named, value: Json) -> Json:
    if isinstance(value, str):
        return line_ends(value)
    if isinstance(value, bool):
        return boolean_text(value)
    return str(value) if isinstance(value, int | float) else value


def live_number(known: Named, value: Json) -> Json:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return value
    number = finite(value)
    return value if number is None else json_number(number)


def line_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def read_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def read_moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
