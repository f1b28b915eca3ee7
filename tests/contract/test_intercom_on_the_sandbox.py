"""What is particular about writing to Intercom, on the toy: companies that no call may create, accounts, attributes
that change while a connection is open, contacts that are merged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from contract_opening import open_destination
from contract_place import Place, unique
from destination_table import DESTINATIONS
from intercom_attributes import provide_attributes

from connectors.contract import Destination, Lookup
from nps.changes import Batch, Cause, Change, Outcome, Rejected, Written
from nps.values import Json

OWN = "custom_attributes."
SCORE, SEGMENT, COMMENT = f"{OWN}nps_score", f"{OWN}nps_segment", f"{OWN}nps_comment"


@pytest.fixture
def crm(place: Place) -> Iterator[Destination]:
    provide_attributes(place.sandbox, "company")
    opened = open_destination("intercom", DESTINATIONS["intercom"].settings(place))
    yield opened
    opened.close()


def contact(place: Place, **fields: Any) -> str:
    id = place.sandbox.control("POST", "/intercom/contacts", fields)["id"]
    place.sandbox.control("POST", "/clock", {"advance": 600})  # the search shows new contacts after minutes
    return str(id)


def write(crm: Destination, object: str, id: str, **after: Json) -> Outcome:
    names = {"score": SCORE, "segment": SEGMENT, "comment": COMMENT}
    fields = {names.get(name, name): value for name, value in after.items()}
    change = Change(object=object, record_id=id, before=dict.fromkeys(fields), after=fields)
    [outcome] = crm.write(Batch(1, object, "one_by_one", (change,)), lambda handle: None)
    return outcome


def companies(place: Place) -> list[dict[str, Any]]:
    return place.sandbox.rows("intercom", "companies")


def test_a_company_is_found_written_and_read_by_its_company_id(crm: Destination, place: Place) -> None:
    row = companies(place)[0]
    [hit] = crm.find(
        "companies", [Lookup("company_id", "external_id", [row["company_id"], "A-none"])], [SCORE], {}
    )
    assert (hit.value, hit.record.id) == (row["company_id"], row["id"])
    assert write(crm, "companies", row["id"], score=42, comment="fine") == Written(row["id"])
    [record] = crm.get("companies", [row["id"], "none"], [SCORE, COMMENT, "name"], {})
    assert record.fields == {SCORE: 42, COMMENT: "fine", "name": row["name"]}
    assert write(crm, "companies", row["id"], comment=None) == Written(row["id"])
    [record] = crm.get("companies", [row["id"]], [SCORE, COMMENT], {"name": row["name"]})
    assert record.fields == {SCORE: 42, COMMENT: None}


def test_no_company_is_created(crm: Destination, place: Place) -> None:
    before = len(companies(place))
    outcome = write(crm, "companies", "6762faffffffffffffffffff", score=42)
    assert isinstance(outcome, Rejected)
    assert outcome.cause is Cause.GONE
    assert len(companies(place)) == before


def test_a_contact_leads_to_its_company(crm: Destination, place: Place) -> None:
    row = next(row for row in place.sandbox.rows("intercom", "contacts") if row["companies"]["data"])
    [record] = crm.get("contacts", [row["id"]], ["company"], {})
    [account] = crm.get("companies", [str(record.fields["company"])], ["company_id"], {})
    assert account.fields["company_id"]


def test_a_user_and_a_lead_share_an_address(crm: Destination, place: Place) -> None:
    email = f"{unique('twin')}@acme.example"
    user = contact(place, email=email, external_id=unique("C-"))
    lead = contact(place, email=email, role="lead")
    lookup = Lookup("email", "email", [email])
    assert {hit.record.id for hit in crm.find("contacts", [lookup], [], {})} == {user, lead}
    assert [hit.record.id for hit in crm.find("contacts", [lookup], [], {"role": "user"})] == [user]


def test_who_is_too_new_for_the_search_is_found_by_the_external_id(crm: Destination, place: Place) -> None:
    email, external = f"{unique('new')}@acme.example", unique("C-")
    person = {"external_id": external, "email": email}
    place.sandbox.control("POST", "/intercom/do/set", {"search_lag": 300})
    try:
        id = place.sandbox.control("POST", "/intercom/contacts", person)["id"]
        assert crm.find("contacts", [Lookup("email", "email", [email])], [], {}) == []
        [hit] = crm.find("contacts", [Lookup("external_id", "external_id", [external])], [], {})
        assert hit.record.id == id
    finally:
        place.sandbox.control("POST", "/intercom/do/set", {"search_lag": 0})


def test_the_external_id_of_a_merged_contact_leads_to_the_survivor(crm: Destination, place: Place) -> None:
    external = unique("C-")
    gone, kept = contact(place, external_id=external), contact(place, external_id=unique("C-"))
    place.sandbox.control("POST", f"/intercom/contacts/{kept}/merge", {"loser": gone})
    [hit] = crm.find("contacts", [Lookup("external_id", "external_id", [external])], [], {})
    assert (hit.value, hit.record.id) == (external, kept)
    outcome = write(crm, "contacts", gone, score=9)
    assert isinstance(outcome, Rejected)
    assert outcome.cause is Cause.GONE


def test_an_attribute_that_was_archived_meanwhile_is_a_refusal_with_its_cause(place: Place) -> None:
    settings = DESTINATIONS["intercom"].settings(place)
    attributes = place.sandbox.rows("intercom", "data_attributes")
    made = next(row for row in attributes if row["custom"] and row["name"] == "company_name")
    crm = open_destination("intercom", settings)
    name = f"{OWN}company_name"
    id = contact(place, external_id=unique("C-"))
    assert write(crm, "contacts", id, **{name: "once"}) == Written(id)
    place.sandbox.control("PATCH", f"/intercom/data_attributes/{made['id']}", {"archived": True})
    outcome = write(crm, "contacts", id, **{name: "twice"})
    assert isinstance(outcome, Rejected)
    assert (outcome.cause, outcome.field) == (Cause.MAPPING, name)
    assert "request_id" in outcome.message
    assert "twice" not in outcome.message
    place.sandbox.control("PATCH", f"/intercom/data_attributes/{made['id']}", {"archived": False})
    crm.close()
