"""Finding and reading contacts: searches within bounds, merges followed, what was just written read again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from played_intercom import OWN, Office, change, contact, merged_into, office, page, refused

from connectors.contract import Lookup
from nps.errors import AccessError, ConfigError, UnavailableError

SEARCH = "/contacts/search"
SCORE = f"{OWN}nps_score"


@pytest.fixture
def chat() -> Iterator[Office]:
    with office() as opened:
        yield opened


def emails(*values: str) -> Lookup:
    return Lookup("email", "email", values)


def externals(*values: str) -> Lookup:
    return Lookup("external_id", "external_id", values)


def groups(query: dict[str, Any], depth: int = 1) -> Iterator[tuple[int, int]]:
    """Every group of a query: how deep it lies, and how many filters it has."""
    if query.get("operator") in ("AND", "OR"):
        yield depth, len(query["value"])
        for inner in query["value"]:
            yield from groups(inner, depth + 1)


@pytest.mark.parametrize("field", ["email", SCORE])
def test_a_search_keeps_to_fifteen_filters_and_two_levels(chat: Office, field: str) -> None:
    chat.says(SEARCH, (200, page()))
    values = [str(n) for n in range(500)]
    chat.crm.find("contacts", [Lookup(field, "x", values)], [], {"role": ["user", "lead"], f"{OWN}vip": True})
    searches = [each.json["query"] for each in chat.asked(SEARCH)]
    assert len(searches) == (3 if field == "email" else 34)
    for query in searches:
        assert all(depth <= 2 and filters <= 15 for depth, filters in groups(query))


def test_no_date_is_asked_for(chat: Office) -> None:
    """Whole days of the workspace's zone would be compared."""
    chat.says(SEARCH, (200, page(contact(own_nps_last_survey_at=1_772_452_800))))
    day = f"{OWN}nps_last_survey_at"
    (hit,) = chat.crm.find("contacts", [emails("a1@acme.example")], [], {day: "2026-03-02"})
    assert hit.record.id == "a1"
    assert chat.crm.find("contacts", [emails("a1@acme.example")], [], {day: "2026-03-03"}) == []
    assert all(day not in each.body.decode() for each in chat.asked(SEARCH))
    with pytest.raises(ConfigError, match="cannot be found by"):
        chat.crm.find("contacts", [Lookup(day, "x", ["1"])], [], {})


def test_a_user_and_a_lead_with_one_address_are_both_found(chat: Office) -> None:
    rows = [contact("u", email="jo@acme.example"), contact("l", email="Jo@acme.example", role="lead")]
    chat.says(SEARCH, (200, page(*rows)))
    hits = chat.crm.find("contacts", [emails("jo@acme.example")], [], {})
    assert [(hit.value, hit.record.id) for hit in hits] == [
        ("jo@acme.example", "u"),
        ("jo@acme.example", "l"),
    ]
    [user] = chat.crm.find("contacts", [emails("jo@acme.example")], [], {"role": "user"})
    assert user.record.id == "u"


def test_pages_are_followed_to_the_last(chat: Office) -> None:
    chat.says(SEARCH, (200, page(contact("a"), after="2")), (200, page(after="3")), (200, page(contact("b"))))
    pages = list(chat.crm.records("contacts", ["email"], {}))
    assert [record.id for found in pages for record in found] == ["a", "b"]
    cursors = [each.json["pagination"].get("starting_after") for each in chat.asked(SEARCH)]
    assert cursors == [None, "2", "3"]


def test_a_page_that_leads_to_itself_is_an_end_that_is_told(chat: Office) -> None:
    chat.says(SEARCH, (200, page(contact("a"), after="2")))
    with pytest.raises(UnavailableError, match="the next page"):
        list(chat.crm.records("contacts", [], {}))


# ---------------------------------------------------------------- external ids and merges


def test_who_the_search_does_not_show_is_found_by_the_external_id(chat: Office) -> None:
    chat.says(SEARCH, (200, page(contact("a", external_id="1"))))
    chat.says("/contacts/find_by_external_id/2%2F3", (200, contact("b", external_id="2/3")))
    hits = chat.crm.find("contacts", [externals("1", "2/3", "4")], [], {})
    assert [(hit.value, hit.record.id) for hit in hits] == [("1", "a"), ("2/3", "b")]


def test_a_merged_contact_is_followed_from_its_external_id(chat: Office) -> None:
    chat.says(SEARCH, (200, page()))
    chat.says("/contacts/find_by_external_id/old", merged_into("b"))
    chat.says("/contacts/b", merged_into("c"))
    chat.says("/contacts/c", (200, contact("c")))
    (hit,) = chat.crm.find("contacts", [externals("old")], ["email"], {})
    assert (hit.value, hit.record.id) == ("old", "c")


def test_a_merged_contact_is_followed_from_its_id(chat: Office) -> None:
    chat.says("/contacts/a", merged_into("c"))
    chat.says("/contacts/b", merged_into("c"))
    chat.says("/contacts/c", (200, contact("c")))
    [record] = chat.crm.get("contacts", ["a", "c", "b", "gone"], [], {})
    assert (record.id, sorted(record.merged)) == ("c", ["a", "b"])


