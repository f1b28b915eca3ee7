"""Lists of the toy HubSpot: found by name, filled and emptied by calls."""

import pytest
from toy_caller import ToyCaller


@pytest.fixture(scope="module")
def portal():
    toy = ToyCaller("hubspot", limits={"burst": 0, "search": 0, "daily": 0})
    toy.headers = {"authorization": f"Bearer {toy.env['HUBSPOT_TOKEN']}"}
    return toy


@pytest.fixture
def people(portal):
    return [portal.add("contacts", firstname=name) for name in ("Ann", "Ben", "Carla")]


@pytest.fixture
def promoters(portal):
    return portal.get("/crm/v3/lists/object-type-id/0-1/name/NPS%20promoters").json["list"]["listId"]


def members(portal, id):
    return [row["recordId"] for row in portal.get(f"/crm/v3/lists/{id}/memberships").json["results"]]


def change(portal, id, how, body):
    return portal.call("PUT", f"/crm/v3/lists/{id}/memberships/{how}", body)


def test_a_list_is_made_once_and_found_by_its_name(portal):
    asked = {"name": "Beta testers", "objectTypeId": "0-1", "processingType": "MANUAL"}
    made = portal.post("/crm/v3/lists/", asked)
    assert made.status == 200
    found = portal.get("/crm/v3/lists/object-type-id/0-1/name/beta%20testers").json["list"]
    assert found["listId"] == made.json["list"]["listId"]
    assert portal.post("/crm/v3/lists", asked).status == 400
    assert portal.get("/crm/v3/lists/object-type-id/0-1/name/Nobody").status == 404
    assert portal.post("/crm/v3/lists/search", {"query": "beta"}).json["total"] == 1


def test_members_come_and_go_and_repeating_it_changes_nothing(portal, promoters, people):
    ann, ben, carla = people
    told = change(portal, promoters, "add", [ann, int(ben), "999"]).json
    assert (told["recordsIdsAdded"], told["recordIdsMissing"]) == ([ann, ben], ["999"])
    assert change(portal, promoters, "add", [ann]).json["recordsIdsAdded"] == []
    both = {"recordIdsToAdd": [carla], "recordIdsToRemove": [ann]}
    told = change(portal, promoters, "add-and-remove", both).json
    assert (told["recordsIdsAdded"], told["recordIdsRemoved"]) == ([carla], [ann])
    assert members(portal, promoters) == [ben, carla]
    on = portal.get(f"/crm/v3/lists/records/0-1/{ben}/memberships").json["results"]
    assert [row["listId"] for row in on] == [promoters]
    assert change(portal, promoters, "remove", [ben, ann, carla]).json["recordIdsRemoved"] == [ben, carla]
    assert members(portal, promoters) == []


def test_a_list_that_fills_itself_takes_nobody(portal, people):
    every = portal.get("/crm/v3/lists/object-type-id/0-1/name/All%20customers").json["list"]
    assert every["size"] > 30
    assert change(portal, every["listId"], "add", people).status == 400
    first = portal.get(f"/crm/v3/lists/{every['listId']}/memberships", limit=20).json
    following = portal.get(
        f"/crm/v3/lists/{every['listId']}/memberships", limit=20, after=first["paging"]["next"]["after"]
    ).json
    ids = [row["recordId"] for page in (first, following) for row in page["results"]]
    assert len(set(ids)) == 40


def test_members_follow_a_merge_and_leave_with_their_record(portal, promoters, people):
    ann, ben, carla = people
    change(portal, promoters, "add", [ann, carla])
    survivor = portal.control("POST", f"/hubspot/contacts/{ben}/merge", {"loser": ann})["id"]
    assert members(portal, promoters) == [carla, survivor]
    portal.control("DELETE", f"/hubspot/contacts/{carla}")
    assert members(portal, promoters) == [survivor]
    told = change(portal, promoters, "remove", [ann]).json
    assert told["recordIdsRemoved"] == [survivor], "an absorbed id means the survivor"


@pytest.mark.parametrize("body", [{}, "33001", [None], None])
def test_what_is_no_list_of_ids_is_refused(portal, promoters, body):
    assert change(portal, promoters, "add", body).status == 400


def test_a_list_needs_its_own_scopes(portal, promoters):
    reader = {"authorization": f"Bearer {portal.env['HUBSPOT_READ_ONLY_TOKEN']}"}
    path = f"/crm/v3/lists/{promoters}/memberships"
    assert portal.call("GET", path, headers=reader).status == 200
    assert portal.call("PUT", f"{path}/add", [], headers=reader).json["category"] == "MISSING_SCOPES"
