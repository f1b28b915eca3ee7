"""Values at Intercom's edge: what a field takes is checked here, before anything is sent.

A date is Unix seconds there, and a text like 2026-03-02 here, so that people can read what is planned. A workspace
shows it in a time zone of its own, which the API does not tell. So a date is sent as noon: it is the same day within
eleven hours either way. Whatever moment of a day is read, it is that day.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal

from connectors.intercom.attributes import Known
from connectors.numbers import finite, json_number
from nps.errors import RejectedError
from nps.schema import FieldType
from nps.values import Json, Value

Canonical = Callable[[Value], Json]
Typed = Callable[[Json], Value]
Live = Callable[[Json], Json]

_DAY = 86_400
_LAST = 32_503_680_000  # the year 3000: what is later was meant as milliseconds, or is no moment at all


def canonical(known: Known) -> Canonical:
    """What Intercom shows once a value is written; RejectedError for what the field cannot hold."""
    encode = _ENCODERS.get(known.schema.type, _text)
    return lambda value: None if value is None or value == "" or value == () else encode(known, value)


def live(known: Known) -> Live:
    """A value Intercom sent, in the same form. Never refuses: a contact may hold what was valid once."""
    normal = _NORMALISERS.get(known.schema.type, _live_text)
    return lambda value: None if value is None or value in ("", []) else normal(known, value)


def typed(known: Known) -> Typed:
    """A live value as the field's type. What does not read as its type stays as it is."""
    normalised = live(known)

    def decoded(value: Json) -> Value:
        found = normalised(value)
        if isinstance(found, dict | list):
            return str(found)
        if isinstance(found, str) and known.schema.type is FieldType.DATE:
            return _read_day(found) or found
        if isinstance(found, str) and known.schema.type is FieldType.DATETIME:
            return _read_moment(found) or found
        return found

    return decoded


def sent(known: Known, value: Json) -> Json:
    """A canonical value as an update holds it."""
    if isinstance(value, str) and known.schema.type is FieldType.DATE:
        day = _read_day(value)
        return value if day is None else int(datetime.combine(day, time(12), known.zone).timestamp())
    if isinstance(value, str) and known.schema.type is FieldType.DATETIME:
        moment = _read_moment(value)
        return value if moment is None else int(moment.timestamp())
    return value


# ---------------------------------------------------------------- from ours to Intercom's


def _text(known: Known, value: Value) -> Json:
    match value:
        case str():
            return _line_ends(value)
        case bool():
            return "true" if value else "false"
        case int() | float() | Decimal():
            number = finite(value)
            if number is None:
                raise _refused(known, "takes a finite number")
            return str(json_number(number))
        case datetime() if value.utcoffset() is None:
            raise _refused(known, "takes a moment with its time zone")
        case datetime():
            return _spelled(value)
        case date():
            return value.isoformat()
        case _:
            raise _refused(known, "takes one text, not a list")


def _number(known: Known, value: Value) -> int | float:
    number = (
        finite(value)
        if isinstance(value, int | float | Decimal | str) and not isinstance(value, bool)
        else None
    )
    if number is None:
        raise _refused(known, "takes a number; use `as: number` or `as: integer`")
    return json_number(number)


def _integer(known: Known, value: Value) -> Json:
    number = _number(known, value)
    if isinstance(number, float):
        raise _refused(known, "takes a whole number; use `as: integer`")
    return number


def _boolean(known: Known, value: Value) -> Json:
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return value == "true"
    raise _refused(known, "takes true or false; use `as: boolean`")


def _date(known: Known, value: Value) -> Json:
    # A moment has no date until somebody says in which zone: `as: date` does.
    if isinstance(value, datetime):
        raise _refused(known, "takes a date, not a moment; use `as: date`")
    day = _read_day(value) if isinstance(value, str) else value
    if not isinstance(day, date):
        raise _refused(known, "takes a date like 2026-11-21; use `as: date`")
    return day.isoformat()


def _datetime(known: Known, value: Value) -> Json:
    moment = _read_moment(value) if isinstance(value, str) else value
    if not isinstance(moment, datetime):
        raise _refused(known, "takes a moment like 2026-11-21T09:30:00Z; use `as: datetime`")
    if moment.utcoffset() is None:
        raise _refused(known, "takes a moment with its time zone")
    return _spelled(moment)


def _choice(known: Known, value: Value) -> Json:
    if not isinstance(value, str | int):
        raise _refused(known, "takes one of its options")
    text = ("true" if value else "false") if isinstance(value, bool) else str(value)
    options = known.schema.options
    if options is not None and text not in options:
        shown = ", ".join(f'"{option}"' for option in options[:20])
        more = f" and {len(options) - 20} more" if len(options) > 20 else ""
        raise _refused(known, f'has no option "{text[:80]}"; it has {shown}{more}', code="not_an_option")
    return text


def refusal(known: Known, value: Json) -> RejectedError | None:
    """Why Intercom would not take a value that is canonical already."""
    if value is None:
        return None
    if not known.schema.writable:
        return _refused(known, "cannot be written through the API", code="read_only")
    if known.schema.options is not None and known.schema.type is FieldType.CHOICE:
        try:
            _choice(known, value if isinstance(value, str) else str(value))
        except RejectedError as error:
            return error
    return None


def _refused(known: Known, why: str, *, code: str = "wrong_type") -> RejectedError:
    return RejectedError(f"{known.name} {why}", code=code, field=known.name)


# ---------------------------------------------------------------- what Intercom sends, in one form


def _live_text(known: Known, value: Json) -> Json:
    if isinstance(value, str):
        return _line_ends(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def _live_number(known: Known, value: Json) -> Json:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return value
    number = finite(value)
    return value if number is None else json_number(number)


def _live_boolean(known: Known, value: Json) -> Json:
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


def _live_date(known: Known, value: Json) -> Json:
    seconds = _seconds(known, value)
    return value if seconds is None else _day(known, seconds).isoformat()


def _live_datetime(known: Known, value: Json) -> Json:
    seconds = _seconds(known, value)
    return value if seconds is None else _spelled(datetime.fromtimestamp(seconds, UTC))


def _seconds(known: Known, value: Json) -> float | None:
    """None for what is no moment: nothing is guessed of it."""
    found = _live_number(known, value)
    is_number = isinstance(found, int | float) and not isinstance(found, bool)
    return found if is_number and 0 <= found < _LAST else None  # type: ignore[operator, return-value]


def _day(known: Known, seconds: float) -> date:
    """Midnight in UTC is how most tools write a date; any other moment is of the day it has in the zone."""
    zone = UTC if seconds % _DAY == 0 else known.zone
    return datetime.fromtimestamp(seconds, zone).date()


def _spelled(moment: datetime) -> str:
    """In whole seconds, as Intercom keeps them."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _read_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _read_moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _line_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


_ENCODERS: dict[FieldType, Callable[[Known, Value], Json]] = {
    FieldType.INTEGER: _integer,
    FieldType.NUMBER: _number,
    FieldType.BOOLEAN: _boolean,
    FieldType.DATE: _date,
    FieldType.DATETIME: _datetime,
    FieldType.CHOICE: _choice,
}
_NORMALISERS: dict[FieldType, Callable[[Known, Json], Json]] = {
    FieldType.INTEGER: _live_number,
    FieldType.NUMBER: _live_number,
    FieldType.BOOLEAN: _live_boolean,
    FieldType.DATE: _live_date,
    FieldType.DATETIME: _live_datetime,
}
