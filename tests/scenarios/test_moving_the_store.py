"""A store moves from SQLite to PostgreSQL, and a backup becomes the store again: what the commands say and keep."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_process import Npsync, config, to_contacts
from postgres_server import running_postgres
from townspeople import Town


@pytest.fixture(scope="module")
def postgres_url() -> Iterator[str]:
    with (
        tempfile.TemporaryDirectory() as data,  # pytest's own folders are closed to the server's user
        running_postgres(Path(data)) as server,
    ):
        yield server.new_database()


def yaml(**keys: Any) -> dict[str, Any]:
    given = config(contacts=to_contacts())
    del given["sync"]["marketing"], given["people"]["hub"], given["connections"]["hub"]
    return given | keys


def test_a_store_moves_to_postgresql_and_goes_on_where_it_was(npsync: Npsync, town: Town, postgres_url: str):
    ann = town.person("ann")
    town.answers(ann, 9)
    npsync.configured(yaml())
    npsync.run("contacts")
    assert "Wrote copy.db" in npsync("db", "backup", "copy.db").out

    npsync.configured(yaml(store="${NEW_STORE}"))
    moved = npsync.with_env(NEW_STORE=postgres_url)
    said = moved("db", "restore", "copy.db", "--moved").out
    assert "Restored " in said
    assert "does not know" not in said
    again = moved.run("contacts")
    assert again["writes"] == {"Contact": 0}
    assert "the store holds something" in moved("db", "restore", "copy.db", exits=2).err
    moved("undo", "1", "--yes")
    assert town.in_salesforce(ann)["NPS_Score__c"] is None


def test_a_backup_that_becomes_the_store_again_says_what_it_does_not_know(npsync: Npsync, town: Town):
    ann, bob = town.person("ann"), town.person("bob")
    town.answers(ann, 9)
    npsync.configured(yaml())
    npsync.run("contacts")
    npsync("db", "backup", "before.db")
    town.answers(bob, 2)
    npsync.run("contacts")

    said = npsync("db", "restore", "before.db", "--replace").out
    assert "npsync run --full" in " ".join(said.split())
    assert "npsync subject erase" in " ".join(said.split())
    again = npsync.run("contacts")
    assert again["states"]["unchanged"] == 1  # bob's answer was written before, and is found so
    assert again["writes"] == {"Contact": 0}
