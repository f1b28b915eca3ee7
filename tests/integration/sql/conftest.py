from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from builders_sql import Desk
from postgres_server import PostgresServer
from sql_town import SqlTown, postgres_town, sqlite_town


@pytest.fixture(scope="session")
def emptied(postgres: PostgresServer) -> str:
    """One database for all of these tests, each of which finds it empty."""
    return postgres.new_database()


@pytest.fixture
def town(database: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlTown]:
    """An empty database, on either of the two."""
    if database == "sqlite":
        with sqlite_town(tmp_path) as town:
            yield town
    else:
        with postgres_town(request.getfixturevalue("emptied")) as town:
            yield town


@pytest.fixture
def on_postgres(emptied: str) -> Iterator[SqlTown]:
    with postgres_town(emptied) as town:
        yield town


@pytest.fixture
def desk(town: SqlTown) -> Iterator[Callable[..., Desk]]:
    """Opens the town's database as the YAML would: `desk(key="customer_key", guard=…)`."""
    opened: list[Desk] = []

    def opening(**table: object) -> Desk:
        opened.append(Desk(town.url, **table))
        return opened[-1]

    yield opening
    for one in opened:
        one.close()
