"""Somebody wants to know what is kept of them, and to be forgotten: by the command line, on Salesforce and HubSpot."""

from __future__ import annotations

import itertools
import json
import stat
from typing import Any

import pytest
from caring_config import AS_NOTES, IN_SALESFORCE, caring
from cli_process import Npsync, config
from erased import files_below, found
from townspeople import Person, Town

from npsync import opening
from npsync.config import load
from npsync.subjects import erasing
from npsync.subjects.finding import find

_NUMBERS = itertools.count(100)
PEPPER = "a-pepper-of-the-town-that-nobody-guesses"


@pytest.fixture
def npsync(npsync: Npsync) -> Npsync:
    npsync.configured(private())
    return npsync


def private(**keys: Any) -> dict[str, Any]:
    return config(pepper=PEPPER, **keys)


def said(person: Person) -> str:
    """What they wrote into the comment."""
    return f"Jo Quimby here, my number is 202-555-{person.end_user[-4:]}"


def identifiers(person: Person) -> list[str]:
    """What is theirs and long enough to mean nobody else."""
    return [one for one in (person.email, person.external_id, person.contact, said(person)) if one]


def test_everything_about_one_person_is_told_and_nothing_about_another(npsync: Npsync, town: Town):
    jo, sam = town.person("jo", external_id="CUST-JO-1"), town.person("sam")
    town.answers(jo, 3, said(jo))
    town.answers(sam, 9, "Sam likes it")
    npsync.run("contacts")
    exported = npsync("subject", "export", str(jo.email))
    assert "Nothing is known" not in exported.err
    told = exported.json
    assert {"answers", "states", "journal"} <= told["held"].keys()
    assert [row["comment"] for row in told["held"]["answers"]] == [said(jo)]
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


def test_somebody_nobody_knows_is_exported_as_nothing_and_said_to_be_unknown(npsync: Npsync):
    told = npsync("subject", "export", "nobody@mistyped.example")
    assert (told.json["held"], told.json["records"]) == ({}, [])
    assert told.err.splitlines() == ['Nothing is known under "nobody@mistyped.example".']
    npsync("subject", "erase", "nobody@mistyped.example", "--yes")
    again = npsync("subject", "export", "nobody@mistyped.example", "--out", "nobody.json")
    assert "Nothing is known under" in again.err
    assert "forgotten here before" in again.err
    assert json.loads((npsync.folder / "nobody.json").read_text())["forgotten_before"]


def test_erasing_clears_the_crm_and_leaves_no_byte_and_nothing_brings_them_back(npsync: Npsync, town: Town):
    jo, sam = town.person("jo", external_id="CUST-JO-2"), town.person("sam")
    town.answers(jo, 9, "before")
    town.answers(sam, 2)
    npsync.run("contacts")
    npsync.run("marketing")
    town.answers(jo, 3, said(jo), days_ago=0.5)
    npsync.run("contacts")
    npsync.run("marketing")
    town.answers(jo, 1, said(jo), days_ago=0.2)
    npsync("plan", "contacts", "--out", "plan.jsonl")
    hidden = identifiers(jo)
    assert found(hidden, files_below(npsync.folder)), "what is looked for can be found"

    plan = npsync("subject", "erase", str(jo.email), exits=2)
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

    report = npsync("run", "contacts", "--json", "--full")
    assert found(hidden, {"out": report.everything.encode(), **files_below(npsync.folder)}) == []
    assert report.json["forgotten"] == 3
    assert town.in_salesforce(jo)["NPS_Score__c"] is None
    [receipt] = npsync("subject", "receipts", str(jo.email), "--json").json["receipts"]
    assert receipt["report"]["rows"]["answers"] == 2
    assert "not" not in npsync("why", str(jo.email), exits=(0, 1)).err
    why = npsync("why", str(jo.contact)).out
    assert f"The person of {jo.contact} was forgotten on " in why
    assert "never wrote" not in why
    assert "pepper" not in npsync("check", exits=(0, 2)).everything
    assert "pepper" not in npsync("connect", "crm", exits=(0, 1)).everything


