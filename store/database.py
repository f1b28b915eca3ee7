"""The two databases behind one face: transactions, SQL text with named parameters, and bulk loading.

SQL is written once: `:name` is a parameter, `IN LIST(:names)` a list of them. A bulk load is `load(table, columns,
rows)`: executemany on SQLite, COPY on PostgreSQL. Any thread may open a transaction; each has a connection of its own
while it lasts. SQLite takes its write lock at the beginning (BEGIN IMMEDIATE), so that two writers wait for each other
instead of failing in the middle.
"""

from __future__ import annotations

import os
import re
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import timedelta
from functools import cache
from hashlib import blake2b
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import orjson
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import QueuePool

from nps.errors import ConfigError, LeaseLost
from nps.forgetting import Forgetting
from store.api import Lease
from store.breaking_off import broken_off, never
from store.errors import StoreError, without_data
from store.stirring import note_stirred, stirs
from store.turns import BUSY_MILLISECONDS, Turns

# Rows are touched in random order (by person, by record), so a transaction changes a good part of an index: it should
# fit the cache, and be copied from the log into the file once for many transactions.
CACHE_KIBIBYTES = 12_000
LOG_PAGES = 8_000  # of 4 KiB
ROWS_TOGETHER = 20  # in one INSERT: beginning and ending a statement costs as much as some columns
MIGRATION_LOCK = 0x6E707379  # any constant of ours
DERIVED = ("stirred", "figure", "account_figure")  # follows from the rest: copied and told by nobody

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
        """The lease is still ours, and stays so until this transaction ends (a reading one cannot promise that)."""
        lock = " FOR SHARE" if self.postgres and lasting else ""
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


@cache
def _for_sqlite(sql: str) -> str:
    return _LIST.sub(r"(SELECT value FROM json_each(:\1))", _LOCKED.sub("", sql))


@cache
def _for_postgres(sql: str) -> str:
    sql = _INDEXED.sub("", sql)
    sql = re.sub(r"\bIN LIST\(:(\w+)\)", r"= ANY(%(\1)s)", sql)
    return _NAMED.sub(r"%(\1)s", sql)


class Database(Protocol):
    """What the rooms of the store ask of either database."""

    forgetting: Forgetting | None  # handed to every transaction
    keeps_answers: timedelta | None  # how long (`retention.answers`); None: for good

    def read(self) -> AbstractContextManager[Transaction]:
        """A transaction that sees one state of things and changes nothing."""
        ...

    def still(self, stop: Callable[[], bool] = never) -> AbstractContextManager[Transaction]:
        """As `read`, for a long look: it may fill temporary tables, which are gone when it ends. As soon as `stop`
        says so, the statement under way is broken off and raises Interrupted."""
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

    def lock_names(self, transaction: Transaction, names: Iterable[str]) -> None:
        """Whoever locks one of these names waits until this transaction ends. All of a transaction's at once: they
        are taken in an order of their own, so that nobody waits for one who waits for him."""
        ...

    def scrub(self, stop: Callable[[], bool] = never) -> bool:
        """Overwrite what was deleted, as far as the database can. False: not now, others are using it. Raises
        Interrupted when `stop` says so meanwhile."""
        ...

    def rest(self) -> None:
        """Keep nothing in this process that the database can be asked for again."""
        ...

    def close(self) -> None: ...


