"""One sandbox for all promises; every test brings records of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from contract_place import Place
from postgres_server import PostgresServer, running_postgres
from sandbox_process import RunningSandbox, running_sandbox
from sql_town import MASTER, MERGES, SATELLITE, WIDE, SqlTown, postgres_town, sqlite_town


@pytest.fixture(scope="session")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(customers=400, responses=2_600, ugly="10%") as running:
        yield running


@pytest.fixture
def place(sandbox: RunningSandbox, tmp_path: Path) -> Place:
    return Place(sandbox, tmp_path)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    # Not in pytest's own folders: each session that starts closes them to the user PostgreSQL runs as.
    with (
        tempfile.TemporaryDirectory(prefix="npsync-postgres-") as folder,
        running_postgres(Path(folder)) as server,
    ):
        yield server


@pytest.fixture(scope="session")
def wide_on_postgres(postgres: PostgresServer) -> Iterator[SqlTown]:
    with postgres_town(postgres.new_database(), WIDE, MERGES) as town:
        yield town.people(420)


@pytest.fixture(scope="session")
def wide_on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlTown]:
    with sqlite_town(tmp_path_factory.mktemp("wide"), WIDE, MERGES) as town:
        yield town.people(420)


@pytest.fixture(scope="session")
def satellite_on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlTown]:
    with sqlite_town(tmp_path_factory.mktemp("satellite"), MASTER, SATELLITE, MERGES) as town:
        yield town.people(420)
