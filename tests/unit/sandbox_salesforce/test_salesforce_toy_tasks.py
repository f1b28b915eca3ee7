"""What is made for an answer in the toy Salesforce: tasks, kept answers, members of a campaign."""

import csv

import pytest
from salesforce_toy import SignedIn, V, codes, error


@pytest.fixture(scope="module")
def crm():
    return SignedIn(customers=120, ugly=0.0)


@pytest.fixture(scope="module")
def ann(crm):
    return crm.some("Contact", "AccountId != null", "Id, AccountId, OwnerId, Customer_Id__c")


@pytest.fixture(scope="module")
def nora(crm):
    """A colleague who left."""
    return crm.some("User", "IsActive = false")["Id"]


def test_a_task_belongs_to_the_account_of_its_contact_and_is_closed_by_its_status(crm, ann):
    id = crm.made("Task", Subject="Call", WhoId=ann["Id"], ActivityDate="2026-11-05", OwnerId=ann["OwnerId"])
    asked = "SELECT Status, Priority, IsClosed, AccountId, Who.Name, CompletedDateTime FROM Task WHERE Id = "
    (task,) = crm.query(f"{asked}'{id}'")
    assert (task["Status"], task["Priority"], task["IsClosed"]) == ("Not Started", "Normal", False)
    assert task["AccountId"] == ann["AccountId"]
    assert task["Who"]["attributes"]["type"] == "Contact"
    assert crm.call("PATCH", f"/sobjects/Task/{id}", {"Status": "Completed"}).status == 204
    (task,) = crm.query(f"{asked}'{id}'")
    assert task["IsClosed"] is True
    assert task["CompletedDateTime"] is not None


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"Subject": "x" * 256}, "STRING_TOO_LONG"),
        ({"ActivityDate": "2026-11-05T10:00:00Z"}, "JSON_PARSER_ERROR"),
        ({"IsClosed": True}, "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ({"Status": None}, "REQUIRED_FIELD_MISSING"),
        ({"WhoId": "001Hs0000000001IAA"}, "MALFORMED_ID"),
        ({"WhoId": "003Hs0000009999IAA"}, "INVALID_CROSS_REFERENCE_KEY"),
        ({"Subjekt": "Call"}, "INVALID_FIELD"),
    ],
)
def test_what_a_task_may_not_hold_is_refused(crm, fields, code):
    assert error(crm.create("Task", **{"Subject": "Call", **fields})) == (400, code)


def test_a_task_needs_an_owner_who_still_works_here_or_a_queue(crm, ann, nora):
    refused = {"WhoId": ann["Id"], "Subject": "Call", "OwnerId": nora}
    queue = crm.some("Group", "Type = 'Queue'")["Id"]
    other = crm.some("Group", "Type != 'Queue'")["Id"]
    given = [refused, {**refused, "OwnerId": queue}, {**refused, "OwnerId": other}]
    inactive = "OPERATION_WITH_INACTIVE_OWNER"
    assert crm.many("POST", "Task", *given) == [inactive, None, "INVALID_CROSS_REFERENCE_KEY"]
    contacts = crm.query("SELECT Id, Owner.IsActive FROM Contact WHERE Owner.IsActive = false")
    assert contacts
    assert {row["Owner"]["IsActive"] for row in contacts} == {False}


def test_a_task_with_an_external_id_is_made_once(crm, ann):
    record = {"NPS_Event_Id__c": "email-nps/505", "Subject": "Call", "WhoId": ann["Id"]}
    to = "/Task/NPS_Event_Id__c"
    assert crm.many("PATCH", "Task", record, to=to) == [None]
    assert crm.many("PATCH", "Task", {**record, "Subject": "Call again"}, to=to) == [None]
    once = crm.call("PATCH", "/sobjects/Task/NPS_Event_Id__c/email-nps%2F505", {"Priority": "High"})
    assert (once.status, once.json["created"]) == (200, False)
    found = crm.query("SELECT Subject, Priority FROM Task WHERE NPS_Event_Id__c = 'email-nps/505'")
    assert found == [{"Subject": "Call again", "Priority": "High"}]
    assert crm.many("POST", "Task", record) == ["DUPLICATE_VALUE"]
    twice = [{**record, "NPS_Event_Id__c": "k"}] * 2
    assert crm.many("PATCH", "Task", *twice, to=to) == ["DUPLICATE_VALUE"] * 2


