"""The toy Intercom as a customer master: attributes with types, companies, two contacts of one address."""

from collections import Counter
from datetime import UTC, datetime

import pytest
from toy_caller import ToyCaller

ATTRIBUTES = {
    "nps_score": {"data_type": "integer"},
    "nps_segment": {
        "data_type": "options",
        "options": [{"value": one} for one in ("promoter", "passive", "detractor")],
    },
    "nps_last_survey_at": {"data_type": "date"},
    "nps_comment": {"data_type": "string"},
    "is_reference": {"data_type": "boolean"},
    "share": {"data_type": "float"},
}


@pytest.fixture
def toy():
    opened = ToyCaller("intercom", customers=90)
    opened.headers |= {"authorization": f"Bearer {opened.env['INTERCOM_TOKEN']}", "intercom-version": "2.16"}
    return opened


@pytest.fixture
def provisioned(toy):
    for model in ("contact", "company"):
        for name, kind in ATTRIBUTES.items():
            assert toy.call("POST", "/data_attributes", {"name": name, "model": model, **kind}).status == 200
    return toy


def contact(toy, **fields):
    return toy.control("POST", "/intercom/contacts", fields)["id"]


def put(toy, id, **custom):
    return toy.call("PUT", f"/contacts/{id}", {"custom_attributes": custom})


def company(toy, company_id, **body):
    return toy.call("POST", "/companies", {"company_id": company_id, **body})


def found(toy, field, operator, value, **more):
    query = {"field": field, "operator": operator, "value": value}
    return toy.call("POST", "/contacts/search", {"query": query, **more})


def ids(reply):
    return {row["id"] for row in reply.json["data"]}


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("nps_score", 0, "9"),
        ("nps_score", 10, 9.5),
        ("nps_score", None, True),
        ("nps_segment", "promoter", "Promoter"),
        ("nps_last_survey_at", 1_762_078_530, "2026-11-02"),
        ("nps_comment", "👍", 9),
        ("is_reference", False, "false"),
        ("share", 0.5, "0.5"),
    ],
)
def test_an_attribute_takes_values_of_its_type_only(provisioned, name, good, bad):
    id = contact(provisioned, email="a@unit.example")
    refused = put(provisioned, id, **{name: bad})
    assert (refused.status, refused.json["type"]) == (400, "error.list")
    assert refused.json["request_id"]
    assert name in refused.json["errors"][0]["message"]
    assert put(provisioned, id, **{name: good}).json["custom_attributes"][name] == good


def test_nothing_of_a_refused_update_is_kept(provisioned):
    id = contact(provisioned, email="a@unit.example", name="Ann")
    body = {"name": "Ben", "custom_attributes": {"nps_score": 9, "unknown": 1}}
    assert provisioned.call("PUT", f"/contacts/{id}", body).status == 400
    row = provisioned.call("GET", f"/contacts/{id}").json
    assert (row["name"], row["custom_attributes"]) == ("Ann", {})


def test_archived_attributes_and_those_the_api_may_not_write_are_refused(provisioned):
    id = contact(provisioned, email="a@unit.example")
    ours = {one["name"]: one for one in provisioned.rows("data_attributes") if one["model"] == "contact"}
    for name, change in (("nps_score", {"archived": True}), ("nps_comment", {"api_writable": False})):
        provisioned.control("PATCH", f"/intercom/data_attributes/{ours[name]['id']}", change)
        assert put(provisioned, id, **{name: None}).status == 400
    listed = provisioned.call("GET", "/data_attributes", model="contact").json["data"]
    assert "nps_score" not in {one["name"] for one in listed}
    every = provisioned.call("GET", "/data_attributes", model="contact", include_archived="true").json["data"]
    assert "nps_score" in {one["name"] for one in every}


@pytest.mark.parametrize(
    "changed",
    [
        {"data_type": "number"},
        {"model": "person"},
        {"name": ""},
        {"name": "nps.score"},
        {"data_type": "options"},
        {"data_type": "options", "options": [{"value": "one"}]},
        {"data_type": "options", "options": [{"value": "one"}, {"value": "one"}]},
    ],
)
def test_an_attribute_that_makes_no_sense_is_refused(toy, changed):
    body = {"name": "nps_score", "model": "contact", "data_type": "integer", **changed}
    assert toy.call("POST", "/data_attributes", body).status == 400


def test_options_are_shown_as_texts_or_as_they_were_sent(provisioned):
    def segment():
        listed = provisioned.call("GET", "/data_attributes", model="contact").json["data"]
        (found,) = [one for one in listed if one["name"] == "nps_segment"]
        return found["data_type"], found["options"]

    assert segment() == ("string", ["promoter", "passive", "detractor"])
    provisioned.do("set", options_as_sent=True)
    assert segment() == ("options", ATTRIBUTES["nps_segment"]["options"])


def test_an_attribute_is_made_once_per_model_and_keeps_its_type(provisioned):
    again = {"name": "nps_score", "model": "contact", "data_type": "string"}
    assert provisioned.call("POST", "/data_attributes", again).status == 400
    (kept,) = [
        one
        for one in provisioned.rows("data_attributes")
        if one["full_name"] == "custom_attributes.nps_score"
    ][:1]
    with pytest.raises(AssertionError, match="cannot change"):
        provisioned.control("PATCH", f"/intercom/data_attributes/{kept['id']}", {"data_type": "string"})


