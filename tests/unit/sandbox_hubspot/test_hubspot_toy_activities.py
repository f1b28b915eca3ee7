"""Tasks and notes of the toy HubSpot, who owns them, and what they belong to."""

import pytest
from toy_caller import ToyCaller

DUE = "2026-11-24T09:00:00Z"
TASK_TO_CONTACT, NOTE_TO_CONTACT = 204, 202


@pytest.fixture(scope="module")
def portal():
    toy = ToyCaller("hubspot", limits={"burst": 0, "search": 0, "daily": 0})
    toy.headers = {"authorization": f"Bearer {toy.env['HUBSPOT_TOKEN']}"}
    return toy


@pytest.fixture
def ann(portal):
    return portal.add("contacts", firstname="Ann")


def wish(contact=None, type=TASK_TO_CONTACT, **properties):
    asked = {"properties": {"hs_timestamp": DUE, **properties}}
    if contact is not None:
        types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": type}]
        asked["associations"] = [{"to": {"id": contact}, "types": types}]
    return asked


def create(portal, kind, *wishes):
    return portal.post(f"/crm/v3/objects/{kind}/batch/create", {"inputs": list(wishes)})


def of(portal, contact, kind):
    """Ids of the tasks or notes of a contact, as the associations tell."""
    reply = portal.post(f"/crm/v4/associations/contacts/{kind}/batch/read", {"inputs": [{"id": contact}]})
    return [str(one["toObjectId"]) for row in reply.json["results"] for one in row["to"]]


def test_a_task_is_made_with_its_contact_and_read_back_through_it(portal, ann):
    made = portal.post("/crm/v3/objects/tasks", wish(ann, hs_task_subject="Call", hs_task_priority="HIGH"))
    assert made.status == 201
    task = made.json["id"]
    assert made.json["associations"] == {"contacts": {"results": [{"id": ann, "type": "task_to_contact"}]}}
    assert of(portal, ann, "tasks") == [task]
    back = portal.get(f"/crm/v4/objects/tasks/{task}/associations/contacts").json["results"]
    assert [(one["toObjectId"], one["associationTypes"][0]["typeId"]) for one in back] == [(int(ann), 204)]
    shown = portal.get(
        f"/crm/v3/objects/tasks/{task}", properties="hs_task_status", associations="contacts"
    ).json
    assert shown["properties"]["hs_task_status"] == "NOT_STARTED"
    assert shown["associations"]["contacts"]["results"][0]["id"] == ann


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"properties": {"hs_task_subject": "Call"}}, "required properties"),
        (wish(hs_task_status="DONE"), "INVALID_OPTION"),
        (wish(hs_task_body="x" * 65_537), "INVALID_LENGTH"),
        (wish(hubspot_owner_id="64492920"), "INVALID_OWNER_ID"),
        (wish("999"), "CONTACT=999 is not valid"),
        (wish("33001", type=999), "Association type 999"),
        (wish(subject="Call"), "does not exist"),
    ],
)
def test_what_a_task_may_not_hold_is_refused(portal, asked, said):
    reply = portal.post("/crm/v3/objects/tasks", asked)
    assert (reply.status, reply.json["category"]) == (400, "VALIDATION_ERROR")
    assert said in reply.json["message"]


def test_one_bad_task_sinks_its_batch_unless_each_is_traced(portal, ann):
    good, bad = wish(ann), wish(ann, hs_task_priority="URGENT")
    assert create(portal, "tasks", good, bad).status == 400
    assert of(portal, ann, "tasks") == []
    traced = create(portal, "tasks", {**good, "objectWriteTraceId": "a"}, {**bad, "objectWriteTraceId": "b"})
    assert (traced.status, len(traced.json["results"])) == (207, 1)
    assert traced.json["errors"][0]["context"]["objectWriteTraceId"] == ["b"]
    assert create(portal, "tasks", *[good] * 101).status == 400


