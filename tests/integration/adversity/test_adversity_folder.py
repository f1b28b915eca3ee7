"""A folder of exports in which one file is no export."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_process import Npsync, config, to_contacts
from sandbox_process import RunningSandbox, running_sandbox
from townspeople import Person, Town


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(customers=1, responses=0) as sandbox:
        yield sandbox


@pytest.fixture
def npsync(sandbox: RunningSandbox, tmp_path: Path) -> Npsync:
    whole = config(to_contacts(fields={"NPS_Score__c": "score"}))
    whole["connections"]["exports"] = {
        "type": "file",
        "path": "exports",
        "columns": {"id": "ID", "score": "Score", "answered_at": "At", "email": "Mail"},
    }
    whole["surveys"]["relationship"]["at"] = ["exports"]
    npsync = Npsync(tmp_path, sandbox.env)
    npsync.configured(whole)
    (tmp_path / "exports").mkdir()
    return npsync


def exported(npsync: Npsync, file: str, person: Person, score: int, day: str) -> None:
    text = f"ID,Score,At,Mail\n{file},{score},{day}T10:00:00Z,{person.email}\n"
    (npsync.folder / "exports" / file).write_text(text, encoding="utf-8")


def test_one_foreign_file_keeps_no_other_back(npsync: Npsync, sandbox: RunningSandbox):
    ann, ben = (Town(sandbox).person(name) for name in ("ann", "ben"))
    (npsync.folder / "exports" / "0-contacts.csv").write_text("Name,Plan\nAnn,gold\n", encoding="utf-8")
    (npsync.folder / "exports" / "1-torn.csv.gz").write_bytes(b"\x1f\x8b no gzip")
    exported(npsync, "2.csv", ann, 9, "2026-02-05")

    run = npsync.run(exits=1)
    assert run["states"]["written"] == 1
    [problem] = run["problems"]
    assert problem.splitlines()[0].startswith("exports: 0-contacts.csv: there is no column")
    assert problem.splitlines()[1].startswith("exports: 1-torn.csv.gz: it is damaged")

    exported(npsync, "3.csv", ben, 2, "2026-02-06")
    assert npsync.run(exits=1)["repeated"] == 0  # what was read is not read again while the others fail
    assert Town(sandbox).in_salesforce(ben)["NPS_Score__c"] == 2
