"""Privacy, durability, and living beside others."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from builders_store import NOON, SOURCE, SYNC, Syncing, answer, change, person, receive

from nps.errors import ConfigError, NpsyncError, UnavailableError
from store import open_store
from store.api import Settled, State
from store.errors import StoreError
from store.sql import SqlStore


def full_round(store: SqlStore, syncing: Syncing) -> None:
    """Everything a plan, and then some, does to a store."""
    receive(store, answer("n1"), answer("a1", 2), cursor="overlay")
    syncing.begin()
    store.abandon(SYNC, lease=syncing.lease)
    syncing.plan()
    store.counted(SYNC, ["003a1"])
    store.confirmed("crm", "Contact", ["003a1"])
    store.link("crm.Contact", "x", "003A", now=NOON)
    assert len(list(store.planned(syncing.run))) == 2
    syncing.cut(size=1)
    batches = syncing.open()
    store.remember(batches[0].id, "job")
    syncing.settle_batches(batches)
    store.memorize("crm", {"key": "value"})
    store.count_calls("crm", "2026-03-02", 5)
    store.schedule(SYNC, NOON)
    store.take_tick(SYNC, NOON, NOON + timedelta(minutes=15), "started", "host:1:2:3", now=NOON)
    store.note_progress(syncing.run, "writing", 1, 2, now=NOON)
    syncing.take_up(everything=True)
    store.renew(syncing.lease, now=NOON, seconds=60)
    store.end_run(syncing.run, "succeeded", now=NOON, report={})
    store.release(syncing.lease)
    assert syncing.balance() == (4, 4)
    assert store.deciding(SYNC) + len(syncing.work()) == 4


def test_an_overlay_can_do_everything_and_leaves_nothing(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1"), answer("a2"))
    syncing.plan()
    syncing.write()
    before = list(store.dump())
    with store.overlay() as overlay:
        assert list(overlay.dump()) == before
        syncing.store = overlay
        full_round(overlay, syncing)
        assert list(overlay.dump()) != before
    assert list(store.dump()) == before


def test_an_overlay_is_gone_after_an_error_too(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1"))
    before = list(store.dump())

    def plan_and_fail() -> None:
        with store.overlay() as overlay:
            receive(overlay, answer("a2"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        plan_and_fail()
    assert list(store.dump()) == before
    assert receive(store, answer("a2")).new == 1


def test_others_go_on_writing_beside_an_overlay_and_it_does_not_see_them(store: SqlStore, url: str):
    receive(store, answer("a1"))
    other = open_store(url)
    with store.overlay() as overlay:
        before = list(overlay.dump())
        receive(overlay, answer("o1"), cursor="overlay")
        receive(other, answer("a2"), answer("a3"), cursor="other")
        Syncing(other).plan()
        assert set(overlay.responses(range(1, 10))) == {1, 2}
        assert overlay.responses([2])[2].id == "o1"
    assert [store.responses([n])[n].id for n in (1, 2, 3)] == ["a1", "a2", "a3"]
    assert before != list(store.dump())
    other.close()


def test_threads_may_use_an_overlay(store: SqlStore):
    with store.overlay() as overlay:
        threads = [threading.Thread(target=overlay.memorize, args=("crm", {f"k{n}": "v"})) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(overlay.recall("crm", [f"k{n}" for n in range(8)])) == 8
    assert store.recall("crm", ["k1"]) == {}


def test_a_dump_tells_every_difference(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1"))
    dumps = [list(store.dump())]
    steps: list[Callable[[], object]] = [
        lambda: receive(store, cursor=2),
        syncing.take_up,
        lambda: syncing.settle([Settled(number=1, state=State.PENDING)], changes={"003A": change()}),
        syncing.cut,
        syncing.open,
        lambda: store.remember(1, "job"),
    ]
    for step in steps:
        step()
        dumps.append(list(store.dump()))
        assert dumps[-1] != dumps[-2]
    assert list(store.dump()) == dumps[-1]


# ------------------------------------------------------------ privacy

SECRETS = ("ann@example.com", "do not show this comment", "+4915112345")


def test_no_error_of_the_database_shows_customer_data(store: SqlStore):
    email, comment, phone = SECRETS
    first = answer("a1", email=email, comment=comment, phone=phone)
    receive(store, first)
    columns = (
        "id, source, source_id, version, newest, person, answered_at, received_at, status, properties, digest"
    )
    row = (1, SOURCE, email, 1, True, 1, 1, 1, comment, phone, 1)
    attempts: list[Callable[[], object]] = [
        lambda: _load(store, columns, [row]),
        lambda: _load(store, columns, [(*row[:3], phone, *row[4:])]),
        lambda: _load(store, columns, [(None, *row[1:])] * 2),
        lambda: _run(
            store, "INSERT INTO memory (connection, key, value) VALUES (:a, :b, NULL)", a=email, b=comment
        ),
        lambda: _run(store, "SELECT :a + no_such_column FROM response", a=comment),
        lambda: _run(store, "UPDATE response SET status = :a", a=comment),
    ]
    for attempt in attempts:
        with pytest.raises(NpsyncError) as caught:
            attempt()
        text = "".join(traceback.format_exception(caught.value)) + repr(caught.value.__context__)
        assert not [secret for secret in SECRETS if secret in text]
        assert "store:" in str(caught.value)


def _load(store: SqlStore, columns: str, rows: list[tuple[object, ...]]) -> None:
    with store.database.write() as tx:
        tx.load("response", columns, rows)


def _run(store: SqlStore, sql: str, **parameters: object) -> None:
    with store.database.write() as tx:
        tx.run(sql, **parameters)


def test_a_new_file_and_all_beside_it_is_for_its_owner_alone(tmp_path: Path):
    previous = os.umask(0o000)
    try:
        store = open_store(f"sqlite:///{tmp_path / 'npsync.db'}")
        store.migrate()
        receive(store, answer("a1"))
        store.backup(tmp_path / "backup.db")
        with store.overlay() as overlay:
            receive(overlay, answer("a2"))
            copies = [Path(overlay.database.path), *Path(overlay.database.path).parent.iterdir()]  # type: ignore[attr-defined]
            assert {stat.S_IMODE(path.stat().st_mode) for path in copies} == {0o600}
        assert not any(path.exists() for path in copies)
    finally:
        os.umask(previous)
    files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert {"npsync.db", "npsync.db-wal", "backup.db"} <= set(files)
    assert set(files.values()) == {0o600}
    store.close()


def test_a_backup_is_a_whole_store(tmp_path: Path):
    store = open_store(f"sqlite:///{tmp_path / 'npsync.db'}")
    store.migrate()
    receive(store, answer("a1"))
    store.backup(tmp_path / "backup.db")
    copy = open_store(f"sqlite:///{tmp_path / 'backup.db'}")
    assert list(copy.dump()) == list(store.dump())
    with pytest.raises(ConfigError, match="exists already"):
        store.backup(tmp_path / "backup.db")
    copy.close()
    store.close()


# ------------------------------------------------------------ others on the same store


def test_a_failed_transaction_leaves_nothing(store: SqlStore):
    def fail() -> None:
        with store.database.write() as tx:
            tx.run("INSERT INTO memory (connection, key, value) VALUES ('a', 'b', 'c')")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert store.recall("a", ["b"]) == {}


def test_two_processes_append_at_once_and_nothing_is_lost(store: SqlStore, url: str, syncing: Syncing):
    script = """