def test_where_the_id_of_a_merged_contact_says_nothing_its_external_id_leads_on(chat: Office) -> None:
    """Remembered when npsync wrote it."""
    chat.says(
        "/contacts/a", (200, contact("a", external_id="X-1", own_nps_score=9)), (404, refused("not_found"))
    )
    chat.write(change("a", nps_score=9))
    chat.says("/contacts/find_by_external_id/X-1", merged_into("c"))
    chat.says("/contacts/c", (200, contact("c")))
    [record] = chat.crm.get("contacts", ["a"], [], {})
    assert (record.id, record.merged) == ("c", ("a",))


def test_a_contact_made_anew_is_not_taken_for_a_merge(chat: Office) -> None:
    chat.says(
        "/contacts/a", (200, contact("a", external_id="X-1", own_nps_score=9)), (404, refused("not_found"))
    )
    chat.write(change("a", nps_score=9))
    chat.says("/contacts/find_by_external_id/X-1", (200, contact("new", external_id="X-1")))
    assert chat.crm.get("contacts", ["a"], [], {}) == []


def test_a_link_to_somewhere_else_is_not_followed(chat: Office) -> None:
    link = {"Link": '<https://evil.example/x/../companies/c>; rel="canonical"'}
    chat.says("/contacts/a", (410, refused("gone"), link))
    assert chat.crm.get("contacts", ["a"], [], {}) == []
    assert {each.path for each in chat.vendor.asked} == {"/data_attributes", "/contacts/a"}


def test_merges_in_a_circle_end(chat: Office) -> None:
    chat.says("/contacts/a", merged_into("b"))
    chat.says("/contacts/b", merged_into("a"))
    with pytest.raises(UnavailableError, match="too many times"):
        chat.crm.get("contacts", ["a"], [], {})


@pytest.mark.parametrize("id", ["../companies/1", "a b", "", "a" * 65])
def test_what_cannot_be_an_id_is_nobodys_and_asks_nothing(chat: Office, id: str) -> None:
    chat.crm.describe("contacts")
    before = len(chat.vendor.asked)
    assert chat.crm.get("contacts", [id], [], {}) == []
    assert len(chat.vendor.asked) == before


# ---------------------------------------------------------------- a search that lags


def test_what_was_just_written_is_read_and_not_believed_of_the_search(chat: Office) -> None:
    chat.says("/contacts/a1", (200, contact(own_nps_score=9)))
    chat.write(change(nps_score=9))
    chat.says(SEARCH, (200, page(contact(own_nps_score=3))))
    (hit,) = chat.crm.find("contacts", [emails("a1@acme.example")], [SCORE], {})
    assert hit.record.fields == {SCORE: 9}
    chat.clock.sleep(timedelta(minutes=11).total_seconds())
    (hit,) = chat.crm.find("contacts", [emails("a1@acme.example")], [SCORE], {})
    assert hit.record.fields == {SCORE: 3}


# ---------------------------------------------------------------- companies


def company(id: str = "c1", **fields: Any) -> dict[str, Any]:
    return {"type": "company", "id": id, "company_id": f"A-{id}", "custom_attributes": {}, **fields}


def test_a_company_is_found_by_its_company_id(chat: Office) -> None:
    chat.says("/companies", (200, company()))
    (hit,) = chat.crm.find("companies", [Lookup("company_id", "external_id", ["A-c1"])], ["name"], {})
    assert hit.record.id == "c1"
    assert chat.crm.find("companies", [Lookup("company_id", "external_id", ["A-other"])], [], {}) == []
    with pytest.raises(ConfigError, match="company_id"):
        chat.crm.find("companies", [Lookup("name", "x", ["Acme"])], [], {})


def test_an_audience_is_no_company(chat: Office) -> None:
    with pytest.raises(ConfigError, match="contacts"):
        list(chat.crm.records("companies", [], {}))


def test_a_refused_search_tells_the_request_and_nobody(chat: Office) -> None:
    chat.says(SEARCH, (400, refused("parameter_invalid", "bad filter")))
    with pytest.raises(ConfigError, match=r"parameter_invalid.*request_id req-1") as told:
        chat.crm.find("contacts", [emails("jo@acme.example")], [], {})
    assert "jo@" not in str(told.value)


def test_a_refused_token_says_so_and_is_not_shown(chat: Office) -> None:
    chat.says("/data_attributes", (401, refused("unauthorized", "Access Token Invalid")))
    with pytest.raises(AccessError, match="region") as told:
        chat.crm.describe("contacts")
    assert "t0ken" not in str(told.value)


def test_a_token_that_is_revoked_while_contacts_are_read_costs_no_call_for_each(chat: Office) -> None:
    ids = [f"a{n}" for n in range(9)]
    for id in ids:
        chat.says(f"/contacts/{id}", (401, refused("unauthorized", "Access Token Invalid")))
    with pytest.raises(AccessError):
        chat.crm.get("contacts", ids, [], {})
    assert sum(len(chat.asked(f"/contacts/{id}")) for id in ids) == 1
