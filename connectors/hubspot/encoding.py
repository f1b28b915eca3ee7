"""Values at HubSpot's edge, where every property is text.

A neutral value becomes the text we write; a live text becomes the form we compare, and that a typed value.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import partial

from connectors.encoding import (
    Canonical,
    Live,
    Typed,
    boolean_of,
    boolean_text,
    choice_of,
    day_of,
    empty_is_none,
    line_ends,
    moment_of,
    no_option,
    read_day,
    read_moment,
    refused,
)
from nps.schema import FieldSchema, FieldType
from nps.values import Json, Value

_PLAIN_NUMBER = re.compile(r"-?\d{1,40}(\.\d{1,40})?")
_EPOCH_MILLISECONDS = re.compile(r"-?\d{9,14}")


def canonical(known: FieldSchema) -> Canonical:
    """What HubSpot shows once a value is written to this property; RejectedError for what it cannot hold."""
    return empty_is_none(partial(_ENCODERS.get(known.type, _text), known))


def live(known: FieldSchema) -> Live:
    """A value HubSpot sent, in the same form. Never refuses: a record may hold what was valid once."""
    normal = str.lower if known.name == "email" else _NORMALISERS.get(known.type, line_ends)

    def normalised(value: Json) -> Json:
        if not value and (value is None or value == ""):
            return None
        return normal(value if type(value) is str else _json_text(value))

    return normalised


def typed(known: FieldSchema) -> Typed:
    """A live value as the property's type. What does not read as its type stays text."""
    decode = _DECODERS.get(known.type)
    normalised = live(known)

    def decoded(value: Json) -> Value:
        text = normalised(value)
        if not isinstance(text, str):
            return None
        return decode(text) if decode else text

    return decoded


# ---------------------------------------------------------------- from ours to HubSpot's


def _text(known: FieldSchema, value: Value) -> str:
    match value:
        case str():
            text = value
        case bool():
            text = boolean_text(value)
        case int() | Decimal() | float():
            text = _number(known, value)
        case datetime():
            text = _datetime(known, value)
        case date():
            text = value.isoformat()
        case _:
            raise refused(known, "takes one text, not a list")
    text = line_ends(text)
    if len(text) > (known.length or len(text)):
        told = f"takes {known.length:,} characters, got {len(text):,}; add `truncate:`"
        raise refused(known, told, "too_long")
    return text.strip().lower() if known.name == "email" else text


def _number(known: FieldSchema, value: Value) -> str:
    match value:
        case bool():
            raise refused(known, "takes a number, not yes or no")
        case int():
            return str(value)
        case Decimal() | float():
            number = Decimal(str(value))
            if not number.is_finite():
                raise refused(known, "takes a finite number")
            return _plain(number)
        case str() if _PLAIN_NUMBER.fullmatch(value.strip()):
            return _plain(Decimal(value.strip()))
        case _:
            raise refused(known, "takes a number; use `as: number` or `as: integer`")


def _boolean(known: FieldSchema, value: Value) -> str:
    return boolean_text(boolean_of(known, value))


def _date(known: FieldSchema, value: Value) -> str:
    return day_of(known, value).isoformat()


def _datetime(known: FieldSchema, value: Value) -> str:
    return _moment(moment_of(known, value))


def _choice(known: FieldSchema, value: Value) -> str:
    return _option(known, choice_of(known, value))


def _multi(known: FieldSchema, value: Value) -> Json:
    chosen = value if isinstance(value, tuple) else str(_choice_text(known, value)).split(";")
    options = {_option(known, text.strip()) for text in chosen if text.strip()}
    # The order says nothing to HubSpot, so one order is used when comparing and when writing.
    return ";".join(sorted(options)) or None


def _choice_text(known: FieldSchema, value: Value) -> str:
    if isinstance(value, str):
        return value
    raise refused(known, "takes a list of its options; use `as: multi`")


def _option(known: FieldSchema, text: str) -> str:
    if known.options is not None and text not in known.options:
        raise no_option(known, text, known.options)
    return text


def _plain(number: Decimal) -> str:
    """Digits and at most one point: no exponent, no trailing zeros, no "-0"."""
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def _moment(value: datetime) -> str:
    utc = value.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


# ---------------------------------------------------------------- what HubSpot sends, in one form


def _live_number(text: str) -> str:
    if text.isdigit() and (text[0] != "0" or text == "0"):
        return text  # the usual case, and the quick one
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    return _plain(number) if number.is_finite() else text


def _live_date(text: str) -> str:
    if _EPOCH_MILLISECONDS.fullmatch(text):
        return _from_epoch(text)[:10]
    return text[:10] if text[10:11] == "T" else text


def _live_datetime(text: str) -> str:
    if len(text) == 24 and text.endswith("Z"):
        return text
    if _EPOCH_MILLISECONDS.fullmatch(text):
        return _from_epoch(text)
    moment = read_moment(text)
    if moment is None:
        return text
    return _moment(moment if moment.utcoffset() is not None else moment.replace(tzinfo=UTC))


def _from_epoch(text: str) -> str:
    try:
        seconds, milliseconds = divmod(int(text), 1000)
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{milliseconds:03d}Z"
    except (OverflowError, ValueError, OSError):
        return text


def _live_multi(text: str) -> str:
    if ";" not in text:
        return text
    return ";".join(sorted({part for part in text.split(";") if part}))


def _json_text(value: Json) -> str:
    # HubSpot sends texts; should a number or a boolean come one day, it is the same value.
    return boolean_text(value) if isinstance(value, bool) else str(value)


# ---------------------------------------------------------------- back to ours


def _as_number(text: str) -> Value:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    return number if number.is_finite() else text


def _as_boolean(text: str) -> Value:
    return {"true": True, "false": False}.get(text, text)


def _as_date(text: str) -> Value:
    return read_day(text) or text


def _as_datetime(text: str) -> Value:
    return read_moment(text) or text


def _as_multi(text: str) -> Value:
    return tuple(text.split(";"))


_ENCODERS: dict[FieldType, Callable[[FieldSchema, Value], Json]] = {
    FieldType.NUMBER: _number,
    FieldType.INTEGER: _number,
    FieldType.BOOLEAN: _boolean,
    FieldType.DATE: _date,
    FieldType.DATETIME: _datetime,
    FieldType.CHOICE: _choice,
    FieldType.MULTI: _multi,
}
_NORMALISERS: dict[FieldType, Callable[[str], str]] = {
    FieldType.NUMBER: _live_number,
    FieldType.INTEGER: _live_number,
    FieldType.BOOLEAN: str.lower,
    FieldType.DATE: _live_date,
    FieldType.DATETIME: _live_datetime,
    FieldType.MULTI: _live_multi,
}
_DECODERS: dict[FieldType, Callable[[str], Value]] = {
    FieldType.NUMBER: _as_number,
    FieldType.INTEGER: _as_number,
    FieldType.BOOLEAN: _as_boolean,
    FieldType.DATE: _as_date,
    FieldType.DATETIME: _as_datetime,
    FieldType.MULTI: _as_multi,
}
