"""One SQL database: transactions that are tried again when somebody else was in the way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from connectors.contract import Tools
from connectors.going import heard
from connectors.sql.problems import Meaning, problem_of, raised
from connectors.sql.settings import SqlSettings
from nps.errors import ConfigError, UnavailableError

T = TypeVar("T")

BUSY_SECONDS = 5.0  # how long SQLite itself waits for another writer
LOCK_SECONDS = 10  # how long others wait for a row that somebody else has, before it is tried again
TRIES = 5
_FIRST_NAP = 0.2
_PARALLEL = 8  # four threads read and four write


class Lost(Exception):
    """The connection broke while a transaction was being committed: nobody knows whether it was."""


class Busy(UnavailableError):
    """Others held the rows each time it was tried. Nothing was written."""


class Database:
    """Thread-safe: every transaction has a connection of its own while it lasts."""

    def __init__(self, settings: SqlSettings, tools: Tools) -> None:
        self._tools = tools
        self.url = _address(settings, tools)
        self.engine = _engine(self.url, settings.statement_timeout, tools)

    @property
    def dialect(self) -> str:
        return self.engine.dialect.name

    def read(self, doing: str, work: Callable[[Connection], T]) -> T:
        """`work` in one transaction that is rolled back at the end. Raises AccessError, UnavailableError,
        ConfigError; `doing` says in a message what was tried."""
        with heard(self._tools):
            return self._tried(doing, lambda: self._once(work, writes=False))

    def write(self, doing: str, work: Callable[[Connection], T]) -> T:
        """`work` in one transaction that is committed at the end; it may run several times. Raises Lost when nobody
        knows whether it was committed, and DBAPIError where a row is refused."""
        with heard(self._tools):
            return self._tried(doing, lambda: self._once(work, writes=True), rows=True)

    def close(self) -> None:
        self.engine.dispose()

    # ------------------------------------------------------------ inside

    def _once(self, work: Callable[[Connection], T], *, writes: bool) -> T:
        self._tools.count_call()
        with self.engine.connect() as connection:
            if self.dialect == "sqlite":
                # A writer that began by reading could not wait for another one.
                connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
            try:
                done = work(connection)
            except BaseException:
                _roll_back(connection)
                raise
            if not writes:
                _roll_back(connection)
                return done
            try:
                connection.commit()
            except DBAPIError as error:
                # SQLite keeps a transaction open that it did not confirm: nobody else is to get that connection.
                connection.invalidate()
                if problem_of(error).meaning is Meaning.DOWN:
                    raise Lost from error
                raise
            return done

    def _tried(self, doing: str, once: Callable[[], T], *, rows: bool = False) -> T:
        for left in reversed(range(TRIES)):
            try:
                return once()
            except NoConnectionFree:
                raise UnavailableError(
                    f"{self._tools.connection}: {doing}: the database lets in no more connections"
                ) from None
            except DBAPIError as error:
                problem = problem_of(error)
                if rows and problem.meaning is Meaning.ROW:
                    raise
                if not left and problem.meaning is Meaning.BUSY:
                    raise Busy(
                        f"{self._tools.connection}: {doing}: {problem.said} ({problem.code})"
                    ) from None
                if not left or problem.meaning not in (Meaning.BUSY, Meaning.DOWN):
                    raise raised(problem, self._tools.connection, doing) from None
                self._tools.notice("sql_tried_again", code=problem.code, left=left)
            self._tools.clock.sleep(_FIRST_NAP * 2 ** (TRIES - 1 - left))
        raise AssertionError("unreachable")


def _roll_back(connection: Connection) -> None:
    try:
        connection.rollback()
    except DBAPIError:
        connection.invalidate()  # what the server does with a broken connection is to roll back, too


# ---------------------------------------------------------------- opening


_DRIVERS = {  # where an address names none
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}


def _address(settings: SqlSettings, tools: Tools) -> URL:
    try:
        url = make_url(settings.url.get_secret_value().strip().replace("postgres://", "postgresql://", 1))
    except (ArgumentError, ValueError):
        raise ConfigError(
            f"{tools.connection}: url is no database's address; write it like "
            "postgresql://user:password@host/name, and signs like @ in the password as %40"
        ) from None
    if driver := _DRIVERS.get(url.drivername):
        url = url.set(drivername=driver)
    if url.get_backend_name() == "sqlite":
        return url.set(database=str(_file(url, tools)))
    return url


def _file(url: URL, tools: Tools) -> Path:
    if not url.database or url.database == ":memory:":
        raise ConfigError(f"{tools.connection}: url names no file; write it like sqlite:///customers.db")
    path = tools.path(url.database)
    if not path.is_file():
        raise ConfigError(f"{tools.connection}: there is no database {path}; npsync creates none")
    return path


def _engine(url: URL, timeout: timedelta, tools: Tools) -> Engine:
    options: dict[str, Any] = {"pool_size": _PARALLEL, "max_overflow": 4, "pool_pre_ping": True}
    if url.get_backend_name() == "sqlite":
        waits = {} if "timeout" in url.query else {"timeout": BUSY_SECONDS}
        options["connect_args"] = {"check_same_thread": False, **waits}
    try:
        engine = create_engine(url, hide_parameters=True, **options)
    except NoSuchModuleError:
        raise ConfigError(
            f'{tools.connection}: url begins with "{url.drivername}", which no installed driver answers to'
        ) from None
    except ModuleNotFoundError as error:
        extra = "npsync[postgres]" if url.get_backend_name() == "postgresql" else str(error.name)
        raise ConfigError(
            f'{tools.connection}: the driver for "{url.drivername}" is not installed: pip install "{extra}"'
        ) from None
    event.listen(engine, "connect", prepared(engine, timeout))
    return engine


def prepared(engine: Engine, timeout: timedelta) -> Callable[[Any, Any], None]:
    """What is said to the database on every new connection."""
    seconds = int(timeout.total_seconds())
    wait = min(seconds, LOCK_SECONDS)
    limits = {"seconds": seconds, "milliseconds": seconds * 1000, "wait": wait, "lock": wait * 1000}

    def of_sqlite(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we begin ourselves: the driver would begin too late
        connection.execute("PRAGMA foreign_keys = ON")

    def by_statements(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for statement in _SESSION.get(_kind(engine.dialect.name, cursor), ()):
            cursor.execute(statement.format(**limits))
        cursor.close()
        connection.commit()

    return of_sqlite if engine.dialect.name == "sqlite" else by_statements


def _kind(dialect: str, cursor: Any) -> str:
    """MariaDB also answers to mysql:// addresses, and has a time limit of its own."""
    if dialect != "mysql":
        return dialect
    cursor.execute("SELECT VERSION()")
    return "mariadb" if "mariadb" in str(cursor.fetchone()[0]).lower() else dialect


_OF_MYSQL = (
    "SET SESSION time_zone = '+00:00'",
    # What somebody else committed meanwhile has to be seen when a row is read again.
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "SET SESSION innodb_lock_wait_timeout = {wait}",
)
_SESSION = {
    "postgresql": (
        "SET statement_timeout = {milliseconds}",
        "SET lock_timeout = {lock}",
        "SET TIME ZONE 'UTC'",
    ),
    "mysql": ("SET SESSION max_execution_time = {milliseconds}", *_OF_MYSQL),
    "mariadb": ("SET SESSION max_statement_time = {seconds}", *_OF_MYSQL),
}