def test_a_finished_task_says_since_when_and_is_found_by_search(portal, ann):
    (task,) = create(portal, "tasks", wish(ann)).json["results"]
    create(portal, "tasks", wish(ann))
    done = {"id": task["id"], "properties": {"hs_task_status": "COMPLETED"}}
    assert portal.post("/crm/v3/objects/tasks/batch/update", {"inputs": [done]}).status == 200
    filters = [
        {"propertyName": "associations.contact", "operator": "EQ", "value": ann},
        {"propertyName": "hs_task_status", "operator": "EQ", "value": "COMPLETED"},
    ]
    body = {"filterGroups": [{"filters": filters}], "properties": ["hs_task_completion_date"], "limit": 10}
    found = portal.post("/crm/v3/objects/tasks/search", body).json["results"]
    assert [row["id"] for row in found] == [task["id"]]
    assert found[0]["properties"]["hs_task_completion_date"] is not None


def test_a_note_hangs_on_a_contact_and_goes_when_it_is_put_away(portal, ann):
    notes = create(portal, "notes", *[wish(ann, NOTE_TO_CONTACT, hs_note_body="<b>3</b>")] * 3)
    assert notes.status == 201
    first, second, third = sorted(row["id"] for row in notes.json["results"])
    assert of(portal, ann, "notes") == [first, second, third]
    assert portal.call("DELETE", f"/crm/v3/objects/notes/{first}").status == 204
    archived = portal.post(
        "/crm/v3/objects/notes/batch/archive", {"inputs": [{"id": second}, {"id": second}]}
    )
    assert archived.status == 204
    assert of(portal, ann, "notes") == [third]
    assert portal.get(f"/crm/v3/objects/notes/{first}", archived="true").status == 200
    assert portal.post("/crm/v3/objects/notes/gdpr-delete", {"objectId": third}).status == 204
    assert portal.get(f"/crm/v3/objects/notes/{third}", archived="true").status == 404


def test_a_task_may_be_associated_later_and_follows_a_merge(portal, ann):
    (task,) = create(portal, "tasks", wish()).json["results"]
    path = f"/crm/v4/objects/tasks/{task['id']}/associations/default/contacts/{ann}"
    assert portal.call("PUT", path).status == 200
    other = portal.add("contacts", firstname="Other")
    survivor = portal.control("POST", f"/hubspot/contacts/{other}/merge", {"loser": ann})["id"]
    assert of(portal, survivor, "tasks") == [task["id"]]
    told = {"from": {"id": survivor}, "to": {"id": "999"}, "types": []}
    missing = portal.post("/crm/v4/associations/contacts/tasks/batch/create", {"inputs": [told]})
    assert (missing.status, missing.json["numErrors"]) == (207, 1)


def test_owners_who_left_are_told_only_when_asked_for(portal):
    def asked(**query):
        return [one["id"] for one in portal.get("/crm/v3/owners/", **query).json["results"]]

    assert asked() == ["64492917", "64492918", "64492919"]
    assert asked(archived="true") == ["64492920"]
    assert asked(email="priya@acme.example") == ["64492918"]
    first = portal.get("/crm/v3/owners", limit=2).json
    rest = portal.get("/crm/v3/owners", limit=2, after=first["paging"]["next"]["after"]).json
    assert len(first["results"] + rest["results"]) == 3
    assert portal.get("/crm/v3/owners/64492920").status == 404
    contacts = portal.rows("contacts")
    assert any(row["hubspot_owner_id"] == "64492920" for row in contacts)


def test_dated_addresses_lead_to_the_same_calls(portal, ann):
    assert portal.post("/crm/objects/2026-03/tasks", wish(ann)).status == 201
    reply = portal.post("/crm/associations/2026-03/contacts/tasks/batch/read", {"inputs": [{"id": ann}]})
    assert len(reply.json["results"][0]["to"]) == 1
    assert portal.get("/crm/owners/2026-03").status == 200


def test_a_token_that_may_only_read_makes_nothing(portal, ann):
    only = {"authorization": f"Bearer {portal.env['HUBSPOT_READ_ONLY_TOKEN']}"}
    refused = portal.call("POST", "/crm/v3/objects/tasks", wish(ann), headers=only)
    assert (refused.status, refused.json["category"]) == (403, "MISSING_SCOPES")


def test_faults_meet_new_records_as_well(portal, ann):
    portal.fault("invalid_record", path="tasks/ Cursed")
    refused = portal.post("/crm/v3/objects/tasks", wish(ann, hs_task_subject="Cursed"))
    assert refused.status == 201, "the text begins with the due date"
    portal.control("DELETE", "/faults")
    portal.fault("invalid_record", path="Cursed")
    assert portal.post("/crm/v3/objects/tasks", wish(ann, hs_task_subject="Cursed")).status == 400
