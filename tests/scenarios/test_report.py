"""What leadership gets: `npsync report` over answers that went the whole way from the survey tool to the CRM."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cli_process import Npsync, config, to_contacts
from sandbox_process import RunningSandbox, running_sandbox
from townspeople import Person, Town

HOSTILE = '=HYPERLINK("http://evil.example","Ünïcode")'


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    """A town for each test: a report is about everybody."""
    with running_sandbox(customers=1, responses=0) as sandbox:
        yield sandbox


@pytest.fixture
def npsync(npsync: Npsync) -> Npsync:
    told = config()
    told["sync"] = {"contacts": to_contacts()}
    told["people"]["crm"] |= {"account": {"object": "Account", "by": "AccountId"}, "owner": "OwnerId"}
    told["report"] = {
        "by": {"account": "account.Name"},
        "amount": "account.AnnualRevenue",
        "targets": {"relationship": 40},
    }
    npsync.configured(told)
    return npsync


def hired(town: Town, account: str, many: int) -> list[Person]:
    people = []
    for _ in range(many):
        person = town.person("worker")
        town.somebody_sets(person, AccountId=account)
        people.append(person)
    return people


def account(town: Town, name: str, revenue: int | None) -> str:
    fields = {"Name": name, **({"AnnualRevenue": revenue} if revenue is not None else {})}
    return str(town.sandbox.control("POST", "/salesforce/Account", fields)["id"])


def reported(npsync: Npsync, *flags: str) -> dict[str, Any]:
    [one] = npsync("report", "relationship", "--json", *flags).json["reports"]
    return dict(one)


def test_a_known_set_is_reported_with_its_margin_its_groups_and_what_is_at_stake(npsync: Npsync, town: Town):
    happy, unhappy = account(town, "Happy GmbH", 1_000_000), account(town, "=Unhappy", 250_000)
    for day, person in enumerate(hired(town, happy, 20)):
        town.answers(person, 10, days_ago=2 + day)
    scores = [9] * 5 + [8] * 8 + [0] * 6
    for day, (person, score) in enumerate(zip(hired(town, unhappy, len(scores)), scores, strict=True)):
        town.answers(person, score, HOSTILE if score == 0 else None, days_ago=2.5 + day)
    stranger = town.person("stranger", in_crm=False)
    town.answers(stranger, 7, days_ago=30)
    npsync.run()

    told = reported(npsync, "--by", "account", "--compare", "none")
    whole = told["whole"]
    assert (whole["promoters"], whole["passives"], whole["detractors"]) == (25, 9, 6)
    assert (whole["nps"], whole["margin"], told["without_a_record"]) == (48, 22.97, 1)
    assert told["revenue_at_risk"] == {"amount": 250_000, "accounts": 1, "without_an_amount": 0}
    assert {row["label"]: (row["nps"], row["people"]) for row in told["groups"]["rows"]} == {
        "Happy GmbH": (100, 20),
        "=Unhappy": (-5, 19),
        "(not known)": (0, 1),
    }

    owners = reported(npsync, "--by", "owner")["groups"]["rows"]
    ids = [row["value"] for row in owners if row["value"]]
    assert ids
    assert all(id.startswith("005") for id in ids)
    assert not any(row["label"].startswith("005") for row in owners)  # called by their names in the CRM

    text = npsync("report", "relationship", "--by", "account").out
    assert text.startswith("relationship: NPS 48 ± 23 · 40 people · target 40: reached\n")
    assert max(len(line) for line in text.splitlines()) <= 100
    file = npsync.folder / "report.csv"
    npsync("report", "--by", "account", "--csv", str(file))
    with file.open(encoding="utf-8", newline="") as opened:
        rows = {row["name"]: row for row in csv.DictReader(opened)}
    assert rows["'=Unhappy"]["nps"] == "-5"

    assert 'did you mean "account"' in npsync("report", "--by", "acount", exits=2).err

    hits = npsync("report", "--comments", "unicode", "--json").json
    assert (hits["found"], hits["comments"], hits["shown"][0]["comment"]) == (6, 6, HOSTILE)


def test_who_moved_is_told_by_each_persons_latest_answer(npsync: Npsync, town: Town):
    for day, (before, after) in enumerate(((2, 9), (3, 10), (9, 9), (10, 4))):
        person = town.person("mover")
        town.answers(person, before, days_ago=30 + day)
        town.answers(person, after, days_ago=3 + day)
    npsync.run()
    since = str((datetime.now(UTC) - timedelta(days=20)).date())
    told = reported(npsync, "--since", since, "--every", "week")
    moved = told["movement"]["from"]
    assert moved["detractor"]["promoter"] >= 2
    assert moved["promoter"]["detractor"] >= 1
    assert told["change"]["significant"] is None  # too few to claim anything
