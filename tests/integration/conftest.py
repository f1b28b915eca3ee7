from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres_server import PostgresServer, StoreInTurn, database_name, running_postgres

from store import open_store
from store.sql import SqlStore


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    # Not in pytest's own folders: each session that starts closes them to the user PostgreSQL runs as.
    with (
        tempfile.TemporaryDirectory(prefix="npsync-postgres-") as folder,
        running_postgres(Path(folder)) as server,
    ):
        yield server


@pytest.fixture(scope="session")
def migrated_postgres(postgres: PostgresServer) -> str:
    """The name of a database with our tables, to copy."""
    url = postgres.new_database()
    store = open_store(url)
    store.migrate()
    store.close()
    return database_name(url)


@pytest.fixture(scope="session")
def store_in_turn(postgres: PostgresServer, migrated_postgres: str) -> StoreInTurn:
    return StoreInTurn(postgres, migrated_postgres)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> str:
    """Which of the two databases a test runs on."""
    return str(request.param)


@pytest.fixture
def empty_url(database: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if database == "sqlite":
        return f"sqlite:///{tmp_path / 'npsync.db'}"
    url: str = request.getfixturevalue("postgres").new_database()
    return url


@pytest.fixture
def url(database: str, request: pytest.FixtureRequest) -> str:
    """A store with our tables and nothing in them."""
    url: str = (
        request.getfixturevalue("sqlite_url")
        if database == "sqlite"
        else request.getfixturevalue("store_in_turn").emptied()
    )
    return url


@pytest.fixture
def store(url: str) -> Iterator[SqlStore]:
    store = open_store(url)
    yield store
    store.close()
