"""Which fields the records of a master have: as it describes them itself, as the YAML does, or both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from connectors.declared.expressions import NotForThis, compiled, holds
from connectors.rest_master.dates import ISO, DateFormat, date_format
from connectors.rest_master.settings import FieldsAt, GivenField, RestMasterSettings
from nps.errors import ConfigError
from nps.schema import FieldSchema, FieldType, ObjectSchema

_YES = frozenset({"true", "yes", "y", "t", "1", "on"})
_NO = frozenset({"false", "no", "n", "f", "0", "off"})


@dataclass(frozen=True)
class Known:
    """One field, with everything a value of it is checked against before it is sent."""

    schema: FieldSchema
    least: float | None = None  # of a number, or of a text's length
    most: float | None = None
    booleans: tuple[str, str] | None = None  # the words for yes and no
    dates: DateFormat | None = ISO
    unreadable_format: str = ""  # why the format that the master names is none
    required: bool = False
    personal: bool = False

    @property
    def name(self) -> str:
        return self.schema.name


@dataclass(frozen=True)
class Table:
    """An object's fields."""

    connection: str
    schema: ObjectSchema
    fields: Mapping[str, Known]
    id_field: str

    def field(self, name: str) -> Known:
        """ConfigError for one that does not exist, or that this credential does not see."""
        known = self.fields.get(name)
        if known is None:
            close = get_close_matches(name, self.fields, n=1)
            hint = f'; did you mean "{close[0]}"?' if close else ""
            raise ConfigError(f'{self.connection}: {self.schema.name} has no field "{name}"{hint}')
        return known

    def check(self, names: Iterable[str]) -> None:
        for name in names:
            self.field(name)


def table(
    connection: str,
    object: str,
    settings: RestMasterSettings,
    definitions: Iterable[Mapping[str, Any]],
) -> Table:
    """The fields of an object: the master's `definitions`, and what the YAML says over them."""
    found = {}
    if settings.schema_at is not None:
        for row in definitions:
            if known := _defined(settings.schema_at, row):
                found[known.name] = known
    for name, given in settings.objects[object].fields.items():
        found[name] = _given(found.get(name) or _plain(name), given)
    for name, text in settings.dates.items():
        if name in found:
            found[name] = _dated(found[name], text)
    if settings.date_format is not None:
        usual = settings.date_format
        for name, known in found.items():
            if known.dates is ISO and name not in settings.dates and known.schema.type is FieldType.DATE:
                found[name] = _dated(known, usual)
    id = settings.record.id
    found[id] = replace(
        found.get(id) or _plain(id), schema=FieldSchema(id, id, FieldType.TEXT, writable=False, unique=True)
    )
    schema = ObjectSchema(object, {name: known.schema for name, known in found.items()})
    return Table(connection, schema, found, id)


def _plain(name: str) -> Known:
    return Known(FieldSchema(name, name, FieldType.TEXT, writable=True))


# ---------------------------------------------------------------- as the master describes it


def _defined(at: FieldsAt, row: Mapping[str, Any]) -> Known | None:
    """None for a definition that is not in use, or has no name."""
    name = _text(_found(at.name, row))
    if not name or (at.only is not None and not holds(compiled(at.only), row)):
        return None
    type = _type(at, row)
    least, most = _number(_found(at.least, row)), _number(_found(at.most, row))
    options = _options(_found(at.options, row))
    if options and type is FieldType.TEXT:
        type = FieldType.CHOICE
    if holds(compiled(at.multiple), row) if at.multiple else False:
        type = FieldType.MULTI
    dates, problem = _dates(at, row, type)
    return Known(
        schema=FieldSchema(
            name=name,
            label=_text(_found(at.label, row)) or name,
            type=type,
            writable=not (at.read_only is not None and holds(compiled(at.read_only), row)),
            length=int(most) if most is not None and type is FieldType.TEXT else None,
            options=options if type in (FieldType.CHOICE, FieldType.MULTI) else None,
            restricted=options is not None,
        ),
        least=least,
        most=most,
        booleans=_booleans(_found(at.booleans, row)),
        dates=dates,
        unreadable_format=problem,
        required=at.required is not None and holds(compiled(at.required), row),
        personal=at.personal is not None and holds(compiled(at.personal), row),
    )


def _type(at: FieldsAt, row: Mapping[str, Any]) -> FieldType:
    word = _text(_found(at.type, row)).strip().lower()
    return at.types.get(word, FieldType.OTHER if word else FieldType.TEXT)


def _dates(at: FieldsAt, row: Mapping[str, Any], type: FieldType) -> tuple[DateFormat | None, str]:
    text = _text(_found(at.date_format, row))
    if type is not FieldType.DATE or not text:
        return ISO, ""
    try:
        return date_format(text, _text(_found(at.date_separator, row)) or None), ""
    except ValueError as problem:
        return None, str(problem)


def _options(found: Any) -> tuple[str, ...] | None:
    if not isinstance(found, list):
        return None
    codes = tuple(str(code) for code in found if isinstance(code, str | int) and not isinstance(code, bool))
    return codes or None


def _booleans(found: Any) -> tuple[str, str] | None:
    """The words for yes and no among those a field takes; None where they are not to be told apart."""
    if not isinstance(found, list) or len(found) != 2 or not all(isinstance(word, str) for word in found):
        return None
    if {word.strip().lower() for word in found} == {"true", "false"}:
        return None  # as JSON has them
    yes = [word for word in found if word.strip().lower() in _YES]
    no = [word for word in found if word.strip().lower() in _NO]
    return (yes[0], no[0]) if len(yes) == len(no) == 1 else None


def _found(expression: str | None, row: Mapping[str, Any]) -> Any:
    """What an expression finds in a definition; nothing where it does not fit this one."""
    if expression is None:
        return None
    try:
        return compiled(expression)(row)
    except NotForThis:
        return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None


# ---------------------------------------------------------------- as the YAML describes it


def _given(known: Known, given: GivenField) -> Known:
    said = known.schema
    type = given.type or (FieldType.CHOICE if given.options and said.type is FieldType.TEXT else said.type)
    most = known.most if given.most is None else given.most
    options = tuple(given.options) if given.options is not None else said.options
    schema = replace(
        said,
        label=given.label or said.label,
        type=type,
        writable=said.writable if given.writable is None else given.writable,
        length=int(most) if most is not None and type is FieldType.TEXT else None,
        options=options,
        restricted=options is not None,
    )
    changed = replace(
        known,
        schema=schema,
        least=known.least if given.least is None else given.least,
        most=most,
        booleans=given.booleans or known.booleans,
        required=known.required if given.required is None else given.required,
        personal=known.personal if given.personal is None else given.personal,
    )
    if given.date_format is None:
        return changed
    return replace(changed, dates=date_format(given.date_format), unreadable_format="")


def _dated(known: Known, text: str) -> Known:
    return replace(known, dates=date_format(text), unreadable_format="")
