from __future__ import annotations

import pytest
from builders_mapping import answer
from hypothesis import given
from hypothesis import strategies as st

from mapping.match import Asked, Conflict, Many, Matched, NoRecord, compile_match
from mapping.spec import MatchRule
from nps.changes import Hit, MatchKey, Record


def rules(*pairs: tuple[str, str], region: str | None = "US"):
    return compile_match([MatchRule(response=response, record=record) for response, record in pairs], region)


def record(id: str, **fields) -> Record:
    return Record("Contact", id, fields)


def hit(field: str, value: str, id: str) -> Hit:
    return Hit(field, value, record(id))


BY_ID_THEN_MAIL = rules(("external_id", "Customer_Id__c"), ("email", "Email"))
ANN = answer(external_id="0042", email=" Ann@Example.com")
BY_ID = "external_id = Customer_Id__c"
BY_MAIL = "email = Email"


def decide(*hits: Hit, response=ANN, match=BY_ID_THEN_MAIL):
    return match.decide(match.keys(response), hits)


# ---------------------------------------------------------------- keys


def test_a_domain_leads_to_a_company_unless_it_is_a_free_mail_providers():
    companies = rules(("external_id", "Key__c"), ("email_domain", "domain"))
    ann = answer(email="Ann@Acme.Example")
    assert companies.keys(ann) == (MatchKey("email_domain", "domain", "acme.example"),)
    assert decide(hit("domain", "acme.example", "7"), response=ann, match=companies).record_id == "7"
    private = answer(email="ann@gmail.com", external_id="1")
    assert [key.response for key in companies.keys(private)] == ["external_id"]
    assert companies.misses_its_company(private)
    assert not companies.misses_its_company(ann)
    assert not companies.misses_its_company(answer(external_id="1"))
    assert not BY_ID_THEN_MAIL.misses_its_company(private)


def test_keys_are_present_normalised_and_in_the_order_of_the_rules():
    assert BY_ID_THEN_MAIL.keys(ANN) == (
        MatchKey("external_id", "Customer_Id__c", "0042"),
        MatchKey("email", "Email", "ann@example.com"),
    )


def test_an_answer_without_any_key_has_none():
    assert BY_ID_THEN_MAIL.keys(answer(email="not an address", external_id=" ")) == ()


def test_keys_may_come_from_properties_and_from_the_event_an_invitation_was_about():
    match = rules(("properties.crm.id", "Id"), ("event.id", "Case__c"))
    response = answer(properties={"crm": {"id": "003A"}})
    assert [key.value for key in match.keys(response, {"id": "500B"})] == ["003A", "500B"]
    assert [key.value for key in match.keys(response)] == ["003A"]


def test_a_phone_without_region_needs_its_plus():
    assert rules(("phone", "Phone"), region=None).keys(answer(phone="202 555 0143")) == ()
    assert rules(("phone", "Phone")).keys(answer(phone="202 555 0143"))[0].value == "+12025550143"


# ---------------------------------------------------------------- lookups


def test_lookups_ask_each_field_once_for_all_answers_together():
    keys = [
        *BY_ID_THEN_MAIL.keys(ANN),
        *BY_ID_THEN_MAIL.keys(answer(email="ANN@example.com", external_id="7")),
    ]
    assert BY_ID_THEN_MAIL.lookups(keys) == [
        Asked("Customer_Id__c", "external_id", ("0042", "7")),
        Asked("Email", "email", ("ann@example.com",)),
    ]


def test_nothing_to_ask_asks_nothing():
    assert BY_ID_THEN_MAIL.lookups([]) == []


def test_a_phone_is_asked_for_in_its_usual_spellings():
    match = rules(("phone", "MobilePhone"))
    (asked,) = match.lookups(match.keys(answer(phone="+12025550143")))
    assert {"+12025550143", "(202) 555-0143", "2025550143", "12025550143", "202-555-0143"} <= set(
        asked.values
    )


# ---------------------------------------------------------------- the decision


def test_one_record_is_a_match_by_the_rule_that_found_it():
    assert decide(hit("Customer_Id__c", "0042", "A")) == Matched("A", BY_ID, record("A"))
    assert decide(hit("Email", "ann@example.com", "A")) == Matched("A", BY_MAIL, record("A"))


