"""The two databases behind one face: transactions, SQL text with named parameters, and bulk loading.

SQL is written once: `:name` is a parameter, `IN LIST(:names)` a list of them; `COLLATE BINARY` orders as Python does,
where a PostgreSQL database would order as its language does. A bulk load is `load(table, columns, rows)`: executemany
on SQLite, COPY on PostgreSQL. Any thread may open a transaction; each has a connection of its own while it lasts.
SQLite takes its write lock at the beginning (BEGIN IMMEDIATE), so that two writers wait for each other instead of
failing in the middle.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from functools import lru_cache
from itertools import chain
from typing import Any, Protocol

import orjson
from sqlalchemy import Connection

from nps.errors import LeaseLost
from nps.forgetting import Forgetting
from store.api import Lease
from store.breaking_off import never
from store.stirring import STATEMENTS, stirs

ROWS_TOGETHER = 20  # in one INSERT: beginning and ending a statement costs as much as some columns

_LIST = re.compile(r"\bLIST\(:(\w+)\)")
_INDEXED = re.compile(r" INDEXED BY \w+")
_LOCKED = re.compile(r" FOR UPDATE OF \w+(?: SKIP LOCKED)?")
_NAMED = re.compile(r"(?<!:):(\w+)")


class Transaction:
    """One transaction. Lists among the parameters belong to `LIST(:name)`. `forgetting` knows again who was forgotten;
    None where no pepper is known."""

    def __init__(self, connection: Connection, forgetting: Forgetting | None = None) -> None:
        self.connection = connection
        self.forgetting = forgetting
        self.stirred: frozenset[str] = frozenset()  # parts of figures that it changed something of
        self.postgres = connection.dialect.name == "postgresql"

    def run(self, sql: str, /, **parameters: Any) -> int:
        """Execute; the number of rows it touched."""
        return int(self._execute(sql, parameters).rowcount)

    def rows(self, sql: str, /, **parameters: Any) -> list[tuple[Any, ...]]:
        result = self._execute(sql, parameters)
        found: list[tuple[Any, ...]] = result.cursor.fetchall()
        result.close()
        return found

    def pages(self, sql: str, size: int, /, **parameters: Any) -> Iterator[list[tuple[Any, ...]]]:
        """As `rows`, so many at a time; the statement stays open while the caller works on them."""
        result = self._execute(sql, parameters)
        try:
            while found := result.cursor.fetchmany(size):
                yield found
        finally:
            result.close()

    def one(self, sql: str, /, **parameters: Any) -> tuple[Any, ...] | None:
        found = self.rows(sql, **parameters)
        return found[0] if found else None

    def many(self, sql: str, rows: Sequence[tuple[Any, ...]]) -> int:
        """One statement with `?` for every row; how many rows it touched in all."""
        if not rows:
            return 0
        self.stirred |= stirs(sql)
        text = sql.replace("?", "%s") if self.postgres else sql
        return int(self.connection.exec_driver_sql(text, list(rows)).rowcount)

    def load(self, table: str, columns: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert many rows. `columns` is the list as it stands in SQL."""
        if not rows:
            return
        if not self.postgres:
            # FAIL leaves it to the transaction to undo a statement's first rows, which ours does: without it SQLite
            # would copy every page first, for the case that a later row is refused.
            insert = f"INSERT OR FAIL INTO {table} ({columns}) VALUES "
            marks = f"({', '.join('?' * len(rows[0]))})"
            alone = len(rows) % ROWS_TOGETHER
            together = [
                tuple(chain.from_iterable(rows[start : start + ROWS_TOGETHER]))
                for start in range(alone, len(rows), ROWS_TOGETHER)
            ]
            self.many(insert + marks, rows[:alone])
            self.many(insert + ", ".join([marks] * ROWS_TOGETHER), together)
            return
        self.stirred |= stirs(f"INSERT INTO {table} ")
        driver: Any = self.connection.connection.driver_connection
        with driver.cursor() as cursor, cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)

    def prove(self, lease: Lease, *, lasting: bool = True) -> None:
        """The lease is still ours, and stays so until this transaction ends (a reading one cannot promise that). It may
        be renewed meanwhile; whoever takes it away waits (`store.leases.wait_for_holders`)."""
        lock = " FOR KEY SHARE" if self.postgres and lasting else ""
        found = self.one(f"SELECT token, owner FROM lease WHERE name = :name{lock}", name=lease.name)
        if found != (lease.token, lease.owner):
            raise LeaseLost(
                f"{lease.name}: another process took over (lease {lease.token} is not current any more). "
                "What it left unfinished is finished there; start again if this was not meant."
            )

    def _execute(self, sql: str, parameters: dict[str, Any]) -> Any:
        self.stirred |= stirs(sql)
        if self.postgres:
            return self.connection.exec_driver_sql(_for_postgres(sql), parameters)
        for name, value in parameters.items():
            if type(value) is list or type(value) is tuple:
                parameters[name] = orjson.dumps(value).decode()
        return self.connection.exec_driver_sql(_for_sqlite(sql), parameters)