import sys
sys.path.insert(0, sys.argv[3])
from builders_store import answer, receive
from store import open_store
store = open_store(sys.argv[1])
for start in range(0, 500, 10):
    receive(store, *(answer(f"{sys.argv[2]}{n}") for n in range(start, start + 10)))
"""
    tests = str(Path(__file__).parents[2])
    processes = [
        subprocess.Popen([sys.executable, "-c", script, url, name, tests], stderr=subprocess.PIPE, text=True)
        for name in ("one-", "two-")
    ]
    taken = 0
    while any(process.poll() is None for process in processes):
        taken = max(taken, syncing.take_up())  # beside them, and never past what is not committed yet
    for process in processes:
        assert process.wait() == 0, process.communicate()[1]
    assert syncing.take_up() == 1000
    assert syncing.balance() == (1000, 1000)
    ids = {one.response.id for one in syncing.work()}
    assert len(ids) == 1000


def test_threads_that_write_wait_for_each_other(store: SqlStore):
    def write(n: int) -> None:
        for m in range(20):
            store.memorize("crm", {f"{n}-{m}": "x"})
            receive(store, answer(f"{n}-{m}"))

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.responses(range(1, 200))) == 80


def test_intents_and_job_ids_are_synced_to_the_disk(
    tmp_path: Path, migrated_sqlite: Path, monkeypatch: pytest.MonkeyPatch
):
    """What PRAGMA synchronous was when each transaction began to write."""
    store = open_store(f"sqlite:///{shutil.copy(migrated_sqlite, tmp_path / 'npsync.db')}")
    levels: list[tuple[str, int]] = []
    for durable in (True, False):
        with store.database.write(durable=durable) as tx:
            levels.append((str(durable), tx.rows("PRAGMA synchronous")[0][0]))
    assert levels == [("True", 2), ("False", 1)]
    wanted: list[bool] = []
    write = store.database.write
    monkeypatch.setattr(
        store.database, "write", lambda *, durable=False: (wanted.append(durable), write(durable=durable))[1]
    )
    syncing = Syncing(store, "durable")
    syncing.settle([], changes={"003A": change()})
    syncing.cut()
    wanted.clear()
    (batch,) = syncing.open()
    store.remember(batch.id, "job")
    syncing.settle_batches([batch])
    assert wanted == [True, True, True]
    store.close()


def test_a_database_that_is_away_is_an_outage_and_not_a_defect(tmp_path: Path):
    path = tmp_path / "npsync.db"
    path.write_bytes(b"this is no database at all, but long enough to be read as one" * 20)
    with pytest.raises(NpsyncError, match="store:"):
        open_store(f"sqlite:///{path}").migrate()
    away = open_store("postgresql://nobody:secret-word@127.0.0.1:1/none")
    with pytest.raises(UnavailableError) as caught:
        away.migrate()
    assert "secret-word" not in "".join(traceback.format_exception(caught.value))


def test_wal_is_on(sqlite_url: str):
    with closing(open_store(sqlite_url)) as store:
        receive(store, answer("a1"))
    with sqlite3.connect(sqlite_url.removeprefix("sqlite:///")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_an_answer_without_person_is_refused(store: SqlStore):
    from builders_store import page

    with pytest.raises(ValueError, match="shorter"):
        store.append(SOURCE, page(answer("a1"), answer("a2")), [person(answer("a1"))], received_at=NOON)
    assert store.responses([1]) == {}


def test_an_unknown_run_has_no_end(store: SqlStore):
    with pytest.raises(StoreError, match="no run 7"):
        store.end_run(7, "failed", now=NOON, report={})
