"""From what a caller sends to what a field holds and shows.

A field holds exactly what the API shows: doubles are floats, dates and datetimes are text in the vendor's one
form (so that text order is time order), empty text is null.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.salesforce.errors import RecordError
from sandbox.salesforce.schema import Field

Stored = str | float | bool | None

_EMAIL = re.compile(r"[^@\s,;<>()\[\]]+@[^@\s,;<>()\[\]]+\.[^@\s,;<>()\[\].]{2,}")
_JSON_TYPES = {
    str: "VALUE_STRING",
    int: "VALUE_NUMBER_INT",
    float: "VALUE_NUMBER_FLOAT",
    bool: "VALUE_BOOLEAN",
}


def shown_datetime(moment: datetime) -> str:
    moment = moment.astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000"


def from_json(field: Field, value: Any) -> Stored:
    """Raises RecordError in the vendor's words."""
    if value is None:
        return _empty(field)
    match field.type:
        case _ if field.is_number:
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise _wrong_type(field, value)
            return _number(field, Decimal(str(value)))
        case "boolean":
            if not isinstance(value, bool):
                raise _wrong_type(field, value)
            return value
        case _:
            if not isinstance(value, str):
                raise _wrong_type(field, value)
            return _text(field, value)


def from_cell(field: Field, cell: str) -> Stored:
    """A value of a bulk CSV; the empty cell ("unchanged") never gets here."""
    if cell == "#N/A":
        return _empty(field)
    match field.type:
        case _ if field.is_number:
            try:
                return _number(field, Decimal(cell))
            except ArithmeticError:
                raise RecordError(
                    "INVALID_TYPE_ON_FIELD_IN_RECORD", f"invalid number: {cell}", field.name
                ) from None
        case "boolean":
            return cell.lower() in ("true", "1")
        case _:
            return _text(field, cell)


def _empty(field: Field) -> Stored:
    if field.type == "boolean":
        return False
    if not field.nillable:
        raise RecordError(
            "REQUIRED_FIELD_MISSING", f"Required fields are missing: [{field.name}]", field.name
        )
    return None


def _wrong_type(field: Field, value: Any) -> RecordError:
    kind = "string" if field.is_text else field.type
    seen = _JSON_TYPES.get(type(value), "START_OBJECT" if isinstance(value, dict) else "START_ARRAY")
    return RecordError(
        "JSON_PARSER_ERROR", f"Cannot deserialize instance of {kind} from {seen} value {value}", field.name
    )


def _number(field: Field, number: Decimal) -> float:
    if not number.is_finite():
        raise RecordError("JSON_PARSER_ERROR", f"not a number: {number}", field.name)
    rounded = number.quantize(Decimal(1).scaleb(-field.scale), ROUND_HALF_UP)
    if abs(rounded) >= Decimal(10) ** (field.precision - field.scale):
        raise RecordError(
            "NUMBER_OUTSIDE_VALID_RANGE",
            f"{field.label}: value outside of valid range on numeric field: {number}",
            field.name,
        )
    return float(rounded)


def _text(field: Field, text: str) -> Stored:
    # The vendor keeps no white space at the ends, and no difference between empty and null.
    text = text.strip()
    if not text:
        return _empty(field)
    match field.type:
        case "date":
            return _date(field, text)
        case "datetime":
            return _datetime(field, text)
        case "picklist" if field.restricted and text not in field.values:
            raise RecordError(
                "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
                f"{field.label}: bad value for restricted picklist field: {text}",
                field.name,
            )
        case "multipicklist" if field.restricted and not {*text.split(";")} <= {*field.values}:
            raise RecordError(
                "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
                f"{field.label}: bad value for restricted picklist field: {text}",
                field.name,
            )
        case "email" if not _EMAIL.fullmatch(text):
            raise RecordError(
                "INVALID_EMAIL_ADDRESS", f"{field.label}: invalid email address: {text}", field.name
            )
    if field.length and len(text) > field.length:
        raise RecordError(
            "STRING_TOO_LONG",
            f"{field.label}: data value too large: {text} (max length={field.length})",
            field.name,
        )
    return text


def _date(field: Field, text: str) -> str:
    try:
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            raise ValueError(text)
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise RecordError(
            "JSON_PARSER_ERROR",
            f"Cannot deserialize instance of date from VALUE_STRING value {text}",
            field.name,
        ) from None


def _datetime(field: Field, text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None or "T" not in text:
            raise ValueError(text)
    except ValueError:
        raise RecordError(
            "JSON_PARSER_ERROR",
            f"Cannot deserialize instance of datetime from VALUE_STRING value {text}",
            field.name,
        ) from None
    return shown_datetime(moment)
