"""What a record page shows beside the record, and the start page in groups."""

import re

import pytest
from asgi_caller import Caller
from salesforce_toy import SignedIn
from toy_caller import UNTIL, ToyCaller

from sandbox.server import Options, Sandbox
from sandbox.vendors import EVERY, GROUPS


def section(page, title):
    """The text of one panel, without its tags."""
    found = re.search(rf'<h2 id="beside-\d+">{title}.*?</section>', page, flags=re.DOTALL)
    assert found, f"no panel {title}"
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[0]))


@pytest.fixture(scope="module")
def crm():
    return SignedIn(customers=60, ugly=0.0)


def test_a_salesforce_contact_shows_tasks_answers_and_campaigns(crm):
    ann = crm.some("Contact", "AccountId != null", "Id, AccountId, Name")
    body = {
        "Subject": "Call <b>Ann</b>",
        "Description": "Too slow & dear\nBefore: 9",
        "ActivityDate": "2026-11-05",
    }
    task = crm.made("Task", WhoId=ann["Id"], **body)
    crm.made(
        "NPS_Response__c", Response_Key__c="p1", Contact__c=ann["Id"], Score__c=0, Segment__c="Detractor"
    )
    campaign = crm.some("Campaign", "Name = 'NPS detractors'")["Id"]
    crm.made("CampaignMember", CampaignId=campaign, ContactId=ann["Id"], Status="Responded")
    page = crm.toy.page(f"/salesforce/record/{ann['Id']}")
    assert "Call &lt;b&gt;Ann&lt;/b&gt;" in page
    assert "npsync Integration · due 2026-11-05" in section(page, "Tasks")
    assert "Too slow &amp; dear" in section(page, "Tasks")
    assert "0 Detractor" in section(page, "Answers kept")
    assert "NPS detractors Responded" in section(page, "Campaigns")
    crm.call("PATCH", f"/sobjects/Task/{task}", {"Status": "Completed"})
    assert 'class="done"' in crm.toy.page(f"/salesforce/record/{ann['Id']}")


def test_a_salesforce_account_shows_its_nps_and_its_people(crm):
    ann = crm.some("Contact", "AccountId != null", "Id, AccountId, Name")
    address = f"/salesforce/record/{ann['AccountId']}"
    assert "Nothing has been rolled up" in crm.toy.page(address)
    told = {"NPS_Responses__c": 2, "NPS_Detractors__c": 0}
    crm.call("PATCH", f"/sobjects/Account/{ann['AccountId']}", told)
    assert "too few answers for a number" in crm.toy.page(address)
    crm.call("PATCH", f"/sobjects/Account/{ann['AccountId']}", {"NPS__c": -33, "NPS_Margin__c": 14.68})
    page = crm.toy.page(address)
    assert '<span class="number wide">-33</span>' in page
    assert "14.68" in page
    assert f'href="/salesforce/record/{ann["Id"]}"' in page
    assert "Annual revenue" in page


@pytest.fixture(scope="module")
def portal():
    toy = ToyCaller("hubspot", customers=40, limits={"burst": 0, "search": 0, "daily": 0})
    toy.headers = {"authorization": f"Bearer {toy.env['HUBSPOT_TOKEN']}"}
    return toy


def test_a_hubspot_contact_shows_tasks_notes_answers_and_lists(portal):
    ann = portal.add("contacts", firstname="Ann")

    def to_ann(type):
        types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": type}]
        return [{"to": {"id": ann}, "types": types}]

    due = "2026-11-24T09:00:00Z"
    task = {"hs_timestamp": due, "hs_task_subject": "Call Ann", "hubspot_owner_id": "64492918"}
    note = {"hs_timestamp": due, "hs_note_body": "Scored 3<br>&lt;b&gt;Too slow"}
    portal.post("/crm/v3/objects/tasks", {"properties": task, "associations": to_ann(204)})
    portal.post("/crm/v3/objects/notes", {"properties": note, "associations": to_ann(202)})
    kept = {"properties": {"response_key": "r1", "score": "3", "segment": "detractor"}}
    made = portal.post("/crm/v3/objects/nps_response", kept).json["id"]
    portal.call("PUT", f"/crm/v4/objects/nps_response/{made}/associations/default/contacts/{ann}")
    promoters = next(row["id"] for row in portal.rows("lists") if row["name"] == "NPS promoters")
    portal.call("PUT", f"/crm/v3/lists/{promoters}/memberships/add", [ann])
    page = portal.page(f"/hubspot/record/{ann}")
    assert "Call Ann Not started Priya Shah · due 2026-11-24 09:00 UTC" in section(page, "Tasks")
    assert "&lt;b&gt;Too slow" in section(page, "Notes")
    assert "3 detractor" in section(page, "Answers kept")
    assert "NPS promoters" in section(page, "Lists")
    assert "No ticket" in section(page, "Tickets")


def test_pages_stay_when_nothing_about_surveys_is_there():
    crm = SignedIn(customers=20)
    crm.toy.do("strip")
    for object in ("Contact", "Account"):
        for row in crm.query(f"SELECT Id FROM {object}"):
            assert crm.toy.page(f"/salesforce/record/{row['Id']}")
    portal = ToyCaller("hubspot", customers=20)
    portal.do("strip")
    for object in ("contacts", "companies"):
        for row in portal.rows(object):
            assert portal.page(f"/hubspot/record/{row['id']}")


def test_the_start_page_has_every_system_once_in_one_of_three_groups():
    sandbox = Sandbox(Options(customers=5, responses=0, until=UNTIL))
    page = Caller(sandbox, headers={"host": "toys.example"}).get("/").body.decode()
    assert re.findall(r'<h2 id="[^"]+">([^<]+)</h2>', page) == list(GROUPS)
    assert sorted(re.findall(r"<h3>([^<]+)</h3>", page)) == sorted(vendor.title for vendor in EVERY)
