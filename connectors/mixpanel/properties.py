"""Profile properties: what the YAML says they hold, and their values at Mixpanel's edge, which is JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal

from connectors.mixpanel.settings import MixpanelSettings
from connectors.numbers import finite, json_number
from nps.errors import ConfigError, RejectedError
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


def canonical(known: FieldSchema) -> Callable[[Value], Json]:
    """What a profile shows once a value is written to this property."""
    encode = _ENCODERS.get(known.type, _as_given)
    return lambda value: None if value is None or value == "" or value == () else encode(known, value)


def live(known: FieldSchema) -> Callable[[Json], Json]:
    """A value Mixpanel sent, in the same form. Never refuses."""

    def normalised(value: Json) -> Json:
        if value == "" or value == []:
            return None
        match value:
            case float():
                return json_number(Decimal(str(value)))
            case str() if known.type is FieldType.NUMBER:
                number = finite(value)
                return value if number is None else json_number(number)
            case str() if known.type is FieldType.DATE and value[10:11] == "T":
                return value[:10]
            case str() if known.type is FieldType.DATETIME:
                moment = _parsed_moment(value)
                return value if moment is None else _spelled(moment)
            case list() if known.type is FieldType.MULTI:
                return sorted({str(one) for one in value}, key=str)
        return value

    return normalised


def typed(known: FieldSchema) -> Callable[[Json], Value]:
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
                return _parsed_date(shown) or shown
            case str() if known.type is FieldType.DATETIME:
                return _parsed_moment(shown) or shown
            case str():
                return shown
            case list():
                return tuple(str(one) for one in shown)
        return None

    return decoded


def _refused(known: FieldSchema, why: str, code: str = "wrong_type") -> RejectedError:
    return RejectedError(f"{known.name} {why}", code=code, field=known.name)


def _as_given(known: FieldSchema, value: Value) -> Json:
    match value:
        case bool() | str():
            return value
        case int() | float() | Decimal():
            return _number(known, value)
        case datetime():
            return _moment(known, value)
        case date():
            return value.isoformat()
        case tuple():
            return _list(known, value)
    return None


def _text(known: FieldSchema, value: Value) -> Json:
    if isinstance(value, tuple):
        raise _refused(known, "takes one text, not a list")
    given = _as_given(known, value)
    return given if isinstance(given, str) else str(given).lower() if isinstance(given, bool) else str(given)


def _number(known: FieldSchema, value: Value) -> Json:
    number = None if isinstance(value, bool) else finite(str(value))
    if number is None:
        raise _refused(known, "takes a number; use `as: number` or `as: integer`")
    return json_number(number)


def _boolean(known: FieldSchema, value: Value) -> Json:
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return value == "true"
    raise _refused(known, "takes true or false; use `as: boolean`")


def _date(known: FieldSchema, value: Value) -> Json:
    # A moment has no date until somebody says in which zone: `as: date` does.
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str) and len(value) == 10 and (parsed := _parsed_date(value)) is not None:
        return parsed.isoformat()
    raise _refused(known, "takes a date like 2026-11-21; use `as: date`")


def _moment(known: FieldSchema, value: Value) -> Json:
    given = _parsed_moment(value) if isinstance(value, str) and "T" in value else value
    if not isinstance(given, datetime):
        raise _refused(known, "takes a moment, not a date; use `as: datetime`")
    if given.utcoffset() is None:
        raise _refused(known, "takes a moment with its time zone", "naive_datetime")
    return _spelled(given)


def _choice(known: FieldSchema, value: Value) -> Json:
    text = _text(known, value)
    if text not in (known.options or ()):
        options = ", ".join(f'"{one}"' for one in (known.options or ())[:20])
        raise _refused(known, f'has no option "{str(text)[:80]}"; it has {options}', "not_an_option")
    return text


def _list(known: FieldSchema, value: Value) -> Json:
    if not isinstance(value, tuple):
        raise _refused(known, "takes a list; use `as: multi`")
    return list[Json](sorted(set(value)))


_ENCODERS: dict[FieldType, Callable[[FieldSchema, Value], Json]] = {
    FieldType.NUMBER: _number,
    FieldType.TEXT: _text,
    FieldType.BOOLEAN: _boolean,
    FieldType.DATE: _date,
    FieldType.DATETIME: _moment,
    FieldType.CHOICE: _choice,
    FieldType.MULTI: _list,
}


def _parsed_date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _parsed_moment(text: str) -> datetime | None:
    """Mixpanel's times say no zone and are UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.utcoffset() is None else moment


def _spelled(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}"
