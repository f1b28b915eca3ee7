"""From an empty Salesforce org to scores that account managers see: one command plans, the same with --apply carries it
out, and the second time there is nothing to do."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cli_process import SALESFORCE_FIELDS, Npsync, config, to_contacts
from salesforce_caller import Caller
from sandbox_process import RunningSandbox
from townspeople import Town

HISTORY = {
    "object": "NPS_Response__c",
    "key": "Response_Key__c",
    "fields": {"Score__c": "score", "Comment__c": "comment", "Answered_At__c": "answered_at"},
}
ACCOUNT = {
    "min_responses": 1,
    "fields": {
        "NPS__c": "nps",
        "NPS_Responses__c": "responses",
        "NPS_Coverage__c": "coverage",
        "NPS_Last_Survey__c": "last_answered_at",
    },
}
TASK = [
    {"where": 'segment == "detractor"', "task": {"subject": "Call {record.Name}"}},
    {"where": 'segment == "promoter"', "add_to": {"list": "NPS promoters"}},  # strip leaves campaigns
]
ADMIN = {"flow": "client_credentials", "client_id": "${SF_ADMIN_ID}", "client_secret": "${SF_ADMIN_SECRET}"}


@pytest.fixture
def empty(sandbox: RunningSandbox) -> RunningSandbox:
    """An org that nobody prepared."""
    sandbox.control("DELETE", "/faults")
    sandbox.control("POST", "/salesforce/do/strip", {})
    return sandbox


def file(**keys: Any) -> dict[str, Any]:
    told = copy.deepcopy(
        config(sync={"contacts": to_contacts(history=HISTORY, account=ACCOUNT, follow_up=TASK)})
    )
    told["connections"]["crm"] |= {"provision": {"auth": ADMIN}, **keys}
    told["people"]["crm"] |= {"account": {"object": "Account", "by": "AccountId"}, "owner": "OwnerId"}
    del told["connections"]["hub"], told["people"]["hub"]
    return told


def rows(sandbox: RunningSandbox, object: str) -> list[dict[str, Any]]:
    return [row for row in sandbox.rows("salesforce", object) if not row.get("IsDeleted")]


def granted(sandbox: RunningSandbox, set: str) -> dict[str, tuple[bool, bool]]:
    """Field → may it be read, and changed."""
    [id] = [row["Id"] for row in rows(sandbox, "PermissionSet") if row["Name"] == set]
    found = [row for row in rows(sandbox, "FieldPermissions") if row["ParentId"] == id]
    return {row["Field"]: (row["PermissionsRead"], row["PermissionsEdit"]) for row in found}


def steps(told: Any) -> list[dict[str, Any]]:
    [crm] = told["connections"]
    found: list[dict[str, Any]] = crm["steps"]
    return found


def all_ours(told: Any) -> bool:
    """Everything that is there, but for the campaign, was made by npsync."""
    [crm] = told["connections"]
    return all(one["created_by_npsync"] is (one["kind"] != "list") for one in crm["there"])


def test_an_empty_org_is_ready_after_one_command(empty: RunningSandbox, npsync: Npsync, town: Town) -> None:
    npsync.configured(file())
    told = npsync("check", exits=2).out
    assert 'Contact has no field "NPS_Score__c"' in told
    assert (
        told.count("o create it: npsync provision crm") == 5 + 4 + 1
    )  # of contacts, of accounts, the object

    planned = npsync("provision").out
    assert "+ field Contact.NPS_Score__c: Number(3, 0)" in planned
    assert "+ field Contact.NPS_Segment__c: Picklist: Promoter, Passive, Detractor" in planned
    assert "+ field Task.NPS_Event_Id__c: Text(255), external id, unique" in planned
    assert "+ field NPS_Response__c.Contact__c: Lookup(Contact)" in planned
    assert "Nothing was created. To go ahead: npsync provision crm --apply" in planned
    assert max(map(len, planned.splitlines())) <= 100
    assert rows(empty, "PermissionSet") == []
    assert "NPS_Score__c" not in rows(empty, "Contact")[0]

    made = npsync("provision", "--apply").out
    assert "28 created. Next: npsync check" in made
    assert "Setup > Object Manager > Contact > Lightning Record Pages" in made
    assert max(map(len, made.splitlines())) <= 100
    again = npsync("provision", "--apply", "--json").json
    assert steps(again) == []
    assert all_ours(again)
    [leads_to] = [one for one in again["connections"][0]["there"] if one.get("name") == "Contact__c"]
    assert (leads_to["type"], leads_to["references"]) == ("lookup", "Contact")

    assert "no problem found" in npsync("check").out
    ann = town.person()
    town.answers(ann, 3, "Too slow")
    report = npsync.run()
    assert report["followed"]["history"] == {"created": 1}
    shown = {row["Id"]: row for row in rows(empty, "Contact")}[ann.contact]
    assert (shown["NPS_Score__c"], shown["NPS_Segment__c"]) == (3, "Detractor")
    [kept] = rows(empty, "NPS_Response__c")
    assert (kept["Score__c"], kept["Comment__c"], kept["Contact__c"]) == (3, "Too slow", ann.contact)

    # Who manages accounts reads everything and changes nothing; npsync's own user is the one who may.
    readers, writers = granted(empty, "npsync_read_NPS"), granted(empty, "npsync_write_NPS")
    assert readers.keys() == writers.keys()
    assert {"Contact.NPS_Score__c", "Account.NPS__c", "NPS_Response__c.Comment__c"} <= readers.keys()
    assert (set(readers.values()), set(writers.values())) == ({(True, False)}, {(True, True)})
    # A kept answer goes when its person wants to be forgotten.
    rights = [row for row in rows(empty, "ObjectPermissions") if row["SobjectType"] == "NPS_Response__c"]
    assert sorted(row["PermissionsDelete"] for row in rights) == [False, True]

    # Somebody takes back what account managers see: that is told, and made good.
    grants = [row for row in rows(empty, "FieldPermissions") if row["Field"] == "Contact.NPS_Score__c"]
    [grant] = [row["Id"] for row in grants if not row["PermissionsEdit"]]
    empty.control("PATCH", f"/salesforce/FieldPermissions/{grant}", {"PermissionsRead": False})
    told = " ".join(npsync("check").out.split())
    assert "sync.contacts.fields.NPS_Score__c: Contact.NPS_Score__c is written, but not readable by" in told
    assert "to grant it: npsync provision crm (a warning)" in told
    assert "gone since" not in npsync("provision").out
    [step] = steps(npsync("provision", "--apply", "--json").json)
    assert (step["to"], "NPS_Score__c" in step["fields"]) == ("npsync_read_NPS", True)
    npsync.configured(file(account_managers="Nobody"))
    told = " ".join(npsync("check").out.split())
    assert 'there is no permission set and no profile "Nobody" (account_managers) (a warning)' in told

    # What holds values stays; what nobody uses goes.
    told = npsync("provision", "--remove").out
    assert "= field Contact.NPS_Score__c stays: 1 record holds a value" in told
    assert "= field NPS_Response__c.Comment__c stays: 1 record holds a value" in told
    assert "= object NPS_Response__c stays: it has 1 record" in told
    assert "- field Account.NPS__c" in told
    assert "Nothing was removed." in told
    npsync("provision", "--remove", "--apply", exits=3)
    shown = {row["Id"]: row for row in rows(empty, "Contact")}[ann.contact]
    assert shown["NPS_Score__c"] == 3
    assert not any("NPS__c" in row for row in rows(empty, "Account"))


def test_what_broke_off_is_completed_by_the_next_one(empty: RunningSandbox, npsync: Npsync) -> None:
    npsync.configured(file())
    empty.fault("salesforce", "lost_reply", method="POST", path="Soap/m")
    empty.fault("salesforce", "reset", method="POST", path="tooling/sobjects", after=2)
    empty.fault("salesforce", "lost_reply", method="POST", path="tooling/sobjects", after=4)
    empty.fault("salesforce", "lost_reply", method="POST", path="sobjects/PermissionSet/")
    empty.fault("salesforce", "lost_reply", method="POST", path="sobjects/FieldPermissions", after=4)
    assert (
        "Next, when that is settled: npsync provision crm --apply"
        in npsync("provision", "--apply", exits=3).out
    )
    last = npsync("provision", "--apply", "--json").json
    assert all(step["created"] for step in steps(last))
    last = npsync("provision", "--json").json
    assert steps(last) == []
    assert all_ours(last)

    # Nobody used any of it: all of it goes, and nothing else.
    before = {name for row in rows(empty, "Contact") for name in row}
    npsync("provision", "--remove", "--apply")
    assert rows(empty, "PermissionSet") == []
    after = {name for row in rows(empty, "Contact") for name in row}
    assert before - after == set(SALESFORCE_FIELDS)
    assert "npsync created nothing there that it remembers" in npsync("provision", "--remove").out


def deploy(sandbox: RunningSandbox, package: Path) -> dict[str, Any]:
    """As an administrator does: the result of the deployment."""
    admin = Caller(sandbox)
    secrets = {"client_id": sandbox.env["SF_ADMIN_ID"], "client_secret": sandbox.env["SF_ADMIN_SECRET"]}
    admin.use(admin.ask_token({"grant_type": "client_credentials", **secrets}).json()["access_token"])
    parts = {
        "json": (None, '{"deployOptions": {"rollbackOnError": true}}', "application/json"),
        "file": ("package.zip", package.read_bytes(), "application/zip"),
    }
    begun = admin.call("POST", "/metadata/deployRequest", files=parts).json()
    told = admin.call("GET", f"/metadata/deployRequest/{begun['id']}?includeDetails=true").json()
    result: dict[str, Any] = told["deployResult"]
    return result


def test_a_package_does_what_the_calls_do(empty: RunningSandbox, npsync: Npsync) -> None:
    """Nobody lends a credential here: what npsync's own user does not see is in the package."""
    npsync.configured(file())
    everyday = replace(npsync, env={k: v for k, v in npsync.env.items() if not k.startswith("SF_ADMIN")})
    told = everyday("provision", "--package", "nps.zip").out
    assert "Written to nps.zip; nothing was created." in told
    assert "given to npsync's own user" in told
    assert rows(empty, "PermissionSet") == []
    result = deploy(empty, npsync.folder / "nps.zip")
    assert (result["status"], result["numberComponentErrors"]) == ("Succeeded", 0), result["details"]
    assert [step["user"] != "" for step in steps(npsync("provision", "--json").json)] == [True]
    assert "1 created" in npsync("provision", "--apply").out
    assert "no problem found" in npsync("check").out
    # What was deployed is not npsync's to take away.
    left = npsync("provision", "--remove", "--json").json["connections"][0]["removals"]
    assert [one["stays"] for one in left] == ["npsync did not make this permission set; take it back by hand"]


def test_a_credential_that_may_not_says_which_and_what_it_needs(
    empty: RunningSandbox, npsync: Npsync
) -> None:
    everyday = {"flow": "client_credentials", "client_id": "${SF_ID}", "client_secret": "${SF_SECRET}"}
    npsync.configured(file(provision={"auth": everyday}))
    told = " ".join(npsync("provision", exits=1).err.split())
    assert "INSUFFICIENT_ACCESS" in told
    assert "credential of `provision.auth`" in told
    assert "Customize Application" in told
    assert told.count("npsync connect") == 1
    needed = npsync("connect", "crm", exits=1).out
    assert "System permission: Manage Profiles and Permission Sets" in needed
