"""Conditions about people who have not answered yet: what they may name, and when they cannot be judged."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from mapping.conditions import ABOUT_PEOPLE, CannotTell, Conditions, fields_named, problems_of_condition
from nps.standing import About

UTC = ZoneInfo("UTC")
STRATEGIC = 'account.Tier__c == "Strategic"'
COLLEAGUE = 'record.Email.endsWith("@acme.com")'


def about(**known):
    return About(**{"record_id": "003A", "record": {"Email": "jo@example.com"}, **known})


def forbids(known, *sources):
    return Conditions(sources, UTC).first_that_forbids(sources, known)


def test_a_condition_names_event_record_and_account():
    source = 'event.Priority == "High" && record.Role == "Buyer" && account.Tier__c == "A" && record.id != ""'
    assert problems_of_condition(source, ()) == []
    known = about(
        record={"Role": "Buyer"}, account_id="001", account={"Tier__c": "A"}, event={"Priority": "High"}
    )
    assert Conditions([source], UTC).holds(source, known)
    assert [fields_named([source], root) for root in ("event", "record", "account")] == [
        ("Priority",),
        ("Role",),
        ("Tier__c",),
    ]


@pytest.mark.parametrize("name", ["score", "segment", "comment", "properties.plan", "answered_at"])
def test_names_of_an_answer_are_none_of_somebody_who_has_not_answered(name):
    [problem] = problems_of_condition(f"{name} != null", ("where",))
    assert (problem.code, problem.path) == ("unknown_name", ("where",))
    assert "before anybody has answered" in problem.message


def test_the_policy_knows_of_no_event():
    [problem] = problems_of_condition("event.Priority == 1", (), ABOUT_PEOPLE)
    assert "use record.*, account.*" in problem.message


def test_an_empty_field_is_compared_and_counts_as_false():
    assert forbids(about(record={"Email": None}, account_id="001"), STRATEGIC, COLLEAGUE) is None


def test_the_first_condition_that_holds_is_named():
    known = about(record={"Email": "sam@acme.com"}, account_id="001", account={"Tier__c": "Strategic"})
    assert forbids(known, COLLEAGUE, STRATEGIC) == COLLEAGUE
    assert forbids(known, STRATEGIC, COLLEAGUE) == STRATEGIC


def test_an_account_that_could_not_be_read_forbids_where_its_fields_count():
    unknown = about(account_id="001", account_known=False)
    assert forbids(unknown, STRATEGIC) == f"{STRATEGIC} cannot be judged: the account could not be read"
    assert forbids(unknown, COLLEAGUE) is None


def test_a_person_without_an_account_is_no_strategic_one():
    assert forbids(about(account_id=None), STRATEGIC) is None


def test_what_cannot_be_compared_forbids_and_quotes_no_value():
    said = forbids(about(record={"Score__c": "a secret"}), "record.Score__c > 5")
    assert said.startswith("record.Score__c > 5 cannot be judged")
    assert "a secret" not in said


def test_a_condition_that_is_no_yes_or_no_cannot_be_judged():
    with pytest.raises(CannotTell, match="true or false"):
        Conditions(["record.Email"], UTC).holds("record.Email", about())


def test_conditions_do_not_disturb_each_other():
    nested = about(record={"Email": "sam@acme.com", "Address": {"City": "Rome"}})
    assert forbids(nested, "record.Address == null").startswith("record.Address == null cannot be judged")
    conditions = Conditions(["record.Address == null", COLLEAGUE], UTC)
    assert conditions.holds(COLLEAGUE, nested)


def test_nobody_keeps_the_values_of_the_person_before():
    conditions = Conditions([COLLEAGUE], UTC)
    assert conditions.holds(COLLEAGUE, about(record={"Email": "sam@acme.com"}))
    assert not conditions.holds(COLLEAGUE, about(record={}))
