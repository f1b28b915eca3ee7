from __future__ import annotations

import pytest
from pydantic import BaseModel, ValidationError

from mapping.spec import FieldMapping, FieldTest, MatchRule, PeopleSpec


def codes(model: type[BaseModel], value: object) -> set[str]:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(value)
    return {error["type"] for error in caught.value.errors()}


def message(model: type[BaseModel], value: object) -> str:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(value)
    return caught.value.errors()[0]["msg"]


def test_a_bare_name_is_shorthand_for_from():
    assert FieldMapping.model_validate("score") == FieldMapping.model_validate({"from": "score"})


@pytest.mark.parametrize(
    "name",
    [
        "score",
        "previous_segment",
        "answers",
        "record.id",
        "account_id",
        "record.Owner.Name",
        "properties.plan name",
    ],
)
def test_designs_names_are_known(name):
    assert FieldMapping.model_validate(name).from_ == name


@pytest.mark.parametrize(
    "name", ["scroe", "record", "record.", "properties..x", "email", "", "score.x", "__class__"]
)
def test_any_other_name_is_refused(name):
    assert codes(FieldMapping, name) == {"unknown_name"}


def test_an_unknown_name_comes_with_a_suggestion():
    assert 'did you mean "segment"?' in message(FieldMapping, "segmnt")
    assert 'did you mean "record"?' in message(FieldMapping, "recrod.Name")


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({}, "no_source"),
        ({"as": "date"}, "no_source"),
        ({"from": "score", "expr": "score"}, "two_sources"),
        ({"value": 1, "template": "x"}, "two_sources"),
        (None, "empty_mapping"),
        (["score"], "not_a_mapping"),
        ({"from": "score", "other": 1}, "other_without_map"),
        ({"from": "score", "overwrite": "if_newer"}, "newer_than_missing"),
        ({"from": "score", "newer_than": "Last__c"}, "newer_than_unused"),
        ({"from": "score", "as": "string"}, "literal_error"),
        ({"from": "score", "truncate": 0}, "greater_than_equal"),
        ({"from": "score", "when": "x"}, "extra_forbidden"),
        ({"from": "score", "overwrite": "never"}, "literal_error"),
    ],
)
def test_a_field_says_clearly_what_is_wrong_with_it(value, code):
    assert codes(FieldMapping, value) == {code}


def test_the_same_value_for_everybody_may_be_null():
    mapping = FieldMapping.model_validate({"value": None})
    assert mapping.says("value")
    assert not mapping.says("default")


def test_map_keys_that_yaml_reads_as_numbers_or_truth_stand_for_their_text():
    mapping = FieldMapping.model_validate({"from": "score", "map": {9: "nine", True: "yes", "x": None}})
    assert mapping.map == {"9": "nine", "true": "yes", "x": None}


def test_a_match_rule_names_a_key_of_an_answer():
    for name in ("email", "phone", "external_id", "email_domain", "properties.customer id", "event.id"):
        assert MatchRule(response=name, record="Id").response == name
    assert codes(MatchRule, {"response": "name", "record": "Name"}) == {"unknown_key"}
    assert 'did you mean "email"?' in message(MatchRule, {"response": "emial", "record": "Email"})


def test_a_domain_may_lead_to_companies_and_never_to_people():
    rule = {"response": "email_domain", "record": "domain"}
    assert MatchRule(**rule).response == "email_domain"
    people = {"object": "contacts", "match": [{"response": "email", "record": "email"}, rule]}
    assert codes(PeopleSpec, people) == {"domain_of_a_person"}


def test_people_of_the_design_load_as_they_stand():
    people = PeopleSpec.model_validate(
        {
            "object": "Contact",
            "only": {"IsPersonAccount": False, "Type": ["A", "B"]},
            "match": [
                {"response": "external_id", "record": "Customer_Id__c"},
                {"response": "email", "record": "Email"},
            ],
            "account": {"object": "Account", "by": "AccountId"},
            "name": "Name",
            "email": "Email",
            "phone": "MobilePhone",
            "opted_out": "HasOptedOutOfEmail",
            "owner": "OwnerId",
        }
    )
    assert [rule.record for rule in people.match] == ["Customer_Id__c", "Email"]
    assert people.only["IsPersonAccount"] is False


def test_people_without_a_match_rule_are_refused():
    assert codes(PeopleSpec, {"object": "Contact"}) == {"missing"}
    assert codes(PeopleSpec, {"object": "Contact", "match": []}) == {"too_short"}


@pytest.mark.parametrize("model", [PeopleSpec, MatchRule, FieldMapping, FieldTest])
def test_every_key_is_described_for_the_person_who_writes_the_yaml(model):
    for name, field in model.model_fields.items():
        assert field.description, name


def test_the_json_schema_offers_the_short_form_and_the_long_one():
    short, long = FieldMapping.model_json_schema()["anyOf"]
    assert short["type"] == "string"
    assert {"from", "as", "template", "value", "expr"} <= set(long["properties"])
    assert long["additionalProperties"] is False
