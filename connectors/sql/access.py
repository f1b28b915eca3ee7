"""What to grant to npsync's login, and whether it was granted: asked of the database, with nothing changed.

An update is tried on no row (`WHERE false`) and rolled back: a database checks what a login may before it looks for
rows. What is missing in a table is told as the statement that would add it; npsync changes no table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, false, func, insert, inspect, literal_column, select, update
from sqlalchemy.exc import DBAPIError

from connectors.contract import Grant, Needs, Verdict
from connectors.sql import ddl
from connectors.sql.database import Database
from connectors.sql.problems import Meaning, problem_of
from connectors.sql.settings import SqlSettings, TableSettings
from connectors.sql.tables import AnyColumn, Held, Shape, read_held
from nps.errors import ConfigError
from nps.schema import FieldType

_EXCESS = ("INSERT", "DELETE", "TRUNCATE")


def grants(settings: SqlSettings, needs: Needs) -> list[str]:
    """The permissions in SQL's words. Which table holds a column is not known without asking."""
    found: list[str] = []
    for object in sorted({*needs.read, *needs.write}):
        table = settings.of(object)
        read = needs.read.get(object, frozenset()) | needs.write.get(object, frozenset())
        write = needs.write.get(object, frozenset())
        if table.mode == "satellite":
            found.append(f"SELECT on {object}: its key and {ddl.listed(read - write) or 'nothing else'}")
            if write:
                found.append(f"SELECT, INSERT and UPDATE on {table.satellite} (our own table)")
        else:
            found.append(f"SELECT on {object}: its key and {ddl.listed(read) or 'nothing else'}")
            if write:
                found.append(f"UPDATE on {object}: {ddl.listed(_counted(table, write))}")
        found += [f"SELECT on {one}" for one in _beside(table)]
    return list(dict.fromkeys(found))


def _counted(table: TableSettings, write: frozenset[str]) -> set[str]:
    return {*write, *([table.version] if table.version else ())}


def _beside(table: TableSettings) -> Iterator[str]:
    if table.crosswalk is not None:
        yield table.crosswalk.table
    if table.merges is not None:
        yield table.merges.table


# ---------------------------------------------------------------- tests


def tested(
    settings: SqlSettings, database: Database, shape_of: Callable[[str], Shape], needs: Needs
) -> list[Grant]:
    """Every permission the YAML needs, tested, and what is missing in the tables."""
    if not needs.read and not needs.write:
        database.read("log in", lambda at: at.execute(select(literal_column("1"))).all())
        return [Grant("log in", "reach the database", Verdict.OK)]
    found: list[Grant] = []
    for object in sorted({*needs.read, *needs.write}):
        try:
            shape = shape_of(object)
        except ConfigError as error:
            found.append(_no_table(settings, database, object, needs, error))
            continue
        read = needs.read.get(object, frozenset())
        write = needs.write.get(object, frozenset())
        types = needs.types.get(object, {})

        def ask(
            at: Connection,
            shape: Shape = shape,
            read: frozenset[str] = read,
            write: frozenset[str] = write,
            types: Mapping[str, FieldType] = types,
        ) -> list[Grant]:
            return list(_Test(at, shape, read, write, types).grants())

        found += database.read(f"test what the login may do with {object}", ask)
    return found


def _no_table(
    settings: SqlSettings, database: Database, object: str, needs: Needs, error: ConfigError
) -> Grant:
    """A table that is not there, or that the YAML describes otherwise than it is."""
    table = settings.of(object)
    detail = str(error)
    if table.mode == "satellite":
        types = needs.types.get(object, {})
        missing = {name: types.get(name) for name in needs.write.get(object, ())}
        statement = database.read(
            f"describe {object}", lambda at: _missing_satellite(settings, at, object, table, missing)
        )
        detail = f"{detail}. To create it: {statement}" if statement else detail
    return Grant(f"SELECT on {object}", "find customers and read their values", Verdict.MISSING, detail)


def _missing_satellite(
    settings: SqlSettings,
    at: Connection,
    object: str,
    table: TableSettings,
    columns: Mapping[str, FieldType | None],
) -> str | None:
    """The statement that creates our own table, when it is what is missing."""
    schema, _, bare = table.satellite.rpartition(".")
    looking = inspect(at)
    if looking.has_table(bare, schema or settings.schema_):
        return None
    try:
        master, key = read_held(settings, at, object)
    except ConfigError:
        return None
    wanted = {name: type for name, type in columns.items() if name not in master.table.c}
    named = master.reflected_key(key)
    return ddl.create_satellite(at.dialect, bare, schema or settings.schema_, named, wanted)


