"""Records as they were last seen, with their versions, while a connection is open: in a file of its own that has no
name and vanishes with the process, so that memory stays flat however many there are."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from connectors.rest_master.rows import Row

_CHUNK = 400


class Seen(msgspec.Struct, frozen=True):
    row: Row
    at: int  # the moment it was asked for, as `Shelf.now` counts


class Shelf:
    """Thread-safe. Moments are counted, not measured: what was asked for after a write shows it, whatever the clock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._database = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._database.execute(
            "CREATE TABLE seen (id TEXT PRIMARY KEY, at INTEGER NOT NULL, row BLOB NOT NULL) WITHOUT ROWID"
        )
        self._database.execute("CREATE TABLE wrote (id TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID")
        self._database.execute("CREATE TABLE told (id TEXT PRIMARY KEY, row BLOB NOT NULL) WITHOUT ROWID")
        self._now = 0

    def now(self) -> int:
        """The next moment."""
        with self._lock:
            self._now += 1
            return self._now

    def put(self, rows: Iterable[Row], at: int) -> None:
        """What was seen at a moment; an older look never replaces a newer one. It is better than what was told."""
        given = [(row.id, at, msgspec.json.encode(row)) for row in rows]
        with self._lock:
            self._database.execute("BEGIN")
            self._database.executemany(
                "INSERT INTO seen VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE "
                "SET at = excluded.at, row = excluded.row WHERE excluded.at >= seen.at",
                given,
            )
            self._database.executemany("DELETE FROM told WHERE id = ?", [(id,) for id, _, _ in given])
            self._database.execute("COMMIT")

    def get(self, ids: Sequence[str]) -> dict[str, Seen]:
        """The last look at each of these."""
        rows = self._rows("SELECT id, at, row FROM seen WHERE id IN", ids)
        return {id: Seen(msgspec.json.decode(row, type=Row), at) for id, at, row in rows}

    def wrote(self, ids: Iterable[str]) -> None:
        """These were written a moment ago, or may have been: what was seen before says nothing about them."""
        at = self.now()
        with self._lock:
            self._database.executemany("INSERT OR REPLACE INTO wrote VALUES (?, ?)", [(id, at) for id in ids])
            self._database.executemany("DELETE FROM told WHERE id = ?", [(id,) for id in ids])

    def written_at(self, ids: Sequence[str]) -> dict[str, int]:
        """When each of these was written, if it was."""
        return dict(self._rows("SELECT id, at FROM wrote WHERE id IN", ids))

    def tell(self, rows: Iterable[Row]) -> None:
        """Records with their versions as a search told them: it may lag, but each is of one look."""
        given = [(row.id, msgspec.json.encode(row)) for row in rows]
        with self._lock:
            self._database.executemany("INSERT OR REPLACE INTO told VALUES (?, ?)", given)

    def told(self, ids: Sequence[str]) -> dict[str, Row]:
        rows = self._rows("SELECT id, row FROM told WHERE id IN", ids)
        return {id: msgspec.json.decode(row, type=Row) for id, row in rows}

    def since(self, moment: int) -> Iterator[list[Row]]:
        """Everything seen at that moment or later, in chunks."""
        last = ""
        while True:
            with self._lock:
                rows = self._database.execute(
                    "SELECT id, row FROM seen WHERE id > ? AND at >= ? ORDER BY id LIMIT ?",
                    (last, moment, _CHUNK),
                ).fetchall()
            if not rows:
                return
            last = rows[-1][0]
            yield [msgspec.json.decode(row, type=Row) for _, row in rows]

    def _rows(self, question: str, ids: Sequence[str]) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = []
        for start in range(0, len(ids), _CHUNK):
            some = list(ids[start : start + _CHUNK])
            with self._lock:
                found += self._database.execute(f"{question} ({', '.join('?' * len(some))})", some).fetchall()
        return found

    def close(self) -> None:
        with self._lock:
            self._database.close()
