"""The tables as the database describes them: which columns a field stands for, and how its values are written.

Nothing here changes a table, and no name reaches a statement that did not come from the database itself.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Column, Connection, Inspector, MetaData, Table, inspect
from sqlalchemy import types as sql
from sqlalchemy.exc import NoSuchTableError, SAWarning

from connectors.sql.choices import listed
from connectors.sql.settings import Crosswalk, Merges, SqlSettings, TableSettings
from connectors.sql.values import Edge, Kind, kind_of
from nps.errors import ConfigError
from nps.schema import FieldSchema, FieldType, ObjectSchema

AnyColumn = Column[Any]

_KEYS = (FieldType.TEXT, FieldType.INTEGER, FieldType.NUMBER, FieldType.CHOICE)


@dataclass(frozen=True)
class Held:
    """A reflected table: its columns' kinds, and which of them are unique."""

    table: Table
    kinds: Mapping[str, Kind]
    types: Mapping[str, Any]  # as they were declared
    unique: frozenset[str]
    is_view: bool

    def column(self, name: str) -> AnyColumn:
        return self.table.c[name]

    def reflected_key(self, key: AnyColumn) -> AnyColumn:
        """The key in a table of the same name, with its type: for the statements that an administrator is shown."""
        like = Table(
            self.table.name, MetaData(), Column(key.name, self.types[key.name]), schema=self.table.schema
        )
        return like.c[key.name]


@dataclass(frozen=True)
class Field:
    """One field of an object: the column behind it."""

    name: str
    column: AnyColumn
    kind: Kind


@dataclass(frozen=True)
class CrosswalkTable:
    settings: Crosswalk
    held: Held

    @property
    def columns(self) -> list[AnyColumn]:
        told = self.settings
        names = (told.system, told.id, told.key, told.valid_from, told.valid_to)
        return [self.column(name) for name in names if name is not None]

    def column(self, name: str) -> AnyColumn:
        return self.held.column(name)


@dataclass(frozen=True)
class MergeTable:
    settings: Merges
    held: Held

    @property
    def columns(self) -> list[AnyColumn]:
        return [self.from_key, self.into_key]

    @property
    def from_key(self) -> AnyColumn:
        return self.held.column(self.settings.from_key)

    @property
    def into_key(self) -> AnyColumn:
        return self.held.column(self.settings.into_key)


@dataclass(frozen=True)
class Shape:
    """How one object lies in the database. `written` is the table that is written, `written_key` its key: the
    master's own, or the satellite's."""

    object: str
    connection: str
    settings: TableSettings
    master: Held
    key: AnyColumn
    key_kind: Kind
    written: Held
    written_key: AnyColumn
    fields: Mapping[str, Field]
    schema: ObjectSchema
    crosswalk: CrosswalkTable | None
    merges: MergeTable | None

    @property
    def has_satellite(self) -> bool:
        return self.written is not self.master

    def field(self, name: str) -> Field:
        """ConfigError for a field that does not exist."""
        found = self.fields.get(name)
        if found is None:
            raise ConfigError(
                f'{self.connection}: {self.object} has no column "{name}", or this login does not see it'
                f"{_nearest(name, self.fields)}"
            )
        return found

    def check(self, names: Iterable[str]) -> None:
        for name in names:
            if name not in self.schema.fields:
                self.field(name)

    def is_crosswalked(self, name: str) -> bool:
        return self.crosswalk is not None and name in self.crosswalk.settings.fields


