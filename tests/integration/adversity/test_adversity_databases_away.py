"""Databases that go away, fill up or take no writes any more while npsync is at work."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest
from builders_store import NOON, answer, receive
from cli_process import Npsync, config, stop
from postgres_server import PostgresServer, database_name
from serving_process import Serving, until

from nps.errors import UnavailableError
from store import open_store
from store.errors import StoreError
from store.spool import Spool
from store.sql import SqlStore

VENDOR = {
    "SALESFORCE_URL": "http://127.0.0.1:9", "HUBSPOT_URL": "http://127.0.0.1:9", "WOOTRIC_URL": "http://127.0.0.1:9",
    "SF_ID": "an-id", "SF_SECRET": "sf-secret", "HUBSPOT_TOKEN": "hub-token",
    "WOOTRIC_ID": "w-id", "WOOTRIC_SECRET": "w-secret",
}  # fmt: skip


def test_a_worker_outlives_its_database_and_says_so_once(postgres: PostgresServer, tmp_path: Path):
    url = postgres.new_database()
    npsync = Npsync(tmp_path, VENDOR)
    npsync.configured(config(store=url))
    worker = Serving(npsync.started("worker", "--json"))
    try:
        until(lambda: bool(worker.told("working")))
        with away(postgres, url):
            until(lambda: bool(worker.told("tick_failed")))
        until(lambda: bool(worker.told("ticking_again")))
        assert len(worker.told("tick_failed")) == 1
        assert "is not currently accepting connections" in worker.told("tick_failed")[0]["problem"]
        assert worker.others == []
    finally:
        assert stop(worker.process).code == 0


@contextmanager
def away(postgres: PostgresServer, url: str) -> Iterator[None]:
    """The database hangs up on everybody and lets nobody in."""
    name = database_name(url)
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
        try:
            yield
        finally:
            connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())


def test_a_database_that_takes_no_writes_is_a_matter_of_time_and_not_a_bug(store: SqlStore):
    on_postgres = "postgres" in str(store.database.__class__).lower()
    read_only = "SET TRANSACTION READ ONLY" if on_postgres else "PRAGMA query_only = ON"
    with pytest.raises(UnavailableError, match="Nothing is half-stored") as told:
        _written(store, read_only, "UPDATE lease SET owner = ''")
    assert ("a standby" if on_postgres else "mounted read-only") in str(told.value)


def test_a_full_disk_is_called_one(sqlite_url: str):
    store = open_store(sqlite_url)
    with pytest.raises(UnavailableError, match="the SQLite file: its disk is full: make room"):
        _written(store, "PRAGMA max_page_count = 1", "CREATE TABLE more (what TEXT)")
    store.close()


def test_a_database_that_fails_while_another_failure_is_told_leaves_that_one_its_words(store: SqlStore):
    told = UnavailableError("the vendor is away")
    with pytest.raises(UnavailableError) as first, _failing_again(store):
        raise told
    assert str(first.value) == "the vendor is away"


@contextmanager
def _failing_again(store: SqlStore) -> Iterator[None]:
    try:
        yield
    except UnavailableError:
        with suppress(StoreError):
            _written(store, "SELECT what FROM nowhere")
        raise


def _written(store: SqlStore, *statements: str) -> None:
    with store.database.write() as tx:
        for statement in statements:
            tx.connection.exec_driver_sql(statement)


@pytest.mark.parametrize("then", ["deleted", "replaced"])
def test_a_file_that_is_not_the_same_any_more_takes_nothing(sqlite_url: str, then: str, tmp_path: Path):
    store = open_store(sqlite_url)
    receive(store, answer("a1"))
    path = tmp_path / "npsync.db"
    path.rename(tmp_path / "moved.db")
    if then == "replaced":
        open_store(sqlite_url).migrate()
    with pytest.raises(UnavailableError, match=r"npsync\.db is .*: somebody deleted, moved or replaced it"):
        receive(store, answer("a2"))
    with pytest.raises(UnavailableError, match="start npsync again"):
        store.runs()
    assert path.exists() == (then == "replaced")
    store.close()


def test_what_is_pushed_is_not_acknowledged_into_a_spool_that_is_gone(tmp_path: Path):
    spool = Spool(tmp_path / "npsync.hooks.db")
    os.remove(spool.path)
    with pytest.raises(UnavailableError, match="is gone"):
        spool.put([], now=NOON)
    spool.close()
