"""Who is a person beside contacts: leads until they are converted, person accounts, and records of the org's own."""

from urllib.parse import quote

import pytest
from toy_caller import ToyCaller

V = "/services/data/v64.0"


@pytest.fixture(scope="module")
def toy():
    opened = ToyCaller("salesforce", customers=120)
    env = opened.env
    form = f"grant_type=client_credentials&client_id={env['SF_ID']}&client_secret={env['SF_SECRET']}"
    opened.headers["content-type"] = "application/x-www-form-urlencoded"
    token = opened.call("POST", "/services/oauth2/token", raw=form.encode()).json["access_token"]
    opened.headers = {"authorization": f"Bearer {token}"}
    return opened


def add(toy, object, **fields):
    return toy.control("POST", f"/salesforce/{object}", fields)["id"]


def held(toy, object, id):
    return toy.control("GET", f"/salesforce/{object}/{id}")


def patch(toy, object, id, **fields):
    record = {"attributes": {"type": object}, "id": id, **fields}
    return toy.call("PATCH", f"{V}/composite/sobjects", {"allOrNone": False, "records": [record]}).json[0]


def query(toy, soql):
    return toy.call("GET", f"{V}/query/?q={quote(soql)}").json["records"]


def test_a_lead_is_written_until_it_is_converted(toy):
    lead = add(toy, "Lead", LastName="Lead", FirstName="Ann", Company="Acme", Email="ann@lead.example")
    assert patch(toy, "Lead", lead, NPS_Score__c=9)["success"]
    became = toy.do("convert_lead", id=lead)
    refused = patch(toy, "Lead", lead, NPS_Score__c=3)
    assert [one["statusCode"] for one in refused["errors"]] == ["CANNOT_UPDATE_CONVERTED_LEAD"]
    row = held(toy, "Lead", lead)
    assert (row["IsConverted"], row["NPS_Score__c"], row["Name"]) == (True, 9, "Ann Lead")
    assert row["ConvertedContactId"] == became["contact"]
    contact = held(toy, "Contact", became["contact"])
    assert (contact["Email"], contact["AccountId"]) == ("ann@lead.example", became["account"])
    assert query(toy, "SELECT Id FROM Lead WHERE Email = 'ann@lead.example' AND IsConverted = false") == []
    with pytest.raises(AssertionError, match="converted already"):
        toy.do("convert_lead", id=lead)


@pytest.mark.parametrize("field", ["IsConverted", "ConvertedContactId"])
def test_converting_is_no_matter_of_writing_a_field(toy, field):
    lead = add(toy, "Lead", LastName="Lead", Company="Acme")
    refused = patch(toy, "Lead", lead, **{field: True if field == "IsConverted" else None})
    assert refused["errors"][0]["statusCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"


def test_the_org_starts_with_leads_of_both_kinds_and_subscriptions(toy):
    assert {row["IsConverted"] for row in toy.rows("Lead")} == {True, False}
    converted = next(row for row in toy.rows("Lead") if row["IsConverted"])
    assert held(toy, "Contact", converted["ConvertedContactId"])["Email"] == converted["Email"]
    assert all(row["Contact__c"] for row in toy.rows("Subscription__c"))


def test_a_person_account_is_one_row_seen_as_two_objects(toy):
    account = add(toy, "Account", FirstName="Ann", LastName="Person", PersonEmail="ann@person.example")
    row = held(toy, "Account", account)
    contact = row["PersonContactId"]
    assert (row["IsPersonAccount"], row["Name"]) == (True, "Ann Person")
    assert held(toy, "Contact", contact)["Email"] == "ann@person.example"
    assert patch(toy, "Account", account, NPS_Score__pc=9, PersonMobilePhone="+12125550001")["success"]
    half = held(toy, "Contact", contact)
    assert (half["NPS_Score__c"], half["MobilePhone"], half["AccountId"]) == (9, "+12125550001", account)
    toy.control("DELETE", f"/salesforce/Account/{account}")
    assert held(toy, "Contact", contact)["IsDeleted"]


def test_merging_person_accounts_merges_their_contacts(toy):
    kept, gone = (add(toy, "Account", LastName=name, PersonEmail=f"{name}@person.example") for name in "ab")
    halves = [held(toy, "Account", one)["PersonContactId"] for one in (kept, gone)]
    toy.control("POST", f"/salesforce/Account/{kept}/merge", {"loser": gone})
    assert held(toy, "Account", gone)["MasterRecordId"] == kept
    assert held(toy, "Contact", halves[1])["MasterRecordId"] == halves[0]


def test_a_company_keeps_its_one_name(toy):
    account = add(toy, "Account", Name="Acme & Sons")
    assert patch(toy, "Account", account, NPS__c=0)["success"]
    assert held(toy, "Account", account)["Name"] == "Acme & Sons"
    assert not held(toy, "Account", account)["IsPersonAccount"]


def test_a_record_of_the_orgs_own_leads_to_its_contact(toy):
    contact = add(toy, "Contact", LastName="Owner", Email="owner@sub.example")
    key = "S-own-1"
    id = add(toy, "Subscription__c", Name="Sub", Subscription_Key__c=key, Contact__c=contact)
    (row,) = query(
        toy, f"SELECT Id, Contact__r.Email FROM Subscription__c WHERE Subscription_Key__c = '{key}'"
    )
    assert (row["Id"], row["Contact__r"]["Email"]) == (id, "owner@sub.example")
    (same,) = query(toy, "SELECT Id FROM Subscription__c WHERE Contact__r.Email = 'owner@sub.example'")
    assert same["Id"] == id
    other = add(toy, "Contact", LastName="Other")
    toy.control("POST", f"/salesforce/Contact/{other}/merge", {"loser": contact})
    assert held(toy, "Subscription__c", id)["Contact__c"] == other


@pytest.mark.parametrize(
    ("object", "fields", "written"),
    [
        (
            "Lead",
            {"LastName": "Page", "Company": "Acme"},
            {"NPS_Score__c": 9, "NPS_Comment__c": "onto the page"},
        ),
        ("Account", {"LastName": "Page"}, {"NPS_Score__pc": 9, "NPS_Comment__pc": "onto the page"}),
        ("Account", {"Name": "Onto the page"}, {"NPS__c": 0}),
        ("Subscription__c", {"Name": "Page"}, {"NPS_Score__c": 9, "NPS_Comment__c": "onto the page"}),
        ("Case", {"Subject": "Page"}, {"CSAT_Score__c": 4, "CSAT_Comment__c": "onto the page"}),
    ],
)
def test_every_record_has_a_page_that_shows_what_was_written(toy, object, fields, written):
    id = add(toy, object, **fields)
    assert patch(toy, object, id, **written)["success"]
    page = toy.page(f"/salesforce/record/{id}")
    assert "onto the page" in page.lower()
    assert f"<ins>{next(iter(written.values()))}</ins>" in page
    assert id in toy.page("/")