def read_shape(
    settings: SqlSettings, connection: str, at: Connection, object: str, may_update: Callable[[Held], bool]
) -> Shape:
    """Ask the database for everything behind one object. ConfigError where the YAML names what is not there."""
    given = settings.of(object)
    zone = given.naive_times or settings.naive_times
    reflect = _Reflection(connection, at, settings.schema_, ZoneInfo(zone) if zone else None)
    master = reflect.held(object)
    key = _key(connection, object, master, given.key)
    written, written_key = master, key
    if given.mode == "satellite":
        written = reflect.held(given.satellite)
        written_key = _column(connection, written, given.satellite_key or key.name)
    fields = _fields(master, written, written_key)
    for name, match in given.match.items():
        _column(connection, master, match.column or name)
    for role, column in (("guard", given.guard), ("version", given.version)):
        if column is not None:
            _column(f"{connection}: {role}", written, column)
    _check_guard(connection, given, written)
    crosswalk = merges = None
    if given.crosswalk is not None:
        crosswalk = CrosswalkTable(given.crosswalk, reflect.held(given.crosswalk.table))
        told = given.crosswalk
        for one in (told.system, told.id, told.key, told.valid_from, told.valid_to):
            _column(connection, crosswalk.held, one) if one else None
    if given.merges is not None:
        merges = MergeTable(given.merges, reflect.held(given.merges.table))
        for one in (given.merges.from_key, given.merges.into_key):
            _column(connection, merges.held, one)
    writable = not written.is_view or may_update(written)
    return Shape(
        object=object,
        connection=connection,
        settings=given,
        master=master,
        key=key,
        key_kind=master.kinds[key.name],
        written=written,
        written_key=written_key,
        fields=fields,
        schema=_schema(object, given, master, key, written, written_key, fields, writable),
        crosswalk=crosswalk,
        merges=merges,
    )


def read_held(settings: SqlSettings, at: Connection, object: str) -> tuple[Held, AnyColumn]:
    """The customers' own table and its key, without what the YAML says of other tables."""
    master = _Reflection("", at, settings.schema_, None).held(object)
    return master, _key("", object, master, settings.of(object).key)


def _check_guard(connection: str, given: TableSettings, written: Held) -> None:
    if given.guard and written.kinds[given.guard].type not in (FieldType.DATETIME, FieldType.DATE):
        raise ConfigError(
            f"{connection}: guard: {written.table.name}.{given.guard} holds no time; name the column with the time "
            "of the answer"
        )
    if given.version and written.kinds[given.version].type is not FieldType.INTEGER:
        raise ConfigError(
            f"{connection}: version: {written.table.name}.{given.version} holds no whole number"
        )


# ---------------------------------------------------------------- fields


def _key(connection: str, object: str, master: Held, named: str | None) -> AnyColumn:
    if named is None:
        columns = list(master.table.primary_key.columns)
        if len(columns) != 1:
            raise ConfigError(
                f"{connection}: {object} has no primary key of one column; say which column names a customer: "
                f"tables: {object}: key:"
            )
        named = columns[0].name
    column = _column(f"{connection}: key", master, named)
    if master.kinds[column.name].type not in _KEYS:
        raise ConfigError(
            f"{connection}: {object}.{column.name} can be no key: it holds neither text nor number"
        )
    return column


def _fields(master: Held, written: Held, written_key: AnyColumn) -> dict[str, Field]:
    """The master's columns by their names; the satellite's, too, and with its name before where both have one."""
    found = {name: Field(name, column, master.kinds[name]) for name, column in master.table.c.items()}
    if written is not master:
        for name, column in written.table.c.items():
            if column is not written_key:
                called = f"{written.table.name}.{name}" if name in found else name
                found[called] = Field(called, column, written.kinds[name])
    return found


def _schema(
    object: str,
    given: TableSettings,
    master: Held,
    key: AnyColumn,
    written: Held,
    written_key: AnyColumn,
    fields: Mapping[str, Field],
    writable: bool,
) -> ObjectSchema:
    # Two columns of ours that nobody maps: the key names the row, and the version counts by itself.
    kept = {key.name} if written is master else set()
    kept |= {one for one in (written_key.name, given.version) if one}
    told: dict[str, FieldSchema] = {}
    for name, field in fields.items():
        column, kind = field.column, field.kind
        own = column.table is written.table
        told[name] = FieldSchema(
            name=name,
            label=column.comment or name,
            type=kind.type,
            writable=writable and own and kind.writable and column.name not in kept and not _is_made(column),
            length=kind.length,
            options=kind.options,
            unique=column.name in (written if own else master).unique,
        )
    for name in given.crosswalk.fields if given.crosswalk else ():
        told[name] = FieldSchema(name, name, FieldType.TEXT, writable=False, extra_call=True)
    return ObjectSchema(
        object,
        told,
        writable=any(one.writable for one in told.values()),
        to_fill=_to_fill(given, written, fields),
    )


def _to_fill(given: TableSettings, written: Held, fields: Mapping[str, Field]) -> dict[str, str]:
    """A guard that no mapping fills stays empty, and stops nothing."""
    return {
        name: f"the guard compares it with the time of each answer; add {name}: answered_at"
        for name, field in fields.items()
        if field.column.table is written.table and field.column.name == given.guard
    }


