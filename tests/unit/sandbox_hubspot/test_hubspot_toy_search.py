"""Search of the toy HubSpot: filters, walls, case, and the index that lags."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sandbox.hubspot.records import Table
from sandbox.hubspot.refusals import Refusal
from sandbox.hubspot.search import search
from sandbox.hubspot.standard import CONTACTS

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def equal(name: str, value: str) -> dict[str, object]:
    return {"propertyName": name, "operator": "EQ", "value": value}


def table_of(*people: dict[str, str]) -> Table:
    table = Table(CONTACTS, first_id=1)
    for person in people:
        table.create(person, at=NOON)
    return table


def names(table: Table, *filters: dict[str, object], **more: object) -> list[str]:
    body = {"filterGroups": [{"filters": list(filters)}], "limit": 200, **more}
    return [showing["firstname"] for showing, _ in search(table, body, as_of=NOON).hits]


def test_text_compares_without_case_options_exactly():
    people = table_of({"firstname": "Ann", "nps_segment": "promoter"}, {"firstname": "Ben"})
    assert names(people, equal("firstname", "ANN")) == ["Ann"]
    assert names(people, equal("nps_segment", "Promoter")) == []
    assert names(people, equal("nps_segment", "promoter")) == ["Ann"]


def test_a_list_of_texts_finds_nobody_unless_it_is_in_lower_case():
    people = table_of({"firstname": "Ann"}, {"firstname": "Ben"})
    among = {"propertyName": "firstname", "operator": "IN"}
    assert names(people, {**among, "values": ["Ann", "ben"]}) == ["Ben"]
    assert names(people, {**among, "values": ["ann", "ben"]}) == ["Ann", "Ben"]


@pytest.mark.parametrize(
    ("operator", "more", "found"),
    [
        ("GT", {"value": "9"}, ["Ten"]),
        ("GTE", {"value": "9"}, ["Nine", "Ten"]),
        ("LT", {"value": "10"}, ["Nine"]),
        ("BETWEEN", {"value": "9", "highValue": "9.5"}, ["Nine"]),
        ("HAS_PROPERTY", {}, ["Nine", "Ten"]),
        ("NOT_HAS_PROPERTY", {}, ["None"]),
        ("NEQ", {"value": "9"}, ["Ten", "None"]),
    ],
)
def test_numbers_compare_as_numbers(operator, more, found):
    people = table_of(
        {"firstname": "Nine", "nps_score": "9"},
        {"firstname": "Ten", "nps_score": "10"},
        {"firstname": "None"},
    )
    assert names(people, {"propertyName": "nps_score", "operator": operator, **more}) == found


def test_moments_compare_in_milliseconds_or_iso():
    people = table_of({"firstname": "Ann"})
    at = str(int(NOON.timestamp() * 1000))
    for value in (at, "2026-03-02T12:00:00Z"):
        assert names(people, {"propertyName": "lastmodifieddate", "operator": "GTE", "value": value}) == [
            "Ann"
        ]
        assert names(people, {"propertyName": "lastmodifieddate", "operator": "GT", "value": value}) == []


def test_one_rule_sorts_and_pages_follow_an_offset():
    people = table_of(*[{"firstname": name} for name in ("B", "C", "A")])
    down = [{"propertyName": "firstname", "direction": "DESCENDING"}]
    assert names(people, sorts=down) == ["C", "B", "A"]
    assert names(people, sorts=down, limit=2, after="2") == ["A"]
    with pytest.raises(Refusal):
        names(people, sorts=[*down, *down])


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 201},
        {"limit": 100, "after": "9950"},
        {"filterGroups": [{"filters": []}] * 6},
        {"filterGroups": [{"filters": [equal("firstname", "a")] * 7}]},
        {"filterGroups": [{"filters": [equal("firstname", "a")] * 5}] * 4},
        {"filterGroups": [{"filters": [equal("firstnaem", "a")]}]},
        {"filterGroups": [{"filters": [{"propertyName": "nps_score", "operator": "GT", "value": "x"}]}]},
        {"filterGroups": [{"filters": [{"propertyName": "nps_score", "operator": "LIKE", "value": "1"}]}]},
    ],
)
def test_what_goes_beyond_the_walls_is_refused(body):
    with pytest.raises(Refusal) as refused:
        search(table_of(), body, as_of=NOON)
    assert refused.value.status == 400


def test_over_http_a_search_tells_its_total_and_no_limits(hubspot):
    ann = hubspot.contact(lastname="Searched")
    found = hubspot.search(equal("lastname", "searched"))
    assert found.json()["total"] == 1
    assert [row["id"] for row in found.json()["results"]] == [ann]
    assert not [name for name in found.headers if name.lower().startswith("x-hubspot-ratelimit")]


def test_a_long_question_is_refused(hubspot):
    assert hubspot.search(equal("lastname", "x" * 3000)).status_code == 400
    assert hubspot.search(equal("lastname", "x" * 2000)).status_code == 200


def test_the_sixth_search_of_a_second_is_refused(hubspot):
    hubspot.do("set", search=5)
    answers = [hubspot.search(equal("lastname", "nobody")) for _ in range(30)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert refused[0].json()["policyName"] == "SECONDLY"
    assert refused[0].json()["message"] == "You have reached your secondly limit."


def test_a_new_value_shows_only_after_the_lag(hubspot):
    hubspot.do("set", search_lag=3600.0)
    ann = hubspot.contact(lastname="Lagging")
    assert hubspot.search(equal("lastname", "lagging")).json()["total"] == 0
    assert hubspot.call("GET", hubspot.objects(f"/{ann}")).status_code == 200
    hubspot.do("set", search_lag=0.0)
    assert hubspot.search(equal("lastname", "lagging")).json()["total"] == 1
