"""Backups: a whole store in one file, and that file in either kind of database."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from builders_store import NOON, Syncing, answer, receive

from nps.errors import ConfigError, LeaseLost
from store import open_store
from store.schema import alembic_config
from store.sql import SqlStore


@pytest.fixture(params=["sqlite", "postgres"])
def other(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlStore]:
    """An empty store of either kind, to restore into."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'other.db'}"
    else:
        url = request.getfixturevalue("postgres").new_database(request.getfixturevalue("migrated_postgres"))
    store = open_store(url)
    store.migrate()
    yield store
    store.close()


def lived_in(store: SqlStore, syncing: Syncing) -> None:
    receive(store, answer("a1"), answer("a2", 3), cursor="there")
    syncing.plan()
    syncing.write()
    store.note_audit("user:ann", "paused", "s", now=NOON)
    store.switch("sends", {"by": "ann"})
    store.begin_run("s", "run", now=NOON, facts={})


def without_leases(store: SqlStore) -> list[str]:
    return [line for line in store.dump() if not line.startswith("lease")]


def test_what_is_restored_is_what_was_backed_up(
    store: SqlStore, syncing: Syncing, other: SqlStore, tmp_path: Path
):
    lived_in(store, syncing)
    copied: list[int] = []
    store.backup(tmp_path / "backup.db")
    receive(store, answer("since"))
    assert other.restore(tmp_path / "backup.db", copied.append) == sum(copied) > 10
    receive(other, answer("since"))
    assert without_leases(other) == without_leases(store)


def test_what_other_processes_held_is_free_and_they_write_nothing_more(
    store: SqlStore, syncing: Syncing, tmp_path: Path
):
    lived_in(store, syncing)
    held = store.acquire("sync", "elsewhere:1:abc", now=NOON, seconds=3600)
    assert held is not None
    assert "sync" in store.at_work(NOON)
    store.backup(tmp_path / "backup.db")
    store.restore(tmp_path / "backup.db")
    assert store.at_work(NOON) == []
    with pytest.raises(LeaseLost):
        store.renew(held, now=NOON, seconds=60)
    again = store.acquire("sync", "elsewhere:2:def", now=NOON, seconds=60)
    assert again is not None
    assert again.token > held.token


def test_a_number_is_never_given_twice(store: SqlStore, other: SqlStore, tmp_path: Path):
    numbers = [store.begin_run("s", "run", now=NOON, facts={}) for _ in range(3)]
    with store.database.write() as tx:
        tx.run("DELETE FROM run WHERE id = :last", last=numbers[-1])
    store.backup(tmp_path / "backup.db")
    other.restore(tmp_path / "backup.db")
    assert other.begin_run("s", "run", now=NOON, facts={}) == numbers[-1] + 1


def test_a_backup_is_its_owners_alone_one_file_and_never_half(
    store: SqlStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    receive(store, answer("a1"))
    before = set(tmp_path.iterdir())
    (tmp_path / "backup.db.partial").write_text("of one that was killed")
    store.backup(tmp_path / "backup.db")
    assert set(tmp_path.iterdir()) - before == {tmp_path / "backup.db"}
    assert stat.S_IMODE((tmp_path / "backup.db").stat().st_mode) == 0o600

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("store.copying._go_on_numbering", killed)
    monkeypatch.setattr("store.sqlite.SQLite.backup", killed)
    with pytest.raises(KeyboardInterrupt):
        store.backup(tmp_path / "another.db")
    assert set(tmp_path.iterdir()) - before == {tmp_path / "backup.db"}


def test_a_restore_that_breaks_off_leaves_the_store_as_it_was(
    store: SqlStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    receive(store, answer("a1"))
    store.backup(tmp_path / "backup.db")
    receive(store, answer("a2"))
    before = list(store.dump())

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("store.copying._go_on_numbering", killed)
    with pytest.raises(KeyboardInterrupt):
        store.restore(tmp_path / "backup.db")
    assert list(store.dump()) == before


def test_a_backup_of_an_older_version_is_brought_to_this_one(other: SqlStore, tmp_path: Path):
    from alembic import command

    from store.sqlite import SQLite

    old = SQLite(tmp_path / "old.db")
    with old.write() as tx:
        command.upgrade(alembic_config(tx), "0006")
        tx.run(
            """INSERT INTO run (sync, kind, status, facts, report, started_at)
            VALUES ('s', 'run', 'succeeded', '{}', '{}', 0)"""
        )
    old.close()
    before = (tmp_path / "old.db").read_bytes()
    other.restore(tmp_path / "old.db")
    assert [run.sync for run in other.runs()] == ["s"]
    assert other.revision() == other.head()
    assert (tmp_path / "old.db").read_bytes() == before


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot read"),
        (b"id,score\n1,9\n", "is no backup"),
        (b"SQLite format 3\x00" + b"x" * 5000, "damaged"),
    ],
)
def test_what_is_no_backup_is_refused(sqlite_url: str, tmp_path: Path, content: bytes | None, said: str):
    store = open_store(sqlite_url)
    if content is not None:
        (tmp_path / "backup.db").write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        store.restore(tmp_path / "backup.db")
    with sqlite3.connect(tmp_path / "strange.db") as connection:
        connection.execute("CREATE TABLE mine (id INTEGER)")
    connection.close()
    with pytest.raises(ConfigError, match="no backup of npsync"):
        store.restore(tmp_path / "strange.db")
    store.close()