# ------------------------------------------------------------ SQLite


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch a new file to WAL. SQLite does not wait for another process that is doing the same; we do."""
    from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random

    for attempt in Retrying(
        retry=retry_if_exception_type(sqlite3.OperationalError),
        stop=stop_after_delay(BUSY_MILLISECONDS / 1000),
        wait=wait_random(0.01, 0.1),
        reraise=True,
    ):
        with attempt:
            connection.execute("PRAGMA journal_mode = WAL")


def created_for_its_owner(path: Path) -> None:
    """Make the file before SQLite does, which would let others read it."""
    if path.is_dir():
        raise ConfigError(f"store: {path} is a folder; name a file in it: sqlite:///npsync.db")
    if path.exists():
        return
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise ConfigError(
            f"store: cannot create {path} ({error.strerror}). Create its folder, or change `store:`."
        ) from None


def connected(path: Path) -> sqlite3.Connection:
    """A bare connection that any thread may use, one at a time; transactions are begun and ended by hand."""
    connection = sqlite3.connect(
        path, timeout=BUSY_MILLISECONDS / 1000, isolation_level=None, check_same_thread=False
    )
    if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        _write_ahead(connection)
    return connection


class SQLite:
    """A file, readable by its owner alone. WAL: readers and the one writer do not wait for each other."""

    def __init__(self, path: Path, *, lasting: bool = True) -> None:
        self.path = path
        self.lasting = lasting
        self.forgetting: Forgetting | None = None
        self.keeps_answers: timedelta | None = None
        self._turns = Turns(path)
        self._engine = create_engine(
            URL.create("sqlite", database=str(path)),
            hide_parameters=True,
            pool_size=4,
            max_overflow=-1,
            pool_use_lifo=True,  # the connection whose cache is warm
            connect_args={"check_same_thread": False, "timeout": BUSY_MILLISECONDS / 1000},
        )
        event.listen(self._engine, "connect", self._prepare)

    def _prepare(self, connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # we begin ourselves: the driver would begin without the write lock
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIBIBYTES}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
        connection.execute("PRAGMA synchronous = " + ("NORMAL" if self.lasting else "OFF"))
        if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            _write_ahead(connection)

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        with self._transaction() as transaction:
            yield transaction

    @contextmanager
    def still(self, stop: Callable[[], bool] = never) -> Iterator[Transaction]:
        with self._transaction(keep=False) as transaction, broken_off(transaction.connection, stop):
            yield transaction

    @contextmanager
    def write(self, *, durable: bool = False) -> Iterator[Transaction]:
        with self._transaction(writes=True, durable=durable and self.lasting) as transaction:
            yield transaction
            note_stirred(transaction)

    @contextmanager
    def _transaction(
        self, *, writes: bool = False, durable: bool = False, keep: bool = True
    ) -> Iterator[Transaction]:
        created_for_its_owner(self.path)
        with without_data(), self._engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            if durable:
                driver.execute("PRAGMA synchronous = FULL")
            try:
                connection.begin()
                self._turns.begin(driver) if writes else driver.execute("BEGIN")
                yield Transaction(connection, self.forgetting)
                if keep:
                    connection.commit()
            finally:
                connection.rollback()
                if durable:
                    driver.execute("PRAGMA synchronous = NORMAL")

    @contextmanager
    def overlay(self) -> Iterator[Database]:
        with tempfile.TemporaryDirectory(prefix="npsync-") as folder:
            copy = Path(folder) / "overlay.db"
            self.backup(copy)
            database = SQLite(copy, lasting=False)
            database.forgetting, database.keeps_answers = self.forgetting, self.keeps_answers
            try:
                yield database
            finally:
                database.close()

    def backup(self, path: Path) -> None:
        """A consistent copy while others go on writing; for the owner's eyes only."""
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        created_for_its_owner(self.path)
        with without_data(), self._engine.connect() as connection:
            ours: Any = connection.connection.driver_connection
            theirs = sqlite3.connect(path)
            try:
                ours.backup(theirs)
            finally:
                theirs.close()

    def scrub(self, stop: Callable[[], bool] = never) -> bool:
        """Write the file anew, without what was deleted, and empty the log: both hold copies of rows that moved."""
        with without_data(), self._engine.connect() as connection, broken_off(connection, stop):
            driver: Any = connection.connection.driver_connection
            try:
                driver.execute("VACUUM")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                    return False
                raise
        return self.checkpoint()

    def checkpoint(self) -> bool:
        """Move the log into the file and empty it. False: somebody still reads an earlier state."""
        with without_data(), self._engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            driver.execute("PRAGMA busy_timeout = 5000")
            try:
                busy, _, _ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                driver.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
        return not busy

    def rest(self) -> None:
        """The pages that idle connections keep: of each as many as its cache holds, once the file is larger."""
        pool = self._engine.pool
        assert isinstance(pool, QueuePool)
        with without_data(), ExitStack() as together:
            idle = [together.enter_context(self._engine.connect()) for _ in range(pool.checkedin())]
            for connection in idle:
                driver: Any = connection.connection.driver_connection
                driver.execute("PRAGMA shrink_memory")

    def lock_migrations(self, transaction: Transaction) -> None:
        """BEGIN IMMEDIATE is the lock."""

    def lock_inbox(self, transaction: Transaction, connection: str) -> None:
        """BEGIN IMMEDIATE is the lock."""

    def lock_names(self, transaction: Transaction, names: Iterable[str]) -> None:
        """BEGIN IMMEDIATE is the lock."""

    def close(self) -> None:
        self._engine.dispose()


