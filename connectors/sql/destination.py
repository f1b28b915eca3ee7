"""A SQL database as a Destination: customers in any table or view that has a key."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from math import ceil
from typing import Any, TypeVar

from sqlalchemy import false, update
from sqlalchemy.exc import DBAPIError

from connectors.contract import Allowance, Grant, Lookup, Needs, Only, Tools, Way
from connectors.sql.access import tested
from connectors.sql.database import Database
from connectors.sql.finding import Finder
from connectors.sql.problems import Meaning, problem_of
from connectors.sql.settings import SqlSettings
from connectors.sql.tables import Held, Shape, read_shape
from connectors.sql.writing import Writer
from nps.changes import Batch, Hit, Outcome, Record
from nps.errors import RejectedError
from nps.schema import ObjectSchema
from nps.values import Json, Value

T = TypeVar("T")


class Master:
    """The database and what is known of its tables: one for all parts of a connection."""

    def __init__(self, settings: SqlSettings, tools: Tools) -> None:
        self.settings, self.tools = settings, tools
        self.database = Database(settings, tools)
        self._lock = threading.Lock()
        self._shapes: dict[str, Shape] = {}

    def shape(self, object: str) -> Shape:
        with self._lock:
            if object not in self._shapes:
                self._shapes[object] = self.database.read(
                    f"describe {object}",
                    lambda at: read_shape(
                        self.settings,
                        self.tools.connection,
                        at,
                        object,
                        lambda held: _takes_updates(at, held),
                    ),
                )
            return self._shapes[object]

    def close(self) -> None:
        self.database.close()


def _takes_updates(at: Any, held: Held) -> bool:
    """Whether a view can be written through. No row is touched, and the transaction is rolled back anyway."""
    column = next(iter(held.table.c))
    try:
        with at.begin_nested():
            at.execute(update(held.table).where(false()).values({column.name: column}))
    except DBAPIError as error:
        if problem_of(error).meaning in (Meaning.BUSY, Meaning.DOWN):
            raise
        return False
    return True


def open_destination(settings: SqlSettings, tools: Tools) -> SqlDestination:
    return SqlDestination(tools.shared.take(lambda: Master(settings, tools)), tools)


class SqlDestination:
    """Thread-safe: every question and every batch is a transaction on a connection of its own."""

    def __init__(self, master: Master, tools: Tools) -> None:
        self._master, self._tools = master, tools

    # ------------------------------------------------------------ what there is

    def describe(self, object: str) -> ObjectSchema:
        return self._master.shape(object).schema

    def canonical(self, object: str, field: str) -> Callable[[Value], Json]:
        canonical = self._master.shape(object).field(field).kind.canonical

        def in_its_name(value: Value) -> Json:
            try:
                return canonical(value)
            except RejectedError as error:
                raise RejectedError(str(error), code=error.code, field=field) from None

        return in_its_name

    def typed(self, object: str, field: str) -> Callable[[Json], Value]:
        shape = self._master.shape(object)
        if shape.is_crosswalked(field):
            return lambda value: value if isinstance(value, str) else None
        return shape.field(field).kind.typed

    # ------------------------------------------------------------ reading

    def find(self, object: str, lookups: Sequence[Lookup], fields: Sequence[str], only: Only) -> list[Hit]:
        shape = self._master.shape(object)
        shape.check([*fields, *only, *(one.field for one in lookups)])
        asked = [one for one in lookups if any(one.values)]
        if not asked:
            return []
        return self._read(shape, "look up", lambda finder: finder.find(asked, fields, only))

    def get(self, object: str, ids: Sequence[str], fields: Sequence[str], only: Only) -> list[Record]:
        shape = self._master.shape(object)
        shape.check([*fields, *only])
        if not ids:
            return []
        return self._read(shape, "read", lambda finder: finder.get(ids, fields, only))

    def records(self, object: str, fields: Sequence[str], only: Only) -> Iterator[list[Record]]:
        shape = self._master.shape(object)
        shape.check([*fields, *only])
        after: Any = None
        while True:
            at = after

            def page(finder: Finder, at: Any = at) -> tuple[list[Record], Any]:
                return finder.page(at, fields, only)

            records, after = self._read(shape, "read", page)
            if records:
                yield records
            if after is None:
                return

    def _read(self, shape: Shape, doing: str, ask: Callable[[Finder], T]) -> T:
        now = self._tools.clock.now()
        return self._master.database.read(
            f"{doing} {shape.object}", lambda at: ask(Finder(at, shape, now, self._tools.notice))
        )

    # ------------------------------------------------------------ writing

    def ways(self, object: str, count: int) -> Sequence[Way]:
        size = self._master.settings.batch
        return [Way(api="transaction", batch=size, cost=lambda rows: ceil(rows / size))]

    def write(self, batch: Batch, remember: Callable[[str], None]) -> Iterable[Outcome]:
        shape = self._master.shape(batch.object)
        now = self._tools.clock.now()
        return Writer(self._master.database, shape, now, self._tools.notice).outcomes(batch.changes)

    def resume(self, batch: Batch, handle: str) -> Iterable[Outcome] | None:
        return None  # a batch is one transaction: what became of it is read from the rows

    def allowance(self) -> Allowance | None:
        return None

    def close(self) -> None:
        self._tools.shared.give_back()

    # ------------------------------------------------------------ access

    def access(self, needs: Needs) -> list[Grant]:
        return tested(self._master.settings, self._master.database, self._master.shape, needs)
