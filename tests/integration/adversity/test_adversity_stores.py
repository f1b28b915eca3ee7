"""Stores that cannot be: the message says which it is, and never the password."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_process import Npsync, config
from postgres_server import PostgresServer

SOMEWHERE = {
    "SALESFORCE_URL": "http://127.0.0.1:9", "HUBSPOT_URL": "http://127.0.0.1:9", "WOOTRIC_URL": "http://127.0.0.1:9",
    "SF_ID": "an-id", "SF_SECRET": "sf-secret", "HUBSPOT_TOKEN": "hub-token",
    "WOOTRIC_ID": "w-id", "WOOTRIC_SECRET": "w-secret",
}  # fmt: skip


@pytest.fixture
def npsync(tmp_path: Path) -> Npsync:
    return Npsync(tmp_path, SOMEWHERE)


@pytest.mark.parametrize(
    ("store", "code", "said"),
    [
        ("postgresql://ops:geheim77@127.0.0.1:1/npsync", 1, "PostgreSQL cannot be reached: "),
        ("postgresql://ops:geheim77@:x@127.0.0.1/npsync", 2, "%40 for an @"),
        ("postgresql://127.0.0.1:port/npsync", 2, "is not an address"),
        ("sqlite:///.", 2, "is a folder; name a file in it"),
        ("sqlite:///npsync.yaml", 2, "that file is no SQLite database"),
        ("sqlite:///no/folder/npsync.db", 2, "Create its folder"),
    ],
)
def test_a_store_that_cannot_be_is_told(npsync: Npsync, store: str, code: int, said: str):
    npsync.configured(config(store=store))

    told = npsync("run", "contacts", exits=code)
    assert said in told.err
    assert "Traceback" not in told.err
    assert "geheim77" not in told.everything
    assert "Please report this" not in told.err


def test_a_damaged_store_says_how_to_go_on(npsync: Npsync):
    npsync.configured(config())
    npsync("db", "upgrade")
    npsync("db", "backup", "whole.db")
    store = npsync.folder / "npsync.db"
    whole = store.read_bytes()
    store.write_bytes(whole[:4096] + b"\x55" * (len(whole) - 4096))

    told = npsync("db", "dump", exits=1).err
    assert "the SQLite file is damaged. Stop npsync and move the file away, with its -wal and -shm" in told
    assert "report" not in told

    for file in npsync.folder.glob("npsync.db*"):
        file.rename(npsync.folder / f"damaged-{file.name}")
    npsync("db", "restore", "whole.db")
    npsync("db", "dump")


def test_postgresql_says_itself_what_it_does_not_have(npsync: Npsync, postgres: PostgresServer):
    npsync.configured(config(store=postgres.url.replace("/postgres?", "/nowhere?")))

    assert 'database "nowhere" does not exist' in npsync("run", "contacts", exits=1).err
