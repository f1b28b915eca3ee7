"""Values at the edge of a master: what a field takes is checked here, before anything is sent.

A neutral value becomes the JSON we write; a live value becomes the same form, to be compared, and that a typed value.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

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
    read_moment,
    refused,
    text_of,
    whole_of,
)
from connectors.rest_master.dates import ISO, iso_day
from connectors.rest_master.fields import Known
from nps.errors import RejectedError
from nps.schema import FieldType
from nps.values import Json, Value


def canonical(known: Known) -> Canonical:
    """What the master shows once a value is written; RejectedError for what the field cannot hold."""
    encode = _ENCODERS.get(known.schema.type, _text)

    def encoded(value: Value) -> Json:
        found = encode(known, value)
        if problem := _out_of_bounds(known, found):
            raise problem
        return found

    return empty_is_none(encoded)


def live(known: Known) -> Live:
    """A value the master sent, in the same form. Never refuses: a record may hold what was valid once."""
    normal = _NORMALISERS.get(known.schema.type, live_text)

    def normalised(value: Json) -> Json:
        return None if value is None or value == "" or value == [] else normal(known, value)

    return normalised


def typed(known: Known) -> Typed:
    """A live value as the field's type. What does not read as its type stays as it is."""
    decode = _DECODERS.get(known.schema.type)
    normalised = live(known)

    def decoded(value: Json) -> Value:
        found = normalised(value)
        if found is None or isinstance(found, dict):
            return None
        if decode is not None:
            return decode(known, found)
        return tuple(str(one) for one in found) if isinstance(found, list) else found

    return decoded


def refusal(known: Known, value: Json) -> RejectedError | None:
    """Why the master would not take a value that is canonical already, or would store and mark it as wrong."""
    if value is None:
        return refused(known, "may not be empty", "required") if known.required else None
    if not known.schema.writable:
        return refused(known, "must not be written", "read_only")
    options = known.schema.options
    chosen = value if isinstance(value, list) else [value]
    if options is not None and known.schema.restricted:
        for one in chosen:
            if str(one) not in options:
                return no_option(known, str(one), options)
    return _out_of_bounds(known, value)


# ---------------------------------------------------------------- bounds


def _out_of_bounds(known: Known, value: Json) -> RejectedError | None:
    least, most = known.least, known.most
    if isinstance(value, bool) or known.schema.type not in _BOUNDED:
        return None
    if isinstance(value, str) and known.schema.type is FieldType.TEXT:
        size = len(value)
        if most is not None and size > most:
            told = f"takes {most:,.0f} characters, got {size:,}; add `truncate:`"
            return refused(known, told, "too_long")
        if least is not None and size < least:
            return refused(known, f"takes at least {least:,.0f} characters, got {size:,}", "too_short")
    if isinstance(value, int | float):
        if least is not None and value < least:
            return refused(known, f"takes at least {least:g}", "too_small")
        if most is not None and value > most:
            return refused(known, f"takes at most {most:g}", "too_large")
    return None


_BOUNDED = frozenset({FieldType.TEXT, FieldType.INTEGER, FieldType.NUMBER})


# ---------------------------------------------------------------- from ours to the master's


def _text(known: Known, value: Value) -> Json:
    return text_of(known, value, _utc)


def _boolean(known: Known, value: Value) -> Json:
    yes = boolean_of(known, value)
    return yes if known.booleans is None else known.booleans[0 if yes else 1]


def _date(known: Known, value: Value) -> Json:
    day = day_of(known, value)
    if known.dates is None:
        raise refused(
            known,
            f"has a date format that is not understood ({known.unreadable_format}); "
            "say it in the connection's `dates:`",
            "date_format",
        )
    return known.dates.written(day)


def _datetime(known: Known, value: Value) -> Json:
    return _utc(moment_of(known, value))


def _choice(known: Known, value: Value) -> Json:
    return _option(known, choice_of(known, value))


def _multi(known: Known, value: Value) -> Json:
    chosen = value if isinstance(value, tuple) else value.split(";") if isinstance(value, str) else None
    if chosen is None:
        raise refused(known, "takes a list of its options; use `as: multi`")
    # The order says nothing, so one order is used when comparing and when writing.
    options = sorted({_option(known, text.strip()) for text in chosen if text.strip()})
    return [*options] or None


def _option(known: Known, text: str) -> str:
    options = known.schema.options
    if options is not None and known.schema.restricted and text not in options:
        raise no_option(known, text, options)
    return text


def _utc(value: datetime) -> str:
    """Whole seconds where there are no others: 2026-03-02T12:00:00Z."""
    utc = value.astimezone(UTC)
    part = f".{utc.microsecond // 1000:03d}" if utc.microsecond // 1000 else ""
    return f"{utc:%Y-%m-%dT%H:%M:%S}{part}Z"


# ---------------------------------------------------------------- what the master sends, in one form


def _live_boolean(known: Known, value: Json) -> Json:
    words = known.booleans
    if words is not None:
        return words[0 if value else 1] if isinstance(value, bool) else value
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    return value


def _live_date(known: Known, value: Json) -> Json:
    """Masters that are written to in one format may show another: ISO is understood everywhere."""
    if not isinstance(value, str) or known.dates is None:
        return value
    day = known.dates.read(value) or iso_day(value)
    return value if day is None else known.dates.written(day)


def _live_datetime(known: Known, value: Json) -> Json:
    if not isinstance(value, str):
        return value
    moment = read_moment(value)
    if moment is None:
        return value
    return _utc(moment if moment.utcoffset() is not None else moment.replace(tzinfo=UTC))


def _live_multi(known: Known, value: Json) -> Json:
    chosen = value if isinstance(value, list) else str(value).split(";")
    options = sorted({str(one).strip() for one in chosen if str(one).strip()})
    return [*options] or None


# ---------------------------------------------------------------- back to ours


def _as_number(known: Known, value: Json) -> Value:
    return value if isinstance(value, int | float | str) else str(value)


def _as_boolean(known: Known, value: Json) -> Value:
    if known.booleans is not None and isinstance(value, str):
        return {known.booleans[0]: True, known.booleans[1]: False}.get(value, value)
    return value if isinstance(value, bool | str) else str(value)


def _as_date(known: Known, value: Json) -> Value:
    if not isinstance(value, str):
        return str(value)
    day = (known.dates or ISO).read(value)
    return value if day is None else day


def _as_datetime(known: Known, value: Json) -> Value:
    if not isinstance(value, str):
        return str(value)
    return read_moment(value) or value


_ENCODERS: dict[FieldType, Callable[[Known, Value], Json]] = {
    FieldType.INTEGER: whole_of,
    FieldType.NUMBER: number_of,
    FieldType.BOOLEAN: _boolean,
    FieldType.DATE: _date,
    FieldType.DATETIME: _datetime,
    FieldType.CHOICE: _choice,
    FieldType.MULTI: _multi,
}
_NORMALISERS: dict[FieldType, Callable[[Known, Json], Json]] = {
    FieldType.INTEGER: live_number,
    FieldType.NUMBER: live_number,
    FieldType.BOOLEAN: _live_boolean,
    FieldType.DATE: _live_date,
    FieldType.DATETIME: _live_datetime,
    FieldType.MULTI: _live_multi,
}
_DECODERS: dict[FieldType, Callable[[Known, Json], Value]] = {
    FieldType.INTEGER: _as_number,
    FieldType.NUMBER: _as_number,
    FieldType.BOOLEAN: _as_boolean,
    FieldType.DATE: _as_date,
    FieldType.DATETIME: _as_datetime,
}
