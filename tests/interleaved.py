"""Two transactions on PostgreSQL, the one stopped in its middle while the other is done: no order is left to chance."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, TimeoutError
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from sqlalchemy import event

from store.sql import SqlStore

PATIENCE = 30  # seconds a transaction may need to run into the lock; it takes a moment

T = TypeVar("T")

_WAITS = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@contextmanager
def stopped_at(url: str, lock: str, work: Callable[[], T]) -> Iterator[Callable[[], T]]:
    """`work` runs beside us as far as the rows that `lock` locks, and on from there when it is asked for its result."""
    with psycopg.connect(url) as holder, ThreadPoolExecutor(1) as pool:
        try:
            holder.execute(lock)
            working = pool.submit(work)
            assert not ended_or_waits(url, working), "it met no lock"

            def went_on() -> T:
                holder.rollback()
                return working.result(PATIENCE)

            yield went_on
        finally:
            holder.rollback()


@contextmanager
def stopped_before(store: SqlStore, statement: str, work: Callable[[], T]) -> Iterator[Callable[[], T]]:
    """`work` runs beside us as far as the first statement with this in it, and on from there when it is asked for its
    result. Nothing else may use this very store meanwhile."""
    reached, go_on = threading.Event(), threading.Event()

    def stop(_connection: Any, _cursor: Any, sql: str, *_more: Any) -> None:
        if statement in sql and not reached.is_set():
            reached.set()
            assert go_on.wait(PATIENCE)

    engine = store.database._engine  # type: ignore[attr-defined]
    event.listen(engine, "before_cursor_execute", stop)
    try:
        with ThreadPoolExecutor(1) as pool:
            try:
                working = pool.submit(work)
                assert reached.wait(PATIENCE), "it came to no such statement"

                def went_on() -> T:
                    go_on.set()
                    return working.result(PATIENCE)

                yield went_on
            finally:
                go_on.set()
    finally:
        event.remove(engine, "before_cursor_execute", stop)


@contextmanager
def beside(url: str, work: Callable[[], T]) -> Iterator[Future[T]]:
    """`work` is through, or waits for a lock, by the time this is entered."""
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(work)
        ended_or_waits(url, working)
        yield working


def ended_or_waits(url: str, working: Future[Any]) -> bool:
    """Whether it has ended; False once somebody waits for a lock."""
    last = time.monotonic() + PATIENCE
    with psycopg.connect(url, autocommit=True) as looking:
        while not looking.execute(_WAITS).fetchone():
            assert time.monotonic() < last
            try:
                working.result(0.005)
            except TimeoutError:
                continue
            return True
    return False