def _is_made(column: AnyColumn) -> bool:
    """By the database itself, always."""
    identity = column.identity
    return column.primary_key or column.computed is not None or bool(identity is not None and identity.always)


def _column(connection: str, held: Held, name: str) -> AnyColumn:
    found: AnyColumn | None = held.table.c.get(name)
    if found is None:
        raise ConfigError(
            f'{connection}: {held.table.name} has no column "{name}", or this login does not see it'
            f"{_nearest(name, held.table.c.keys())}"
        )
    return found


def _nearest(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), n=1)
    return f'; did you mean "{close[0]}"?' if close else ""


# ---------------------------------------------------------------- reflection


@dataclass(frozen=True)
class _Reflection:
    connection: str
    at: Connection
    schema: str | None
    zone: ZoneInfo | None

    def held(self, name: str) -> Held:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SAWarning)  # what it cannot read of a table it leaves out
            return self._held(name)

    def _held(self, name: str) -> Held:
        schema, bare = self._place(name)
        looking: Inspector = inspect(self.at)
        try:
            table = Table(
                bare, MetaData(), schema=schema, autoload_with=self.at, resolve_fks=False, keep_existing=False
            )
        except NoSuchTableError:
            known = [*looking.get_table_names(schema), *looking.get_view_names(schema)]
            raise ConfigError(
                f'{self.connection}: there is no table or view "{name}", or this login does not see it'
                f"{_nearest(bare, known)}"
            ) from None
        is_view = not looking.has_table(bare, schema) or bare in looking.get_view_names(schema)
        options = {} if is_view else _checked(looking, bare, schema)
        if self.at.dialect.name == "sqlite":
            _retype(self.at, table)
        kinds = {
            column.name: self._kind(column, bare, options.get(column.name.lower()))
            for column in table.columns
        }
        types = {column.name: column.type for column in table.columns}
        if self.at.dialect.name == "sqlite":
            # What SQLite holds in a column is anybody's guess, so it is read as it is and not by the declared type.
            for column in table.columns:
                column.type = sql.NullType()
        unique = frozenset() if is_view else _unique(looking, table, bare, schema)
        return Held(table, kinds, types, unique, is_view)

    def _place(self, name: str) -> tuple[str | None, str]:
        schema, dot, bare = name.rpartition(".")
        return (schema, bare) if dot else (self.schema, name)

    def _kind(self, column: AnyColumn, table: str, options: tuple[str, ...] | None) -> Kind:
        if isinstance(column.type, sql.Enum):
            options = tuple(column.type.enums)
        elif not isinstance(column.type, sql.String):
            options = None  # numbers and dates are compared as such
        return kind_of(column.type, Edge(table, column.name, self.at.dialect.name, self.zone, options))


def _retype(at: Connection, table: Table) -> None:
    """SQLite takes any word for a type, and one it does not know counts as a number."""
    declared = at.exec_driver_sql("SELECT name, type FROM pragma_table_info(?)", (table.name,)).all()
    for name, word in declared:
        if "TIMESTAMP" in str(word).upper():
            table.c[name].type = sql.DateTime()
        elif "UUID" in str(word).upper() or not word:
            table.c[name].type = sql.Text()


def _checked(looking: Inspector, table: str, schema: str | None) -> dict[str, tuple[str, ...]]:
    """What check constraints leave to columns."""
    try:
        constraints = looking.get_check_constraints(table, schema)
    except NotImplementedError:
        # SQLAlchemy says so for a dialect that cannot read them, as those of other packages may not: such a column
        # is shown without options, and the database refuses what it does not take.
        return {}
    found = (listed(str(one["sqltext"])) for one in constraints)
    return {column.lower(): options for column, options in filter(None, found)}


def _unique(looking: Inspector, table: Table, name: str, schema: str | None) -> frozenset[str]:
    """Columns that no two rows share, by a key or an index over this column alone."""
    keys = [[column.name for column in table.primary_key.columns]]
    keys += [one["column_names"] for one in looking.get_unique_constraints(name, schema)]
    for index in looking.get_indexes(name, schema):
        partial = any(key.endswith("_where") and value for key, value in index["dialect_options"].items())
        if index["unique"] and not partial and not index.get("expressions"):
            keys.append([one for one in index["column_names"] if one is not None])
    return frozenset(key[0] for key in keys if len(key) == 1)
