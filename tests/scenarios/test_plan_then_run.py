"""A plan says what a run will do, to the field; and leaves no trace."""

from __future__ import annotations

import json
import os
import stat
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cli_process import SALESFORCE_FIELDS, Npsync, config, to_contacts
from sandbox_process import RunningSandbox, running_sandbox
from townspeople import Town

BOTH = (("contacts", "salesforce", "Contact"), ("marketing", "hubspot", "contacts"))


def test_the_writes_the_crms_saw_are_the_changes_of_the_plan(tmp_path: Path):
    with running_sandbox(customers=300, responses=500, ugly="20%") as sandbox:
        npsync = Npsync(tmp_path, sandbox.env)
        npsync.configured(config())
        for sync, vendor, object in BOTH:
            plan = npsync.plan(sync)
            assert len(plan["changes"]) > 200
            sandbox.forget_traffic()
            run = npsync.run(sync)

            assert run["writes"] == {object: len(plan["changes"])}
            assert written(sandbox, vendor, object) == planned(plan)
            assert npsync.plan(sync)["changes"] == []  # applying a plan leaves nothing to plan


def test_a_plan_leaves_the_store_and_the_crms_as_they_were(npsync: Npsync, town: Town):
    ann = town.person()
    town.answers(ann, 9, days_ago=2)
    npsync.run("contacts")
    answer = town.answers(ann, 3, days_ago=1)
    before = npsync("db", "dump").out
    town.sandbox.forget_traffic()

    for flags in ([], ["--all", "--full", "--recheck", "--adopt"]):
        [change] = [one for one in npsync.plan("contacts", *flags)["changes"] if one["id"] == ann.contact]
        assert change["fields"]["NPS_Score__c"] == [9, 3]
    text = npsync("plan", "marketing").out

    assert npsync("db", "dump").out == before
    for vendor in ("salesforce", "hubspot"):
        assert town.sandbox.traffic(vendor)["records_written"] == {}
        assert {call["method"] for call in calls(town.sandbox, vendor)} <= {"GET", "POST"}
    assert "Nothing was written." in text
    town.edits(
        answer, score=4
    )  # what the plan read did not move the source's cursor: the run sees everything
    assert npsync.run("contacts")["pulled"] >= 1
    assert town.in_salesforce(ann)["NPS_Score__c"] == 4


def test_a_plan_opens_with_how_answers_find_their_records(npsync: Npsync, town: Town):
    ann = town.person("ann")
    town.answers(ann, 9)
    town.answers(town.person("nobody", email="x@nowhere.example", in_crm=False), 5)

    text = npsync("plan", "contacts", "--show", "1").out

    lines = text.splitlines()
    assert lines[0] == "contacts → crm Contact"
    assert "matched" in lines[1]
    assert "nowhere.example" in text
    assert "cost of writing: crm 1 call" in text
    assert all(len(line) <= 100 for line in lines)


def test_credentials_that_may_only_read_are_enough_for_a_plan(npsync: Npsync, town: Town):
    ann = town.person()
    town.answers(ann, 9)
    reader = town.sandbox.control("POST", "/salesforce/do/reader", {})
    careful = npsync.with_env(
        SF_ID=reader["client_id"],
        SF_SECRET=reader["client_secret"],
        HUBSPOT_TOKEN=npsync.env["HUBSPOT_READ_ONLY_TOKEN"],
    )

    assert ann.contact in {change["id"] for change in careful.plan("contacts")["changes"]}
    assert ann.lead in {change["id"] for change in careful.plan("marketing")["changes"]}
    refused = careful("run", "marketing", exits=1)

    assert "hub" in refused.everything
    assert "crm.objects.contacts.write" in refused.everything
    assert town.in_hubspot(ann)["nps_score"] is None


