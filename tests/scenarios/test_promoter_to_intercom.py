"""Promoter.io → Intercom by the command line, from a workspace without any attribute of ours: what is missing is
created, scores arrive, and a contact that was merged away on the way is followed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_process import Npsync
from sandbox_process import RunningSandbox, running_sandbox

OWN = "custom_attributes."
SCORE, SEGMENT, DAY, COMMENT = (
    f"{OWN}{name}" for name in ("nps_score", "nps_segment", "nps_last_survey_at", "nps_comment")
)
FIELDS = {
    SCORE: "score",
    SEGMENT: "segment",
    DAY: {"from": "answered_at", "as": "date"},
    COMMENT: {"from": "comment", "truncate": 255},
}
CONFIG: dict[str, Any] = {
    "time_zone": "America/New_York",
    "phone_region": "US",
    "store": "sqlite:///npsync.db",
    "connections": {
        "people-chat": {
            "type": "intercom",
            "access_token": "${INTERCOM_TOKEN}",
            "base_url": "${INTERCOM_URL}",
            "provision": {"access_token": "${INTERCOM_ADMIN_TOKEN}"},
        },
        "promoter": {"type": "promoter", "api_key": "${PROMOTER_KEY}", "base_url": "${PROMOTER_URL}"},
    },
    "people": {
        "people-chat": {
            "object": "contacts",
            "only": {"role": "user"},
            "match": [
                {"response": "external_id", "record": "external_id"},
                {"response": "email", "record": "email"},
            ],
            "name": "name",
            "email": "email",
        }
    },
    "surveys": {"relationship": {"metric": "nps", "at": ["promoter"]}},
    "sync": {
        "to-intercom": {
            "every": "15 minutes",
            "survey": "relationship",
            "to": "people-chat",
            "since": "2025-01-01",
            "fields": FIELDS,
            "breaker": {"changed_share": "100%"},
        }
    },
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(customers=40, responses=50) as sandbox:
        yield sandbox


@pytest.fixture
def npsync(sandbox: RunningSandbox, tmp_path: Path) -> Npsync:
    npsync = Npsync(tmp_path, sandbox.env)
    npsync.configured(CONFIG)
    return npsync


def as_administrator(sandbox: RunningSandbox, npsync: Npsync) -> Npsync:
    return Npsync(npsync.folder, {**sandbox.env, "INTERCOM_ADMIN_TOKEN": sandbox.env["INTERCOM_TOKEN"]})


def attributes(sandbox: RunningSandbox) -> dict[str, str]:
    rows = sandbox.rows("intercom", "data_attributes")
    return {row["name"]: row["data_type"] for row in rows if row["custom"] and row["model"] == "contact"}


def contact(sandbox: RunningSandbox, id: str) -> dict[str, Any]:
    row: dict[str, Any] = sandbox.control("GET", f"/intercom/contacts/{id}")
    return row


def user_of(sandbox: RunningSandbox, email: str) -> list[str]:
    rows = sandbox.rows("intercom", "contacts")
    return [row["id"] for row in rows if row["role"] == "user" and row["email"] == email]


def answers_now(sandbox: RunningSandbox, email: str, score: int, comment: str) -> None:
    given = {"email": email, "score": score, "comment": comment}
    sandbox.control("POST", "/promoter/do/answer", given)
    sandbox.control("POST", "/clock", {"advance": 120})


def test_scores_arrive_on_contacts_whose_attributes_were_missing(sandbox: RunningSandbox, npsync: Npsync):
    # The file is right, the workspace is not ready: check says so, and names what makes it ready.
    told = npsync("check", exits=2).out
    assert told.count("to create it: npsync provision people-chat") == 4
    assert not {"nps_score", "nps_comment"} & attributes(sandbox).keys()

    # The administrator's token is wanted here alone. The plan comes first and creates nothing.
    assert "INTERCOM_ADMIN_TOKEN" in npsync("provision", exits=2).err
    admin = as_administrator(sandbox, npsync)
    planned = admin("provision")
    assert "+ data attribute nps_score of contact: integer" in planned.out
    assert "nps_segment of contact: options (promoter, passive, detractor)" in planned.out
    assert "npsync provision people-chat --apply" in planned.out
    assert "nps_score" not in attributes(sandbox)
    made = admin("provision", "people-chat", "--apply", "--json").json["connections"]
    assert [step["created"] for step in made[0]["steps"]] == [True] * 4
    assert attributes(sandbox).items() >= {"nps_score": "integer", "nps_last_survey_at": "date"}.items()
    before = sandbox.rows("intercom", "data_attributes")
    assert "4 there already (4 created by npsync)" in admin("provision", "--apply").out
    assert sandbox.rows("intercom", "data_attributes") == before

    # With the everyday token: all is well, the plan shows it, the run writes it, and only it.
    npsync("check")
    people = {row["id"]: row for row in sandbox.rows("intercom", "contacts")}
    planned_ids = {one["id"] for one in npsync.plan("to-intercom")["changes"]}
    assert re.search(r"nps_last_survey_at – → 20\d\d-\d\d-\d\d\b", npsync("plan", "to-intercom").out)
    assert {row["id"]: row for row in sandbox.rows("intercom", "contacts")} == people
    first = npsync.run("to-intercom")
    assert first["writes"] == {"contacts": len(planned_ids)}
    assert planned_ids
    for id in planned_ids:
        row, was = contact(sandbox, id), people[id]
        own = row["custom_attributes"]
        segment = "promoter" if own["nps_score"] >= 9 else "passive" if own["nps_score"] >= 7 else "detractor"
        assert (own["nps_segment"], row["role"]) == (segment, "user")
        assert own.items() >= was["custom_attributes"].items()
        assert isinstance(own["nps_last_survey_at"], int)
        ignored = ("custom_attributes", "updated_at")
        assert {k: v for k, v in row.items() if k not in ignored} == {
            k: v for k, v in was.items() if k not in ignored
        }

    # Nothing is new: nothing is written.
    after = sandbox.rows("intercom", "contacts")
    assert npsync.run("to-intercom")["writes"] == {"contacts": 0}
    assert sandbox.rows("intercom", "contacts") == after
    npsync("verify", "to-intercom")

    # A contact is merged into a new one; its person answers again: the score goes where the person went.
    emails = {row["id"]: row["email"] for row in after if row["id"] in planned_ids and row["email"]}
    id, email = next((id, email) for id, email in emails.items() if user_of(sandbox, email) == [id])
    kept = sandbox.control(
        "POST", "/intercom/contacts", {"external_id": "X-kept", "name": "Kept", "email": email}
    )["id"]
    sandbox.control("POST", f"/intercom/contacts/{kept}/merge", {"loser": id})
    sandbox.control("POST", "/clock", {"advance": 3_600})
    answers_now(sandbox, email, 2, 'it\'s "broken": \\o/')
    third = npsync.run("to-intercom")
    assert third["writes"] == {"contacts": 1}
    own = contact(sandbox, kept)["custom_attributes"]
    assert (own["nps_score"], own["nps_segment"], own["nps_comment"]) == (
        2,
        "detractor",
        'it\'s "broken": \\o/',
    )

    # Why it shows that, and back, as it was before.
    [record] = npsync("why", email, "--json").json["records"]
    assert [(one["shows"], one["run"]) for one in record["fields"] if one["name"] == SCORE] == [
        (2, third["run"])
    ]
    assert f"{id}  was merged into {kept}" in npsync("verify", "to-intercom", exits=3).out
    [undone] = npsync("undo", str(third["run"]), "--yes", "--json").json["runs"]
    assert (undone["status"], undone["undoes"]) == ("succeeded", third["run"])
    assert contact(sandbox, kept)["custom_attributes"]["nps_score"] is None
    npsync.run("to-intercom")
    assert contact(sandbox, kept)["custom_attributes"]["nps_score"] is None  # undone stays undone
