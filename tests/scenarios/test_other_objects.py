"""Answers onto records that are not contacts: leads, person accounts, an org's own object, HubSpot's companies."""

from __future__ import annotations

from typing import Any

import pytest
from cli_process import HUBSPOT_FIELDS, SALESFORCE_FIELDS, Npsync, config, to_contacts
from townspeople import Person, Town

PERSON_FIELDS = {f"{name.removesuffix('__c')}__pc": value for name, value in SALESFORCE_FIELDS.items()}
OPEN = {"IsConverted": False}


@pytest.fixture(autouse=True)
def nobody_answered_before(town: Town) -> None:
    for row in town.sandbox.rows("wootric", "responses"):
        town.sandbox.control("DELETE", f"/wootric/responses/{row['id']}")


def onto(
    object: str,
    *match: tuple[str, str],
    fields: dict[str, Any] = SALESFORCE_FIELDS,
    connection: str = "crm",
    **only: Any,
) -> dict[str, Any]:
    """The file with one sync, onto records of this object."""
    rules = [{"response": response, "record": record} for response, record in match]
    target = {"connection": connection, "object": object, "match": rules, "only": only}
    return config(sync={"records": to_contacts(to=target, fields=fields)})


def answered(town: Town, score: int, **properties: str) -> Person:
    """Somebody whom no CRM knows yet answered."""
    ann = town.person(in_crm=False)
    if properties:
        town.sandbox.control("PATCH", f"/wootric/end_users/{ann.end_user}", {"properties": properties})
    town.answers(ann, score, "well")
    return ann


def add(town: Town, vendor: str, object: str, **fields: Any) -> str:
    return str(town.sandbox.control("POST", f"/{vendor}/{object}", fields)["id"])


def held(town: Town, vendor: str, object: str, id: str) -> dict[str, Any]:
    row: dict[str, Any] = town.sandbox.control("GET", f"/{vendor}/{object}/{id}")
    return row


def lead(town: Town, email: str | None) -> str:
    return add(town, "salesforce", "Lead", LastName="Adler", Company="Acme", Email=email)


def score(town: Town, id: str, object: str = "Lead", field: str = "NPS_Score__c") -> Any:
    return held(town, "salesforce", object, id)[field]


def test_a_lead_shows_its_answer_tells_why_and_is_restored(npsync: Npsync, town: Town):
    npsync.configured(onto("Lead", ("email", "Email"), **OPEN))
    ann = lead(town, answered(town, 9).email)
    assert npsync.run("records", exits=0)["writes"] == {"Lead": 1}
    assert (score(town, ann), score(town, ann, field="NPS_Segment__c")) == (9, "Promoter")
    why = npsync("why", ann).out
    assert f"crm Lead {ann}" in why
    assert "NPS_Score__c shows 9" in why
    assert "<ins>9</ins>" in town.sandbox.session.get(f"{town.sandbox.url}/salesforce/record/{ann}").text
    npsync("undo", "1", "--yes")
    assert score(town, ann) is None


def test_a_lead_that_was_converted_is_rejected_with_what_to_do(npsync: Npsync, town: Town):
    npsync.configured(onto("Lead", ("email", "Email")))
    gone, kept = (lead(town, answered(town, points).email) for points in (9, 3))
    town.sandbox.control("POST", "/salesforce/do/convert_lead", {"id": gone})
    assert npsync.run("records", exits=3)["states"]["rejected"] == 1
    assert (score(town, gone), score(town, kept)) == (None, 3)
    letters = " ".join(npsync("dead-letters", "list").out.split())
    assert (
        "CANNOT_UPDATE_CONVERTED_LEAD: cannot reference converted lead; the person is a contact now"
        in letters
    )
    told = npsync("connect", "crm").out
    assert "Converted leads" in told
    npsync.configured(onto("Lead", ("email", "Email"), **OPEN))
    assert "Converted leads" not in npsync("connect", "crm").out


def test_of_two_leads_with_one_address_the_one_that_is_open_is_written(npsync: Npsync, town: Town):
    npsync.configured(onto("Lead", ("email", "Email"), **OPEN))
    email = answered(town, 9).email
    gone, kept = lead(town, email), lead(town, email)
    town.sandbox.control("POST", "/salesforce/do/convert_lead", {"id": gone})
    npsync.run("records", exits=0)
    assert (score(town, gone), score(town, kept)) == (None, 9)