# ------------------------------------------------------------ PostgreSQL


class Postgres:
    def __init__(self, url: URL) -> None:
        self._engine = _postgres_engine(url)
        self.forgetting: Forgetting | None = None
        self.keeps_answers: timedelta | None = None

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        with without_data(), self._engine.connect() as connection:
            connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with connection.begin():
                yield Transaction(connection, self.forgetting)

    @contextmanager
    def write(self, *, durable: bool = False) -> Iterator[Transaction]:
        with without_data(), self._engine.connect() as connection, connection.begin():
            transaction = Transaction(connection, self.forgetting)
            yield transaction
            note_stirred(transaction)

    @contextmanager
    def still(self, stop: Callable[[], bool] = never) -> Iterator[Transaction]:
        with without_data(), self._engine.connect() as connection:
            connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin() as whole, broken_off(connection, stop):
                yield Transaction(connection, self.forgetting)
                whole.rollback()

    @contextmanager
    def overlay(self) -> Iterator[Database]:
        with without_data(), self._engine.connect() as connection:
            try:
                _shadow_tables(connection)
                yield PinnedPostgres(connection, self.forgetting, self.keeps_answers)
            finally:
                connection.invalidate()  # its temporary tables go with it

    def lock_migrations(self, transaction: Transaction) -> None:
        transaction.rows("SELECT pg_advisory_xact_lock(:lock)", lock=MIGRATION_LOCK)

    def lock_inbox(self, transaction: Transaction, connection: str) -> None:
        transaction.rows(
            "SELECT pg_advisory_xact_lock(:lock, hashtext(:connection))",
            lock=MIGRATION_LOCK,
            connection=connection,
        )

    def lock_names(self, transaction: Transaction, names: Iterable[str]) -> None:
        for lock in sorted({_lock_of(name) for name in names}):
            transaction.rows("SELECT pg_advisory_xact_lock(:lock)", lock=lock)

    def scrub(self, stop: Callable[[], bool] = never) -> bool:
        """Free the space of what was deleted, for the database to write over. Its log and backups keep what they hold
        for as long as they are kept."""
        with without_data(), self._engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            with broken_off(connection, stop):
                connection.exec_driver_sql("VACUUM")
        return True

    def rest(self) -> None:
        """Its pages are kept by the server."""

    def close(self) -> None:
        self._engine.dispose()


def _lock_of(name: str) -> int:
    """64 bits: two names that share them by accident wait for each other now and then, which does no harm."""
    return int.from_bytes(
        blake2b(name.encode("utf-8", "replace"), digest_size=8).digest(), "big", signed=True
    )


