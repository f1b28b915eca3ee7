"""Every answer as a record of its own in the CRM: once, up to date, and filled for old answers when asked to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from caring_config import AS_NOTES, IN_HUBSPOT, IN_SALESFORCE, caring
from cli_process import Npsync
from sandbox_process import RunningSandbox, running_sandbox
from townspeople import Person, Town


def of_salesforce(town: Town, person: Person) -> list[dict[str, Any]]:
    rows = town.sandbox.rows("salesforce", "NPS_Response__c")
    return sorted((one for one in rows if one["Contact__c"] == person.contact), key=lambda one: one["Id"])


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    """A town for each test: what a run keeps is of everybody."""
    with running_sandbox(customers=1, responses=0) as sandbox:
        yield sandbox


@pytest.fixture
def ann(town: Town) -> Person:
    return town.person("ann")


def test_each_answer_is_kept_in_salesforce_and_an_edit_updates_it(npsync: Npsync, town: Town, ann: Person):
    npsync.configured(caring({"history": IN_SALESFORCE}))
    npsync("check")
    town.answers(ann, 9, "lovely", days_ago=20)
    newer = town.answers(ann, 3, 'slow; "very"', days_ago=2)

    plan = npsync.plan("contacts")
    assert plan["followed"]["history"]["created"] == 2
    assert of_salesforce(town, ann) == []
    text = npsync("run", "contacts").out
    assert "answers kept: 2 new" in text

    first, second = of_salesforce(town, ann)
    assert (first["Score__c"], first["Previous_Score__c"], first["Segment__c"]) == (9, None, "Promoter")
    assert (second["Score__c"], second["Previous_Score__c"], second["Comment__c"]) == (3, 9, 'slow; "very"')
    town.edits(newer, score=8, text="sorted out")
    assert npsync.run("contacts")["followed"] == {"history": {"updated": 1}}
    assert [(one["Id"], one["Score__c"]) for one in of_salesforce(town, ann)] == [
        (first["Id"], 9),
        (second["Id"], 8),
    ]


def test_history_that_is_added_later_is_filled_by_run_all(npsync: Npsync, town: Town, ann: Person):
    town.answers(ann, 9, days_ago=20)
    town.answers(ann, 3, days_ago=2)
    npsync.run("contacts")
    npsync.configured(caring({"history": IN_SALESFORCE}))
    filled = npsync.run("contacts", "--all")
    assert filled["followed"]["history"]["created"] >= 2
    assert [one["Score__c"] for one in of_salesforce(town, ann)] == [9, 3]
    assert set(npsync.run("contacts", "--all")["followed"]["history"]) == {"unchanged"}


def test_hubspot_keeps_answers_in_an_object_of_ones_own(npsync: Npsync, town: Town, ann: Person):
    npsync.configured(caring(marketing={"history": IN_HUBSPOT}))
    answer = town.answers(ann, 3, "<b>slow</b>")
    npsync.run("marketing")
    town.edits(answer, text="better")
    npsync.run("marketing")
    kept = [one for one in town.sandbox.rows("hubspot", "nps_response") if answer in one["response_key"]]
    assert [(one["score"], one["comment"]) for one in kept] == [("3", "better")]


def test_hubspot_keeps_answers_as_notes_of_the_contact(npsync: Npsync, town: Town, ann: Person):
    npsync.configured(caring(marketing={"history": AS_NOTES}))
    answer = town.answers(ann, 3, "slow & <b>bold</b>")
    assert npsync.run("marketing")["followed"]["history"]["created"] >= 1
    town.edits(answer, text="better")
    npsync.run("marketing")
    bodies = [one["hs_note_body"] for one in town.sandbox.rows("hubspot", "notes")]
    assert len([one for one in bodies if "Scored 3: better" in one]) == 1
    assert not [one for one in bodies if "slow" in one]


def test_an_object_that_is_not_there_is_told_with_its_line_and_fails_no_score(
    npsync: Npsync, town: Town, ann: Person
):
    npsync.configured(caring({"history": {**IN_SALESFORCE, "object": "Nowhere__c"}}))
    told = npsync("check", exits=2).everything
    assert "sync.contacts.history.object" in told
    town.answers(ann, 3)
    run = npsync.run("contacts", exits=3)
    assert any(problem.startswith("history: ") for problem in run["problems"])
    assert town.in_salesforce(ann)["NPS_Score__c"] == 3
