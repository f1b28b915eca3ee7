"""Answers of a file come onto the customer master in PostgreSQL: found, guarded, told and taken back."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_process import Npsync
from postgres_server import PostgresServer, running_postgres
from sql_town import MERGES, WIDE, SqlTown, postgres_town

XREF = """CREATE TABLE customer_xref (source_system text NOT NULL, source_id text NOT NULL,
    customer_key {plain} NOT NULL, UNIQUE (source_system, source_id))"""
FIELDS = {
    "nps_score": "score",
    "nps_segment": "segment",
    "nps_last_survey": {"from": "answered_at", "as": "date"},
    "nps_comment": "comment",
    "nps_answered_at": "answered_at",
}
HEAD = "id,score,at,email,customer,comment"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with (
        tempfile.TemporaryDirectory(prefix="npsync-postgres-") as folder,
        running_postgres(Path(folder)) as server,
    ):
        yield server


@pytest.fixture
def master(server: PostgresServer) -> Iterator[SqlTown]:
    with postgres_town(server.new_database(), WIDE, MERGES, XREF) as town:
        town.execute(
            "INSERT INTO customer (customer_key, email, name) VALUES "
            "(1, 'Ann@Acme.example', 'Ann'), (2, 'bob@acme.example', 'O''Brien'), (3, NULL, 'Cy'), (4, NULL, 'Old')"
        )
        town.execute("INSERT INTO customer_xref VALUES ('salesforce', '003C', 3), ('salesforce', '003D', 4)")
        town.execute("INSERT INTO customer_merge VALUES (4, 3)")
        yield town


@pytest.fixture
def npsync(master: SqlTown, tmp_path: Path) -> Npsync:
    npsync = Npsync(tmp_path, {"MASTER_URL": master.url})
    npsync.configured(config())
    return npsync


def config(**table: Any) -> dict[str, Any]:
    crosswalk = {"fields": {"salesforce_id": "salesforce"}}
    customer = {
        "key": "customer_key",
        "guard": "nps_answered_at",
        "merges": {},
        "crosswalk": crosswalk,
        **table,
    }
    columns = {
        "id": "id", "score": "score", "answered_at": "at", "email": "email", "external_id": "customer",
        "comment": "comment",
    }  # fmt: skip
    return {
        "time_zone": "Europe/Berlin",
        "store": "sqlite:///npsync.db",
        "connections": {
            "master": {"type": "sql", "url": "${MASTER_URL}", "tables": {"customer": customer}},
            "answers": {"type": "file", "path": "answers.csv", "columns": columns},
        },
        "people": {
            "master": {
                "object": "customer",
                "match": [
                    {"response": "external_id", "record": "salesforce_id"},
                    {"response": "email", "record": "email"},
                ],
                "name": "name",
            }
        },
        "surveys": {"relationship": {"metric": "nps", "at": ["answers"]}},
        "sync": {
            "master": {
                "every": "15 minutes", "survey": "relationship", "to": "master", "fields": FIELDS,
                "breaker": {"changed_share": "100%"},
            }
        },
    }  # fmt: skip


def answered(npsync: Npsync, *rows: str) -> None:
    file = npsync.folder / "answers.csv"
    before = file.read_text().splitlines() if file.exists() else [HEAD]
    file.write_text("\n".join([*before, *rows, ""]))


def scores(master: SqlTown) -> list[Any]:
    return [row["nps_score"] for row in master.rows("sql", "customer")]


ANSWERS = (
    "a1,9,2026-03-02T23:30:00Z,ann@acme.example,,Großartig",
    'b1,3,2026-03-02T10:00:00Z,bob@acme.example,,"slow, ""very"""',
    "c1,7,2026-03-02T10:00:00Z,,003C,",
    "d1,10,2026-03-03T10:00:00Z,,003D,merged since",
    "e1,5,2026-03-02T10:00:00Z,nobody@acme.example,,",
)


def test_a_files_answers_are_on_the_master_and_a_second_run_writes_nothing(
    npsync: Npsync, master: SqlTown
) -> None:
    answered(npsync, *ANSWERS)
    npsync("check")
    assert npsync("connect", "master").code == 0
    report = npsync.run("master")
    states = {name: number for name, number in report["states"].items() if number}
    assert (report["writes"], states) == ({"customer": 3}, {"written": 3, "superseded": 1, "waiting": 1})
    assert scores(master) == [9, 3, 10, None]  # the merged one's newer answer counts for the survivor
    ann = master.rows("sql", "customer")[0]
    assert str(ann["nps_last_survey"]) == "2026-03-03"  # in Berlin
    assert ann["nps_segment"] == "promoter"
    assert npsync.run("master")["writes"] == {"customer": 0}


def test_why_tells_the_answer_and_undo_takes_it_back(npsync: Npsync, master: SqlTown) -> None:
    answered(npsync, *ANSWERS)
    run = npsync.run("master")["run"]
    told = npsync("why", "ann@acme.example").out
    assert "customer 1" in told
    assert "a1" in told
    (undone,) = npsync("undo", str(run), "--yes", "--json").json["runs"]
    assert undone["writes"] == {"customer": 3}
    assert scores(master) == [None] * 4
    assert npsync.run("master")["writes"] == {"customer": 0}  # it stays undone


def test_a_colleagues_newer_value_is_kept_by_run_and_undo(npsync: Npsync, master: SqlTown) -> None:
    answered(npsync, *ANSWERS)
    run = npsync.run("master")["run"]
    master.execute(
        "UPDATE customer SET nps_score = 10, nps_answered_at = '2026-06-01T10:00:00Z' WHERE customer_key = 1"
    )
    answered(npsync, "a2,2,2026-04-01T10:00:00Z,ann@acme.example,,late")
    npsync.run("master")
    assert scores(master)[0] == 10
    undone = npsync("undo", str(run), "--yes", "--json", exits=3).json["runs"][0]
    assert undone["left_alone"] > 0
    assert scores(master) == [10, None, None, None]


def test_a_row_the_database_refuses_is_a_dead_letter_and_the_others_are_written(
    npsync: Npsync, master: SqlTown
) -> None:
    master.execute("ALTER TABLE customer ADD CHECK (customer_key <> 2 OR nps_score IS NULL)")
    answered(npsync, *ANSWERS)
    npsync.run("master", exits=3)
    assert scores(master) == [9, None, 10, None]
    letters = npsync("dead-letters", "list", "--json").json
    assert "check constraint" in str(letters)


def test_no_command_shows_the_login(npsync: Npsync, master: SqlTown) -> None:
    wrong = npsync.with_env(MASTER_URL=master.url.replace("postgres@", "nobody:s3cr3t-pa55@"))
    answered(npsync, *ANSWERS)
    for command in (("check",), ("connect", "master"), ("plan", "master"), ("run", "master")):
        ended = wrong(*command, exits=(1, 2, 3))
        assert "s3cr3t-pa55" not in ended.everything
        assert "nobody" in ended.everything


def test_a_column_that_is_missing_is_told_with_the_statement_that_adds_it(
    npsync: Npsync, master: SqlTown
) -> None:
    master.execute("ALTER TABLE customer DROP COLUMN nps_comment")
    assert "nps_comment" in npsync("check", exits=2).out
    told = npsync("connect", "master", "--json", exits=1).json
    assert "ALTER TABLE customer ADD COLUMN nps_comment TEXT" in str(told)
    assert "nps_comment" not in master.rows("sql", "customer")[0]