def test_a_person_account_is_written_as_an_account_and_its_contact_shows_it(npsync: Npsync, town: Town):
    fields = PERSON_FIELDS
    npsync.configured(onto("Account", ("email", "PersonEmail"), fields=fields, IsPersonAccount=True))
    email = answered(town, 9).email
    person = add(town, "salesforce", "Account", LastName="Adler", PersonEmail=email)
    assert npsync.run("records", exits=0)["writes"] == {"Account": 1}
    row = held(town, "salesforce", "Account", person)
    assert (row["NPS_Score__pc"], row["NPS_Comment__pc"]) == (9, "well")
    assert score(town, row["PersonContactId"], "Contact") == 9


@pytest.mark.parametrize(
    ("object", "rule", "fields", "shown"),
    [
        (
            "Account",
            ("properties.key", "Account_Key__c"),
            {"NPS_Last_Score__c": "score"},
            "NPS_Last_Score__c",
        ),
        ("Case", ("properties.key", "CaseNumber"), {"CSAT_Score__c": "score"}, "CSAT_Score__c"),
    ],
)
def test_a_company_and_a_case_are_found_by_the_key_an_answer_carries(
    npsync: Npsync, town: Town, object: str, rule: tuple[str, str], fields: dict[str, Any], shown: str
):
    npsync.configured(onto(object, rule, fields=fields))
    given = {"Name": "Acme", "Account_Key__c": "A-007007"} if object == "Account" else {"Subject": "Help"}
    id = add(town, "salesforce", object, **given)
    answered(town, 0, key=held(town, "salesforce", object, id)[rule[1]])
    assert npsync.run("records", exits=0)["writes"] == {object: 1}
    assert score(town, id, object, shown) == 0


def test_an_object_of_ones_own_is_found_by_its_key_or_through_its_contact(npsync: Npsync, town: Town):
    by_key, by_contact = ("properties.subscription", "Subscription_Key__c"), ("email", "Contact__r.Email")
    npsync.configured(onto("Subscription__c", by_key, by_contact))
    keyed = add(town, "salesforce", "Subscription__c", Name="Team", Subscription_Key__c="S-7001")
    answered(town, 9, subscription="S-7001")
    contact = add(town, "salesforce", "Contact", LastName="Adler", Email=answered(town, 3).email)
    related = add(town, "salesforce", "Subscription__c", Name="Starter", Contact__c=contact)
    npsync.run("records", exits=0)
    assert (score(town, keyed, "Subscription__c"), score(town, related, "Subscription__c")) == (9, 3)
    granted = " ".join(npsync("connect", "crm").out.split())
    assert "Field Subscription__c.Contact__c, and Email of the record it leads to: Read" in granted


def test_a_company_of_hubspot_is_found_by_its_domain_or_its_own_id(npsync: Npsync, town: Town):
    rules = (("properties.company", "customer_id"), ("email_domain", "domain"))
    npsync.configured(onto("companies", *rules, fields=HUBSPOT_FIELDS, connection="hub"))
    nine = add(town, "hubspot", "companies", name="Nine", domain="town.example")
    add(town, "hubspot", "companies", name="A mail provider", domain="gmail.com")
    ten = add(town, "hubspot", "companies", name="Ten", domain="ten.example", customer_id="A-000910")
    answered(town, 9)
    town.answers(town.person(email="jo@gmail.com", in_crm=False), 2)
    town.answers(town.person(email="mo@gmail.com", in_crm=False), 3)
    somebody = town.person(email="ten@gmail.com", in_crm=False)
    town.sandbox.control(
        "PATCH", f"/wootric/end_users/{somebody.end_user}", {"properties": {"company": "A-000910"}}
    )
    town.answers(somebody, 4)
    report = npsync.run("records", exits=0)
    assert (report["writes"], report["states"]["excluded"]) == ({"companies": 2}, 2)
    scores = [held(town, "hubspot", "companies", one)["nps_score"] for one in (nine, ten)]
    assert scores == ["9", "4"]
    assert f"hub companies {nine}" in npsync("why", nine).out
