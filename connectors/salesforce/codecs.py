"""Values on their way to Salesforce and back, one compiled function per field.

`writer` gives what Salesforce shows once a value is written; `reader` brings what it shows into that same
form, so that the two can be compared; `typed` gives the value its type back.

Unverified against a live org, and harmless if wrong (a field would be written again): text is trimmed at
both ends, line ends are kept as \\n, multi-picklists come back in the order of their definition, numbers are
rounded to the field's scale half away from zero.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from connectors.encoding import line_ends
from connectors.salesforce.ids import long_id
from connectors.salesforce.schema import Column
from nps.errors import RejectedError
from nps.schema import FieldType
from nps.values import Json, Value

Writer = Callable[[Value], Json]
Reader = Callable[[Json], Json]
Typed = Callable[[Json], Value]

BULK_NULL = "#N/A"  # Bulk API 2.0 reads this cell as "clear the field"

_DATETIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000\+0000")


def writer(column: Column) -> Writer:
    """Turn a neutral value into the JSON Salesforce shows after the write. RejectedError for what cannot be
    held."""
    encode = _encoder(column)
    if column.schema.type is FieldType.BOOLEAN:
        return encode  # a checkbox is never empty

    def write(value: Value) -> Json:
        shown = None if value is None else encode(value)
        if shown is None and not column.nillable:
            raise _rejected(column, "REQUIRED_FIELD_MISSING", "the field must not be empty")
        return shown

    return write


def reader(column: Column) -> Reader | None:
    """Bring a live value into the form `writer` gives; None where the two are the same anyway."""
    match column.schema.type:
        case FieldType.INTEGER:
            return _read_integer
        case FieldType.NUMBER:
            return _read_number
        case FieldType.BOOLEAN:
            return _read_boolean
        case FieldType.DATETIME:
            return _read_datetime
        case FieldType.MULTI:
            order = {option: rank for rank, option in enumerate(column.schema.options or ())}
            return lambda live: _joined(str(live).split(";"), order) if live else None
        case FieldType.TEXT | FieldType.CHOICE:
            return _read_text
        case _:
            return None


def typed(column: Column) -> Typed:
    """The way back: a value in `reader`'s form as the type the schema promises."""
    match column.schema.type:
        case FieldType.INTEGER:
            return lambda live: None if live is None else int(_number(live))
        case FieldType.NUMBER:
            return lambda live: None if live is None else _number(live)
        case FieldType.BOOLEAN:
            return bool
        case FieldType.DATE:
            return lambda live: date.fromisoformat(str(live)) if live else None
        case FieldType.DATETIME:
            return lambda live: datetime.fromisoformat(str(live)) if live else None
        case FieldType.MULTI:
            return lambda live: tuple(str(live).split(";")) if live else None
        case _:
            return lambda live: None if live in (None, "") else str(live)


# ---------------------------------------------------------------- to Salesforce


def _encoder(column: Column) -> Callable[[Any], Json]:
    match column.schema.type:
        case FieldType.INTEGER:
            return lambda value: _integer(column, value)
        case FieldType.NUMBER:
            step = Decimal(1).scaleb(-column.scale)
            return lambda value: _decimal(column, value, step)
        case FieldType.BOOLEAN:
            return lambda value: _boolean(column, value)
        case FieldType.DATE:
            return lambda value: _date(column, value)
        case FieldType.DATETIME:
            return lambda value: _datetime(column, value)
        case FieldType.CHOICE:
            return _choice_encoder(column)
        case FieldType.MULTI:
            return _multi_encoder(column)
        case FieldType.TEXT:
            return _text_encoder(column)
        case _:
            return lambda value: _unsupported(column, value)


def _text_encoder(column: Column) -> Callable[[Any], Json]:
    length = column.schema.length

    is_id = column.kind == "reference"

    def encode(value: Any) -> Json:
        shown = clean_text(value if type(value) is str else _as_text(column, value))
        if not shown:
            return None
        if is_id:
            if (record_id := long_id(shown)) is None:
                raise _rejected(column, "MALFORMED_ID", "the value is not a Salesforce record id")
            return record_id
        if length and len(shown) > length:
            raise _rejected(
                column,
                "STRING_TOO_LONG",
                f"{len(shown)} characters, the field holds {length}; use truncate: {length}",
            )
        # In a bulk file this text would clear the field.
        return "# N/A" if shown == BULK_NULL else shown

    return encode


def clean_text(text: str) -> str:
    """Text as Salesforce keeps it: trimmed, lines ending in \\n, and nothing UTF-8 cannot say."""
    text = line_ends(text)
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode("utf-8")
    if "\x00" in text:
        text = text.replace("\x00", "")
    return text.strip()


def _as_text(column: Column, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal | date):
        raise _wrong_type(column, value, "text")
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise _rejected(column, "NAIVE_DATETIME", "the moment has no time zone")
        return value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value)


