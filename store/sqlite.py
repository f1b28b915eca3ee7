"""A store in a SQLite file: as it is opened, written in turns, copied, scrubbed."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.pool import QueuePool

from nps.forgetting import Forgetting
from store.breaking_off import broken_off, never
from store.database import Database, Moments, Transaction
from store.errors import without_data
from store.same_file import SameFile
from store.stirring import note_stirred
from store.turns import BUSY_MILLISECONDS, Turns

# Rows are touched in random order (by person, by record), so a transaction changes a good part of an index: it should
# fit the cache, and be copied from the log into the file once for many transactions.
CACHE_KIBIBYTES = 12_000
LOG_PAGES = 8_000  # of 4 KiB


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
        self._moments = Moments()
        self._file = SameFile(path)
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
        if (held := self._moments.held()) is not None:
            yield held
            return
        with self._transaction() as transaction:
            yield transaction

    @contextmanager
    def at_one_moment(self) -> Iterator[None]:
        with self.read() as transaction, self._moments.hold(transaction):
            yield

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
        self._file.there()
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
        self._file.there()
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

    def lock_names(self, transaction: Transaction, names: Iterable[str], *, together: bool = False) -> None:
        """BEGIN IMMEDIATE is the lock."""

    def close(self) -> None:
        self._engine.dispose()
