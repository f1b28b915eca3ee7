"""What an error of a database means: who has to do something, and whether trying again helps.

Messages never quote what a database says of a row's values; the login is in none of them.
"""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from sqlalchemy.exc import DataError as BadData
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError

from connectors.sql import wording
from nps.changes import Cause
from nps.errors import AccessError, ConfigError, NpsyncError, UnavailableError


class Meaning(Enum):
    BUSY = auto()  # somebody else has the row: the same transaction succeeds later
    DOWN = auto()  # the connection is gone, the database stops or starts
    SLOW = auto()  # the statement took too long
    ACCESS = auto()
    ROW = auto()  # this row cannot be written as it is
    WRONG = auto()  # the statement does not fit the tables (any more)


@dataclass(frozen=True)
class Problem:
    meaning: Meaning
    code: str  # the database's own
    said: str  # without values of the row
    cause: Cause = Cause.UNKNOWN
    field: str | None = None


_BUSY = {"40001", "40P01", "55P03"}
_MYSQL = {
    1205: Meaning.BUSY,
    1213: Meaning.BUSY,
    1044: Meaning.ACCESS,
    1045: Meaning.ACCESS,
    1049: Meaning.ACCESS,
    1142: Meaning.ACCESS,
    1143: Meaning.ACCESS,
    1227: Meaning.ACCESS,
    1290: Meaning.ACCESS,
    3024: Meaning.SLOW,
    1969: Meaning.SLOW,  # MariaDB
    **dict.fromkeys((1048, 1062, 1264, 1364, 1366, 1406, 1451, 1452, 1644, 3819, 4025), Meaning.ROW),
    1040: Meaning.DOWN,
    2002: Meaning.DOWN,
    2003: Meaning.DOWN,
    2006: Meaning.DOWN,
    2013: Meaning.DOWN,
}
# A refused login comes without a code.
_NOT_LET_IN = re.compile(
    r"authentication failed|no password supplied|no pg_hba.conf entry|(role|database) \".*\" does not exist"
    r"|is not permitted to log in|permission denied for database"
)
_NEVER_REACHED = {"connection_failed", "2002", "2003"}
_OF_ROWS = {"22", "23", "44", "P0", "09", "27"}  # data, constraints, views, triggers that refuse
_CAUSES = {"23502": Cause.MAPPING, "22001": Cause.MAPPING, "22003": Cause.MAPPING, "22P02": Cause.MAPPING}


def problem_of(error: DBAPIError) -> Problem:
    """Read what the driver raised."""
    origin: Any = error.orig
    if isinstance(origin, sqlite3.Error):
        return _of_sqlite(origin)
    state = getattr(origin, "sqlstate", None) or getattr(origin, "pgcode", None)
    if isinstance(state, str):
        return _of_postgres(state, origin)
    number = origin.args[0] if origin is not None and origin.args else None
    if isinstance(number, int) and number in _MYSQL:
        if _MYSQL[number] is Meaning.ROW:
            return _row_of_mysql(number, origin, Cause.RECORD)
        return Problem(_MYSQL[number], str(number), _first_line(origin.args[1:]), Cause.RECORD)
    if error.connection_invalidated or (number is None and isinstance(error, InterfaceError)):
        return Problem(Meaning.DOWN, "connection_lost", "the connection was lost")
    if isinstance(error, IntegrityError | BadData):
        return _row_of_mysql(number, origin, Cause.UNKNOWN)
    if isinstance(number, int) and number in range(1_000, 2_000):
        return Problem(Meaning.WRONG, str(number), _first_line(origin.args[1:]))
    if isinstance(error, OperationalError) and _NOT_LET_IN.search(str(origin)):
        return Problem(Meaning.ACCESS, "login_refused", _last_reason(str(origin)))
    if isinstance(error, OperationalError):
        code = str(number) if isinstance(number, int) else "connection_failed"
        return Problem(Meaning.DOWN, code, _first_line((str(origin),)))
    return Problem(Meaning.WRONG, str(number or "refused"), _first_line(origin.args[1:] or (str(origin),)))


