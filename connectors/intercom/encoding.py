"""Values at Intercom's edge: what a field takes is checked here, before anything is sent.

A date is Unix seconds there, and a text like 2026-03-02 here, so that people can read what is planned. A workspace
shows it in a time zone of its own, which the API does not tell. So a date is sent as noon: it is the same day within
eleven hours either way. Whatever moment of a day is read, it is that day.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from functools import partial

from connectors.encoding import (
    Canonical,
    Live,
    Typed,
    boolean_of,
    choice_of,
    day_of,
    empty_is_none,
    live_number,
    live_text,
    moment_of,
    no_option,
    number_of,
    read_day,
    read_moment,
    refused,
    text_of,
    whole_of,
)
from connectors.intercom.attributes import Known
from nps.errors import RejectedError
from nps.schema import FieldType
from nps.values import Json, Value

_DAY = 86_400
_LAST = 32_503_680_000  # the year 3000: what is later was meant as milliseconds, or is no moment at all


def canonical(known: Known) -> Canonical:
    """What Intercom shows once a value is written; RejectedError for what the field cannot hold."""
    return empty_is_none(partial(_ENCODERS.get(known.schema.type, _text), known))


def live(known: Known) -> Live:
    """A value Intercom sent, in the same form. Never refuses: a contact may hold what was valid once."""
    normal = _NORMALISERS.get(known.schema.type, live_text)
    return lambda value: None if value is None or value in ("", []) else normal(known, value)


def typed(known: Known) -> Typed:
    """A live value as the field's type. What does not read as its type stays as it is."""
    normalised = live(known)

    def decoded(value: Json) -> Value:
        found = normalised(value)
        if isinstance(found, dict | list):
            return str(found)
        if isinstance(found, str) and known.schema.type is FieldType.DATE:
            return read_day(found) or found
        if isinstance(found, str) and known.schema.type is FieldType.DATETIME:
            return read_moment(found) or found
        return found

    return decoded


def sent(known: Known, value: Json) -> Json:
    """A canonical value as an update holds it."""
    if isinstance(value, str) and known.schema.type is FieldType.DATE:
        day = read_day(value)
        return value if day is None else int(datetime.combine(day, time(12), known.zone).timestamp())
    if isinstance(value, str) and known.schema.type is FieldType.DATETIME:
        moment = read_moment(value)
        return value if moment is None else int(moment.timestamp())
    return value


# ---------------------------------------------------------------- from ours to Intercom's


def _text(known: Known, value: Value) -> Json:
    return text_of(known, value, _spelled)


def _date(known: Known, value: Value) -> Json:
    return day_of(known, read_day(value) if isinstance(value, str) else value).isoformat()


def _datetime(known: Known, value: Value) -> Json:
    return _spelled(moment_of(known, read_moment(value) if isinstance(value, str) else value))


def _choice(known: Known, value: Value) -> Json:
    text, options = choice_of(known, value), known.schema.options
    if options is not None and text not in options:
        raise no_option(known, text, options)
    return text


def refusal(known: Known, value: Json) -> RejectedError | None:
    """Why Intercom would not take a value that is canonical already."""
    if value is None:
        return None
    if not known.schema.writable:
        return refused(known, "cannot be written through the API", "read_only")
    if known.schema.options is not None and known.schema.type is FieldType.CHOICE:
        try:
            _choice(known, value if isinstance(value, str) else str(value))
        except RejectedError as error:
            return error
    return None


# ---------------------------------------------------------------- what Intercom sends, in one form


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
    found = live_number(known, value)
    is_number = isinstance(found, int | float) and not isinstance(found, bool)
    return found if is_number and 0 <= found < _LAST else None  # type: ignore[operator, return-value]


def _day(known: Known, seconds: float) -> date:
    """Midnight in UTC is how most tools write a date; any other moment is of the day it has in the zone."""
    zone = UTC if seconds % _DAY == 0 else known.zone
    return datetime.fromtimestamp(seconds, zone).date()


def _spelled(moment: datetime) -> str:
    """In whole seconds, as Intercom keeps them."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


_ENCODERS: dict[FieldType, Callable[[Known, Value], Json]] = {
    FieldType.INTEGER: whole_of,
    FieldType.NUMBER: number_of,
    FieldType.BOOLEAN: boolean_of,
    FieldType.DATE: _date,
    FieldType.DATETIME: _datetime,
    FieldType.CHOICE: _choice,
}
_NORMALISERS: dict[FieldType, Callable[[Known, Json], Json]] = {
    FieldType.INTEGER: live_number,
    FieldType.NUMBER: live_number,
    FieldType.BOOLEAN: _live_boolean,
    FieldType.DATE: _live_date,
    FieldType.DATETIME: _live_datetime,
}
