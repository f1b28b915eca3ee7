"""Rows updated by key: a batch in one transaction, and row by row in savepoints once one of them is refused.

Rows are written in the order of their keys, so that two writers wait for each other and never for ever.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from typing import Any

from sqlalchemy import ColumnElement, Connection, Update, bindparam, insert, or_, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from connectors.contract import Notice
from connectors.sql.database import Busy, Database, Lost
from connectors.sql.finding import Finder, chunks, moments
from connectors.sql.problems import Meaning, Problem, problem_of
from connectors.sql.tables import Field, Shape
from nps.changes import Cause, Change, Deferred, Outcome, Rejected, Unknown, Written
from nps.errors import ConfigError
from nps.values import Json

_AGAIN = 3  # times that a row is read again after somebody else changed it


class _KeyNotUnique(Exception):
    """One key names several rows: what was written to them is taken back."""


class _Nothing(Enum):
    """Why an update came to no row."""

    GONE = auto()
    STALE = auto()
    CHANGED_MEANWHILE = auto()
    SHOWN_ALREADY = auto()  # drivers exist that count a row only when its values change
    REFUSED = auto()


@dataclass(frozen=True)
class Row:
    """One change as the database takes it."""

    id: str
    key: Any
    values: Mapping[str, Any]  # column → value
    shown: Mapping[str, Json]  # field → what it is to show
    guard: Any = None  # the time of the answer, where an older one must not be written


@dataclass(frozen=True)
class Writer:
    database: Database
    shape: Shape
    now: datetime
    notice: Notice

    def outcomes(self, changes: Sequence[Change]) -> Iterator[Outcome]:
        """Exactly one per change, as transactions end: what ends a later one takes none of them back."""
        prepared = [self._row(change) for change in changes]
        yield from (one for one in prepared if not isinstance(one, Row))
        if rows := sorted((one for one in prepared if isinstance(one, Row)), key=lambda row: row.key):
            yield from self._written(rows)

    # ------------------------------------------------------------ the batch

    def _written(self, rows: Sequence[Row]) -> Iterator[Outcome]:
        try:
            said = self._confirmed(self._together, rows)
        except (_KeyNotUnique, DBAPIError):
            yield from self._bad_ones_apart(rows)
        else:
            yield from said

    def _confirmed(
        self, work: Callable[[Connection, Sequence[Row]], list[Outcome]], rows: Sequence[Row]
    ) -> list[Outcome]:
        """One transaction."""
        try:
            return self.database.write(f"write {self.shape.object}", lambda at: work(at, rows))
        except Busy as error:
            return [Deferred(row.id, str(error)) for row in rows]
        except Lost:
            reason = f"{self.shape.connection}: the connection broke while it was confirming"
            return [Unknown(row.id, reason) for row in rows]

    def _together(self, at: Connection, rows: Sequence[Row]) -> list[Outcome]:
        run = self._run(at, rows)
        return [run.outcome(row) for row in rows]

    def _bad_ones_apart(self, rows: Sequence[Row]) -> Iterator[Outcome]:
        try:
            said = self._confirmed(self._apart, rows)
        except DBAPIError as error:
            problem = problem_of(error)
        else:
            yield from said
            return
        # A deferred constraint looks at the rows only when all of them are confirmed, and names none.
        if len(rows) == 1:
            yield _refused(rows[0], problem)
            return
        half = len(rows) // 2
        yield from self._bad_ones_apart(rows[:half])
        yield from self._bad_ones_apart(rows[half:])

    def _apart(self, at: Connection, rows: Sequence[Row]) -> list[Outcome]:
        """Every row in a savepoint of its own, so that a bad one takes no other with it."""
        run = self._run(at, rows)
        said: list[Outcome] = []
        for row in rows:
            try:
                with at.begin_nested():
                    outcome = run.outcome(row)
            except _KeyNotUnique:
                outcome = Rejected(
                    row.id,
                    "key_not_unique",
                    f"{self.shape.written_key.name} is no key of {self.shape.written.table.name}: several rows have "
                    "this one, and none was changed",
                    cause=Cause.RECORD,
                )
            except DBAPIError as error:
                problem = problem_of(error)
                if problem.meaning is not Meaning.ROW:
                    raise
                outcome = _refused(row, problem)
            said.append(outcome)
        return said

    def _run(self, at: Connection, rows: Sequence[Row]) -> _Run:
        finder = Finder(at, self.shape, self.now, self.notice)
        ids = [row.id for row in rows]
        followed = finder.followed(ids)
        merged = {id for id in ids if followed.get(id) != id}
        versions = _versions(at, self.shape, [row.key for row in rows])
        return _Run(at, self.shape, merged, versions)

    # ------------------------------------------------------------ one change

    def _row(self, change: Change) -> Row | Outcome:
        key = self.shape.key_kind.asked(change.record_id)
        if key is None:
            return gone(change.record_id)
        fields = {name: self._writable(name) for name in change.after}
        values: dict[str, Any] = {}
        for name, value in change.after.items():
            try:
                values[fields[name].column.name] = None if value is None else fields[name].kind.bound(value)
            except (ValueError, TypeError, ArithmeticError):
                return Rejected(
                    change.record_id,
                    "wrong_type",
                    f"{name} takes no such value",
                    field=name,
                    cause=Cause.MAPPING,
                )
        return Row(change.record_id, key, values, change.after, self._guarding(change, values))

    def _writable(self, name: str) -> Field:
        field = self.shape.field(name)
        if not self.shape.schema.fields[name].writable:
            raise ConfigError(f"{self.shape.connection}: {self.shape.object}.{name} is not written by npsync")
        return field

    def _guarding(self, change: Change, values: Mapping[str, Any]) -> Any:
        """An undo, and a clearing, put an older time there on purpose."""
        guard = self.shape.settings.guard
        if guard is None or change.undoes is not None or change.response is None:
            return None
        return values.get(guard)


@dataclass(frozen=True)
class _Run:
    """One attempt at a batch. `versions`: key → the versions of its rows, where the table counts them: one, or the
    key is none."""

    at: Connection
    shape: Shape
    merged: set[str]
    versions: dict[Any, list[Any]]
    statements: dict[Any, tuple[Update, tuple[str, ...]]] = field(default_factory=dict)

    def outcome(self, row: Row) -> Outcome:
        """Raises _KeyNotUnique, and DBAPIError when the database refuses the row."""
        if row.id in self.merged:
            return Deferred(
                row.id, "merged into another customer since it was read; planned again", tried=False
            )
        for _ in range(_AGAIN):
            count = self._update(row)
            if count == 1:
                return Written(row.id)
            if count > 1:
                raise _KeyNotUnique
            match self._why(row):
                case _Nothing.SHOWN_ALREADY:
                    return Written(row.id)
                case _Nothing.STALE:
                    return Deferred(row.id, "the row shows a newer answer; nothing was written", tried=False)
                case _Nothing.REFUSED:
                    return Rejected(
                        row.id,
                        "not_updated",
                        "the database changed nothing, though the row is there: a policy or a trigger forbids it",
                        cause=Cause.PERMISSION,
                    )
                case _Nothing.GONE:
                    return self._created(row) if self.shape.has_satellite else gone(row.id)
                case _Nothing.CHANGED_MEANWHILE:
                    self.versions.update(_versions(self.at, self.shape, [row.key]))
        return Deferred(row.id, "somebody else kept changing the row; planned again", tried=False)

    def _update(self, row: Row) -> int:
        held = self._version(row.key)
        told = {f"npsync_{at}": value for at, value in enumerate(row.values.values())}
        told |= {"npsync_key": row.key, "npsync_guard": row.guard, "npsync_held": held}
        told["npsync_next"] = (held or 0) + 1
        wanted = tuple(row.values), row.guard is not None, held is None
        if wanted not in self.statements:
            made = self._statement(*wanted)
            self.statements[wanted] = made, tuple(made.compile().params)
        statement, names = self.statements[wanted]
        return self.at.execute(statement, {name: told[name] for name in names}).rowcount

    def _version(self, key: Any) -> Any:
        # An update that names a version would change one of several rows, and show no sign of the others.
        versions = self.versions.get(key, [None])
        if len(versions) > 1:
            raise _KeyNotUnique
        return versions[0]

    def _statement(self, columns: Sequence[str], guarded: bool, unversioned: bool) -> Update:
        """The update of these columns: made once, and run for every row of a batch."""
        shape, table = self.shape, self.shape.written.table
        values: dict[str, Any] = {
            name: bindparam(f"npsync_{at}", type_=table.c[name].type) for at, name in enumerate(columns)
        }
        conditions: list[ColumnElement[bool]] = [
            shape.written_key == bindparam("npsync_key", type_=shape.written_key.type)
        ]
        if guarded:
            guard = shape.written.column(shape.settings.guard or "")
            conditions.append(self._no_newer(bindparam("npsync_guard", type_=guard.type)))
        if shape.settings.version is not None:
            column = table.c[shape.settings.version]
            conditions.append(column.is_(None) if unversioned else column == bindparam("npsync_held"))
            values[column.name] = bindparam("npsync_next", type_=column.type)
        return update(table).where(*conditions).values(values)

    def _no_newer(self, guard: Any) -> ColumnElement[bool]:
        # An empty one never keeps anybody out.
        column = self.shape.written.column(self.shape.settings.guard or "")
        return or_(column.is_(None), moments(self.at, column) <= moments(self.at, guard))

    def _why(self, row: Row) -> _Nothing:
        """What the row shows to whom it did not let in."""
        shape, table = self.shape, self.shape.written.table
        fields = [shape.field(name) for name in row.shown]
        query = select(*(one.column for one in fields)).where(shape.written_key == row.key).limit(1)
        held = self.at.execute(query).first()
        if held is None:
            return _Nothing.GONE
        if all(one.kind.shown(value) == row.shown[one.name] for one, value in zip(fields, held, strict=True)):
            return _Nothing.SHOWN_ALREADY
        mine = select(shape.written_key).where(shape.written_key == row.key)
        if row.guard is not None and self.at.execute(mine.where(self._no_newer(row.guard))).first() is None:
            return _Nothing.STALE
        if shape.settings.version is not None:
            version = self.at.execute(
                select(table.c[shape.settings.version]).where(shape.written_key == row.key)
            ).scalar()
            if version != self._version(row.key):
                return _Nothing.CHANGED_MEANWHILE
        return _Nothing.REFUSED

    def _created(self, row: Row) -> Outcome:
        """The first row of a customer in the table that is ours; never one in the master."""
        shape = self.shape
        if self.at.execute(select(shape.key).where(shape.key == row.key)).first() is None:
            return gone(row.id)
        if all(value is None for value in row.values.values()):
            return Written(row.id)  # there is nothing to clear
        try:
            with self.at.begin_nested():
                self.at.execute(
                    insert(shape.written.table).values({shape.written_key.name: row.key, **row.values})
                )
        except IntegrityError:
            # Somebody was faster. Where nobody was, it is refused for what it holds.
            self.versions.update(_versions(self.at, shape, [row.key]))
            if self._update(row) == 0:
                raise
        return Written(row.id)


def _versions(at: Connection, shape: Shape, keys: Iterable[Any]) -> dict[Any, list[Any]]:
    if shape.settings.version is None:
        return {}
    column = shape.written.table.c[shape.settings.version]
    found: defaultdict[Any, list[Any]] = defaultdict(list)
    for some in chunks(list(keys)):
        query = select(shape.written_key, column).where(shape.written_key.in_(some))
        for key, version in at.execute(query).all():
            found[key].append(version)
    return dict(found)


def _refused(row: Row, problem: Problem) -> Rejected:
    return Rejected(row.id, problem.code, problem.said, field=problem.field, cause=problem.cause)


def gone(record_id: str) -> Rejected:
    return Rejected(record_id, "gone", "no row has this key any more", cause=Cause.GONE)
