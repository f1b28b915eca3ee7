"""What is particular about leads, person accounts and objects of an org's own, against the toy Salesforce."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fake_clock import Calls, FakeClock, fake_tools
from sandbox_process import RunningSandbox, running_sandbox

from connectors.contract import Lookup, Needs
from connectors.salesforce.destination import SalesforceDestination
from connectors.salesforce.errors import RowError
from connectors.salesforce.settings import SalesforceSettings
from nps.changes import Batch, Change, Outcome, Rejected, Written
from nps.errors import ConfigError


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox("--vendor", "salesforce", customers=1, responses=0) as running:
        yield running


@pytest.fixture
def crm(sandbox: RunningSandbox) -> Iterator[SalesforceDestination]:
    env = sandbox.env
    auth = {"flow": "client_credentials", "client_id": env["SF_ID"], "client_secret": env["SF_SECRET"]}
    given = {"login_host": "acme.my.salesforce.com", "base_url": env["SALESFORCE_URL"], "auth": auth}
    tools = fake_tools("crm", clock=FakeClock(), count_call=Calls())
    opened = SalesforceDestination(SalesforceSettings.model_validate(given), tools)
    yield opened
    opened.close()


def add(sandbox: RunningSandbox, object: str, **fields: Any) -> str:
    return str(sandbox.control("POST", f"/salesforce/{object}", fields)["id"])


def written(crm: SalesforceDestination, object: str, api: str, *ids: str, **after: Any) -> list[Outcome]:
    before = dict.fromkeys(after)
    changes = tuple(
        Change(id=number, object=object, record_id=id, before=before, after=after)
        for number, id in enumerate(ids)
    )
    return list(crm.write(Batch(1, object, api, changes), lambda handle: None))


@pytest.mark.parametrize("api", ["collections", "bulk"])
def test_a_converted_lead_is_rejected_alone_and_told_what_to_do(
    sandbox: RunningSandbox, crm: SalesforceDestination, api: str
) -> None:
    gone, kept = (add(sandbox, "Lead", LastName="Adler", Company="Acme") for _ in range(2))
    sandbox.control("POST", "/salesforce/do/convert_lead", {"id": gone})
    outcomes = {one.record_id: one for one in written(crm, "Lead", api, gone, kept, NPS_Score__c=9)}
    refused = outcomes[gone]
    assert isinstance(refused, Rejected)
    assert refused.code == "CANNOT_UPDATE_CONVERTED_LEAD"
    assert "only: {IsConverted: false}" in refused.message
    assert outcomes[kept] == Written(kept)


def test_an_org_full_of_converted_leads_is_told_the_same() -> None:
    error = RowError("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
    problem = error.as_error("Lead", 200, {"NPS_Score__c": 9})
    assert isinstance(problem, ConfigError)
    assert "only: {IsConverted: false}" in str(problem)


@pytest.mark.parametrize("only", [{}, {"IsPersonAccount": True}])
def test_a_person_account_is_found_by_the_contacts_own_id(
    sandbox: RunningSandbox, crm: SalesforceDestination, only: dict[str, bool]
) -> None:
    number = f"C-88{len(only)}"
    person = add(sandbox, "Account", LastName="Adler", Customer_Id__pc=number)
    add(sandbox, "Account", Name="Adler & Sons")
    (hit,) = crm.find("Account", [Lookup("Customer_Id__pc", "external_id", [number])], ["Name"], only)
    assert (hit.record.id, hit.record.fields) == (person, {"Name": "Adler"})


def test_a_business_account_is_outside_of_a_sync_of_persons(
    sandbox: RunningSandbox, crm: SalesforceDestination
) -> None:
    company = add(sandbox, "Account", Name="Acme")
    assert crm.get("Account", [company], [], {"IsPersonAccount": True}) == []
    assert [one.id for one in crm.get("Account", [company], [], {"IsPersonAccount": False})] == [company]


def test_records_are_found_narrowed_and_read_through_their_lookup(
    sandbox: RunningSandbox, crm: SalesforceDestination
) -> None:
    contact = add(sandbox, "Contact", LastName="Adler", Email="Ann@own.example", Role__c="Buyer")
    mine = {add(sandbox, "Subscription__c", Name=name, Contact__c=contact) for name in "ab"}
    add(sandbox, "Subscription__c", Name="nobody's")
    by_contact = [Lookup("Contact__r.Email", "email", ["ann@own.example"])]
    hits = crm.find("Subscription__c", by_contact, ["Contact__r.Role__c"], {})
    assert {hit.record.id for hit in hits} == mine
    assert {hit.record.fields["Contact__r.Role__c"] for hit in hits} == {"Buyer"}
    assert crm.find("Subscription__c", by_contact, [], {"Contact__r.Role__c": "User"}) == []
    with pytest.raises(ConfigError, match="Contact__r"):
        crm.find("Subscription__c", [Lookup("Contact__r.Nothing__c", "email", ["a"])], [], {})


def test_what_to_grant_names_the_lookup_and_the_field_behind_it(crm: SalesforceDestination) -> None:
    needs = Needs(read={"Subscription__c": frozenset({"Contact__r.Email", "Owner.Name"})})
    told = {grant.permission for grant in crm.access(needs)}
    assert "Field Subscription__c.Contact__c, and Email of the record it leads to: Read" in told
    assert "Field Subscription__c.OwnerId, and Name of the record it leads to: Read" in told