def test_an_answer_is_kept_once_and_names_its_contact_by_id_or_by_external_id(crm, ann):
    to = "/NPS_Response__c/Response_Key__c"
    first = {"Response_Key__c": "r1", "Score__c": 0, "Segment__c": "Detractor", "Contact__c": ann["Id"]}
    second = {"Response_Key__c": "r2", "Contact__r": {"Customer_Id__c": ann["Customer_Id__c"]}, "Score__c": 9}
    lost = {"Response_Key__c": "r3", "Contact__r": {"Customer_Id__c": "nobody"}}
    dead = {"Response_Key__c": "r4", "Contact__c": "003Hs0000009999IAA"}
    told = crm.many("PATCH", "NPS_Response__c", first, second, lost, dead, to=to)
    assert told == [None, None, "INVALID_FIELD", "INVALID_CROSS_REFERENCE_KEY"]
    assert crm.many("PATCH", "NPS_Response__c", {**first, "Score__c": 3}, to=to) == [None]
    mine = f"Contact__c = '{ann['Id']}' AND Response_Key__c IN ('r1', 'r2')"
    asked = f"SELECT Name, Score__c, Contact__r.Id FROM NPS_Response__c WHERE {mine}"
    kept = crm.query(f"{asked} ORDER BY Response_Key__c")
    assert [(row["Score__c"], row["Contact__r"]["Id"]) for row in kept] == [(3, ann["Id"]), (9, ann["Id"])]
    assert all(row["Name"].startswith("R-") for row in kept)


def test_what_was_made_for_an_answer_may_be_deleted_and_a_customer_may_not(crm, ann):
    ids = [crm.made("Task", WhoId=ann["Id"]), crm.made("NPS_Response__c", Response_Key__c="gone"), ann["Id"]]
    deleted = crm.call("DELETE", "/composite/sobjects", ids=",".join(ids), allOrNone="false")
    assert codes(deleted) == [None, None, "INSUFFICIENT_ACCESS_OR_READONLY"]
    assert error(crm.call("DELETE", f"/sobjects/Task/{ids[0]}")) == (404, "ENTITY_IS_DELETED")
    again = crm.many(
        "PATCH", "NPS_Response__c", {"Response_Key__c": "gone"}, to="/NPS_Response__c/Response_Key__c"
    )
    assert again == [None]


def test_a_contact_is_a_member_of_a_campaign_once(crm, ann):
    campaign = crm.some("Campaign", "Name = 'NPS promoters'")["Id"]
    member = {"CampaignId": campaign, "ContactId": ann["Id"], "Status": "Responded"}
    assert crm.many("POST", "CampaignMember", member) == [None]
    assert crm.many(
        "POST", "CampaignMember", member, {**member, "Status": "Adored"}, {"CampaignId": campaign}
    ) == [
        "DUPLICATE_VALUE",
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        "REQUIRED_FIELD_MISSING",
    ]
    asked = f"SELECT Id, HasResponded FROM CampaignMember WHERE CampaignId = '{campaign}'"
    (held,) = crm.query(asked)
    assert held["HasResponded"] is True
    moved = crm.call("PATCH", f"/sobjects/CampaignMember/{held['Id']}", {"ContactId": ann["Id"]})
    assert error(moved) == (400, "INVALID_FIELD_FOR_INSERT_UPDATE")
    assert crm.call("DELETE", f"/sobjects/CampaignMember/{held['Id']}").status == 204
    assert crm.many("POST", "CampaignMember", {**member, "Status": None}) == [None]
    assert [row["HasResponded"] for row in crm.query(asked)] == [False]