def test_no_hit_waits():
    assert decide() == NoRecord()


def test_two_rules_that_agree_are_a_match_by_the_stronger():
    assert decide(hit("Email", "ann@example.com", "A"), hit("Customer_Id__c", "0042", "A")) == Matched(
        "A", BY_ID, record("A")
    )


def test_many_never_fall_to_a_weaker_rule():
    decision = decide(
        hit("Customer_Id__c", "0042", "B"),
        hit("Customer_Id__c", "0042", "A"),
        hit("Email", "ann@example.com", "A"),
    )
    assert decision == Many(BY_ID, ("A", "B"))


def test_two_contacts_with_one_address_are_many():
    decision = decide(hit("Email", "ann@example.com", "B"), hit("Email", "ann@example.com", "A"))
    assert decision == Many(BY_MAIL, ("A", "B"))


def test_a_weaker_rule_that_names_exactly_one_other_record_is_a_conflict():
    decision = decide(hit("Customer_Id__c", "0042", "A"), hit("Email", "ann@example.com", "B"))
    assert decision == Conflict(BY_MAIL, ("A", "B"))


def test_a_weaker_rule_that_names_several_does_not_shake_the_stronger():
    decision = decide(
        hit("Customer_Id__c", "0042", "A"),
        hit("Email", "ann@example.com", "B"),
        hit("Email", "ann@example.com", "C"),
    )
    assert decision == Matched("A", BY_ID, record("A"))


def test_a_record_hit_twice_counts_once():
    decision = decide(hit("Email", "ann@example.com", "A"), hit("Email", "ann@example.com", "A"))
    assert decision == Matched("A", BY_MAIL, record("A"))


def test_a_record_found_by_two_spellings_of_a_phone_counts_once():
    match = rules(("phone", "MobilePhone"), region=None)
    hits = [hit("MobilePhone", "2025550143", "A"), hit("MobilePhone", "+12025550143", "A")]
    assert decide(*hits, response=answer(phone="+1 202 555 0143"), match=match) == Matched(
        "A", "phone = MobilePhone", record("A")
    )


def test_hits_of_other_answers_do_not_count():
    assert decide(hit("Email", "bob@example.com", "B"), hit("Customer_Id__c", "42", "C")) == NoRecord()


def test_a_value_found_in_another_field_does_not_count():
    assert decide(hit("Alias__c", "0042", "A")) == NoRecord()


def test_an_address_the_crm_spells_differently_is_still_the_one_asked_for():
    assert decide(hit("Email", "ANN@Example.com", "A")) == Matched("A", BY_MAIL, record("A"))


def test_two_rules_over_one_field_are_paired_with_both():
    match = rules(("email", "Email"), ("properties.other", "Email"))
    response = answer(email="a@example.com", properties={"other": "a@example.com"})
    assert decide(hit("Email", "a@example.com", "A"), response=response, match=match) == Matched(
        "A", BY_MAIL, record("A")
    )


def test_a_chunk_of_answers_is_paired_once_and_chosen_one_by_one():
    bob = answer(email="bob@example.com")
    ann_keys, bob_keys = BY_ID_THEN_MAIL.keys(ANN), BY_ID_THEN_MAIL.keys(bob)
    paired = BY_ID_THEN_MAIL.pair(
        [*ann_keys, *bob_keys], [hit("Email", "bob@example.com", "B"), hit("Customer_Id__c", "0042", "A")]
    )
    assert BY_ID_THEN_MAIL.choose(ann_keys, paired) == Matched("A", BY_ID, record("A"))
    assert BY_ID_THEN_MAIL.choose(bob_keys, paired) == Matched("B", BY_MAIL, record("B"))


hits = st.lists(
    st.builds(
        hit,
        st.sampled_from(["Customer_Id__c", "Email"]),
        st.sampled_from(["0042", "ann@example.com", "bob@example.com"]),
        st.sampled_from("ABC"),
    ),
    max_size=6,
)


@given(hits, st.randoms())
def test_the_order_of_hits_never_changes_the_decision(some, random):
    assert decide(*some) == decide(*random.sample(some, len(some)))


@pytest.mark.parametrize("count", [1, 2])
@given(some=hits)
def test_asking_twice_never_changes_the_decision(count, some):
    assert decide(*some) == decide(*some * count)