class PinnedPostgres:
    """One connection whose temporary tables shadow ours. Threads take turns."""

    def __init__(
        self, connection: Connection, forgetting: Forgetting | None, keeps_answers: timedelta | None
    ) -> None:
        self.forgetting, self.keeps_answers = forgetting, keeps_answers
        self._connection = connection
        self._turn = threading.Lock()

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        with self.write() as transaction:
            yield transaction

    @contextmanager
    def still(self, stop: Callable[[], bool] = never) -> Iterator[Transaction]:
        with (
            self._turn,
            without_data(),
            self._connection.begin() as whole,
            broken_off(self._connection, stop),
        ):
            yield Transaction(self._connection, self.forgetting)
            whole.rollback()

    @contextmanager
    def write(self, *, durable: bool = False) -> Iterator[Transaction]:
        with self._turn, without_data(), self._connection.begin():
            yield Transaction(self._connection, self.forgetting)

    def overlay(self) -> AbstractContextManager[Database]:
        raise StoreError("store: an overlay of an overlay is not offered on PostgreSQL")

    def lock_migrations(self, transaction: Transaction) -> None:
        """Nobody else sees these tables."""

    def lock_inbox(self, transaction: Transaction, connection: str) -> None:
        """Nobody else sees these tables."""

    def lock_names(self, transaction: Transaction, names: Iterable[str]) -> None:
        """Nobody else sees these tables."""

    def scrub(self, stop: Callable[[], bool] = never) -> bool:
        """These tables are gone in a moment."""
        return True

    def rest(self) -> None:
        """Its pages are kept by the server."""

    def close(self) -> None:
        """The overlay's end closes the connection."""


def _postgres_engine(url: URL) -> Engine:
    try:
        import psycopg  # noqa: F401
    except ImportError:
        raise ConfigError(
            "store: a PostgreSQL store needs its driver, which is not installed: pip install 'npsync[postgres]'"
        ) from None
    return create_engine(
        url.set(drivername="postgresql+psycopg"), hide_parameters=True, pool_pre_ping=True, max_overflow=20
    )


def _shadow_tables(connection: Connection) -> None:
    """Copy every table, as of one moment, into a temporary one of the same name, which is found first."""
    from store.tables import metadata

    connection.execution_options(isolation_level="REPEATABLE READ")
    with connection.begin():
        schema = connection.exec_driver_sql("SELECT quote_ident(current_schema())").scalar_one()
        for table in metadata.sorted_tables:
            ours, copy = f"{schema}.{table.name}", f"pg_temp.{table.name}"
            connection.exec_driver_sql(f"CREATE TEMP TABLE {table.name} (LIKE {ours} INCLUDING ALL)")
            if table.name not in DERIVED:
                connection.exec_driver_sql(f"INSERT INTO {copy} SELECT * FROM {ours}")
            if "id" in table.columns and table.columns["id"].identity is not None:
                connection.exec_driver_sql(
                    f"SELECT setval(pg_get_serial_sequence('{copy}', 'id'), max(id)) FROM {copy} HAVING count(*) > 0"
                )
            connection.exec_driver_sql(f"ANALYZE {copy}")


def open_database(url: str) -> Database:
    try:
        parsed = make_url(url)
    except (
        ArgumentError,
        ValueError,
    ):  # ValueError: a port that is no number, often a password with an "@" or ":"
        raise ConfigError(
            "store: this is not a database URL; write sqlite:///npsync.db or postgresql://user@host/name, and "
            "%40 for an @, %3A for a : in a password"
        ) from None
    kind = parsed.drivername.partition("+")[0]
    if kind in ("postgresql", "postgres"):
        return Postgres(parsed)
    if kind != "sqlite":
        raise ConfigError(
            f'store: "{kind}" is not a store; write sqlite:///npsync.db or postgresql://user@host/name'
        )
    if not parsed.database or parsed.database == ":memory:":
        raise ConfigError("store: a SQLite store is a file; write sqlite:///npsync.db")
    return SQLite(Path(parsed.database))
