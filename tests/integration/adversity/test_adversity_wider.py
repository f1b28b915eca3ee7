"""The YAML asks for more than it did: earlier answers, their comments, their properties."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_process import Npsync, config, to_contacts
from sandbox_process import RunningSandbox, running_sandbox
from townspeople import Person, Town

HEADER = "ID,Score,At,Mail,Comment,Plan"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(customers=1, responses=0) as sandbox:
        yield sandbox


@pytest.fixture
def town(sandbox: RunningSandbox) -> Town:
    return Town(sandbox)


@pytest.fixture
def npsync(sandbox: RunningSandbox, tmp_path: Path) -> Npsync:
    return Npsync(tmp_path, sandbox.env)


def exports(*, since: str = "2026-01-01", **fields: Any) -> dict[str, Any]:
    """A sync of an export onto contacts, with these fields besides the score."""
    whole = config(to_contacts(since=since, fields={"NPS_Score__c": "score", **fields}))
    whole["connections"]["exports"] = {
        "type": "file",
        "path": "answers.csv",
        "columns": {
            "id": "ID", "score": "Score", "answered_at": "At", "email": "Mail", "comment": "Comment",
            "properties": {"plan": "Plan"},
        },
    }  # fmt: skip
    whole["surveys"]["relationship"]["at"] = ["exports"]
    del whole["sync"]["marketing"]
    return whole


def exported(npsync: Npsync, *rows: tuple[Person, int, str, str]) -> None:
    lines = [
        f"{number},{score},{day}T10:00:00Z,{person.email},{comment},gold"
        for number, (person, score, day, comment) in enumerate(rows)
    ]
    (npsync.folder / "answers.csv").write_text("\n".join([HEADER, *lines, ""]), encoding="utf-8")


def test_an_earlier_since_reads_what_was_passed_over(npsync: Npsync, town: Town):
    ann, ben = town.person("ann"), town.person("ben")
    exported(npsync, (ann, 9, "2025-06-05", ""), (ben, 8, "2026-02-05", ""))
    npsync.configured(exports())
    assert npsync.run()["pulled"] == 1

    npsync.configured(exports(since="2025-01-01"))
    assert npsync.run()["pulled"] == 1
    assert town.in_salesforce(ann)["NPS_Score__c"] == 9
    assert npsync.run()["repeated"] == 0  # read from its beginning once, not every time


def test_a_later_sync_with_an_earlier_since_gets_its_answers(npsync: Npsync, town: Town):
    ann = town.person("ann")
    exported(npsync, (ann, 9, "2025-06-05", ""))
    npsync.configured(exports())
    npsync.run()
    both = exports()
    both["sync"]["marketing"] = {
        **to_contacts(since="2025-01-01"), "to": "hub", "fields": {"nps_score": "score"},
    }  # fmt: skip
    npsync.configured(both)

    assert npsync.run("marketing")["pulled"] == 1
    assert town.in_hubspot(ann)["nps_score"] == "9"


def test_a_comment_or_a_property_mapped_later_is_there_for_older_answers(npsync: Npsync, town: Town):
    ann = town.person("ann")
    exported(npsync, (ann, 9, "2026-02-05", "lovely"))
    npsync.configured(exports())
    npsync.run()
    assert "lovely" not in npsync("db", "dump").out  # what no mapping uses is not stored

    npsync.configured(exports(NPS_Comment__c="comment"))
    npsync.run()
    assert town.in_salesforce(ann)["NPS_Comment__c"] == "lovely"

    npsync.configured(exports(NPS_Comment__c="properties.plan"))
    npsync.run()
    assert town.in_salesforce(ann)["NPS_Comment__c"] == "gold"


def test_what_was_not_kept_meanwhile_is_read_again(npsync: Npsync, town: Town):
    ann, ben = town.person("ann"), town.person("ben")
    exported(npsync, (ann, 9, "2026-02-05", "lovely"))
    npsync.configured(exports(NPS_Comment__c="comment"))
    npsync.run()
    npsync.configured(exports())  # the comment is taken out of the mapping, an answer comes …
    exported(npsync, (ann, 9, "2026-02-05", "lovely"), (ben, 2, "2026-02-06", "slow"))
    npsync.run()
    npsync.configured(exports(NPS_Comment__c="comment"))  # … and it is mapped again

    npsync.run()
    assert town.in_salesforce(ben)["NPS_Comment__c"] == "slow"


def test_a_plan_over_what_was_passed_over_leaves_no_trace(npsync: Npsync, town: Town):
    ann = town.person("ann")
    exported(npsync, (ann, 9, "2025-06-05", ""))
    npsync.configured(exports())
    npsync.run()
    before = npsync("db", "dump").out
    npsync.configured(exports(since="2025-01-01"))

    assert len(npsync.plan()["changes"]) == 1
    assert npsync("db", "dump").out == before
    assert npsync.run()["pulled"] == 1
