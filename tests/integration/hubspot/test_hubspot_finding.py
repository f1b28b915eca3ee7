"""Which answer belongs to which asked value, and what a search is asked."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_hubspot import PROPERTIES, definition, option, row

from connectors.hubspot.finding import (
    Allowed,
    Key,
    absorbed,
    allowed,
    is_wide,
    key_of,
    paired,
    passes,
    primary,
    pushed_down,
    read_body,
    record_key,
    searches,
)
from connectors.hubspot.properties import PRIMARY_COMPANY, Properties, properties
from nps.errors import ConfigError
from nps.schema import FieldType


def contacts() -> Properties:
    return properties("contacts", PROPERTIES)


def key(field: str) -> Key:
    found = key_of(contacts(), field)
    assert found is not None
    return found


# ---------------------------------------------------------------- the schema


def test_definitions_become_a_schema() -> None:
    rows = [
        definition("score", "number"),
        definition("topics", "enumeration", fieldType="checkbox", options=[option("price")]),
        definition("owner", "enumeration", externalOptions=True, options=[]),
        definition("age", "number", calculated=True),
        definition("place", "object_coordinates"),
        definition("seen", "datetime", modificationMetadata={"readOnlyValue": True}),
    ]
    fields = properties("companies", rows).schema.fields
    assert (fields["score"].type, fields["score"].writable) == (FieldType.NUMBER, True)
    assert (fields["topics"].type, fields["topics"].options) == (FieldType.MULTI, ("price",))
    assert (fields["owner"].options, fields["owner"].restricted) == (None, False)
    assert not fields["age"].writable
    assert (fields["place"].type, fields["place"].writable) == (FieldType.OTHER, False)
    assert not fields["seen"].writable
    assert PRIMARY_COMPANY not in fields


@pytest.mark.parametrize("name", ["contacts", "contact", "Contact", "0-1"])
def test_contacts_have_a_primary_company_that_costs_a_call(name: str) -> None:
    known = properties(name, PROPERTIES)
    assert known.schema.fields[PRIMARY_COMPANY].extra_call
    assert not known.schema.fields[PRIMARY_COMPANY].writable
    assert (known.schema.name, known.object_type) == (name, "contacts")


def test_a_property_that_is_not_unique_is_no_key() -> None:
    assert key_of(contacts(), "phone") is None
    assert key_of(properties("companies", PROPERTIES), "email") is None
    assert key("customer_id").name == "customer_id"
    assert key("email").name == "email"
    assert key("hs_object_id").name is None
    assert key("id").name is None


# ---------------------------------------------------------------- pairing


def test_answers_in_any_order_and_lower_case_find_their_value() -> None:
    asked = ["ann@x.test", "bob@x.test"]
    found = paired(key("email"), asked, [row("2", email="bob@x.test"), row("1", email="Ann@x.test")], [])
    assert {value: one["id"] for value, one in found.rows.items()} == {"ann@x.test": "1", "bob@x.test": "2"}


def test_a_secondary_address_finds_its_contact() -> None:
    ann = row("1", email="ann@x.test", hs_additional_emails="a@old.test;ann@old.test")
    found = paired(key("email"), ["ann@old.test", "ann@x.test"], [ann], [])
    assert {value: one["id"] for value, one in found.rows.items()} == {"ann@old.test": "1", "ann@x.test": "1"}


def test_a_record_that_does_not_say_which_address_it_answers_is_paired_when_only_one_is_open() -> None:
    found = paired(
        key("email"),
        ["ann@x.test", "gone@x.test", "b@x.test"],
        [row("7", email="new@x.test"), row("2", email="b@x.test")],
        ["gone@x.test"],
    )
    assert found.rows["ann@x.test"]["id"] == "7"
    assert found.silent == ()


def test_a_unique_text_is_asked_exactly_and_recognised_in_other_capitals() -> None:
    found = paired(
        key("customer_id"), ["C-1", "007"], [row("7", customer_id="007"), row("1", customer_id="c-1")], []
    )
    assert {value: one["id"] for value, one in found.rows.items()} == {"C-1": "1", "007": "7"}
    assert key("customer_id").normal(" C-1 ") == "C-1"


def test_when_two_are_open_nothing_is_guessed() -> None:
    found = paired(key("email"), ["a@x.test", "b@x.test"], [row("7", email="new@x.test")], [])
    assert found.rows == {}
    assert found.silent == ("a@x.test", "b@x.test")
    assert [one["id"] for one in found.strangers] == ["7"]


def test_an_absorbed_id_finds_its_survivor() -> None:
    survivor = row(
        "9", hs_merged_object_ids="1;2", hs_calculated_merged_vids="3:1700000000000;4:1700000000000"
    )
    assert absorbed(survivor) == {"1", "2", "3", "4"}
    found = paired(record_key("contacts"), ["1", "9", "4"], [survivor], [])
    assert {value: one["id"] for value, one in found.rows.items()} == {"1": "9", "9": "9", "4": "9"}


def test_a_value_that_cannot_be_an_id_is_never_asked() -> None:
    asks = record_key("contacts").asks
    assert asks("33001")
    assert not any(asks(text) for text in ("", "abc", "1;2", "../1", "1 OR 1", "9" * 30))


def test_a_batch_read_asks_for_the_property_and_the_live_values() -> None:
    assert read_body(key("customer_id"), ["C-1"], ["nps_score"]) == {
        "inputs": [{"id": "C-1"}],
        "properties": ["nps_score"],
        "propertiesWithHistory": [],
        "idProperty": "customer_id",
    }
    assert "idProperty" not in read_body(record_key("contacts"), ["1"], [])


# ---------------------------------------------------------------- search


@given(st.lists(st.text(min_size=1, max_size=60), max_size=300, unique=True))
def test_every_search_fits_and_together_they_hold_every_value(values: list[str]) -> None:
    only = pushed_down(allowed(contacts(), {"nps_segment": "promoter"}))
    made = list(searches("phone", values, ("phone", "nps_score"), only))
    for search in made:
        assert len(json.dumps(search.body(after_id="123456789012"))) <= 3000
    assert [value for search in made for value in search.values] == values


def test_a_value_longer_than_a_search_is_left_out_and_the_others_are_not() -> None:
    (search,) = searches("phone", ["1", "x" * 4000, "2"], ("phone",), ())
    assert search.values == ("1", "2")


def test_a_page_starts_behind_the_last_id() -> None:
    (search,) = searches("phone", ["1"], ("phone",), ())
    first, second = search.body(), search.body(after_id="33200")
    assert first["sorts"] == [{"propertyName": "hs_object_id", "direction": "ASCENDING"}]
    assert json.dumps(second).count("hs_object_id") == 2
    assert second["after"] == "0"


def test_many_wanted_properties_leave_no_room_for_values() -> None:
    assert is_wide("phone", [f"a_rather_long_property_name_{n}" for n in range(60)], ())
    assert not is_wide("phone", ["nps_score"], ())


# ---------------------------------------------------------------- only


def test_only_takes_a_value_or_a_list_and_compares_what_hubspot_shows() -> None:
    rules = allowed(contacts(), {"nps_score": [9, 10], "nps_segment": "promoter"})
    assert passes(rules, row("1", nps_score="9.0", nps_segment="promoter"))
    assert not passes(rules, row("2", nps_score="8", nps_segment="promoter"))
    assert not passes(rules, row("3", nps_score="9", nps_segment=None))


def test_only_null_means_empty() -> None:
    rules = allowed(contacts(), {"nps_segment": None})
    assert passes(rules, row("1", nps_segment=""))
    assert not passes(rules, row("1", nps_segment="promoter"))
    assert pushed_down(rules) == [{"propertyName": "nps_segment", "operator": "NOT_HAS_PROPERTY"}]


def test_empty_or_a_value_is_checked_by_us_alone() -> None:
    assert pushed_down(allowed(contacts(), {"nps_segment": [None, "promoter"]})) == []


def test_only_with_a_value_the_property_cannot_hold_is_a_mistake_in_the_yaml() -> None:
    with pytest.raises(ConfigError, match="no option"):
        allowed(contacts(), {"nps_segment": "vip"})


def test_a_search_has_room_for_its_own_filters() -> None:
    names = [f"p{n}" for n in range(8)]
    known = properties("contacts", [definition(name) for name in names])
    rules = [Allowed(known.schema.fields[name], frozenset({"x"})) for name in names]
    assert len(pushed_down(rules)) == 4


# ---------------------------------------------------------------- companies


def test_the_primary_company_is_the_one_of_type_1() -> None:
    def to(id: object, *types: int) -> dict[str, object]:
        return {
            "toObjectId": id,
            "associationTypes": [{"category": "HUBSPOT_DEFINED", "typeId": one} for one in types],
        }

    assert primary({"to": [to(5, 279), to(6, 279, 1)]}, 1) == "6"
    assert primary({"to": [to("7", 1)]}, 1) == "7"
    assert primary({"to": [to(5, 279)]}, 1) is None
    assert primary({}, 1) is None


def test_a_label_of_the_account_with_number_1_is_not_the_primary_company() -> None:
    custom = {"toObjectId": 5, "associationTypes": [{"category": "USER_DEFINED", "typeId": 1}]}
    assert primary({"to": [custom]}, 1) is None