def test_a_plan_works_before_the_fields_exist_and_a_run_is_refused(npsync: Npsync, town: Town):
    ann = town.person()
    town.answers(ann, 9, "good")
    fields = {**SALESFORCE_FIELDS, "NPS_Reason__c": {"from": "comment", "truncate": 80}}
    npsync.configured(config(to_contacts(fields=fields)))

    plan = npsync.plan("contacts")
    [change] = [one for one in plan["changes"] if one["id"] == ann.contact]
    assert change["fields"]["NPS_Reason__c"] == [None, "good"]
    assert plan["absent_fields"] == ["NPS_Reason__c"]
    assert "has no field NPS_Reason__c yet" in npsync("plan", "contacts").out

    refused = npsync("run", "contacts", exits=2)
    assert 'crm: Contact has no field "NPS_Reason__c", or the credential may not see it' in refused.err
    assert "Nothing was pulled or written" in refused.err
    assert town.in_salesforce(ann)["NPS_Score__c"] is None


def test_a_reviewed_plan_writes_only_what_was_reviewed(npsync: Npsync, town: Town):
    ann, ben, cleo = town.person("ann"), town.person("ben"), town.person("cleo")
    town.answers(ann, 9), town.answers(ben, 2)
    file = npsync.folder / "monday.plan"
    npsync("plan", "contacts", "--out", str(file))
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600

    town.somebody_sets(ben, NPS_Comment__c="moved meanwhile")  # the plan's old value is gone
    town.answers(cleo, 5)  # nobody reviewed this one
    run = npsync.run("contacts", "--plan", str(file), exits=3)

    assert town.in_salesforce(ann)["NPS_Score__c"] == 9
    assert town.in_salesforce(ben)["NPS_Score__c"] is None  # not what was reviewed any more
    assert town.in_salesforce(cleo)["NPS_Score__c"] is None
    assert run["states"]["pending"] >= 1
    npsync.run("contacts")  # without the file, the rest follows
    assert [town.in_salesforce(one)["NPS_Score__c"] for one in (ben, cleo)] == [2, 5]


def test_a_plan_that_is_expired_foreign_damaged_or_of_another_mapping_is_refused(npsync: Npsync, town: Town):
    ann = town.person()
    town.answers(ann, 9)
    file = npsync.folder / "monday.plan"
    npsync("plan", "contacts", "--out", str(file))
    header, *changes = file.read_text(encoding="utf-8").splitlines()

    def refused(text: str, sync: str = "contacts") -> str:
        file.write_text(text, encoding="utf-8")
        told = npsync("run", sync, "--plan", str(file), exits=2).err
        assert f"make a new one: npsync plan {sync} --out {file}" in told
        return told

    facts = json.loads(header)
    old = {**facts, "expires": (datetime.fromisoformat(facts["expires"]) - timedelta(hours=25)).isoformat()}
    whole = "\n".join([header, *changes])
    assert "expired" in refused("\n".join([json.dumps(old), *changes]))
    assert "is a plan of contacts, not of marketing" in refused(whole, "marketing")
    assert "is damaged" in refused(whole[:-20])
    assert "is damaged" in refused("not a plan\n")
    assert "is not a plan npsync wrote" in refused("{}\n")
    npsync.configured(config(to_contacts(since="2025-06-01")))
    assert "was made before the YAML of contacts changed" in refused(whole)
    assert town.in_salesforce(ann)["NPS_Score__c"] is None


def planned(plan: dict[str, Any]) -> set[tuple[str, str, str, str]]:
    """(record, field, old, new) of every change."""
    return {
        (change["id"], name, told(old), told(new))
        for change in plan["changes"]
        for name, (old, new) in change["fields"].items()
    }


def written(sandbox: RunningSandbox, vendor: str, object: str) -> set[tuple[str, str, str, str]]:
    """The same of every write that arrived at the CRM, changed or not."""
    return {
        (write["id"], name, told(old), told(new))
        for write in sandbox.control("GET", f"/traffic/writes/{vendor}/{object}")
        for name, (old, new) in write["fields"].items()
    }


def told(value: Any) -> str:
    """A value whichever way its vendor spells numbers (9, 9.0) and line ends."""
    return repr(float(value) if isinstance(value, int | float) else str(value).replace("\r\n", "\n"))


def calls(sandbox: RunningSandbox, vendor: str) -> list[dict[str, Any]]:
    return [call for call in sandbox.control("GET", "/traffic/calls") if call["vendor"] == vendor]
