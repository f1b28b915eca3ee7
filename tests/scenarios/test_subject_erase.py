"""Somebody wants to know what is kept of them, and to be forgotten: by the command line, on Salesforce and HubSpot."""

from __future__ import annotations

import json
import stat
from typing import Any

import pytest
from cli_process import Npsync, config
from erased import files_below, found
from townspeople import Person, Town

PEPPER = "a-pepper-of-the-town-that-nobody-guesses"
COMMENT = "Jo Quimby here, my number is 202-555-0143"


@pytest.fixture
def npsync(npsync: Npsync) -> Npsync:
    npsync.configured(private())
    return npsync


def private(**keys: Any) -> dict[str, Any]:
    return config(pepper=PEPPER, **keys)


def identifiers(person: Person, *answers: str) -> list[str]:
    """What is theirs and long enough to mean nobody else."""
    return [one for one in (person.email, person.external_id, person.contact, COMMENT) if one]


def test_everything_about_one_person_is_told_and_nothing_about_another(npsync: Npsync, town: Town):
    jo, sam = town.person("jo", external_id="CUST-JO-1"), town.person("sam")
    town.answers(jo, 3, COMMENT)
    town.answers(sam, 9, "Sam likes it")
    npsync.run("contacts")
    told = npsync("subject", "export", str(jo.email)).json
    assert {"answers", "states", "journal"} <= told["held"].keys()
    assert [row["comment"] for row in told["held"]["answers"]] == [COMMENT]
    assert told["held"]["journal"][0]["after"]["NPS_Score__c"] == 3
    assert [one["id"] for one in told["records"] if one["connection"] == "crm"] == [jo.contact]
    assert "email:" + str(jo.email) in told["names"]
    assert "id:CUST-JO-1" in told["names"]
    assert str(sam.email) not in json.dumps(told)

    out = npsync.folder / "jo.json"
    npsync("subject", "export", str(jo.email), "--out", str(out))
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert json.loads(out.read_text())["held"].keys() == told["held"].keys()
    assert "exists already" in npsync("subject", "export", str(jo.email), "--out", str(out), exits=2).err
    [latest, first] = npsync("subject", "receipts", str(jo.email), "--json").json["receipts"]
    assert latest["kind"] == first["kind"] == "export"


def test_erasing_clears_the_crm_and_leaves_no_byte_and_nothing_brings_them_back(npsync: Npsync, town: Town):
    jo, sam = town.person("jo", external_id="CUST-JO-2"), town.person("sam")
    town.answers(jo, 9, "before")
    town.answers(sam, 2)
    npsync.run("contacts")
    npsync.run("marketing")
    answer = town.answers(jo, 3, COMMENT, days_ago=0.5)
    npsync.run("contacts")
    npsync.run("marketing")
    town.answers(jo, 1, COMMENT, days_ago=0.2)
    npsync("plan", "contacts", "--out", "plan.jsonl")
    hidden = identifiers(jo, answer)
    assert found(hidden, files_below(npsync.folder)), "what is looked for can be found"

    plan = npsync("subject", "erase", str(jo.email))
    assert "clear NPS_" in plan.out
    assert "--yes" in plan.err
    assert town.in_salesforce(jo)["NPS_Score__c"] == 3

    erased = npsync("subject", "erase", str(jo.email), "--yes", "--json").json
    assert erased["crm_fields"] > 0
    assert town.in_salesforce(jo)["NPS_Score__c"] is None
    assert town.in_salesforce(jo)["NPS_Comment__c"] is None
    assert town.in_hubspot(jo)["nps_score"] in (None, "")
    assert town.in_salesforce(sam)["NPS_Score__c"] == 2
    assert found(hidden, files_below(npsync.folder)) == []

    for flags in ((), ("--full",)):
        report = npsync("run", "contacts", "--json", *flags, exits=(0, 3))
        assert report.json["status"] == "succeeded", report.out
        assert found(hidden, {"out": report.everything.encode(), **files_below(npsync.folder)}) == []
    assert report.json["forgotten"] == 3
    assert town.in_salesforce(jo)["NPS_Score__c"] is None
    [receipt] = npsync("subject", "receipts", str(jo.email), "--json").json["receipts"]
    assert receipt["report"]["rows"]["answers"] == 2
    assert "not" not in npsync("why", str(jo.email), exits=(0, 1)).err
    assert "pepper" not in npsync("check", exits=(0, 2)).everything
    assert "pepper" not in npsync("connect", "crm", exits=(0, 1)).everything
