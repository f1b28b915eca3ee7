"""What SQLite keeps of a file for the next question goes when the store is to rest, however many asked at once."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from store import database, open_store
from store.sql import SqlStore
from store.stirring import STATEMENTS, stirs

AT_ONCE = 4
ROWS, WIDTH = 400, 5_000  # two million bytes


@pytest.fixture
def in_use() -> Callable[[], int]:
    """Bytes that SQLite holds in this process."""
    maps = Path("/proc/self/maps")
    loaded = maps.read_text("utf-8").splitlines() if maps.exists() else []
    library = next((line.split()[-1] for line in loaded if "libsqlite3.so" in line), None)
    if library is None:
        pytest.skip("SQLite is part of Python here, and cannot be asked")
    asked = ctypes.CDLL(library).sqlite3_memory_used
    asked.restype = ctypes.c_int64
    return lambda: int(asked())


def test_what_a_run_read_is_not_kept_after_it(sqlite_url: str, in_use: Callable[[], int]):
    store = open_store(sqlite_url)
    store.memorize("crm", {str(number): "x" * WIDTH for number in range(ROWS)})
    store.rest()
    empty, together, rested = in_use(), threading.Barrier(AT_ONCE), []
    for _ in range(3):
        with ThreadPoolExecutor(AT_ONCE) as pool:
            assert (
                list(pool.map(lambda _: _read(store, together), range(AT_ONCE))) == [ROWS * WIDTH] * AT_ONCE
            )
        assert in_use() - empty > AT_ONCE * ROWS * WIDTH * 0.9
        store.rest()
        rested.append(in_use() - empty)
    assert max(rested) < ROWS * WIDTH / 5
    store.close()


def _read(store: SqlStore, together: threading.Barrier) -> int:
    with store.database.read() as tx:
        together.wait()
        return int(tx.rows("SELECT sum(length(value)) FROM memory WHERE connection = 'crm'")[0][0])


def test_statements_that_name_a_time_are_not_remembered_for_good(sqlite_url: str):
    store = open_store(sqlite_url)
    with store.database.read() as tx:
        for day in range(STATEMENTS + 10):
            assert tx.rows(f"SELECT {day} WHERE {day} IN LIST(:days)", days=[day]) == [(day,)]
    store.close()
    remembered = [each.cache_info() for each in (database._for_sqlite, database._for_postgres, stirs)]
    assert all(each.currsize <= STATEMENTS for each in remembered)