def test_a_new_campaign_has_statuses_for_its_members(crm):
    id = crm.made("Campaign", Name="Beta testers")
    statuses = crm.query(
        f"SELECT Label, HasResponded FROM CampaignMemberStatus WHERE CampaignId = '{id}' ORDER BY SortOrder"
    )
    assert statuses == [
        {"Label": "Sent", "HasResponded": False},
        {"Label": "Responded", "HasResponded": True},
    ]


def test_a_merge_takes_the_tasks_along(crm):
    keeps, goes = (crm.toy.add("Contact", LastName=name) for name in ("Keeps", "Goes"))
    task = crm.made("Task", WhoId=goes)
    crm.toy.control("POST", f"/salesforce/Contact/{keeps}/merge", {"loser": goes})
    assert crm.query(f"SELECT Id FROM Task WHERE WhoId = '{keeps}'") == [{"Id": task}]


def test_faults_meet_new_records_as_well(crm):
    crm.toy.fault("record_error", path="NPS_Response__c/bad", detail={"statusCode": "APEX_ERROR"})
    bad, good = ({"Response_Key__c": key} for key in ("bad", "good"))
    to = "/NPS_Response__c/Response_Key__c"
    assert crm.many("PATCH", "NPS_Response__c", bad, good, to=to) == ["APEX_ERROR", None]


def test_accounts_have_what_a_report_weighs_and_groups_by(crm):
    rows = crm.query("SELECT AnnualRevenue, Type, Plan__c, Product_Line__c FROM Account")
    assert any(row["AnnualRevenue"] is None for row in rows)
    assert all(row["Plan__c"] and row["Product_Line__c"] and row["Type"] for row in rows)
    assert crm.query("SELECT Id FROM Account WHERE AnnualRevenue > 100000")


def bulk(crm, object, text, **settings):
    """(successful, failed) of one job: its results, one list of cells a row."""
    wanted = {"object": object, **settings}
    job = crm.call("POST", "/jobs/ingest", wanted).json["id"]
    headers = {**crm.headers, "content-type": "text/csv"}
    crm.toy.call("PUT", f"{V}/jobs/ingest/{job}/batches", raw=text.encode(), headers=headers)
    crm.call("PATCH", f"/jobs/ingest/{job}", {"state": "UploadComplete"})
    while crm.call("GET", f"/jobs/ingest/{job}").json["state"] in ("UploadComplete", "InProgress"):
        pass
    results = (
        crm.call("GET", f"/jobs/ingest/{job}/{which}") for which in ("successfulResults", "failedResults")
    )
    return tuple([*csv.reader(reply.body.decode().splitlines())][1:] for reply in results)


def test_a_bulk_job_keeps_answers_and_names_their_contact_by_external_id(crm, ann):
    header = "Response_Key__c,Score__c,Contact__r.Customer_Id__c"
    rows = [f"b1,9,{ann['Customer_Id__c']}", "b2,3,nobody", "b3,3,"]
    text = "\n".join([header, *rows, ""])
    how = {"operation": "upsert", "externalIdFieldName": "Response_Key__c"}
    kept, refused = bulk(crm, "NPS_Response__c", text, **how)
    assert sorted(row[2] for row in kept) == ["b1", "b3"]
    assert [row[2] for row in refused] == ["b2"]
    (found,) = crm.query("SELECT Id, Contact__c FROM NPS_Response__c WHERE Response_Key__c = 'b1'")
    assert found["Contact__c"] == ann["Id"]
    gone, _ = bulk(crm, "NPS_Response__c", f"Id\n{found['Id']}\n", operation="delete")
    assert [row[0] for row in gone] == [found["Id"]]
    assert crm.query("SELECT Id FROM NPS_Response__c WHERE Response_Key__c = 'b1'") == []


def test_a_long_text_is_read_and_never_searched(crm):
    refused = crm.call("GET", "/query?q=SELECT+Id+FROM+Task+WHERE+Description+LIKE+'%25key%25'")
    assert error(refused) == (400, "INVALID_FIELD")
    assert crm.query("SELECT Description FROM Task LIMIT 1")