CALL = {
    "where": 'segment == "detractor"',
    "task": {"subject": "Call {record.Name}: scored {score}", "due": "2 days"},
}
PROMOTERS = {"where": 'segment == "promoter"', "add_to": {"list": "NPS promoters"}}
TASK_OF_HUB = {"where": 'segment == "detractor"', "task": {"subject": "Call them: {score}", "due": "2 days"}}
PRODUCT = {
    "connections": {
        "product": {"type": "webhook", "preset": "segment", "auth": {"secret": "a-secret-of-the-door"}}
    }
}


def everything(npsync: Npsync, **keys: Any) -> None:
    """History, tasks, lists in both CRMs, and a webhook."""
    made = caring(
        {"history": IN_SALESFORCE, "follow_up": [CALL, PROMOTERS]},
        marketing={"history": AS_NOTES, "follow_up": [TASK_OF_HUB]},
    )
    made["connections"] |= PRODUCT["connections"]
    npsync.configured({**made, "pepper": PEPPER, **keys})


def made_for(town: Town, person: Person) -> dict[str, int]:
    """What npsync made in the CRMs for one person, and what is still there."""
    sandbox = town.sandbox
    kept = [
        one for one in sandbox.rows("salesforce", "NPS_Response__c") if one["Contact__c"] == person.contact
    ]
    tasks = [one for one in sandbox.rows("salesforce", "Task") if one["WhoId"] == person.contact]
    places = [
        one for one in sandbox.rows("salesforce", "CampaignMember") if one["ContactId"] == person.contact
    ]
    notes = [one for one in sandbox.rows("hubspot", "notes") if said(person) in (one["hs_note_body"] or "")]
    every = {"history": kept, "tasks": tasks, "lists": places, "notes": notes}
    return {
        name: sum(not one.get("IsDeleted") and not one.get("archived") for one in rows)
        for name, rows in every.items()
    }


def lived(npsync: Npsync, town: Town) -> tuple[Person, list[str]]:
    """Somebody goes through everything the product does; what is theirs."""
    jo = town.person("jo", external_id=f"CUST-JO-{next(_NUMBERS)}")
    ids = [town.answers(jo, 9, said(jo), days_ago=20)]
    npsync.run("contacts")
    ids.append(town.answers(jo, 2, said(jo), days_ago=3))
    npsync.run("contacts")
    npsync.run("marketing")
    [run] = [
        one["run"] for one in npsync("runs", "--sync", "contacts", "--limit", "1", "--json").json["runs"]
    ]
    npsync("undo", str(run), "--record", str(jo.contact), "--yes", exits=(0, 3))
    npsync("redo", str(run), "--yes", exits=(0, 3))
    ids.append(town.answers(jo, 4, said(jo), days_ago=1))
    town.sandbox.fault("salesforce", "validation", path=str(jo.contact), times=None)
    npsync.run("contacts", exits=3)
    town.sandbox.control("DELETE", "/faults")
    npsync("suppressions", "add", str(jo.email), "--detail", f"{jo.email} wrote to us")
    npsync("plan", "contacts", "--all", "--recheck", "--out", "plan.jsonl")
    return jo, ids


def test_what_was_made_in_both_crms_goes_and_no_trace_is_left_anywhere(npsync: Npsync, town: Town):
    everything(npsync)
    jo, _ = lived(npsync, town)
    hidden = identifiers(jo)
    assert made_for(town, jo)["history"] >= 2
    assert made_for(town, jo)["tasks"] == 1
    assert made_for(town, jo)["notes"] >= 1
    told = npsync("subject", "export", str(jo.email)).json["held"]
    assert {"answers", "journal", "dead_letters", "outbox", "suppressions", "states"} <= told.keys()
    assert found(hidden, files_below(npsync.folder))

    plan = npsync("subject", "erase", str(jo.email), exits=2).out
    assert "history record" in plan
    assert max(map(len, plan.splitlines())) <= 100
    npsync("subject", "erase", str(jo.email), "--yes")

    assert made_for(town, jo) == {"history": 0, "tasks": 0, "lists": 0, "notes": 0}
    assert town.in_salesforce(jo)["NPS_Score__c"] is None
    commands = [
        "runs",
        "dead-letters list",
        "review list",
        "suppressions list",
        "db dump",
        "subject receipts",
    ]
    after = {one: npsync(*one.split(), exits=(0, 1, 3)).everything.encode() for one in commands}
    assert found(hidden, {**after, **files_below(npsync.folder)}) == []
    again = npsync("run", exits=(0, 3)).everything.encode()
    assert found(hidden, {"run": again, **files_below(npsync.folder)}) == []
    assert made_for(town, jo) == {"history": 0, "tasks": 0, "lists": 0, "notes": 0}
    exported = npsync("subject", "export", str(jo.email)).json
    assert exported["held"].keys() <= set()
    assert exported["forgotten_before"]


