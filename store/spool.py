"""Where what is pushed to us waits while a sync holds the store's write lock: a small SQLite file beside the store.

SQLite has one writer at a time, and a sync writes thousands of rows in one transaction; a vendor that tells of an event
waits for a few milliseconds at most. PostgreSQL needs no spool.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import msgspec
from sqlalchemy.engine import make_url

from nps.events import Arrival
from store.database import SQLite, Transaction
from store.events import decoded, encoded
from store.rows import milliseconds, moment

_TABLE = """CREATE TABLE IF NOT EXISTS arrival (
    number INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, what TEXT NOT NULL, trouble TEXT)"""


class Spooled(msgspec.Struct, frozen=True):
    """An arrival that lies in the spool. `trouble`: why the store would not take it."""

    number: int
    at: datetime
    what: Arrival
    trouble: str | None = None


class Spool:
    """Thread-safe; several processes may use one file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._database = SQLite(path)
        with self._database.write(durable=True) as tx:
            tx.run(_TABLE)

    def put(self, arrivals: Sequence[Arrival], *, now: datetime) -> None:
        """Durable (fsync) when this returns: all of them, or none."""
        rows = [(milliseconds(now), encoded(each)) for each in arrivals]
        with self._database.write(durable=True) as tx:
            tx.many("INSERT INTO arrival (at, what) VALUES (?, ?)", rows)

    def first(self, limit: int) -> list[Spooled]:
        """The oldest that the store has not refused."""
        with self._database.read() as tx:
            return _spooled(tx, "trouble IS NULL", limit)

    def refused(self, limit: int) -> list[Spooled]:
        """The oldest that the store would not take. They stay until somebody looks."""
        with self._database.read() as tx:
            return _spooled(tx, "trouble IS NOT NULL", limit)

    def drop(self, numbers: Sequence[int]) -> None:
        """The store has them."""
        with self._database.write() as tx:
            tx.run("DELETE FROM arrival WHERE number IN LIST(:numbers)", numbers=list(numbers))

    def set_aside(self, troubles: Mapping[int, str]) -> None:
        with self._database.write() as tx:
            tx.many(
                "UPDATE arrival SET trouble = ? WHERE number = ?",
                [(why, number) for number, why in troubles.items()],
            )

    def take_up_again(self) -> int:
        """What was refused is tried once more. How many."""
        with self._database.write() as tx:
            return tx.run("UPDATE arrival SET trouble = NULL WHERE trouble IS NOT NULL")

    def counts(self) -> tuple[int, int]:
        """How many wait for the store, and how many it refused."""
        with self._database.read() as tx:
            found = tx.one("SELECT count(*) - count(trouble), count(trouble) FROM arrival")
        return (0, 0) if found is None else (int(found[0]), int(found[1]))

    def close(self) -> None:
        self._database.close()


def spool_path(url: str) -> Path | None:
    """Where the spool of a store is: `npsync.hooks.db` beside `npsync.db`. None: that store needs none."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        return None
    return Path(parsed.database).with_suffix(".hooks.db")


def _spooled(tx: Transaction, which: str, limit: int) -> list[Spooled]:
    return [
        Spooled(number=row[0], at=moment(row[1]), what=decoded(row[2]), trouble=row[3])
        for row in tx.rows(
            f"SELECT number, at, what, trouble FROM arrival WHERE {which} ORDER BY number LIMIT :limit",
            limit=limit,
        )
    ]
