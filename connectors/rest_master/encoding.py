"""Values at the edge of a master: what a field takes is checked here, before anything is sent.

A neutral value becomes the JSON we write; a live value becomes the same form, to be compared, and that a typed value.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal

from connectors.numbers import finite, json_number
from connectors.rest_master.dates import ISO, iso_day
from connectors.rest_master.fields import Known
from nps.errors import RejectedError
from nps.schema import FieldType
from nps.values import Json, Value

Canonical = Callable[[Value], Json]
Typed = Callable[[Json], Value]
Live = Callable[[Json], Json]


def canonical(known: Known) -> Canonical:
    """What the master shows once a value is written; RejectedError for what the field cannot hold."""
    encode = _ENCODERS.get(known.schema.type, _text)

    def encoded(value: Value) -> Json:
        if value is None or value == "" or value == ():
            return None
        found = encode(known, value)
        if problem := _out_of_bounds(known, found):
            raise problem
        return found

    return encoded


def live(known: Known) -> Live:
    """A value the master sent, in the same form. Never refuses: a record may hold what was valid once."""
    normal = _NORMALISERS.get(known.schema.type, _live_text)

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
        return _refused(known, "may not be empty", code="required") if known.required else None
    if not known.schema.writable:
        return _refused(known, "must not be written", code="read_only")
    options = known.schema.options
    chosen = value if isinstance(value, list) else [value]
    if options is not None and known.schema.restricted:
        for one in chosen:
            if str(one) not in options:
                return _no_option(known, str(one))
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
            return _refused(known, told, code="too_long")
        if least is not None and size < least:
            return _refused(known, f"takes at least {least:,.0f} characters, got {size:,}", code="too_short")
    if isinstance(value, int | float):
        if least is not None and value < least:
            return _refused(known, f"takes at least {least:g}", code="too_small")
        if most is not None and value > most:
            return _refused(known, f"takes at most {most:g}", code="too_large")
    return None


_BOUNDED = frozenset({FieldType.TEXT, FieldType.INTEGER, FieldType.NUMBER})


# ---------------------------------------------------------------- from ours to the master's


def _text(known: Known, value: Value) -> Json:
    match value:
        case str():
            return _line_ends(value)
        case bool():
            return "true" if value else "false"
        case int() | float() | Decimal():
            return _plain(known, value)
        case datetime():
            return _moment(known, value)
        case date():
            return value.isoformat()
        case _:
            raise _refused(known, "takes one text, not a list", code="wrong_type")


def _number(known: Known, value: Value) -> Json:
    if isinstance(value, bool):
        raise _refused(known, "takes a number, not yes or no", code="wrong_type")
    number = finite(value) if isinstance(value, int | float | Decimal | str) else None
    if number is None:
        raise _refused(known, "takes a number; use `as: number` or `as: integer`", code="wrong_type")
    return json_number(number)


def _integer(known: Known, value: Value) -> Json:
    number = _number(known, value)
    if isinstance(number, float):
        raise _refused(known, "takes a whole number; use `as: integer`", code="wrong_type")
    return number


def _boolean(known: Known, value: Value) -> Json:
    if not isinstance(value, bool):
        if value not in ("true", "false"):
            raise _refused(known, "takes true or false; use `as: boolean`", code="wrong_type")
        value = value == "true"
    return value if known.booleans is None else known.booleans[0 if value else 1]


def _date(known: Known, value: Value) -> Json:
    # A moment has no date until somebody says in which zone: `as: date` does.
    if isinstance(value, datetime):
        raise _refused(known, "takes a date, not a moment; use `as: date`", code="wrong_type")
    day = iso_day(value) if isinstance(value, str) and len(value) == 10 else value
    if not isinstance(day, date):
        raise _refused(known, "takes a date like 2026-11-21; use `as: date`", code="wrong_type")
    if known.dates is None:
        raise _refused(
            known,
            f"has a date format that is not understood ({known.unreadable_format}); "
            "say it in the connection's `dates:`",
            code="date_format",
        )
    return known.dates.written(day)


def _datetime(known: Known, value: Value) -> Json:
    if isinstance(value, str) and "T" in value:
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise _refused(known, "takes a moment like 2026-11-21T09:30:00Z", code="wrong_type") from None
    if not isinstance(value, datetime):
        raise _refused(known, "takes a moment, not a date; use `as: datetime`", code="wrong_type")
    return _moment(known, value)


def _choice(known: Known, value: Value) -> Json:
    match value:
        case bool():
            return _option(known, "true" if value else "false")
        case str():
            return _option(known, value)
        case int():
            return _option(known, str(value))
        case _:
            raise _refused(known, "takes one of its options", code="wrong_type")


def _multi(known: Known, value: Value) -> Json:
    chosen = value if isinstance(value, tuple) else value.split(";") if isinstance(value, str) else None
    if chosen is None:
        raise _refused(known, "takes a list of its options; use `as: multi`", code="wrong_type")
    # The order says nothing, so one order is used when comparing and when writing.
    options = sorted({_option(known, text.strip()) for text in chosen if text.strip()})
    return [*options] or None


def _option(known: Known, text: str) -> str:
    options = known.schema.options
    if options is not None and known.schema.restricted and text not in options:
        raise _no_option(known, text)
    return text


def _no_option(known: Known, text: str) -> RejectedError:
    options = known.schema.options or ()
    shown = ", ".join(f'"{option}"' for option in options[:20]) or "none at all"
    more = f" and {len(options) - 20} more" if len(options) > 20 else ""
    return _refused(known, f'has no option "{text[:80]}"; it has {shown}{more}', code="not_an_option")


def _refused(known: Known, why: str, *, code: str) -> RejectedError:
    return RejectedError(f"{known.name} {why}", code=code, field=known.name)


def _line_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _plain(known: Known, value: int | float | Decimal) -> str:
    number = finite(value)
    if number is None:
        raise _refused(known, "takes a finite number", code="wrong_type")
    return str(json_number(number))


def _moment(known: Known, value: datetime) -> str:
    if value.utcoffset() is None:
        raise _refused(known, "takes a moment with its time zone", code="naive_datetime")
    return _utc(value)


def _utc(value: datetime) -> str:
    """Whole seconds where there are no others: 2026-03-02T12:00:00Z."""
    utc = value.astimezone(UTC)
    part = f".{utc.microsecond // 1000:03d}" if utc.microsecond // 1000 else ""
    return f"{utc:%Y-%m-%dT%H:%M:%S}{part}Z"


# ---------------------------------------------------------------- what the master sends, in one form


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
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
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
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return value


_ENCODERS: dict[FieldType, Callable[[Known, Value], Json]] = {
    FieldType.INTEGER: _integer,
    FieldType.NUMBER: _number,
    FieldType.BOOLEAN: _boolean,
    FieldType.DATE: _date,
    FieldType.DATETIME: _datetime,
    FieldType.CHOICE: _choice,
    FieldType.MULTI: _multi,
}
_NORMALISERS: dict[FieldType, Callable[[Known, Json], Json]] = {
    FieldType.INTEGER: _live_number,
    FieldType.NUMBER: _live_number,
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