class Killed(BaseException):
    """The process ends here."""


def test_a_kill_at_any_step_is_answered_by_doing_it_again(
    npsync: Npsync, town: Town, monkeypatch: pytest.MonkeyPatch
):
    everything(npsync)
    jo, _ = lived(npsync, town)
    monkeypatch.chdir(npsync.folder)
    loaded = load(npsync.folder / "npsync.yaml", npsync.env)
    for step in ("tombstones", "crm", "files", "store"):

        def stop(done: str, step: str = step) -> None:
            if done == step:
                raise Killed

        with opening.open_store(loaded) as store, opening.opened(loaded, store) as connections:
            subject = find(loaded, store, str(jo.email), look=connections.destination)
            with pytest.raises(Killed):
                erasing.carry_out(loaded, store, subject, connections, connections.clock, stop_after=stop)
    npsync("subject", "erase", str(jo.email), "--yes")
    assert made_for(town, jo) == {"history": 0, "tasks": 0, "lists": 0, "notes": 0}
    assert town.in_salesforce(jo)["NPS_Score__c"] is None
    assert found(identifiers(jo), files_below(npsync.folder)) == []


def test_what_may_be_somebody_elses_is_listed_and_left_until_it_is_named(npsync: Npsync, town: Town):
    jo = town.person("jo", external_id="SHARED-77")
    twin = town.person("twin", external_id="SHARED-77", in_crm=False)
    town.answers(jo, 2, "mine", days_ago=2)
    town.answers(twin, 9, "not mine", days_ago=1)
    npsync.run("contacts")
    plan = npsync("subject", "erase", str(jo.email), "--json", exits=2).json
    assert {one["name"] for one in plan["doubts"]} == {twin.email, "SHARED-77"}
    npsync("subject", "erase", str(jo.email), "--yes")
    assert town.in_salesforce(jo)["NPS_Score__c"] == 9, "the other's answer is on the record"
    npsync.run("contacts")
    assert town.in_salesforce(jo)["NPS_Comment__c"] == "not mine"
    held = npsync("subject", "export", str(twin.email)).json["held"]
    assert held["answers"][0]["external_id"] == "SHARED-77", "what others share is not blacked out"
    npsync("subject", "erase", str(twin.email), "--also", "SHARED-77", "--yes")
    assert town.in_salesforce(jo)["NPS_Score__c"] is None


def test_what_a_colleague_changed_stays_and_keep_leaves_the_crm_alone(npsync: Npsync, town: Town):
    jo, sam = town.person("jo"), town.person("sam")
    town.answers(jo, 2, said(jo))
    town.answers(sam, 3, said(sam))
    npsync.run("contacts")
    town.somebody_sets(jo, NPS_Comment__c="called on Monday")
    plan = npsync("subject", "erase", str(jo.email), "--json", exits=2).json
    assert any("NPS_Comment__c" in one for one in plan["left"])
    npsync("subject", "erase", str(jo.email), "--yes")
    assert (town.in_salesforce(jo)["NPS_Score__c"], town.in_salesforce(jo)["NPS_Comment__c"]) == (
        None,
        "called on Monday",
    )
    npsync.configured(private(privacy={"erase": {"crm": "keep"}}))
    npsync("subject", "erase", str(sam.email), "--yes")
    assert town.in_salesforce(sam)["NPS_Score__c"] == 3
    assert found(identifiers(sam), files_below(npsync.folder)) == []


def test_without_a_pepper_or_with_another_one_nothing_is_erased_and_nothing_taken_in(
    npsync: Npsync, town: Town
):
    jo = town.person("jo")
    town.answers(jo, 2)
    npsync.configured(config())
    assert "openssl rand -hex 32" in npsync("subject", "erase", str(jo.email), "--yes", exits=2).err
    npsync.configured(private())
    npsync("subject", "erase", str(jo.email), "--yes")
    npsync.configured({**private(), "pepper": "some-other-pepper-of-length"})
    assert "with another pepper" in npsync("run", "contacts", exits=2).err
