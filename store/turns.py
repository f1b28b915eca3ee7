"""Whose turn it is to write to a SQLite file: whoever waits, not whoever wrote last.

SQLite lets those who wait for its write lock look again ever more seldom, down to ten times a second. A run that writes
one transaction after the other has it again by then, and a page that only wants to note something waits for many of
them. So a writer takes the turn first and keeps it until it has the lock: a run that has just written stands behind
those who came meanwhile, and each of them waits for one transaction of it.

The turn is a lock on an empty file beside, and ends with the process that has it. It is about order alone: what is
written is protected by SQLite's own lock.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

BUSY_MILLISECONDS = 60_000
LOOK_AGAIN = 0.002  # seconds
IN_TURN = (
    5.0  # seconds; who has the turn for longer was stopped with it, or waits as vainly as whoever comes then
)

if sys.platform == "win32":

    def _locks(handle: int) -> bool:
        return True  # no such locks there: as SQLite does it

else:
    import fcntl

    def _locks(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # a file system without such locks: as SQLite does it
            return True
        return True


class Turns:
    """At one store's file. Any thread may ask; `patience` is how many seconds it waits at most, the first `in_turn` of
    them for its turn."""

    def __init__(
        self, store: Path, patience: float = BUSY_MILLISECONDS / 1000, *, in_turn: float = IN_TURN
    ) -> None:
        self._file = store.with_name(f"{store.name}-turn")
        self._patience, self._in_turn = patience, in_turn

    def begin(self, driver: sqlite3.Connection) -> None:
        """Begin a transaction that writes, when it is our turn. Raises sqlite3.OperationalError (SQLITE_BUSY) when
        somebody else has the lock all the while."""
        began = monotonic()
        deadline = began + self._patience
        driver.execute("PRAGMA busy_timeout = 0")
        try:
            with self._had(min(deadline, began + self._in_turn)):
                _begin(driver, deadline)
        finally:
            driver.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")

    @contextmanager
    def _had(self, deadline: float) -> Iterator[None]:
        """Where it cannot be had (who has it was stopped in the middle; the file is another user's) it is done
        without: SQLite's lock is what counts."""
        try:
            handle = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            yield
            return
        try:
            while not _locks(handle) and monotonic() < deadline:
                sleep(LOOK_AGAIN)
            yield
        finally:
            os.close(handle)


def _begin(driver: sqlite3.Connection, deadline: float) -> None:
    while True:
        try:
            driver.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or monotonic() >= deadline:
                raise
        else:
            return
        sleep(LOOK_AGAIN)
