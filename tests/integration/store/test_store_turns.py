"""Several write to one SQLite file: those who wait have their turn before the one who has just written."""

from __future__ import annotations

import errno
import fcntl
import sqlite3
import stat
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from store.sqlite import SQLite
from store.turns import Turns

PATIENCE = 30.0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def database(file: Path) -> Iterator[SQLite]:
    database = SQLite(file)
    with database.write() as tx:
        tx.run("CREATE TABLE written (who text)")
    yield database
    database.close()


def write(database: SQLite, who: str) -> None:
    with database.write() as tx:
        tx.run("INSERT INTO written VALUES (:who)", who=who)


def turn_of(file: Path) -> Path:
    return file.with_name(f"{file.name}-turn")


def until_somebody_waits(file: Path) -> None:
    last = time.monotonic() + PATIENCE
    with turn_of(file).open() as handle:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            fcntl.flock(handle, fcntl.LOCK_UN)
            assert time.monotonic() < last, "nobody came to wait"
            time.sleep(0.001)


@contextmanager
def connected(file: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as connection:
        yield connection


def test_a_page_waits_for_one_transaction_of_a_run_that_never_pauses(database: SQLite, file: Path):
    beside = SQLite(file)  # as another process opens it
    with ThreadPoolExecutor(1) as pool:
        with database.write() as tx:
            tx.run("INSERT INTO written VALUES ('run, first')")
            page = pool.submit(write, beside, "page")
            until_somebody_waits(file)
        write(database, "run, second")
        page.result(PATIENCE)
    with database.read() as tx:
        assert tx.rows("SELECT who FROM written ORDER BY rowid") == [
            ("run, first",),
            ("page",),
            ("run, second",),
        ]
    beside.close()


def test_the_turn_is_nobodys_when_nobody_waits(database: SQLite, file: Path):
    with database.write(), turn_of(file).open() as handle:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert stat.S_IMODE(turn_of(file).stat().st_mode) == 0o600


def test_whoever_stopped_with_the_turn_in_hand_stops_nobody_for_good(database: SQLite, file: Path):
    with turn_of(file).open() as stopped, connected(file) as connection:
        fcntl.flock(stopped, fcntl.LOCK_EX)
        Turns(file, in_turn=0.01).begin(connection)
        assert connection.in_transaction


def test_a_file_system_without_such_locks_takes_the_order_not_the_writing(
    database: SQLite, monkeypatch: pytest.MonkeyPatch
):
    def unknown(handle: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", unknown)
    write(database, "anyhow")
    with database.read() as tx:
        assert tx.rows("SELECT who FROM written") == [("anyhow",)]


def test_a_file_beside_that_is_not_ours_takes_the_order_not_the_writing(database: SQLite, file: Path):
    turn_of(file).unlink()
    turn_of(file).mkdir()  # root may open any file; nobody opens a folder to write
    write(database, "anyhow")
    with database.read() as tx:
        assert tx.rows("SELECT who FROM written") == [("anyhow",)]


def test_a_lock_that_is_never_let_go_is_told_and_leaves_nothing_begun(database: SQLite, file: Path):
    with database.write(), connected(file) as connection:
        with pytest.raises(sqlite3.OperationalError) as told:
            Turns(file, patience=0.01).begin(connection)
        assert told.value.sqlite_errorname == "SQLITE_BUSY"
        assert not connection.in_transaction
        assert connection.execute("PRAGMA busy_timeout").fetchone() == (60_000,)  # as whoever reads wants it
    with connected(file) as connection:
        Turns(file, patience=0.01).begin(connection)


def test_what_is_no_waiting_is_told_at_once(tmp_path: Path):
    nothing = tmp_path / "no.db"
    nothing.write_bytes(b"SQLite format 2, or something of the kind" * 100)
    with connected(nothing) as connection, pytest.raises(sqlite3.DatabaseError) as told:
        Turns(nothing).begin(connection)
    assert told.value.sqlite_errorname == "SQLITE_NOTADB"
