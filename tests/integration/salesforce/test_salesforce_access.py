"""`npsync connect`: what the credential lacks, and what it has that it needn't."""

from __future__ import annotations

import pytest
from builders_salesforce import ACCOUNT, CONTACT, Opened, Org, error, field, ok, org, page, settings
from played_tasks import HISTORY, HISTORY_FIELDS, KEY_FIELD, TASK

from connectors.contract import Creates, Grant, Needs, Verdict
from connectors.salesforce import CONNECTOR
from nps.errors import AccessError

NEEDS = Needs(
    read={"Contact": frozenset({"Email", "Id"})}, write={"Contact": frozenset({"NPS_Score__c", "Formula__c"})}
)
SETUP = "System permission: View Setup and Configuration"
MODIFY_ALL, VIEW_ALL = "System permission: Modify All Data", "System permission: View All Data"


def access(needs: Needs = NEEDS) -> dict[str, Grant]:
    return {grant.permission: grant for grant in Opened().salesforce.access(needs)}


def modest(there: Org) -> None:
    """A user with exactly what is needed."""
    there.answers("GET", "limits/", error(403, "INSUFFICIENT_ACCESS"))
    there.finds(
        lambda soql: error(400, "INVALID_TYPE", "sObject type 'UserPermissionAccess' is not supported.")
    )


def test_what_is_granted_is_told_field_by_field() -> None:
    with org() as there:
        there.describes()
        modest(there)
        told = {permission: grant.verdict for permission, grant in access().items()}
    assert told == {
        "System permission: API Enabled": Verdict.OK,
        "Object Contact: Read": Verdict.OK,
        "Object Contact: Edit": Verdict.OK,
        "Field Contact.Email: Read": Verdict.OK,
        "Field Contact.Formula__c: Read, Edit": Verdict.MISSING,
        "Field Contact.NPS_Score__c: Read, Edit": Verdict.OK,
        SETUP: Verdict.UNTESTED,
        MODIFY_ALL: Verdict.UNTESTED,
        VIEW_ALL: Verdict.UNTESTED,
    }


def test_a_read_only_user_lacks_the_right_to_edit() -> None:
    read_only = [{**one, "updateable": False} for one in CONTACT]
    with org() as there:
        there.describes(fields=read_only, updateable=False)
        modest(there)
        told = access()
    assert told["Object Contact: Edit"].verdict is Verdict.MISSING
    assert told["Field Contact.NPS_Score__c: Read, Edit"].verdict is Verdict.MISSING
    assert told["Field Contact.Email: Read"].verdict is Verdict.OK


def test_a_field_that_is_hidden_is_missing_or_not_visible() -> None:
    with org() as there:
        there.describes(fields=[one for one in CONTACT if one["name"] != "Email"])
        modest(there)
        grant = access()["Field Contact.Email: Read"]
    assert grant.verdict is Verdict.MISSING
    assert "not visible" in grant.detail


def test_rights_nobody_needs_are_named() -> None:
    powers = {"PermissionsModifyAllData": True, "PermissionsViewAllData": False}
    with org() as there:
        there.describes(createable=True, deletable=True)
        there.answers("GET", "limits/", ok({"DailyApiRequests": {"Max": 15000, "Remaining": 14982}}))
        there.finds(lambda soql: page([{"attributes": {}, **powers}]))
        told = access()
    assert {permission for permission, grant in told.items() if grant.verdict is Verdict.EXCESS} == {
        "Object Contact: Create",
        "Object Contact: Delete",
        MODIFY_ALL,
    }
    assert VIEW_ALL not in told
    assert told[SETUP].verdict is Verdict.OK


def test_person_accounts_are_pointed_out() -> None:
    with org() as there:
        there.describes(fields=[*CONTACT, field("IsPersonAccount", "boolean")])
        modest(there)
        assert "__pc" in access()["Person accounts"].detail


def test_an_object_that_is_hidden_does_not_hide_the_others() -> None:
    with org() as there:
        there.describes("Account", ACCOUNT)
        there.answers("GET", "sobjects/Secret__c/describe", error(404, "NOT_FOUND"))
        modest(there)
        told = access(Needs(read={"Secret__c": frozenset({"A__c"}), "Account": frozenset({"Industry"})}))
    assert told["Object Secret__c: Read"].verdict is Verdict.MISSING
    assert told["Field Account.Industry: Read"].verdict is Verdict.OK


