from __future__ import annotations

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from builders_store import answer, receive
from sqlalchemy import inspect
from sqlalchemy.schema import CreateTable

from nps.errors import ConfigError
from store import open_store, schema
from store.opening import open_database
from store.sql import SqlStore
from store.tables import metadata


def test_the_migrations_lead_to_the_models(store: SqlStore):
    with store.database.read() as tx:
        context = MigrationContext.configure(tx.connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_migrations_make_the_checks_of_the_models(store: SqlStore, empty_url: str):
    """Alembic does not compare CHECKs, nor what SQLite says of a table as a whole."""
    direct = open_database(empty_url if store.database.__class__.__name__ == "Postgres" else f"{empty_url}2")
    with direct.write() as tx:
        metadata.create_all(tx.connection)
    with direct.read() as wanted, store.database.read() as migrated:
        for table in metadata.sorted_tables:
            assert _checks(migrated.connection, table.name) == _checks(wanted.connection, table.name)
            assert _ddl(migrated, table.name) == _ddl(wanted, table.name)
    direct.close()


def _checks(connection: object, table: str) -> list[tuple[str, str]]:
    found = inspect(connection).get_check_constraints(table)  # type: ignore[call-overload]
    return sorted((check["name"], check["sqltext"]) for check in found)


def _ddl(tx: object, table: str) -> list[str]:
    if tx.postgres:  # type: ignore[attr-defined]
        return []
    rows = tx.rows("SELECT sql FROM sqlite_master WHERE tbl_name = :table ORDER BY name", table=table)  # type: ignore[attr-defined]
    return sorted(clause for row in rows for clause in _clauses(row[0] or ""))


def _clauses(sql: str) -> list[str]:
    """Of a table one after the other, and its end: a column added later stands on the line of the one before."""
    if not sql.startswith("CREATE TABLE"):
        return [sql]
    first, last = sql.index("("), sql.rindex(")")
    found = re.split(r",(?![^(]*\))", sql[first + 1 : last])
    return [" ".join(clause.split()) for clause in (*found, sql[last:])]


def test_the_revision_the_code_knows_is_the_last_migration(store: SqlStore):
    with store.database.read() as tx:
        assert ScriptDirectory.from_config(schema.alembic_config(tx)).get_heads() == [schema.HEAD]
    assert store.revision() == store.head() == schema.HEAD


def test_migrating_again_changes_nothing(store: SqlStore):
    receive(store, answer("a1"))
    before = list(store.dump())
    store.migrate()
    assert list(store.dump()) == before


def test_migrations_started_at_once_happen_once(empty_url: str):
    def start(_n: int) -> str | None:
        store = open_store(empty_url)
        store.migrate()
        revision = store.revision()
        store.close()
        return revision

    with ThreadPoolExecutor(2) as pool:  # alembic's own modules are not for many threads of one process
        processes = pool.map(lambda _: _migrate_in_a_process(empty_url), range(2))
        assert list(processes) == [schema.HEAD] * 2
    assert start(0) == schema.HEAD


def _migrate_in_a_process(url: str) -> str:
    script = "import sys; from store import open_store; s = open_store(sys.argv[1]); s.migrate(); print(s.revision())"
    done = subprocess.run([sys.executable, "-c", script, url], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_an_empty_database_has_no_revision(empty_url: str):
    store = open_store(empty_url)
    assert store.revision() is None
    store.close()


def test_a_store_of_a_newer_version_is_left_alone(store: SqlStore):
    with store.database.write() as tx:
        tx.run("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ConfigError, match=r"9999.*newer"):
        store.migrate()
    assert store.revision() == "9999"


def test_every_table_has_a_name_for_each_of_its_rules(store: SqlStore):
    for table in metadata.sorted_tables:
        assert "CONSTRAINT None" not in str(CreateTable(table))
        assert all(constraint.name for constraint in table.constraints)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://host/db", '"mysql" is not a store'),
        ("npsync.db", "not a database URL"),
        ("sqlite://", "a SQLite store is a file"),
    ],
)
def test_a_url_that_is_no_store_is_explained(url: str, says: str):
    with pytest.raises(ConfigError, match=says):
        open_store(url)


def test_a_folder_that_is_not_there_is_explained(tmp_path: Path):
    store = open_store(f"sqlite:///{tmp_path}/missing/npsync.db")
    with pytest.raises(ConfigError, match=r"cannot create .*npsync\.db"):
        store.migrate()


def test_the_store_is_imported_without_sqlalchemy():
    script = "import sys, store, store.api; print('sqlalchemy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_current_store_opens_without_alembic_and_sqlmodel(url: str):
    script = (
        "import sys; from store import open_store; s = open_store(sys.argv[1]); s.migrate(); s.runs();"
        "print([m for m in ('alembic', 'sqlmodel') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script, url], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_missing_postgres_driver_is_explained():
    script = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from store import open_store\n"
        "try: open_store('postgresql://host/db')\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("ConfigError store:")
    assert "npsync[postgres]" in done.stdout
