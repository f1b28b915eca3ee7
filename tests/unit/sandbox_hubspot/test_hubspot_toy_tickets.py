"""Tickets of the toy account: closing, reopening, whose they are, and what a poll finds."""

import datetime

import pytest


def ticket(hubspot, *contacts, **fields):
    id = hubspot.add("tickets", subject="Help", hs_pipeline="0", hs_pipeline_stage="1", **fields)
    for contact in contacts:
        hubspot.do("associate", ticket=id, contact=contact)
    return id


def ahead(hubspot, seconds):
    hubspot.sandbox.control("POST", "/clock", {"advance": seconds})


def test_closing_and_reopening_keep_the_three_dates_the_vendor_keeps(hubspot):
    id = ticket(hubspot)
    ahead(hubspot, 90)
    closed = hubspot.do("close_ticket", id=id)
    assert closed["closed_date"] == closed["hs_last_closed_date"] == closed["hs_lastmodifieddate"]
    assert 90_000 <= int(closed["time_to_close"]) < 120_000
    assert closed["hs_v2_date_entered_4"] == closed["closed_date"] > closed["hs_v2_date_entered_1"]
    ahead(hubspot, 60)
    reopened = hubspot.do("reopen_ticket", id=id)
    assert reopened["closed_date"] is None
    assert reopened["hs_last_closed_date"] == closed["closed_date"]
    assert reopened["hs_ticket_reopened_at"] == reopened["hs_lastmodifieddate"]
    ahead(hubspot, 60)
    again = hubspot.do("close_ticket", id=id, stage="12003")
    assert again["closed_date"] > closed["closed_date"]
    ahead(hubspot, 60)
    moved = hubspot.do("close_ticket", id=id, stage="12004")
    assert (moved["hs_pipeline"], moved["closed_date"]) == ("8890123", again["closed_date"])


def test_the_api_closes_a_ticket_as_a_person_does_and_its_dates_are_read_only(hubspot):
    id = ticket(hubspot)
    reply = hubspot.call(
        "PATCH", hubspot.objects(f"/{id}", "tickets"), {"properties": {"hs_pipeline_stage": "4"}}
    )
    assert reply.status_code == 200
    assert hubspot.shown(id, "tickets")["closed_date"]
    refused = hubspot.call(
        "PATCH", hubspot.objects(f"/{id}", "tickets"), {"properties": {"closed_date": "2026-01-01T00:00:00Z"}}
    )
    assert refused.status_code == 400


def test_pipelines_say_which_stages_are_closed_and_labels_mislead(hubspot):
    for path in ("/crm/v3/pipelines/tickets", "/crm/pipelines/2026-09/tickets"):
        pipelines = hubspot.call("GET", path).json()["results"]
        states = {
            stage["id"]: (stage["label"], stage["metadata"]["ticketState"])
            for pipeline in pipelines
            for stage in pipeline["stages"]
        }
        assert states["4"] == ("Closed", "CLOSED")
        assert states["12002"] == ("Closed", "OPEN")
        assert {id for id, (_, state) in states.items() if state == "CLOSED"} == {"4", "12003", "12004"}
    metadata = [pipeline["stages"][0]["metadata"] for pipeline in pipelines]
    assert metadata == [{"ticketState": "OPEN", "isClosed": "false"}, {"ticketState": "OPEN"}]


def test_a_poll_finds_what_closed_since_oldest_first(hubspot):
    ahead(hubspot, 3600)
    first, second, still_open = ticket(hubspot), ticket(hubspot), ticket(hubspot)
    floor = hubspot.shown(first, "tickets")["createdate"]
    hubspot.do("close_ticket", id=second)
    ahead(hubspot, 1)
    hubspot.do("close_ticket", id=first)
    since = str(int(datetime.datetime.fromisoformat(floor).timestamp() * 1000))
    wanted = {
        "filterGroups": [{"filters": [{"propertyName": "closed_date", "operator": "GTE", "value": since}]}],
        "sorts": [{"propertyName": "closed_date", "direction": "ASCENDING"}],
        "properties": ["hs_pipeline_stage", "closed_date", "hs_ticket_reopened_at"],
        "limit": 100,
    }
    found = hubspot.call("POST", hubspot.objects("/search", "tickets"), wanted).json()["results"]
    assert [row["id"] for row in found] == [second, first]
    assert still_open not in [row["id"] for row in found]
    assert found[0]["properties"]["hs_pipeline_stage"] == "4"


