"""From an empty Salesforce org to scores that account managers see: one command plans, the same with --apply carries it
out, and the second time there is nothing to do."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from cli_process import Npsync, config, to_contacts
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
TASK = [{"where": 'segment == "detractor"', "task": {"subject": "Call {record.Name}"}}]
ADMIN = {"flow": "client_credentials", "client_id": "${SF_ADMIN_ID}", "client_secret": "${SF_ADMIN_SECRET}"}


@pytest.fixture
def empty(sandbox: RunningSandbox) -> RunningSandbox:
    """An org that nobody prepared."""
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


def changes(sandbox: RunningSandbox) -> int:
    """Calls since the traffic was forgotten that may have changed something."""
    told = sandbox.traffic("salesforce")
    return sum(count for name, count in told["calls"].items() if name not in ("token", "query", "describe"))


def test_an_empty_org_is_ready_after_one_command(empty: RunningSandbox, npsync: Npsync, town: Town) -> None:
    npsync.configured(file())
    told = npsync("check", exits=2).out
    assert 'Contact has no field "NPS_Score__c"' in told
    assert "to create it: npsync provision crm" in told

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
    assert all(one["created_by_npsync"] for one in again["connections"][0]["there"])

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


def test_what_nobody_uses_goes_and_what_is_somebody_elses_stays(
    empty: RunningSandbox, npsync: Npsync
) -> None:
    npsync.configured(file())
    npsync("provision", "--apply")
    told = npsync("provision", "--remove", "--apply").out
    assert "19 removed" in told or "20 removed" in told, told
    assert rows(empty, "PermissionSet") == []
    assert "npsync created nothing there that it remembers" in npsync("provision", "--remove").out
    assert "+ field Contact.NPS_Score__c" in npsync("provision").out


@pytest.mark.parametrize("kind", ["lost_reply", "reset"])
def test_what_broke_off_is_completed_by_the_next_one(
    empty: RunningSandbox, npsync: Npsync, kind: str
) -> None:
    npsync.configured(file())
    empty.fault("salesforce", kind, method="POST", path="tooling/sobjects", after=2)
    empty.fault("salesforce", kind, method="POST", path="Soap/m")
    empty.fault("salesforce", kind, method="POST", path="sobjects/PermissionSet/")
    empty.fault("salesforce", kind, method="POST", path="sobjects/FieldPermissions", after=4)
    npsync("provision", "--apply", exits=(0, 3))
    npsync("provision", "--apply", exits=(0, 3))
    last = npsync("provision", "--apply", "--json").json
    assert steps(last) == []
    assert all(one["created_by_npsync"] for one in last["connections"][0]["there"])
    assert "no problem found" in npsync("check").out


def test_a_credential_that_may_not_says_which_and_what_it_needs(
    empty: RunningSandbox, npsync: Npsync
) -> None:
    everyday = {"flow": "client_credentials", "client_id": "${SF_ID}", "client_secret": "${SF_SECRET}"}
    npsync.configured(file(provision={"auth": everyday}))
    told = " ".join(npsync("provision", exits=1).err.split())
    assert "INSUFFICIENT_ACCESS" in told
    assert "credential of `provision.auth`" in told
    assert "Customize Application" in told
    needed = npsync("connect", "crm", exits=1).out
    assert "System permission: Manage Profiles and Permission Sets" in needed


def test_check_warns_of_fields_that_account_managers_do_not_see(
    empty: RunningSandbox, npsync: Npsync
) -> None:
    npsync.configured(file())
    npsync("provision", "--apply")
    grant = next(
        row
        for row in rows(empty, "FieldPermissions")
        if row["Field"] == "Contact.NPS_Score__c" and not row["PermissionsEdit"]
    )
    empty.control("PATCH", f"/salesforce/FieldPermissions/{grant['Id']}", {"PermissionsRead": False})
    told = " ".join(npsync("check").out.split())
    assert (
        "sync.contacts.fields.NPS_Score__c: Contact.NPS_Score__c is written, but not readable by account"
        in told
    )
    assert "to grant it: npsync provision crm (a warning)" in told
    assert [step["fields"] for step in steps(npsync("provision", "--apply", "--json").json)] == [
        ["NPS_Comment__c", "NPS_Last_Survey__c", "NPS_Score__c", "NPS_Segment__c", "NPS_Trend__c"]
    ]
    assert "warning" not in npsync("check").out
    npsync.configured(file(account_managers="Nobody"))
    assert 'no permission set and no profile "Nobody"' in " ".join(npsync("check").out.split())
