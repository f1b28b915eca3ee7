"""What could not be written is kept, says what settles it, and is tried again from the answer itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from cli_process import SALESFORCE_FIELDS, Npsync, config, to_contacts
from townspeople import Person, Town

NO_PASSIVES = {
    **SALESFORCE_FIELDS,
    "NPS_Segment__c": {"from": "segment", "map": {"promoter": "Promoter", "detractor": "Detractor"}},
}


@pytest.fixture(autouse=True)
def no_faults_left(town: Town) -> Iterator[None]:
    yield
    town.sandbox.control("DELETE", "/faults")


def listed(npsync: Npsync, *flags: str) -> list[dict[str, Any]]:
    letters: list[dict[str, Any]] = npsync("dead-letters", "list", "--json", *flags).json["letters"]
    return letters


def refused(town: Town, person: Person, **detail: Any) -> None:
    town.sandbox.fault("salesforce", "validation", path=str(person.contact), times=None, detail=detail)


def healed(town: Town) -> None:
    town.sandbox.control("DELETE", "/faults")


def hours_pass(npsync: Npsync, hours: float) -> None:
    """Letters are so much older than they were."""
    with npsync.store() as store:
        store.execute("UPDATE dead_letter SET created_at = created_at - ?", (int(hours * 3_600_000),))


def test_a_mapping_that_misses_a_value_is_fixed_and_all_its_letters_retried_together(
    npsync: Npsync, town: Town
):
    people = [town.person() for _ in range(3)]
    for one in people:
        town.answers(one, 7)
    npsync.configured(config(to_contacts(fields=NO_PASSIVES)))
    report = npsync("run", "contacts", exits=3).out
    assert "npsync dead-letters list" in report

    text = npsync("dead-letters", "list").out
    assert "3 of 3: map_miss (mapping), for whoever keeps the YAML" in text
    assert "npsync dead-letters retry --code map_miss" in text
    assert max(map(len, text.splitlines())) <= 100

    npsync.configured(config())
    retried = npsync("dead-letters", "retry", "--code", "map_miss", "--json").json

    assert [one["became"] for one in retried["letters"]] == ["written"] * 3
    assert [town.in_salesforce(one)["NPS_Segment__c"] for one in people] == ["Passive"] * 3
    assert listed(npsync) == []
    assert [one["status"] for one in listed(npsync, "--status", "all")] == ["resolved"] * 3


def test_defect_13_a_dead_letter_never_replays_a_stale_answer_over_a_newer_one(npsync: Npsync, town: Town):
    ann = town.person()
    refused(town, ann)
    town.answers(ann, 2, "bad", days_ago=5)
    npsync.run("contacts", exits=3)
    [letter] = listed(npsync)
    healed(town)
    town.answers(ann, 10, "good again", days_ago=1)

    retried = npsync("dead-letters", "retry", str(letter["letter"]))

    assert "a newer answer decides" in retried.out
    shown = town.in_salesforce(ann)
    assert (shown["NPS_Score__c"], shown["NPS_Comment__c"]) == (10, "good again")
    assert listed(npsync) == []


def test_defect_14_letters_that_arrive_during_a_retry_are_not_lost(npsync: Npsync, town: Town):
    ann, ben = town.person("ann"), town.person("ben")
    refused(town, ann)
    town.answers(ann, 9)
    npsync.run("contacts", exits=3)
    [first] = listed(npsync)
    healed(town)
    refused(town, ben)
    town.answers(ben, 3)
    npsync.run("marketing")

    # His answer is pulled by the retry, and refused by the run after it.
    assert [one["letter"] for one in npsync("dead-letters", "retry", "--all", "--json").json["letters"]] == [
        first["letter"]
    ]
    npsync.run("contacts", exits=3)

    [second] = listed(npsync)
    assert (second["record"], second["status"]) == (ben.contact, "open")
    healed(town)
    npsync("dead-letters", "retry", "--all")
    assert [town.in_salesforce(one)["NPS_Score__c"] for one in (ann, ben)] == [9, 3]


def test_a_letter_shows_the_answer_what_was_tried_and_what_settles_it(npsync: Npsync, town: Town):
    ann = town.person()
    refused(town, ann, message="Only support may lower a score")
    answer = town.answers(ann, 4, "hm")
    npsync.run("contacts", exits=3)
    [letter] = listed(npsync)
    assert (letter["code"], letter["cause"]) == ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "record")

    again = npsync("dead-letters", "retry", str(letter["letter"]), exits=3)
    assert "refused again: " in again.out
    [now] = listed(npsync)
    assert now["attempts"] == 1

    text = npsync("dead-letters", "show", str(now["letter"])).out
    for told in (
        "Only support may lower a score",
        f"email-nps {answer}",
        "comment: hm",
        str(ann.contact),
        f"npsync dead-letters retry {now['letter']}",
    ):
        assert told in text
    assert text.count("FIELD_CUSTOM_VALIDATION_EXCEPTION") >= 3  # why, and twice tried
    assert max(map(len, text.splitlines())) <= 100
    story = npsync("dead-letters", "show", str(now["letter"]), "--json").json
    assert len(story["tried"]) == 2

    healed(town)
    npsync("dead-letters", "retry", str(letter["letter"]))  # the number it had before still leads to it
    assert town.in_salesforce(ann)["NPS_Score__c"] == 4


def test_a_discarded_answer_stays_out_of_run_all_until_it_is_edited(npsync: Npsync, town: Town):
    ann = town.person()
    refused(town, ann)
    answer = town.answers(ann, 9)
    npsync.run("contacts", exits=3)
    [letter] = listed(npsync)
    npsync("dead-letters", "discard", str(letter["letter"]), "--reason", "a test by the agency")
    healed(town)

    assert npsync.run("contacts", "--all")["writes"] == {"Contact": 0}
    shown = npsync("dead-letters", "show", str(letter["letter"]))
    assert "a test by the agency" in shown.out
    assert "discarded" in shown.out
    npsync("dead-letters", "retry", str(letter["letter"]), exits=2)

    town.edits(answer, score=10)
    npsync.run("contacts")
    assert town.in_salesforce(ann)["NPS_Score__c"] == 10


def test_a_clearing_that_was_refused_is_retried_as_a_clearing(npsync: Npsync, town: Town):
    ann = town.person()
    only = town.answers(ann, 9)
    npsync.run("contacts")
    refused(town, ann)
    town.withdraws(only)
    npsync.run("contacts", exits=3)
    [letter] = listed(npsync)
    assert letter["answer"] is None
    letters = npsync("dead-letters", "list").out
    assert "clearing" in letters
    assert ann.contact in letters
    healed(town)

    npsync("dead-letters", "retry", str(letter["letter"]))

    assert town.in_salesforce(ann)["NPS_Score__c"] is None
    assert listed(npsync) == []


def test_a_passing_refusal_is_tried_again_without_anybody(npsync: Npsync, town: Town):
    ann = town.person()
    town.answers(ann, 9)
    stumbled = {"statusCode": "CANNOT_EXECUTE_FLOW_TRIGGER", "message": "Apex CPU time limit exceeded"}
    town.sandbox.fault("salesforce", "record_error", path=str(ann.contact), times=None, detail=stumbled)
    npsync.run("contacts", exits=3)
    [letter] = listed(npsync)
    assert letter["cause"] == "transient"
    assert "tried again by itself at" in " ".join(npsync("dead-letters", "list").out.split())
    healed(town)
    town.sandbox.forget_traffic()
    npsync.run("contacts")
    assert town.sandbox.traffic("salesforce")["by_kind"].keys() <= {"token", "describe"}

    hours_pass(npsync, 1)
    npsync.run("contacts")

    assert town.in_salesforce(ann)["NPS_Score__c"] == 9
    assert listed(npsync) == []


def test_what_is_meant_has_to_be_said(npsync: Npsync, town: Town):
    for arguments, told in (
        (("retry",), "say which letters"),
        (("retry", "7"), "there is no dead letter 7"),
        (("retry", "7", "--all"), "not both"),
        (("list", "--cause", "maping"), 'did you mean "mapping"?'),
        (("list", "--sync", "contact"), 'did you mean "contacts"?'),
        (("show", "7"), "there is no dead letter 7"),
    ):
        assert told in npsync("dead-letters", *arguments, exits=2).err
    assert npsync("dead-letters", "list").out == "No dead letter is open.\n"