def test_search_learns_of_a_closing_late(hubspot):
    id = ticket(hubspot)
    hubspot.do("set", search_lag=30.0)
    hubspot.do("close_ticket", id=id)
    wanted = {
        "filterGroups": [{"filters": [{"propertyName": "hs_object_id", "operator": "EQ", "value": id}]}],
        "properties": ["closed_date"],
    }

    def found():
        return hubspot.call("POST", hubspot.objects("/search", "tickets"), wanted).json()["results"][0]

    assert found()["properties"]["closed_date"] is None
    ahead(hubspot, 31)
    assert found()["properties"]["closed_date"]


def test_a_ticket_leads_to_its_contacts_and_their_company(hubspot):
    ann, ben = hubspot.contact(), hubspot.contact()
    company = hubspot.add("companies", name="Acme")
    hubspot.do("associate", contact=ann, company=company)
    id = ticket(hubspot, ann, ben)
    reply = hubspot.call("POST", "/crm/v4/associations/tickets/contacts/batch/read", {"inputs": [{"id": id}]})
    (row,) = reply.json()["results"]
    assert [one["toObjectId"] for one in row["to"]] == [int(ann), int(ben)]
    assert row["to"][0]["associationTypes"] == [{"category": "HUBSPOT_DEFINED", "typeId": 16, "label": None}]
    reply = hubspot.call(
        "POST", "/crm/v4/associations/tickets/companies/batch/read", {"inputs": [{"id": id}]}
    )
    types = reply.json()["results"][0]["to"][0]["associationTypes"]
    assert [one["typeId"] for one in types] == [26, 339]
    single = hubspot.call("GET", hubspot.objects(f"/{id}", "tickets"), associations="contacts").json()
    assert single["associations"]["contacts"]["results"] == [
        {"id": ann, "type": "ticket_to_contact"},
        {"id": ben, "type": "ticket_to_contact"},
    ]


def test_a_ticket_without_contact_says_so_and_a_merged_contact_is_followed(hubspot):
    alone = ticket(hubspot)
    path = "/crm/v4/associations/tickets/contacts/batch/read"
    reply = hubspot.call("POST", path, {"inputs": [{"id": alone}]})
    assert (reply.status_code, reply.json()["results"]) == (207, [])
    ann, twin = hubspot.contact(), hubspot.contact()
    id = ticket(hubspot, ann)
    survivor = hubspot.merge(ann, twin)
    row = hubspot.call("POST", path, {"inputs": [{"id": id}]}).json()["results"][0]
    assert [one["toObjectId"] for one in row["to"]] == [int(survivor)]


def test_the_account_starts_with_tickets_of_every_kind(hubspot_sandbox):
    rows = [row for row in hubspot_sandbox.rows("hubspot", "tickets") if row["subject"] != "Help"]
    assert len(rows) > 20
    assert {bool(row["closed_date"]) for row in rows} == {True, False}
    assert all((row["hs_pipeline_stage"] == "4") == bool(row["closed_date"]) for row in rows)


def test_an_unsubscription_through_the_api_shows_on_the_contact(hubspot):
    id = hubspot.contact(email="leaver@unit.example")
    path = "/communication-preferences/v4/statuses/leaver@unit.example/unsubscribe-all"
    assert hubspot.call("POST", path).status_code == 400
    assert hubspot.call("POST", path, channel="EMAIL").status_code == 200
    assert hubspot.shown(id)["hs_email_optout"] == "true"
    assert hubspot.call("GET", path, channel="EMAIL").json()["results"][0]["wideStatusType"] == "PORTAL_WIDE"


@pytest.mark.parametrize("body", [{}, {"emailAddress": "x@unit.example"}])
def test_unsubscribing_needs_an_address_and_a_kind_of_mail(hubspot, body):
    assert hubspot.call("POST", "/communication-preferences/v3/unsubscribe", body).status_code == 400
