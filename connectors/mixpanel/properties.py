"""Profile properties: what the YAML says they hold, and their values at Mixpanel's edge, which is JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial

from connectors.encoding import (
    Canonical,
    Live,
    Typed,
    boolean_of,
    boolean_text,
    day_of,
    empty_is_none,
    live_number,
    moment_of,
    no_option,
    number_of,
    read_day,
    read_moment,
    refused,
)
from connectors.mixpanel.settings import MixpanelSettings
from connectors.numbers import json_number
from nps.errors import ConfigError
from nps.schema import FieldSchema, FieldType, ObjectSchema
from nps.values import Json, Value

PROFILES = "profiles"
DISTINCT_ID = "distinct_id"

_TYPES = {
    "number": FieldType.NUMBER,
    "text": FieldType.TEXT,
    "boolean": FieldType.BOOLEAN,
    "date": FieldType.DATE,
    "datetime": FieldType.DATETIME,
    "list": FieldType.MULTI,
}
_ID = FieldSchema(DISTINCT_ID, "Distinct ID", FieldType.TEXT, writable=False, unique=True)


class AnyName(Mapping[str, FieldSchema]):
    """A project without a list of properties takes any name. Those that begin with $ are Mixpanel's own: read only."""

    def __getitem__(self, name: str) -> FieldSchema:
        if name == DISTINCT_ID:
            return _ID
        if not 0 < len(name) <= 255:
            raise KeyError(name)
        return FieldSchema(name, name, FieldType.OTHER, writable=not name.startswith("$"))

    def __iter__(self) -> Iterator[str]:
        return iter((DISTINCT_ID,))

    def __len__(self) -> int:
        return 1


def schema_of(settings: MixpanelSettings) -> ObjectSchema:
    if not settings.properties:
        return ObjectSchema(PROFILES, AnyName(), found_by=frozenset({DISTINCT_ID}))
    fields = {DISTINCT_ID: _ID}
    for name, kind in settings.properties.items():
        own = not name.startswith("$")
        if isinstance(kind, str):
            fields[name] = FieldSchema(name, name, _TYPES[kind], writable=own)
        else:
            fields[name] = FieldSchema(name, name, FieldType.CHOICE, writable=own, options=kind)
    return ObjectSchema(PROFILES, fields, found_by=frozenset({DISTINCT_ID}))


def field_of(schema: ObjectSchema, name: str, connection: str) -> FieldSchema:
    found = schema.fields.get(name)
    if found is None:
        raise ConfigError(
            f'{connection}: `properties` has no "{name}"; it lists {", ".join(sorted(schema.fields))}'
        )
    return found


# ---------------------------------------------------------------- values


def canonical(known: FieldSchema) -> Canonical:
    """What a profile shows once a value is written to this property."""
    return empty_is_none(partial(_ENCODERS.get(known.type, _as_given), known))


def live(known: FieldSchema) -> Live:
    """A value Mixpanel sent, in the same form. Never refuses."""

    def normalised(value: Json) -> Json:
        if value == "" or value == []:
            return None
        match value:
            case float():
                return json_number(Decimal(str(value)))
            case str() if known.type is FieldType.NUMBER:
                return live_number(known, value)
            case str() if known.type is FieldType.DATE and value[10:11] == "T":
                return value[:10]
            case str() if known.type is FieldType.DATETIME:
                moment = _parsed_moment(value)
                return value if moment is None else _spelled(moment)
            case list() if known.type is FieldType.MULTI:
                return sorted({str(one) for one in value}, key=str)
        return value

    return normalised


def typed(known: FieldSchema) -> Typed:
    """A live value as the property's type. What does not read as its type stays as it is."""
    normalised = live(known)

    def decoded(value: Json) -> Value:
        shown = normalised(value)
        match shown:
            case bool() | None:
                return shown
            case int() | float():
                return Decimal(str(shown))
            case str() if known.type is FieldType.DATE:
                return read_day(shown) or shown
            case str() if known.type is FieldType.DATETIME:
                return _parsed_moment(shown) or shown
            case str():
                return shown
            case list():
                return tuple(str(one) for one in shown)
        return None

    return decoded


def _as_given(known: FieldSchema, value: Value) -> Json:
    match value:
        case bool() | str():
            return value
        case int() | float() | Decimal():
            return number_of(known, value)
        case datetime():
            return _moment(known, value)
        case date():
            return value.isoformat()
        case tuple():
            return _list(known, value)
    return None


def _text(known: FieldSchema, value: Value) -> str:
    if isinstance(value, tuple):
        raise refused(known, "takes one text, not a list")
    given = _as_given(known, value)
    return boolean_text(given) if isinstance(given, bool) else str(given)


def _date(known: FieldSchema, value: Value) -> Json:
    return day_of(known, value).isoformat()


def _moment(known: FieldSchema, value: Value) -> Json:
    given = _parsed_moment(value) if isinstance(value, str) and "T" in value else value
    return _spelled(moment_of(known, given))


def _choice(known: FieldSchema, value: Value) -> Json:
    text, options = _text(known, value), known.options or ()
    if text not in options:
        raise no_option(known, text, options)
    return text


def _list(known: FieldSchema, value: Value) -> Json:
    if not isinstance(value, tuple):
        raise refused(known, "takes a list; use `as: multi`")
    return list[Json](sorted(set(value)))


_ENCODERS: dict[FieldType, Callable[[FieldSchema, Value], Json]] = {
    FieldType.NUMBER: number_of,
    FieldType.TEXT: _text,
    FieldType.BOOLEAN: boolean_of,
    FieldType.DATE: _date,
    FieldType.DATETIME: _moment,
    FieldType.CHOICE: _choice,
    FieldType.MULTI: _list,
}


def _parsed_moment(text: str) -> datetime | None:
    """Mixpanel's times say no zone and are UTC."""
    moment = read_moment(text)
    return moment if moment is None or moment.utcoffset() is not None else moment.replace(tzinfo=UTC)


def _spelled(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}"
