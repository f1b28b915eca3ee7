"""In-app answers onto the customer master: Apptentive → Pretectum by the command line, with somebody else at work
on the same records."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_process import ROOT, Npsync
from sandbox_process import RunningSandbox, running_sandbox

EXAMPLE = (ROOT / "examples" / "app-answers-to-pretectum.yaml").read_text("utf-8")
FIELDS = ("NPS Score", "NPS Segment", "NPS Last Survey", "NPS Comment")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(customers=40, responses=50) as sandbox:
        # Every command is a process of its own here: together they would wait for the next five minutes.
        sandbox.control("POST", "/apptentive/do/set", {"per_five_minutes": 10_000})
        yield sandbox


@pytest.fixture
def npsync(sandbox: RunningSandbox, tmp_path: Path) -> Npsync:
    """The example as it is, at the sandbox's addresses."""
    (tmp_path / "npsync.yaml").write_text(EXAMPLE.replace("# base_url", "base_url"), encoding="utf-8")
    return Npsync(tmp_path, sandbox.env)


def customers(sandbox: RunningSandbox) -> dict[str, dict[str, Any]]:
    return {str(row["id"]): row for row in sandbox.rows("pretectum", "customers")}


def shown(sandbox: RunningSandbox, id: str) -> dict[str, Any]:
    row = sandbox.control("GET", f"/pretectum/customers/{id}")
    return {name: row.get(name) for name in FIELDS}


def answers_now(sandbox: RunningSandbox, email: str, score: int, comment: str) -> None:
    given = {"email": email, "score": score, "comment": comment}
    sandbox.control("POST", "/apptentive/do/answer", given)
    sandbox.control("POST", "/clock", {"advance": 120})


def an_hour_passes(npsync: Npsync) -> None:
    """What the search shows is believed again of records that were written a while ago."""
    file = npsync.folder / "npsync.yaml"
    text = file.read_text("utf-8")
    file.write_text(
        text.replace("    scope: {", "    find: {lag: 0 minutes}\n    scope: {"), encoding="utf-8"
    )


def given_in_the_app(sandbox: RunningSandbox) -> dict[str, dict[str, Any]]:
    """E-mail → the newest answer; those given on the web are of another app."""
    newest: dict[str, dict[str, Any]] = {}
    answers = sandbox.rows("apptentive", "responses")
    for answer in sorted(answers, key=lambda one: one["created_at"]):
        if (
            answer["email"]
            and answer["finished"]
            and answer["score"] is not None
            and answer["channel"] != "web"
        ):
            newest[answer["email"]] = answer
    return newest


def test_answers_given_in_the_app_arrive_on_the_customer_master(sandbox: RunningSandbox, npsync: Npsync):
    before = customers(sandbox)
    newest = given_in_the_app(sandbox)
    by_email = {str(row.get("Email")): id for id, row in before.items() if row["dataset"] == "US Customers"}

    # What it needs is there, and looking changes nothing.
    assert "a record of the list was found by" in npsync("connect", "master", "--json").out
    planned = {one["id"] for one in npsync.plan("to-master")["changes"]}
    assert customers(sandbox) == before
    assert planned >= {by_email[email] for email in newest} != set()

    # Each customer's newest answer, in the words of the master; and nothing else of the record.
    report = npsync.run("to-master")
    assert report["writes"] == {"US Customers": len(planned)}
    for email, answer in newest.items():
        id = by_email[email]
        score = answer["score"]
        segment = "promoter" if score >= 9 else "passive" if score >= 7 else "detractor"
        told = shown(sandbox, id)
        assert (told["NPS Score"], told["NPS Segment"]) == (score, segment)
        assert told["NPS Comment"] == answer["comment"]
        assert re.fullmatch(r"\d\d/\d\d/20\d\d", told["NPS Last Survey"])
        others = {name: value for name, value in before[id].items() if name not in ("version", *FIELDS)}
        assert others.items() <= sandbox.control("GET", f"/pretectum/customers/{id}").items()

    # Nothing is new: nothing is written.
    after = customers(sandbox)
    assert npsync.run("to-master")["writes"] == {"US Customers": 0}
    assert customers(sandbox) == after

    # Somebody edits the record, so that its version is not the one we left; then the customer answers again.
    email, id = next((email, by_email[email]) for email in newest)
    sandbox.control("PATCH", f"/pretectum/customers/{id}", {"First Name": "Renamed"})
    first = shown(sandbox, id)
    answers_now(sandbox, email, 2, 'it\'s "broken": \\o/')
    sandbox.forget_traffic()
    an_hour_passes(npsync)
    third = npsync.run("to-master")
    assert third["writes"] == {"US Customers": 1}
    refused = sandbox.traffic("pretectum")["statuses"]
    assert refused.get("400") == 1  # the version moved; it was read again and written once
    assert shown(sandbox, id) | {"NPS Last Survey": ""} == {
        "NPS Score": 2,
        "NPS Segment": "detractor",
        "NPS Comment": 'it\'s "broken": \\o/',
        "NPS Last Survey": "",
    }
    assert sandbox.control("GET", f"/pretectum/customers/{id}")["First Name"] == "Renamed"

    # Why it shows that, and whether all of it still does.
    story = npsync("why", email, "--json").json
    [record] = story["records"]
    assert [(one["shows"], one["run"]) for one in record["fields"] if one["name"] == "NPS Score"] == [
        (2, third["run"])
    ]
    npsync("verify", "to-master", exits=0)

    # And back, as it was before that run; the run before stays.
    [undone] = npsync("undo", str(third["run"]), "--yes", "--json").json["runs"]
    assert (undone["status"], undone["undoes"]) == ("succeeded", third["run"])
    assert shown(sandbox, id) == first
    npsync.run("to-master")
    assert shown(sandbox, id) == first  # undone stays undone
