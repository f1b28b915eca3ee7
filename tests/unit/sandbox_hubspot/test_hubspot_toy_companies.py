"""Companies of the toy HubSpot: found by their domain, written, merged, and looked at."""

import pytest
from toy_caller import ToyCaller


@pytest.fixture(scope="module")
def toy():
    return ToyCaller("hubspot", customers=80, headers={"authorization": "Bearer {HUBSPOT_TOKEN}"})


def found(toy, **values):
    filters = [{"propertyName": name, "operator": "EQ", "value": value} for name, value in values.items()]
    asked = {
        "filterGroups": [{"filters": filters}],
        "sorts": [],
        "properties": ["domain"],
        "limit": 10,
        "after": "0",
    }
    return [one["id"] for one in toy.call("POST", "/crm/v3/objects/companies/search", asked).json["results"]]


def written(toy, id, **properties):
    body = {"inputs": [{"id": id, "properties": properties}]}
    return toy.call("POST", "/crm/v3/objects/companies/batch/update", body)


def test_the_worlds_companies_are_found_by_their_domain_and_have_a_billing_address(toy):
    first = toy.rows("companies")[0]
    assert found(toy, domain=first["domain"]) == [first["id"]]
    assert first["billing_email"] == f"billing@{first['domain']}"
    assert found(toy, domain="nobody.example") == []


def test_the_page_of_a_company_shows_what_was_written(toy):
    id = toy.control("POST", "/hubspot/companies", {"name": "Nine", "domain": "nine.example"})["id"]
    assert written(toy, id, nps_score="9", nps="40", nps_comment="onto the page").status == 200
    page = toy.page(f"/hubspot/record/{id}")
    assert "onto the page" in page
    assert "<ins>40</ins>" in page
    assert id in toy.page("/?q=nine.example")
