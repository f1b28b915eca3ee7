"""On a customer master in SQL the accounts are a table of their own, found by a column of the people."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_process import Npsync
from sql_town import SqlTown, sqlite_town

ACCOUNTS = """CREATE TABLE account (account_key {key}, name text, nps integer, answers integer, coverage integer,
    margin numeric, last_answer date)"""
CUSTOMERS = (
    """CREATE TABLE customer (customer_key {key}, email text, account_key {plain}, nps_score smallint)"""
)
FIELDS = {
    "nps": "nps",
    "answers": "responses",
    "coverage": "coverage",
    "margin": "margin",
    "last_answer": {"from": "last_answered_at", "as": "date"},
}


@pytest.fixture
def master(tmp_path: Path) -> Iterator[SqlTown]:
    with sqlite_town(tmp_path, ACCOUNTS, CUSTOMERS) as town:
        town.execute("INSERT INTO account (account_key, name) VALUES (71, 'Acme'), (72, 'Beta')")
        for number in range(40):
            town.execute(
                "INSERT INTO customer (email, account_key) VALUES (:email, :account)",
                email=f"p{number}@acme.example",
                account=71 if number < 36 else 72,
            )
        yield town


@pytest.fixture
def npsync(master: SqlTown, tmp_path: Path) -> Npsync:
    npsync = Npsync(tmp_path, {"MASTER_URL": master.url})
    npsync.configured(config())
    return npsync


def config() -> dict[str, Any]:
    columns = {"id": "id", "score": "score", "answered_at": "at", "email": "email"}
    tables = {"customer": {"key": "customer_key"}, "account": {"key": "account_key"}}
    return {
        "time_zone": "Europe/Berlin",
        "store": "sqlite:///npsync.db",
        "connections": {
            "master": {"type": "sql", "url": "${MASTER_URL}", "tables": tables},
            "answers": {"type": "file", "path": "answers.csv", "columns": columns},
        },
        "people": {
            "master": {
                "object": "customer",
                "match": [{"response": "email", "record": "email"}],
                "account": {"object": "account", "by": "account_key"},
            }
        },
        "surveys": {"relationship": {"metric": "nps", "at": ["answers"]}},
        "sync": {
            "master": {
                "every": "15 minutes",
                "survey": "relationship",
                "to": "master",
                "fields": {"nps_score": "score"},
                "account": {"window": "3650 days", "fields": FIELDS},
            }
        },
    }


def test_the_accounts_of_a_master_show_what_their_people_answered(npsync: Npsync, master: SqlTown) -> None:
    rows = [f"a{n},{10 if n % 3 else 2},2026-03-02T23:30:00Z,p{n}@acme.example" for n in range(37)]
    (npsync.folder / "answers.csv").write_text("\n".join(["id,score,at,email", *rows, ""]))
    npsync("check")
    npsync("connect", "master")
    report = npsync.run("master")["rolled_up"]
    assert (report["status"], report["writes"]) == ("succeeded", {"account": 2})
    acme, beta = master.execute("SELECT * FROM account ORDER BY account_key")
    assert (acme["nps"], acme["answers"], acme["coverage"]) == (33, 36, 100)
    assert acme["margin"] is None  # all have answered: there is nothing to be unsure of
    assert str(acme["last_answer"]) == "2026-03-03"  # in Berlin
    assert (beta["nps"], beta["answers"], beta["coverage"]) == (None, 1, 25)
    assert "24 promoters" in npsync("why", "71").out
    assert npsync("run", "master", "--accounts", "--json").json["writes"] == {"account": 0}
