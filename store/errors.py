"""What the store raises: the database's complaint without the rows it was about."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoneFree

from nps.errors import BrokenOff, Collided, ConfigError, NpsyncError, UnavailableError

_COLLISIONS = ("40P01", "40001")  # a deadlock, and two that cannot be put in an order
_BROKEN_OFF = "57014"
_AWAY = ("OperationalError", "InterfaceError")  # what both drivers call it when the database is not there
_KEPT = "Nothing is half-stored, and what waits goes on by itself then."

# What the operator of a machine mends, by what the databases call it. All of it may be over in a moment.
_POSTGRES = {
    "25006": "takes no writes (a standby, or set read-only): let `store:` name the primary, or make it writable again",
    "53100": "has no space left on its disk: make room there",
    "53200": "has no memory left: give it more, or fewer connections",
}
_STANDBY = "0A000"  # what it says to whoever wants to write on one; nothing else of ours it does not support
_SQLITE = {
    "SQLITE_FULL": "its disk is full: make room",
    "SQLITE_READONLY": "it may not be written: give the file and its folder to the user npsync runs as, and see "
    "whether the disk is mounted read-only",
    "SQLITE_CANTOPEN": "it cannot be opened: see whether the file and its folder are there and belong to the user "
    "npsync runs as",
    "SQLITE_IOERR": "its disk fails, or is full: make room, and look into the machine's log",
    "SQLITE_BUSY": "another program kept it locked for a minute (one that copies it?): let npsync db backup make the "
    "copies",
}


class StoreError(NpsyncError):
    """The database refused a statement, or the store was asked for what cannot be: a defect to report."""


@contextmanager
def without_data() -> Iterator[None]:
    """Turn a driver's exception into ours. PostgreSQL quotes the failing row in its own ("DETAIL: Failing row
    contains (…)"), so nothing of its text may travel on, not even as the context of our exception."""
    try:
        yield
    except _driver_errors() as error:
        trouble = _told(error)
        _empty(error)
        raise trouble from None


def _empty(error: BaseException | None) -> None:
    """Of the driver's own errors. One of ours that was being told when it failed keeps its words, to be read."""
    while error is not None and not isinstance(error, NpsyncError):
        inner = error.__cause__ or error.__context__
        error.args, error.__cause__, error.__context__ = (), None, None
        if isinstance(error, DBAPIError):
            error.orig = None
        error = inner


def _driver_errors() -> tuple[type[Exception], ...]:
    psycopg = sys.modules.get("psycopg")  # bulk loads speak to the driver itself
    ours = (DBAPIError, NoneFree, sqlite3.Error)
    return ours if psycopg is None else (*ours, psycopg.Error)


def _told(error: Exception) -> NpsyncError:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    if isinstance(error, NoneFree):
        return UnavailableError(
            "store: all connections of this process are in use, and none came free in time. Nothing is half-stored; "
            "the same may succeed later."
        )
    if getattr(cause, "sqlite_errorname", "") == "SQLITE_NOTADB":
        return ConfigError(
            "store: that file is no SQLite database. Change `store:`; npsync makes a file of its own"
        )
    if getattr(cause, "sqlite_errorname", "").startswith("SQLITE_CORRUPT"):
        return StoreError(
            "store: the SQLite file is damaged. Stop npsync and move the file away, with its -wal and -shm, which "
            "would spoil another; then npsync db restore BACKUP. Without a backup begin with a new one: answers are "
            "read again, and what the records show already is not written again"
        )
    if isinstance(error, DBAPIError) and error.statement is None and _unreached(cause):
        return UnavailableError(
            f"store: PostgreSQL cannot be reached: {' '.join(str(cause).split())}. "
            "Look at `store:` (host, port, database, user, password) and whether the server runs"
        )
    if _sqlstate(cause) in _COLLISIONS:
        return Collided(
            f"store: two transactions were in each other's way ({_facts(cause)}). Nothing is half-stored."
        )
    if getattr(cause, "sqlite_errorname", "") == "SQLITE_INTERRUPT" or _sqlstate(cause) == _BROKEN_OFF:
        return BrokenOff(f"store: a statement was broken off ({_facts(cause)}). Nothing is half-stored.")
    if (trouble := _trouble(cause)) is not None:
        return UnavailableError(f"store: {trouble} ({_facts(cause)}). {_KEPT}")
    away = isinstance(error, DBAPIError) and error.connection_invalidated
    # A wrong statement is wrong next time too, though Python calls it operational.
    wrong = getattr(cause, "sqlite_errorname", "") == "SQLITE_ERROR"
    if away or (not wrong and any(kind.__name__ in _AWAY for kind in type(cause).__mro__)):
        return UnavailableError(
            f"store: the database cannot do it now ({_facts(cause)}). Nothing is half-stored; the next run goes on."
        )
    return StoreError(f"store: the database refused a statement ({_facts(cause)}). Please report this.")


def _trouble(cause: BaseException) -> str | None:
    """What is wrong around the database, and what to do about it."""
    state = "25006" if _sqlstate(cause) == _STANDBY else _sqlstate(cause)
    if said := _POSTGRES.get(state or ""):
        return f"PostgreSQL {said}"
    kind = "_".join(getattr(cause, "sqlite_errorname", "").split("_")[:2])  # SQLITE_IOERR_WRITE is an IOERR
    if said := _SQLITE.get(kind):
        return f"the SQLite file: {said}"
    return None


def _sqlstate(cause: BaseException) -> str | None:
    """What PostgreSQL calls it; "" where it is none of its."""
    return getattr(cause, "sqlstate", "")


def _unreached(cause: BaseException) -> bool:
    """No connection came about. The words are libpq's then, about the address, and no row can be in them."""
    is_libpq = type(cause).__module__.startswith("psycopg")
    return is_libpq and type(cause).__name__ == "OperationalError" and _sqlstate(cause) is None


def _facts(error: BaseException) -> str:
    """What happened, in the database's words only where these cannot hold a value of a row."""
    name = getattr(error, "sqlite_errorname", None)
    if name is not None:
        return f"{name}: {error}"  # SQLite names tables and columns, never values
    diagnosis = getattr(error, "diag", None)
    known = (
        getattr(diagnosis, fact, None)
        for fact in ("sqlstate", "table_name", "column_name", "constraint_name")
    )
    return " ".join([type(error).__name__, *(str(fact) for fact in known if fact)])