@lru_cache(STATEMENTS)
def _for_sqlite(sql: str) -> str:
    return _LIST.sub(r"(SELECT value FROM json_each(:\1))", _LOCKED.sub("", sql))


@lru_cache(STATEMENTS)
def _for_postgres(sql: str) -> str:
    sql = _INDEXED.sub("", sql).replace("COLLATE BINARY", 'COLLATE "C"')
    sql = re.sub(r"\bIN LIST\(:(\w+)\)", r"= ANY(%(\1)s)", sql)
    return _NAMED.sub(r"%(\1)s", sql)


class Moments:
    """Which thread reads as of one moment, and in which transaction."""

    def __init__(self) -> None:
        self._of_thread = threading.local()

    def held(self) -> Transaction | None:
        """This thread's."""
        return getattr(self._of_thread, "transaction", None)

    @contextmanager
    def hold(self, transaction: Transaction) -> Iterator[None]:
        before = self.held()
        self._of_thread.transaction = transaction
        try:
            yield
        finally:
            self._of_thread.transaction = before


class Database(Protocol):
    """What the rooms of the store ask of either database."""

    forgetting: Forgetting | None  # handed to every transaction
    keeps_answers: timedelta | None  # how long (`retention.answers`); None: for good

    def read(self) -> AbstractContextManager[Transaction]:
        """A transaction that sees one state of things and changes nothing."""
        ...

    def at_one_moment(self) -> AbstractContextManager[None]:
        """Whatever this thread reads meanwhile is read in one transaction."""
        ...

    def still(self, stop: Callable[[], bool] = never) -> AbstractContextManager[Transaction]:
        """As `read`, for a long look: it may fill temporary tables, which are gone when it ends. As soon as `stop`
        says so, the statement under way is broken off and raises BrokenOff."""
        ...

    def write(self, *, durable: bool = False) -> AbstractContextManager[Transaction]:
        """A transaction that is committed at the end. `durable`: on the disk when this returns, even if the power
        goes; otherwise the last ones before it went may be missing, each of them wholly."""
        ...

    def overlay(self) -> AbstractContextManager[Database]: ...

    def lock_migrations(self, transaction: Transaction) -> None: ...

    def lock_inbox(self, transaction: Transaction, connection: str) -> None:
        """Appends to one connection follow one another, so that its numbers appear in their order."""
        ...

    def lock_names(self, transaction: Transaction, names: Iterable[str], *, together: bool = False) -> None:
        """Whoever locks one of these names waits until this transaction ends, but for those who lock it `together`, as
        we do. All of a transaction's at once: they are taken in an order of their own, so that nobody waits for one
        who waits for him."""
        ...

    def scrub(self, stop: Callable[[], bool] = never) -> bool:
        """Overwrite what was deleted, as far as the database can. False: not now, others are using it. Raises
        BrokenOff when `stop` says so meanwhile."""
        ...

    def rest(self) -> None:
        """Keep nothing in this process that the database can be asked for again."""
        ...

    def close(self) -> None: ...
