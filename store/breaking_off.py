"""Statements that take long, broken off in the middle when somebody asks this process to end.

On SQLite the database asks us itself, every few milliseconds of work; on PostgreSQL a thread beside asks, and has the
server cancel what it is at. Whoever waits for the statement gets a `BrokenOff`; nothing of it is kept.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection

STEPS = 50_000  # of SQLite's machine, between two questions
LOOKED_EVERY = 0.2  # seconds


def never() -> bool:
    """Nobody asks for an end."""
    return False


@contextmanager
def broken_off(connection: Connection, when: Callable[[], bool]) -> Iterator[None]:
    """Statements of this connection, meanwhile."""
    if when is never:
        yield
        return
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name != "postgresql":
        driver.set_progress_handler(when, STEPS)
        try:
            yield
        finally:
            driver.set_progress_handler(None, 0)
        return
    ended = threading.Event()
    watch = threading.Thread(
        target=_watch, args=(driver, when, ended), name="npsync-breaking-off", daemon=True
    )
    watch.start()
    try:
        yield
    finally:
        ended.set()
        watch.join()  # nothing is cancelled that somebody else begins on this connection later


def _watch(driver: Any, when: Callable[[], bool], ended: threading.Event) -> None:
    import psycopg

    while not ended.wait(LOOKED_EVERY):
        if when():
            try:
                driver.cancel_safe(timeout=5)
            except psycopg.Error:
                continue  # it cannot be reached now: it is asked again as long as we wait for it
