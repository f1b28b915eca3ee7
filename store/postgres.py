"""A store on PostgreSQL, and the overlay of temporary tables that a plan is tried on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from hashlib import blake2b

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.engine import URL

from nps.errors import ConfigError
from nps.forgetting import Forgetting
from store.breaking_off import broken_off, never
from store.database import Database, Moments, Transaction
from store.errors import StoreError, without_data
from store.stirring import DERIVED, note_stirred

MIGRATION_LOCK = 0x6E707379  # any constant of ours
CONNECTIONS = 25
MOMENTS = 8  # held at a time: who holds one may need a second connection, and all of them must not wait for each other


class Postgres:
    def __init__(self, url: URL) -> None:
        self._engine = _postgres_engine(url)
        self.forgetting: Forgetting | None = None
        self.keeps_answers: timedelta | None = None
        self._moments = Moments()
        self._few = threading.BoundedSemaphore(MOMENTS)

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        if (held := self._moments.held()) is not None:
            yield held
            return
        with without_data(), self._engine.connect() as connection:
            connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with connection.begin():
                yield Transaction(connection, self.forgetting)

    @contextmanager
    def at_one_moment(self) -> Iterator[None]:
        if self._moments.held() is not None:
            yield
            return
        with self._few, self.read() as transaction, self._moments.hold(transaction):
            yield

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

    def lock_names(self, transaction: Transaction, names: Iterable[str], *, together: bool = False) -> None:
        shared = "_shared" if together else ""
        for lock in sorted({_lock_of(name) for name in names}):
            transaction.rows(f"SELECT pg_advisory_xact_lock{shared}(:lock)", lock=lock)

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

    def at_one_moment(self) -> AbstractContextManager[None]:
        """Nobody else changes these tables."""
        return nullcontext()

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

    def lock_names(self, transaction: Transaction, names: Iterable[str], *, together: bool = False) -> None:
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
        url.set(drivername="postgresql+psycopg"),
        hide_parameters=True,
        pool_pre_ping=True,
        max_overflow=CONNECTIONS - 5,
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
