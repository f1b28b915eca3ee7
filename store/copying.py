"""A store copied into another, whichever databases the two are: backups, restoring them, and moving.

A backup is always a SQLite file with this version's tables. Rows are read as of one moment and written in one
transaction: whoever works on either store meanwhile sees all of it, or none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Table

from store.database import Database, Transaction
from store.leases import FREE
from store.owners import is_gone
from store.rows import milliseconds

TOGETHER = 5_000

Told = Callable[[int], None]
"""Called with how many rows were copied now."""


def copy(source: Database, target: Database, told: Told = lambda rows: None) -> int:
    """Fill `target` with what `source` holds, in place of what it held; how many rows those are. Both have the same
    schema."""
    from store.tables import metadata

    tables, count = metadata.sorted_tables, 0
    with source.read() as reading, target.write(durable=True) as writing:
        _empty(writing, tables)
        for table in tables:
            columns = ", ".join(column.name for column in table.columns)
            for rows in _streamed(reading, table, columns):
                writing.load(table.name, columns, rows)
                told(len(rows))
                count += len(rows)
        _go_on_numbering(reading, writing, [table for table in tables if _is_numbered(table)])
    return count


def at_work(database: Database, now: datetime) -> list[str]:
    """What processes that live, as far as can be known, hold in this store."""
    with database.read() as tx:
        held = tx.rows(
            "SELECT name, owner FROM lease WHERE until > :now ORDER BY name", now=milliseconds(now)
        )
    return [name for name, owner in held if not is_gone(owner)]


def is_empty(database: Database) -> bool:
    """Whether nothing has happened in it yet."""
    from store.tables import metadata

    with database.read() as tx:
        return all(tx.one(f"SELECT 1 FROM {table.name} LIMIT 1") is None for table in metadata.sorted_tables)


def let_go(database: Database) -> None:
    """What the processes of the copied store held is nobody's in this one."""
    with database.write() as tx:
        tx.run("UPDATE lease SET until = :free, owner = ''", free=FREE)
        # A queue is not copied: what it kept is somebody's of whom nothing is heard any more.
        tx.run("UPDATE tick SET owner = '' WHERE owner IS NULL AND ended_at IS NULL")
        tx.run("UPDATE action SET free_at = wanted_at WHERE state = 'doing'")


def _empty(tx: Transaction, tables: list[Table]) -> None:
    if tx.postgres:
        tx.run(f"TRUNCATE {', '.join(table.name for table in tables)}")
        return
    for table in reversed(tables):
        tx.run(f"DELETE FROM {table.name}")


def _streamed(tx: Transaction, table: Table, columns: str) -> Iterator[list[tuple[Any, ...]]]:
    streaming = {"stream_results": True, "max_row_buffer": TOGETHER}
    with tx.connection.exec_driver_sql(
        f"SELECT {columns} FROM {table.name}", execution_options=streaming
    ) as result:
        while rows := result.fetchmany(TOGETHER):
            yield [tuple(row) for row in rows]


def _is_numbered(table: Table) -> bool:
    return "id" in table.columns and table.columns["id"].identity is not None


def _go_on_numbering(reading: Transaction, writing: Transaction, tables: list[Table]) -> None:
    """A number that was given once is never given again, also where its row is gone."""
    for table in tables:
        name = table.name
        if (last := _last_number(reading, name)) is None:
            continue
        if writing.postgres:
            writing.rows(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), :last)", last=last)
        else:
            writing.run("DELETE FROM sqlite_sequence WHERE name = :name", name=name)
            writing.run("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :last)", name=name, last=last)


def _last_number(tx: Transaction, table: str) -> int | None:
    if tx.postgres:
        found = tx.one(f"SELECT pg_sequence_last_value(pg_get_serial_sequence('{table}', 'id')::regclass)")
    else:
        found = tx.one("SELECT seq FROM sqlite_sequence WHERE name = :table", table=table)
    highest = tx.one(f"SELECT max(id) FROM {table}")
    # SQLite leaves a 0 behind where a migration made an empty table anew.
    known = [row[0] for row in (found, highest) if row is not None and row[0]]
    return max(known, default=None)
