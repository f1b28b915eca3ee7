"""A store that an older version filled: `content_of_0005.sql` is of a first run, a second sync, and its undo."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from builders_store import answer, receive

from store import open_store, schema
from store.database import Transaction
from store.sql import SqlStore

THEN = "0005"
CONTENT = Path(__file__).with_name("content_of_0005.sql").read_text(encoding="utf-8").splitlines()
COLUMNS = dict(
    found.groups() for line in CONTENT if (found := re.match(r"INSERT INTO (\w+) \((.*?)\) VALUES", line))
)


@pytest.fixture
def older(empty_url: str) -> Iterator[SqlStore]:
    store = open_store(empty_url)
    with store.database.write() as tx:
        command.upgrade(schema.alembic_config(tx), THEN)
        for line in CONTENT:
            tx.connection.exec_driver_sql(line)
        if tx.postgres:
            for table in ("response", "run", "change", "batch"):
                tx.rows(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}")
    yield store
    store.close()


def test_what_an_older_version_stored_is_whole_in_this_one_and_goes_on(older: SqlStore):
    before = content(older)
    older.migrate()
    assert older.revision() == schema.HEAD
    assert content(older) == before
    assert [(run.id, run.sync, run.kind) for run in older.runs()] == [
        (4, "contacts", "run"),
        (3, "marketing", "undo"),
        (2, "marketing", "run"),
        (1, "contacts", "run"),
    ]
    receive(older, answer("a1"))
    assert len(content(older)["response"]) == len(before["response"]) + 1


def test_an_upgrade_that_breaks_off_leaves_the_older_version_as_it_was(older: SqlStore):
    before = content(older)
    with pytest.raises(ZeroDivisionError):
        _upgraded_and_broken_off(older)
    assert older.revision() == THEN
    assert content(older) == before
    older.migrate()
    assert content(older) == before


def _upgraded_and_broken_off(store: SqlStore) -> None:
    with store.database.write() as tx:
        command.upgrade(schema.alembic_config(tx), "head")
        assert _version(tx) == schema.HEAD
        raise ZeroDivisionError


def _version(tx: Transaction) -> Any:
    return tx.rows("SELECT version_num FROM alembic_version")[0][0]


def content(store: SqlStore) -> dict[str, list[tuple[Any, ...]]]:
    """What was stored then, by the columns that there were then."""
    with store.database.read() as tx:
        return {
            table: sorted(tx.rows(f"SELECT {columns} FROM {table}"), key=str)
            for table, columns in COLUMNS.items()
        }