def _choice_encoder(column: Column) -> Callable[[Any], Json]:
    as_text = _text_encoder(column)
    options = {option: option for option in column.schema.options or ()}
    folded = {option.casefold(): option for option in reversed(column.schema.options or ())}

    def encode(value: Any) -> Json:
        text = as_text(value)
        if text is None or text in options:
            return text
        # Salesforce does not tell upper from lower case here, and shows its own spelling.
        if (option := folded.get(str(text).casefold())) is not None:
            return option
        if column.schema.restricted:
            raise _not_an_option(column, str(text))
        return text

    return encode


def _multi_encoder(column: Column) -> Callable[[Any], Json]:
    one = _choice_encoder(column)
    order = {option: rank for rank, option in enumerate(column.schema.options or ())}

    def encode(value: Any) -> Json:
        parts = value.split(";") if isinstance(value, str) else value
        if not isinstance(parts, Sequence):
            raise _wrong_type(column, value, "a list of options")
        chosen = []
        for part in parts:
            if ";" in str(part):
                raise _rejected(column, "INVALID_MULTIPICKLIST", "an option must not contain a semicolon")
            if (option := one(part)) is not None:
                chosen.append(str(option))
        return _joined(chosen, order)

    return encode


def _joined(parts: Sequence[str], order: dict[str, int]) -> Json:
    last = len(order)
    unique = dict.fromkeys(part.strip() for part in parts if part.strip())
    return ";".join(sorted(unique, key=lambda part: order.get(part, last))) or None


def _integer(column: Column, value: Any) -> Json:
    if type(value) is int:
        whole: int = value
    elif isinstance(value, float | Decimal) and Decimal(str(value)).is_finite() and value == int(value):
        whole = int(value)
    elif isinstance(value, float | Decimal):
        raise _rejected(column, "NOT_A_WHOLE_NUMBER", "the field holds whole numbers")
    else:
        raise _wrong_type(column, value, "a number")
    _in_range(column, whole)
    return whole


def _decimal(column: Column, value: Any, step: Decimal) -> Json:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise _wrong_type(column, value, "a number")
    exact = value if isinstance(value, Decimal) else Decimal(str(value))
    if not exact.is_finite():
        raise _rejected(column, "NUMBER_OUTSIDE_VALID_RANGE", "not a finite number")
    _in_range(column, exact)
    return float(exact.quantize(step, rounding=ROUND_HALF_UP) if abs(exact) < 10**18 else exact)


def _in_range(column: Column, number: int | Decimal) -> None:
    if column.digits is not None and abs(number) >= 10**column.digits:
        raise _rejected(
            column,
            "NUMBER_OUTSIDE_VALID_RANGE",
            f"the field holds {column.digits} digits before the decimal point",
        )


def _boolean(column: Column, value: Any) -> Json:
    if value is None:
        return False
    if not isinstance(value, bool):
        raise _wrong_type(column, value, "true or false")
    return value


def _date(column: Column, value: Any) -> Json:
    if isinstance(value, datetime) or not isinstance(value, date):
        raise _wrong_type(column, value, "a date (say as: date)")
    return value.isoformat()


def _datetime(column: Column, value: Any) -> Json:
    if not isinstance(value, datetime):
        raise _wrong_type(column, value, "a date and time")
    if value.tzinfo is None:
        raise _rejected(column, "NAIVE_DATETIME", "the moment has no time zone")
    return _moment(value)


def _moment(moment: datetime) -> str:
    """Salesforce keeps whole seconds and shows UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def _unsupported(column: Column, value: Any) -> Json:
    raise _rejected(column, "UNSUPPORTED_TYPE", f"npsync cannot write a field of type {column.kind}")


def _wrong_type(column: Column, value: object, wanted: str) -> RejectedError:
    given = type(value).__name__ if not isinstance(value, str) else "text"
    return _rejected(column, "WRONG_TYPE", f"the field needs {wanted}, the value is {given}")


def _not_an_option(column: Column, text: str) -> RejectedError:
    known = ", ".join((column.schema.options or ())[:10])
    return _rejected(
        column,
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        f'"{text[:80]}" is not one of the options ({known})',
    )


def _rejected(column: Column, code: str, what: str) -> RejectedError:
    return RejectedError(f"{column.name}: {what}", code=code, field=column.name)


# ---------------------------------------------------------------- as it is now


def _read_text(live: Json) -> Json:
    return line_ends(live).strip() or None if type(live) is str else live


def _read_boolean(live: Json) -> Json:
    return bool(live)


def _read_integer(live: Json) -> Json:
    if live is None or type(live) is int:
        return live
    number = _number(live)
    return int(number) if number == int(number) else float(number)


def _read_number(live: Json) -> Json:
    return None if live is None else float(_number(live))


def _read_datetime(live: Json) -> Json:
    if not live:
        return None
    text = str(live)
    return text if _DATETIME.fullmatch(text) else _moment(datetime.fromisoformat(text))


def _number(live: Json) -> Decimal:
    return Decimal(str(live))