def test_a_company_is_made_or_brought_up_to_date_by_its_company_id(provisioned):
    made = company(provisioned, "C-9", name="Nine", custom_attributes={"nps_score": 40}).json
    again = company(provisioned, "C-9", custom_attributes={"nps_comment": "good"}).json
    assert again["id"] == made["id"]
    assert (again["name"], again["custom_attributes"]) == ("Nine", {"nps_score": 40, "nps_comment": "good"})
    assert provisioned.call("GET", f"/companies/{made['id']}").json == again
    assert provisioned.call("GET", "/companies", company_id="C-9").json == again
    assert provisioned.call("GET", "/companies", company_id="C-8").status == 404
    assert provisioned.call("POST", "/companies", {"name": "No id"}).status == 400
    assert company(provisioned, "C-9", custom_attributes={"nps_score": "40"}).status == 400


def test_a_company_is_updated_by_intercoms_own_id_and_never_made(provisioned):
    made = company(provisioned, "C-9", name="Nine").json
    changed = {"company_id": "C-10", "custom_attributes": {"nps_score": 40}}
    row = provisioned.call("PUT", f"/companies/{made['id']}", changed).json
    assert (row["name"], row["company_id"], row["custom_attributes"]) == ("Nine", "C-9", {"nps_score": 40})
    assert provisioned.call("PUT", "/companies/nobody", changed).status == 404


def test_a_contact_leads_to_its_companies(toy):
    person = next(row for row in toy.rows("contacts") if row["companies"]["data"])
    (its,) = toy.call("GET", f"/contacts/{person['id']}/companies").json["data"]
    assert its["name"] == person["custom_attributes"]["company_name"]
    assert company(toy, its["company_id"], name="Renamed").json["id"] == its["id"]


def test_users_and_leads_share_addresses(toy):
    people = toy.rows("contacts")
    users = Counter(row["email"] for row in people if row["role"] == "user" and row["email"])
    leads = [row for row in people if row["role"] == "lead"]
    assert max(users.values()) == 2
    assert leads
    assert all(row["external_id"] is None and row["email"] in users for row in leads)


def test_a_lead_is_merged_into_a_user_and_leads_on(toy):
    lead = contact(toy, role="lead", email="jo@unit.example")
    user, other = contact(toy, external_id="U-1"), contact(toy, external_id="U-2")
    assert toy.call("POST", "/contacts/merge", {"from": user, "into": lead}).status == 400
    assert toy.call("POST", "/contacts/merge", {"from": lead, "into": user}).json["id"] == user
    gone = toy.call("GET", f"/contacts/{lead}")
    assert (gone.status, user in gone.headers["link"]) == (410, True)
    toy.control("POST", f"/intercom/contacts/{other}/merge", {"loser": user})
    gone = toy.call("GET", "/contacts/find_by_external_id/U-1")
    assert (gone.status, other in gone.headers["link"]) == (410, True)


def test_some_records_are_never_taken(provisioned):
    bad, good = contact(provisioned), contact(provisioned)
    for id in (bad, "C-9"):
        provisioned.fault("refused", path=id, times=None)
    assert [put(provisioned, id, nps_score=9).status for id in (bad, good, bad)] == [400, 200, 400]
    assert [company(provisioned, name).status for name in ("C-9", "C-8")] == [400, 200]


def test_search_knows_custom_attributes_and_compares_their_dates_by_day(provisioned):
    morning = int(datetime(2026, 11, 2, 14, tzinfo=UTC).timestamp())
    id = contact(provisioned, email="a@unit.example")
    put(provisioned, id, nps_score=0, nps_last_survey_at=morning)
    assert ids(found(provisioned, "custom_attributes.nps_score", "=", 0)) == {id}
    at = "custom_attributes.nps_last_survey_at"
    assert ids(found(provisioned, at, ">", morning - 3_600)) == set()
    assert ids(found(provisioned, at, "=", morning + 3_600)) == {id}
    assert found(provisioned, at, ">=", morning).status == 400


@pytest.mark.parametrize(
    ("operator", "value", "holds"),
    [
        ("=", "ANN@unit.example", True),
        ("!=", "ann@unit.example", False),
        ("~", "nn@unit", True),
        ("!~", "nn@unit", False),
        ("^", "ann@", True),
        ("$", "@unit.example", True),
        ("$", "@unit", False),
        ("IN", ["x", "ann@unit.example"], True),
        ("NIN", ["ann@unit.example"], False),
    ],
)
def test_operators_of_a_text(toy, operator, value, holds):
    id = contact(toy, email="ann@unit.example")
    query = [
        {"field": "email", "operator": operator, "value": value},
        {"field": "id", "operator": "=", "value": id},
    ]
    reply = toy.call("POST", "/contacts/search", {"query": {"operator": "AND", "value": query}})
    assert ids(reply) == ({id} if holds else set())


def test_every_reply_counts_down_the_calls_of_ten_seconds(toy):
    first, second = (toy.call("GET", "/data_attributes", model="contact").headers for _ in range(2))
    assert first["x-ratelimit-limit"] == "1666"
    assert int(first["x-ratelimit-remaining"]) >= 1_664
    assert int(second["x-ratelimit-reset"]) % 10 == 0


def test_the_pages_of_people_and_companies_show_what_was_written(provisioned):
    id = contact(provisioned, email="ann@unit.example", name="Ann")
    put(
        provisioned,
        id,
        nps_score=9,
        nps_segment="promoter",
        nps_last_survey_at=1_793_577_600,
        is_reference=False,
    )
    nine = company(provisioned, "C-9", name="Nine", custom_attributes={"nps_score": 4}).json["id"]
    page = provisioned.page(f"/intercom/record/{id}")
    assert "promoter" in page
    assert "2026-11-02" in page
    assert "is_reference" in page
    assert "Nine" in provisioned.page(f"/intercom/record/{nine}")
    assert {id in provisioned.page("/"), nine in provisioned.page("/")} == {True}
    assert "nps_segment" in provisioned.page("/look/intercom/")
