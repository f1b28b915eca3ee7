"""Where what is pushed to us waits while a sync holds the store's write lock: a small SQLite file beside the store.

SQLite has one writer at a time, and a sync writes thousands of rows in one transaction; a vendor that tells of an event
waits for a few milliseconds at most. PostgreSQL needs no spool.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy.engine import make_url

from nps.errors import UnavailableError
from nps.events import Arrival
from store.errors import StoreError, without_data
from store.events import decoded, encoded
from store.rows import milliseconds, moment
from store.same_file import SameFile
from store.sqlite import connected

_TABLE = """CREATE TABLE IF NOT EXISTS arrival (
    number INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, what TEXT NOT NULL, trouble TEXT)"""


LONGEST_LOG = 16 * 1024 * 1024


class Spooled(msgspec.Struct, frozen=True):
    """An arrival that lies in the spool. `trouble`: why the store would not take it."""

    number: int
    at: datetime
    what: Arrival
    trouble: str | None = None


class Spool:
    """Thread-safe; several processes may use one file. It speaks to the driver itself: every event passes here while
    its sender waits. Putting has a connection of its own, which waits for the disk once and for nothing else; what is
    read and dropped, and copied from the log into the file, is done by another one beside it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = SameFile(path)
        self._file.there()
        with without_data():
            self._putting, self._carrying = _Line(path, "FULL"), _Line(path, "NORMAL")
            self._carrying.connection.execute(_TABLE)

    def put(self, arrivals: Sequence[Arrival], *, now: datetime) -> None:
        """Durable (fsync) when this returns: all of them, or none."""
        at = milliseconds(now)
        rows = [(at, encoded(each)) for each in arrivals]
        self._file.there()
        with self._putting.writing() as connection:
            connection.executemany("INSERT INTO arrival (at, what) VALUES (?, ?)", rows)

    def first(self, limit: int) -> list[Spooled]:
        """The oldest that the store has not refused."""
        return self._spooled("trouble IS NULL", limit)

    def refused(self, limit: int) -> list[Spooled]:
        """The oldest that the store would not take. They stay until somebody looks."""
        return self._spooled("trouble IS NOT NULL", limit)

    def drop(self, numbers: Sequence[int]) -> None:
        """The store has them."""
        with self._carrying.writing() as connection:
            connection.executemany("DELETE FROM arrival WHERE number = ?", [(number,) for number in numbers])
        self._carrying.tidy(self.path)

    def set_aside(self, troubles: Mapping[int, str]) -> None:
        with self._carrying.writing() as connection:
            connection.executemany(
                "UPDATE arrival SET trouble = ? WHERE number = ?",
                [(why, number) for number, why in troubles.items()],
            )

    def take_up_again(self) -> int:
        """What was refused is tried once more. How many."""
        with self._carrying.writing() as connection:
            return connection.execute("UPDATE arrival SET trouble = NULL WHERE trouble IS NOT NULL").rowcount

    def counts(self) -> tuple[int, int]:
        """How many wait for the store, and how many it refused."""
        [(waiting, refused)] = self._carrying.rows(
            "SELECT count(*) - count(trouble), count(trouble) FROM arrival"
        )
        return int(waiting), int(refused)

    def close(self) -> None:
        for line in (self._putting, self._carrying):
            line.close()

    def _spooled(self, which: str, limit: int) -> list[Spooled]:
        found = self._carrying.rows(
            f"SELECT number, at, what, trouble FROM arrival WHERE {which} ORDER BY number LIMIT ?", limit
        )
        return [
            Spooled(number=row[0], at=moment(row[1]), what=decoded(row[2]), trouble=row[3]) for row in found
        ]


def scrub(path: Path) -> bool:
    """Write the file anew: what was carried into the store leaves its bytes. False: others are using it."""
    if not path.exists():
        return True
    connection = connected(path)
    try:
        with without_data():
            connection.execute("PRAGMA busy_timeout = 5000")
            connection.execute("VACUUM")
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except (StoreError, UnavailableError):
        return False
    finally:
        connection.close()
    return not busy


class _Line:
    """A connection that threads use in turn."""

    def __init__(self, path: Path, synchronous: str) -> None:
        self.connection = connected(path)
        self.connection.execute(f"PRAGMA synchronous = {synchronous}")
        self.connection.execute("PRAGMA wal_autocheckpoint = 0")
        self._turn = threading.Lock()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        with self._turn, without_data():
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException:
                self.connection.execute("ROLLBACK")
                raise

    def rows(self, sql: str, *parameters: int) -> list[Any]:
        with self._turn, without_data():
            return self.connection.execute(sql, parameters).fetchall()

    def tidy(self, path: Path) -> None:
        """Copy a log that has grown into the file, so that it begins anew. Most of it is copied while others go on
        putting; only for the rest do they wait."""
        log = path.with_name(f"{path.name}-wal")
        if log.exists() and log.stat().st_size > LONGEST_LOG:
            with self._turn, without_data():
                for how in ("PASSIVE", "TRUNCATE"):
                    self.connection.execute(f"PRAGMA wal_checkpoint({how})").fetchall()

    def close(self) -> None:
        with self._turn:
            self.connection.close()


def spool_path(url: str) -> Path | None:
    """Where the spool of a store is: `npsync.hooks.db` beside `npsync.db`. None: that store needs none."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        return None
    return Path(parsed.database).with_suffix(".hooks.db")
