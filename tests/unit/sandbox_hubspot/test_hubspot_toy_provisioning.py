"""What is made in an empty toy HubSpot: properties, their group, and an object of the account's own."""

import pytest
from toy_caller import ToyCaller

SCORE = {
    "name": "nps_score",
    "label": "NPS score",
    "type": "number",
    "fieldType": "number",
    "groupName": "nps",
}
KEPT = {
    "name": "nps_response",
    "labels": {"singular": "NPS response", "plural": "NPS responses"},
    "primaryDisplayProperty": "response_key",
    "requiredProperties": ["response_key"],
    "associatedObjects": ["CONTACT"],
    "properties": [
        {
            "name": "response_key",
            "label": "Key",
            "type": "string",
            "fieldType": "text",
            "hasUniqueValue": True,
        },
        {"name": "score", "label": "Score", "type": "number", "fieldType": "number"},
    ],
}


@pytest.fixture
def portal():
    toy = ToyCaller("hubspot", customers=10, limits={"burst": 0, "search": 0, "daily": 0})
    toy.headers = {"authorization": f"Bearer {toy.env['HUBSPOT_TOKEN']}"}
    toy.do("strip")
    return toy


@pytest.fixture
def admin(portal):
    """Calls with the token that may make fields and objects."""

    def call(method, path, body=None):
        headers = {"authorization": f"Bearer {portal.env['HUBSPOT_SCHEMA_TOKEN']}"}
        return portal.call(method, path, body, headers=headers)

    return call


def test_an_empty_account_has_nothing_about_surveys(portal):
    for kind in ("contacts", "companies", "tickets"):
        names = [one["name"] for one in portal.get(f"/crm/v3/properties/{kind}").json["results"]]
        assert [name for name in names if "nps" in name or "csat" in name] == []
    groups = [one["name"] for one in portal.get("/crm/v3/properties/contacts/groups").json["results"]]
    assert "nps" not in groups
    assert portal.get("/crm/v3/schemas").json["results"] == []
    assert [row["name"] for row in portal.rows("lists")] == ["All customers"]


def test_a_group_and_its_properties_are_made_changed_and_put_away(portal, admin):
    contacts = "/crm/v3/properties/contacts"
    assert admin("POST", f"{contacts}/groups", {"name": "nps", "label": "NPS"}).status == 201
    assert admin("POST", f"{contacts}/batch/create", {"inputs": [SCORE]}).status == 201
    changed = admin("PATCH", f"{contacts}/nps_score", {"description": "0 to 10"}).json
    assert (changed["description"], changed["label"]) == ("0 to 10", "NPS score")
    contact = portal.rows("contacts")[0]["id"]
    assert (
        portal.call("PATCH", f"/crm/v3/objects/contacts/{contact}", {"properties": {"nps_score": "9"}}).status
        == 200
    )
    assert admin("DELETE", f"{contacts}/groups/nps").status == 400, "it still has a property"
    assert admin("DELETE", f"{contacts}/nps_score").status == 204
    assert admin("GET", f"{contacts}/nps_score").status == 404
    assert admin("DELETE", f"{contacts}/groups/nps").status == 204
    assert admin("DELETE", f"{contacts}/email").status == 400, "that is HubSpot's own"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/crm/v3/properties/contacts/groups", {"name": "nps", "label": "NPS"}),
        ("POST", "/crm/v3/properties/companies", SCORE),
        ("DELETE", "/crm/v3/properties/contacts/customer_id", None),
        ("POST", "/crm/v3/schemas", KEPT),
    ],
)
def test_the_ordinary_token_makes_nothing(portal, method, path, body):
    refused = portal.call(method, path, body)
    assert (refused.status, refused.json["category"]) == (403, "MISSING_SCOPES")
    assert "crm.schemas." in refused.json["errors"][0]["context"]["requiredGranularScopes"][0]


def test_an_object_of_its_own_keeps_answers_by_a_unique_property(portal, admin):
    made = admin("POST", "/crm/v3/schemas", KEPT)
    assert made.status == 201, made.body
    type = made.json["objectTypeId"]
    assert admin("POST", "/crm/v3/schemas", KEPT).status == 409
    contact = portal.rows("contacts")[0]["id"]
    upsert = {"id": "r1", "idProperty": "response_key", "properties": {"score": "0"}}
    upsert["objectWriteTraceId"] = "1"
    for new in (True, False):
        (row,) = portal.post(f"/crm/v3/objects/{type}/batch/upsert", {"inputs": [upsert]}).json["results"]
        assert row["new"] is new
    kept = portal.rows("nps_response")
    assert [(one["response_key"], one["score"]) for one in kept] == [("r1", "0")]
    path = f"/crm/v4/objects/{type}/{kept[0]['id']}/associations/default/contacts/{contact}"
    assert portal.call("PUT", path).status == 200
    linked = portal.get(f"/crm/v4/objects/contacts/{contact}/associations/nps_response").json["results"]
    assert linked[0]["associationTypes"][0]["category"] == "USER_DEFINED"
    assert portal.post(f"/crm/v3/objects/{type}", {"properties": {"score": "3"}}).status == 400
    doubled = [upsert, {**upsert, "objectWriteTraceId": "2"}]
    assert portal.post(f"/crm/v3/objects/{type}/batch/upsert", {"inputs": doubled}).status == 400
    assert admin("DELETE", f"/crm/v3/schemas/{type}").status == 400, "it still has a record"
    portal.call("DELETE", f"/crm/v3/objects/{type}/{kept[0]['id']}")
    assert admin("DELETE", f"/crm/v3/schemas/{type}").status == 204
    assert admin("GET", f"/crm/v3/schemas/{type}").status == 404


def test_an_account_may_have_no_objects_of_its_own(portal, admin):
    portal.do("set", custom_objects=False)
    assert admin("POST", "/crm/v3/schemas", KEPT).status == 403


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "1x"},
        {"labels": {}},
        {"primaryDisplayProperty": "other"},
        {"requiredProperties": ["other"]},
        {"associatedObjects": ["DINOSAUR"]},
        {"properties": [{"name": "response_key", "label": "Key", "type": "string", "fieldType": "number"}]},
    ],
)
def test_a_schema_that_does_not_fit_together_is_refused(admin, wrong):
    assert admin("POST", "/crm/v3/schemas", {**KEPT, **wrong}).status == 400
    assert admin("GET", "/crm/v3/schemas").json["results"] == []