def test_an_org_without_api_access_is_an_access_error() -> None:
    with org() as there:
        there.answers("GET", "sobjects/Contact/describe", error(403, "API_DISABLED_FOR_ORG"))
        with pytest.raises(AccessError, match="API_DISABLED_FOR_ORG"):
            access()


EVERYTHING = Needs(
    read={"Contact": frozenset({"Email"})},
    creates=frozenset(Creates),
    history={HISTORY: frozenset({"Response_Key__c", "Score__c"})},
)


def test_what_is_created_has_permissions_of_its_own() -> None:
    told = list(CONNECTOR.grants(settings(), EVERYTHING))
    assert told[-10:] == [
        f"Object {HISTORY}: Read, Create, Edit, Delete",
        f"Field {HISTORY}.Response_Key__c: Read, Edit",
        f"Field {HISTORY}.Score__c: Read, Edit",
        'System permissions: "Access Activities" and "Edit Tasks", to read, create and delete tasks',
        "Field Task.NPS_Event_Id__c: Read, Edit (where the org has it)",
        "Object User: Read, to know who may get a task",
        "Object Case: Read (optional: tasks name the customer's cases)",
        "Object Campaign: Read",
        "Object CampaignMember: Read, Create, Delete",
        "Marketing User, ticked on the integration user (where the org keeps campaigns to those)",
    ]


def test_access_tests_what_is_created_and_creates_nothing() -> None:
    may = {"createable": True, "deletable": True}
    with org() as there:
        there.describes("Contact", CONTACT)
        there.describes(HISTORY, HISTORY_FIELDS, **may)
        there.describes("Task", [*TASK, KEY_FIELD], **may)
        for name in ("User", "Case", "Campaign"):
            there.describes(name, [field("Id", "id")])
        there.describes("CampaignMember", [field("Id", "id")], createable=True)
        there.finds(lambda soql: page([]))
        there.answers("GET", "limits/", ok({}))
        told = {one.permission: one for one in Opened().salesforce.access(EVERYTHING)}
        assert {one.method for one in there.asked} == {"GET"}
    named = (f"Object {HISTORY}", "System permissions")
    created = {name: one.verdict for name, one in told.items() if name.startswith(named)}
    assert created == {
        f"Object {HISTORY}: Read, Create": Verdict.OK,
        f"Object {HISTORY}: Delete": Verdict.OK,
        'System permissions: "Access Activities" and "Edit Tasks": Read, Create': Verdict.OK,
        'System permissions: "Access Activities" and "Edit Tasks": Delete': Verdict.OK,
    }
    assert told["Field Task.NPS_Event_Id__c: Read, Edit"].verdict is Verdict.OK
    assert told["Object CampaignMember: Read, Create"].verdict is Verdict.OK
    assert told["Object CampaignMember: Delete"].verdict is Verdict.UNTESTED
    assert all(one.verdict is not Verdict.MISSING for one in told.values())


def test_what_cannot_be_created_is_told() -> None:
    with org() as there:
        there.describes("Contact", CONTACT)
        there.describes("Task", TASK)
        for name in ("User", "Case", "Campaign", "CampaignMember", HISTORY):
            there.answers("GET", f"sobjects/{name}/describe", error(404, "NOT_FOUND"))
        there.finds(lambda soql: page([]))
        there.answers("GET", "limits/", ok({}))
        told = {one.permission: one.verdict for one in Opened().salesforce.access(EVERYTHING)}
    missing = {name for name, verdict in told.items() if verdict is Verdict.MISSING}
    assert missing == {
        f"Object {HISTORY}: Read, Create",
        f"Field {HISTORY}.Response_Key__c: Read, Edit",
        f"Field {HISTORY}.Score__c: Read, Edit",
        'System permissions: "Access Activities" and "Edit Tasks": Read, Create',
        "Object User: Read",
        "Object Campaign: Read",
        "Object CampaignMember: Read, Create",
    }
    assert told["Object Case: Read"] is Verdict.UNTESTED
    assert told["Field Task.NPS_Event_Id__c: Read, Edit"] is Verdict.UNTESTED
