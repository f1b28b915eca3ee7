"""Answers that only a person can match: looked at without giving anybody away, decided once, corrected when wrong."""

from __future__ import annotations

from typing import Any

import pytest
from cli_process import Npsync
from townspeople import Person, Town


@pytest.fixture(autouse=True)
def nobody_answered_before(town: Town) -> None:
    for row in town.sandbox.rows("wootric", "responses"):
        town.sandbox.control("DELETE", f"/wootric/responses/{row['id']}")


def undecided(npsync: Npsync, *flags: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = npsync("review", "list", "--json", "--sync", "contacts", *flags).json[
        "undecided"
    ]
    return found


def score(town: Town, contact: str | None) -> Any:
    return town.sandbox.control("GET", f"/salesforce/Contact/{contact}")["NPS_Score__c"]


def twins(town: Town) -> tuple[Person, str]:
    """Somebody whose address two contacts have."""
    ann = town.person()
    assert ann.email is not None
    return ann, town.contact(ann.email)


def test_an_ambiguous_answer_is_looked_at_masked_and_decided_once_for_all_of_the_person(
    npsync: Npsync, town: Town
):
    ann, twin = twins(town)
    assert ann.email is not None
    first = town.answers(ann, 4, days_ago=3)
    report = npsync("run", "contacts", exits=3).out
    assert "npsync review list" in report

    text = npsync("review", "list").out
    assert f"email-nps:{first}" in text
    assert ann.email not in text
    assert "a***@t***.example" in text
    assert max(map(len, text.splitlines())) <= 100
    shown = npsync("review", "show", f"email-nps:{first}", "--sync", "contacts").out
    for told in (str(ann.contact), twin, "A***", "a***@t***.example", "email = Email", "npsync review link"):
        assert told in shown
    assert ann.email not in shown

    decided = npsync("review", "link", f"email-nps:{first}", twin, "--json").json

    assert [(one["state"], one["record"]) for one in decided["became"]] == [("written", twin)]
    assert decided["remembered"] == ["email"]
    assert (score(town, twin), score(town, ann.contact)) == (4, None)
    assert undecided(npsync) == []
    town.answers(ann, 9)
    npsync.run("contacts", exits=0)  # the decision outranks the rule that names two records
    assert (score(town, twin), score(town, ann.contact)) == (9, None)

    assert "judged anew" in npsync("review", "undo", f"email-nps:{first}", "--key", ann.email).out
    npsync.run("contacts", exits=3)
    assert (score(town, twin), score(town, ann.contact)) == (
        None,
        None,
    )  # what the link had written is given back
    assert len(undecided(npsync)) == 2
    assert "Nothing was decided" in npsync("review", "undo", first, exits=1).out


def test_a_decision_for_one_answer_leaves_the_next_one_to_be_decided(npsync: Npsync, town: Town):
    ann, twin = twins(town)
    first = town.answers(ann, 4, days_ago=3)
    npsync.run("contacts", exits=3)

    npsync("review", "link", "email-nps", first, twin, "--only-this-answer")
    second = town.answers(ann, 9)
    npsync.run("contacts", exits=3)

    assert score(town, twin) == 4
    assert [one["answer"] for one in undecided(npsync)] == [f"email-nps:{second}"]


def test_a_conflict_is_decided_without_touching_what_either_rule_says_of_others(npsync: Npsync, town: Town):
    """Defect 21: keys combined with OR find the wrong person."""
    ann = town.person("ann", external_id="C-77")
    ben = town.person("ben")
    assert ben.email is not None
    torn = town.person("torn", external_id="C-77", in_crm=False)  # her id, his address
    town.sandbox.control("PATCH", f"/wootric/end_users/{torn.end_user}", {"email": ben.email})
    answer = town.answers(torn, 5, days_ago=2)
    npsync.run("contacts", exits=3)
    [conflict] = undecided(npsync)
    assert (conflict["code"], conflict["answer"]) == ("conflict", f"email-nps:{answer}")
    assert (score(town, ann.contact), score(town, ben.contact)) == (None, None)

    npsync("review", "link", answer, str(ann.contact))
    town.answers(ben, 8)
    npsync.run("contacts", exits=0)

    assert (score(town, ann.contact), score(town, ben.contact)) == (5, 8)


def test_a_waiting_answer_attaches_by_itself_when_its_contact_appears(npsync: Npsync, town: Town):
    ann = town.person(in_crm=False)
    town.answers(ann, 9)
    npsync.run("contacts", exits=0)
    assert [one["state"] for one in undecided(npsync)] == ["waiting"]
    contact = town.contact(ann.email)

    npsync.run("contacts", exits=0)
    assert score(town, contact) is None  # it is not looked up in every run
    with npsync.store() as store:  # an hour passes
        store.execute("UPDATE answer_state SET look_again = look_again - 3600000 WHERE state = 'waiting'")
    npsync.run("contacts", exits=0)

    assert score(town, contact) == 9
    assert undecided(npsync) == []


def test_a_waiting_answer_is_linked_to_a_contact_that_no_rule_finds(npsync: Npsync, town: Town):
    ann = town.person(in_crm=False)
    answer = town.answers(ann, 3)
    other = town.contact("elsewhere@town.example")
    npsync.run("contacts", exits=0)

    npsync("review", "link", answer, "003000000000000AAA", exits=2)
    assert [one["state"] for one in undecided(npsync)] == ["waiting"]
    npsync("review", "link", answer, other)

    assert score(town, other) == 3


def test_a_decision_follows_a_merge(npsync: Npsync, town: Town):
    ann, twin = twins(town)
    answer = town.answers(ann, 4, days_ago=3)
    npsync.run("contacts", exits=3)
    npsync("review", "link", answer, twin)
    survivor = town.contact("survivor@town.example")
    town.sandbox.control("POST", f"/salesforce/Contact/{survivor}/merge", {"loser": twin})

    town.answers(ann, 10)
    npsync.run("contacts", exits=0)

    assert (score(town, survivor), score(town, ann.contact)) == (10, None)
    with npsync.store() as store:
        assert store.execute("SELECT DISTINCT record_id FROM manual_link").fetchall() == [(survivor,)]


def test_defect_4_an_answer_is_ignored_only_with_a_decision_that_is_kept(npsync: Npsync, town: Town):
    ann, _twin = twins(town)
    answer = town.answers(ann, 4)
    npsync.run("contacts", exits=3)

    npsync("review", "ignore", answer, "--sync", "contacts", "--reason", "a test account")
    assert undecided(npsync) == []
    npsync.run("contacts", "--all", "--recheck", exits=0)
    assert undecided(npsync) == []
    shown = npsync("review", "show", answer, "--sync", "contacts").out
    assert "excluded" in shown
    assert "a test account" in " ".join(shown.split())

    town.edits(answer, score=9)
    npsync.run("contacts", exits=3)
    assert [one["code"] for one in undecided(npsync)] == ["ambiguous"]


def test_a_wrong_match_is_corrected_on_both_records(npsync: Npsync, town: Town):
    wrong = town.person("ann")
    town.somebody_sets(wrong, NPS_Comment__c="an old note")
    right = town.contact("right@town.example")
    answer = town.answers(wrong, 9, "great")
    npsync.run("contacts", "--adopt", exits=0)
    assert town.in_salesforce(wrong)["NPS_Comment__c"] == "great"

    told = npsync("review", "link", answer, right).out

    assert f"taken back from {wrong.contact}" in told
    assert score(town, right) == 9
    shown = town.in_salesforce(wrong)
    assert (shown["NPS_Score__c"], shown["NPS_Comment__c"]) == (None, "an old note")
    assert "put back" in npsync("why", str(wrong.contact)).out
    npsync.run("contacts", "--all", exits=0)
    assert (score(town, right), score(town, wrong.contact)) == (9, None)


def test_an_answer_is_named_without_doubt(npsync: Npsync, town: Town):
    assert "there is no answer" in npsync("review", "show", "nobody", exits=2).err
    assert "say which answer and which record" in npsync("review", "link", "5", exits=2).err
    assert 'did you mean "contacts"?' in npsync("review", "list", "--sync", "contact", exits=2).err
    assert npsync("review", "list").out == "Nothing is undecided.\n"
