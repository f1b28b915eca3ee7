"""Queries: what is asked for, cut so that no address grows too long, and every value escaped."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from connectors.salesforce.ids import long_id
from connectors.salesforce.library import quote
from connectors.salesforce.schema import Column
from nps.errors import ConfigError
from nps.schema import FieldType
from nps.values import Json

# The vendor's wall is 16,384 bytes for address and headers together (414, 431).
LONGEST_ADDRESS = 12_000
_LONGEST_LITERAL = 4_000

_ESCAPED = re.compile(rb"[^A-Za-z0-9_.~ -]")  # three bytes each in an address; a space becomes a plus
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*){0,5}")


def checked_name(name: str) -> str:
    """A field or object name that may stand in a query or a path. It comes from the YAML, but is not
    trusted."""
    if len(name) > 255 or not _NAME.fullmatch(name):
        raise ConfigError(f'"{name[:80]}" is not a Salesforce field or object name')
    return name


@dataclass(frozen=True)
class Wanted:
    """One value to look for, ready for the query: its field and its escaped literal."""

    field: str
    literal: str


def literal(column: Column, value: str) -> str | None:
    """How `value` is written in a comparison with this field; None when the field cannot hold it."""
    match column.schema.type:
        case FieldType.TEXT | FieldType.CHOICE if column.kind in ("id", "reference"):
            record_id = long_id(value)
            return quote(record_id) if record_id else None
        case FieldType.TEXT | FieldType.CHOICE:
            if not value or len(value) > (column.schema.length or _LONGEST_LITERAL):
                return None
            return quote(value)
        case FieldType.INTEGER | FieldType.NUMBER:
            return _number(value)
        case _:
            raise ConfigError(
                f"{column.name}: records cannot be found by a field of type {column.kind}; "
                "use text, e-mail or an id"
            )


def _number(value: str) -> str | None:
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return f"{number:f}" if number.is_finite() else None


@dataclass(frozen=True)
class Query:
    """One query, and the values it looks for."""

    soql: str
    wanted: Sequence[Wanted]


def queries(select: str, object: str, wanted: Sequence[Wanted], only: str, room: int) -> Iterator[Query]:
    """As few queries as fit `room` encoded bytes each, all fields OR-ed in the same one."""
    start = f"SELECT {select} FROM {object} WHERE "
    fixed = encoded_length(f"{start}({only}) AND ()")
    chunk: list[Wanted] = []
    mentioned: set[str] = set()
    used = fixed
    for value in wanted:
        size = encoded_length(value.literal + ",")
        if value.field not in mentioned:
            size += encoded_length(f" OR {value.field} IN ()")
        if chunk and used + size > room:
            yield Query(_query(start, chunk, only), chunk)
            chunk, mentioned, used = [], set(), fixed
            size = encoded_length(f"{value.literal}, OR {value.field} IN ()")
        chunk.append(value)
        mentioned.add(value.field)
        used += size
    if chunk:
        yield Query(_query(start, chunk, only), chunk)


def _query(start: str, chunk: Sequence[Wanted], only: str) -> str:
    by_field: dict[str, list[str]] = {}
    for value in chunk:
        by_field.setdefault(value.field, []).append(value.literal)
    conditions = [
        f"{field} = {literals[0]}" if len(literals) == 1 else f"{field} IN ({','.join(literals)})"
        for field, literals in by_field.items()
    ]
    anyone = " OR ".join(conditions)
    if not only:
        return start + anyone
    return f"{start}({anyone}) AND {only}" if len(conditions) > 1 else f"{start}{anyone} AND {only}"


def encoded_length(text: str) -> int:
    """Bytes of `text` in an address, as requests encodes it."""
    data = text.encode()
    return len(data) + 2 * len(_ESCAPED.findall(data))


def restriction(columns: Mapping[str, Column], only: Mapping[str, Json]) -> str:
    """`only` as a condition; empty when there is none. A list means any of its values, null means empty."""
    return " AND ".join(_condition(name, columns[name], values) for name, values in only.items())


def _condition(name: str, column: Column, values: Json) -> str:
    if isinstance(values, dict):
        raise ConfigError(f"only.{name}: give a value or a list of values")
    listed = values if isinstance(values, list) else [values]
    if not listed:
        raise ConfigError(f"only.{name}: the list is empty, so nobody would be left")
    literals = [_only_literal(name, column, value) for value in listed if value is not None]
    conditions = []
    if column.schema.type is FieldType.MULTI and literals:
        conditions.append(f"{name} INCLUDES ({','.join(literals)})")
    elif len(literals) == 1:
        conditions.append(f"{name} = {literals[0]}")
    elif literals:
        conditions.append(f"{name} IN ({','.join(literals)})")
    if None in listed:
        conditions.append(f"{name} = null")
    return conditions[0] if len(conditions) == 1 else f"({' OR '.join(conditions)})"


def _only_literal(name: str, column: Column, value: Json) -> str:
    kind = column.schema.type
    if kind is FieldType.BOOLEAN:
        if isinstance(value, bool):
            return quote(value)
        raise ConfigError(f"only.{name}: the field holds true or false")
    if kind in (FieldType.INTEGER, FieldType.NUMBER):
        if isinstance(value, int | float) and not isinstance(value, bool):
            return quote(value)
        raise ConfigError(f"only.{name}: the field holds a number")
    if kind is FieldType.DATE:
        return _moment_literal(name, value, date, "2026-01-31")
    if kind is FieldType.DATETIME:
        return _moment_literal(name, value, datetime, "2026-01-31T12:00:00+00:00")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ConfigError(f"only.{name}: the field holds text")
    if column.kind in ("id", "reference"):
        if (record_id := long_id(str(value))) is None:
            raise ConfigError(f'only.{name}: "{value}" is not a record id')
        return quote(record_id)
    return quote(str(value))


def _moment_literal(name: str, value: Json, kind: type[date] | type[datetime], example: str) -> str:
    try:
        moment = kind.fromisoformat(str(value))
    except ValueError:
        moment = None
    if moment is None or (isinstance(moment, datetime) and moment.tzinfo is None):
        raise ConfigError(f'only.{name}: write the value like "{example}"')
    return quote(moment)
