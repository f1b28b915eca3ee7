"""A decision is remembered for as few keys as decide it."""

from __future__ import annotations

from nps.changes import MatchKey
from sync.linking import keys_to_link

ID = MatchKey("external_id", "Customer_Id__c", "C-1")
EMAIL = MatchKey("email", "Email", "ann@example.com")
KEYS = (ID, EMAIL)


def test_a_conflict_is_settled_by_the_key_that_names_the_chosen_record():
    named = {ID: ("003A",), EMAIL: ("003B",)}
    assert keys_to_link(KEYS, "email = Email", named, "003A") == (ID,)
    assert keys_to_link(KEYS, "email = Email", named, "003B") == (EMAIL,)


def test_an_ambiguity_is_settled_by_the_key_that_two_records_have():
    assert keys_to_link(KEYS, "email = Email", {EMAIL: ("003A", "003B")}, "003B") == (EMAIL,)


def test_a_wrong_match_is_corrected_for_the_key_that_led_to_it():
    named = {EMAIL: ("003A",)}
    assert keys_to_link(KEYS, "email = Email", named, "003C") == (EMAIL,)


def test_what_no_record_has_is_remembered_for_all_its_keys():
    assert keys_to_link(KEYS, "", {}, "003C") == KEYS