class _Test:
    """One object, on one connection, in a transaction that is rolled back."""

    def __init__(
        self,
        at: Connection,
        shape: Shape,
        read: frozenset[str],
        write: frozenset[str],
        types: Mapping[str, FieldType],
    ) -> None:
        self._at, self._shape, self._types = at, shape, types
        self._read = [shape.fields[name].column for name in sorted(read | write) if name in shape.fields]
        self._write = [shape.fields[name].column for name in sorted(write) if name in shape.fields]
        self._missing = sorted(
            name for name in read | write if name not in shape.fields and not shape.is_crosswalked(name)
        )
        self._mapped = write

    def grants(self) -> Iterator[Grant]:
        shape = self._shape
        yield from self._reading(shape.master, "find customers and read their values")
        if shape.has_satellite:
            yield from self._reading(shape.written, "read what npsync wrote")
        for beside in (shape.crosswalk, shape.merges):
            if beside is not None:
                yield from self._each(
                    f"SELECT on {beside.held.table.name}", "follow ids", beside.columns, self._select
                )
        yield from self._writing()
        yield from (self._column(name) for name in self._missing)
        yield self._unique(shape.master, shape.key)
        if shape.has_satellite:
            yield self._unique(shape.written, shape.written_key)
        yield from self._guard()
        yield from self._more()

    def _reading(self, held: Held, why: str) -> Iterator[Grant]:
        key = self._shape.key if held is self._shape.master else self._shape.written_key
        columns = list(dict.fromkeys([key, *(one for one in self._read if one.table is held.table)]))
        yield from self._each(f"SELECT on {held.table.name}", why, columns, self._select)

    def _writing(self) -> Iterator[Grant]:
        if not self._mapped:
            return
        shape, table = self._shape, self._shape.written.table
        columns = [one for one in self._write if one.table is table]
        for one in self._write:
            if one.table is not table:
                yield Grant(
                    f"UPDATE on {one.table.name}: {one.name}",
                    "write the mapped columns",
                    Verdict.MISSING,
                    f"in mode satellite only {table.name} is written, and it has no such column: "
                    + ddl.add_column(self._at.dialect, table, one.name, self._types.get(one.name)),
                )
        if shape.settings.version is not None:
            columns.append(table.c[shape.settings.version])
        yield from self._each(f"UPDATE on {table.name}", "write the mapped columns", columns, self._update)
        if shape.has_satellite:
            yield self._asked(
                f"INSERT on {table.name}",
                "a customer's first row in our table",
                lambda: self._insert(columns),
            )

    def _column(self, name: str) -> Grant:
        table = self._shape.written.table
        statement = ddl.add_column(self._at.dialect, table, name, self._types.get(name))
        return Grant(
            f"column {name} of {table.name}",
            "the YAML names it",
            Verdict.MISSING,
            f"it is not there, or this login does not see it. To add it: {statement}",
        )

    def _unique(self, held: Held, key: AnyColumn) -> Grant:
        permission, why = f"unique key {held.table.name}.{key.name}", "one key, one customer"
        if key.name in held.unique:
            return Grant(permission, why, Verdict.OK)
        if held.is_view:
            return Grant(permission, why, Verdict.UNTESTED, "a view does not tell; two rows are refused")
        statement = ddl.unique_index(self._at.dialect, held.reflected_key(key))
        return Grant(permission, why, Verdict.MISSING, f"no unique index on it. To add it: {statement}")

    def _guard(self) -> Iterator[Grant]:
        guard = self._shape.settings.guard
        if guard is None or not self._mapped:
            return
        mapped = guard in self._mapped
        yield Grant(
            f"guard {guard}",
            "an older answer never replaces a newer one",
            Verdict.OK if mapped else Verdict.MISSING,
            "" if mapped else f"no sync writes it; add to its fields: {guard}: answered_at",
        )

    def _more(self) -> Iterator[Grant]:
        """What the login could do to the customers' table and needn't, where the database can be asked."""
        if self._at.dialect.name != "postgresql":
            return
        table = self._shape.master.table
        name = self._at.dialect.identifier_preparer.format_table(table)
        for what in _EXCESS:
            if self._at.execute(select(func.has_table_privilege(name, what))).scalar():
                yield Grant(f"{what} on {table.name}", "not needed", Verdict.EXCESS, "npsync only updates")

    # ------------------------------------------------------------ asking

    def _each(
        self, permission: str, why: str, columns: Sequence[AnyColumn], ask: Callable[[list[AnyColumn]], Any]
    ) -> Iterator[Grant]:
        """All columns at once, and one by one when that is refused."""
        if not columns:
            return
        together = self._asked(permission, why, lambda: ask(list(columns)))
        if together.verdict is not Verdict.MISSING or len(columns) == 1:
            yield together
            return
        for column in columns:
            yield self._asked(f"{permission}: {column.name}", why, lambda column=column: ask([column]))  # type: ignore[misc]

    def _asked(self, permission: str, why: str, ask: Callable[[], Any]) -> Grant:
        try:
            with self._at.begin_nested() as savepoint:
                ask()
                savepoint.rollback()
        except DBAPIError as error:
            problem = problem_of(error)
            if problem.meaning in (Meaning.BUSY, Meaning.DOWN):
                raise
            return Grant(permission, why, Verdict.MISSING, f"{problem.said} ({problem.code})")
        return Grant(permission, why, Verdict.OK)

    def _select(self, columns: list[AnyColumn]) -> None:
        self._at.execute(select(*columns).where(false())).all()

    def _update(self, columns: list[AnyColumn]) -> None:
        table = self._shape.written.table
        self._at.execute(update(table).where(false()).values({one.name: one for one in columns}))

    def _insert(self, columns: list[AnyColumn]) -> None:
        named = list(dict.fromkeys([self._shape.written_key, *columns]))
        nothing = select(*named).where(false())
        self._at.execute(insert(self._shape.written.table).from_select([one.name for one in named], nothing))