def _row_of_mysql(number: object, origin: Any, cause: Cause) -> Problem:
    said, column = wording.of_mysql(number, " ".join(str(one) for one in origin.args[1:]))
    code = str(number) if isinstance(number, int) else "refused"
    return Problem(Meaning.ROW, code, said, cause, column)


def _of_postgres(state: str, origin: Any) -> Problem:
    diag = getattr(origin, "diag", None)
    field = getattr(diag, "column_name", None)
    if state[:2] in _OF_ROWS:
        return Problem(
            Meaning.ROW, state, wording.of_postgres(state, diag), _CAUSES.get(state, Cause.RECORD), field
        )
    said = getattr(diag, "message_primary", None) or _first_line((str(origin),))
    if wording.was_raised(diag):
        said = wording.TRIGGER
    if state in _BUSY:
        return Problem(Meaning.BUSY, state, said)
    if state == "57014":
        return Problem(Meaning.SLOW, state, said)
    if state == "42501":
        if "row-level security" in said:
            return Problem(Meaning.ROW, state, said, Cause.PERMISSION, field)
        return Problem(Meaning.ACCESS, state, said)
    if state[:2] in ("28", "3D") or state in ("25006",):
        return Problem(Meaning.ACCESS, state, said)
    if state[:2] in ("08", "53", "57"):
        return Problem(Meaning.DOWN, state, said)
    return Problem(Meaning.WRONG, state, said)


def _of_sqlite(origin: sqlite3.Error) -> Problem:
    said = _first_line(origin.args)
    code = getattr(origin, "sqlite_errorname", "SQLITE_ERROR")
    if "is locked" in said or code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return Problem(Meaning.BUSY, code, said)
    if code.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_AUTH", "SQLITE_PERM")):
        return Problem(Meaning.ACCESS, code, said)
    if code == "SQLITE_INTERRUPT":
        return Problem(Meaning.SLOW, code, said)
    if code == "SQLITE_CONSTRAINT_TRIGGER":
        return Problem(Meaning.ROW, code, wording.TRIGGER, Cause.RECORD)
    if isinstance(origin, sqlite3.IntegrityError | sqlite3.DataError):
        return Problem(Meaning.ROW, code, said, Cause.RECORD)
    if code.startswith(("SQLITE_IOERR", "SQLITE_FULL", "SQLITE_NOTADB", "SQLITE_CORRUPT")):
        return Problem(Meaning.DOWN, code, said)
    return Problem(Meaning.WRONG, code, said)


def _last_reason(text: str) -> str:
    """Of several addresses that were tried, what the last one said."""
    return text.strip().splitlines()[-1].rpartition("FATAL:")[2].strip()[:200]


def _first_line(parts: Any) -> str:
    text = wording.without_quotes(" ".join(str(one) for one in parts)).strip()
    return text.splitlines()[0][:200] if text else "no reason given"


def raised(problem: Problem, connection: str, doing: str) -> NpsyncError:
    """The error of a whole call: one that concerns no single row."""
    text = f"{connection}: {doing}: {problem.said} ({problem.code})"
    match problem.meaning:
        case Meaning.ACCESS:
            return AccessError(f"{text}. What the login may do: npsync connect {connection}")
        case Meaning.BUSY:
            return UnavailableError(f"{text}: others held it all the time; the next run tries again")
        case Meaning.SLOW:
            return UnavailableError(
                f"{text}: it took longer than statement_timeout. Is there an index on the column?"
            )
        case Meaning.DOWN:
            never = problem.code in _NEVER_REACHED
            return UnavailableError(
                f"{text}. Does it run, and are host and port in url right?" if never else text
            )
        case _:
            return ConfigError(f"{text}. Compare the tables with the YAML: npsync check")
