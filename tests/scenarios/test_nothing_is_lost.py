"""Conservation: every answer has exactly one state, and every record shows what plain arithmetic says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from cli_process import Npsync, config
from sandbox_process import RunningSandbox, running_sandbox

from bench import by_hand

# 20,000 unless a hurried machine asks for fewer.
ANSWERS = int(os.environ.get("NPSYNC_SOAK_ANSWERS", "20000"))


@pytest.fixture(scope="module")
def story(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[RunningSandbox, dict[str, dict[str, Any]]]]:
    """Every kind of awkward customer and answer, run once onto both CRMs."""
    with running_sandbox(customers=ANSWERS * 2 // 3, responses=ANSWERS, ugly="10%") as sandbox:
        before_since = {"email": "old@town.example", "score": 10, "created_at": "2024-12-31T23:59:59-05:00"}
        sandbox.control("POST", "/salesforce/Contact", {"LastName": "Old", "Email": "old@town.example"})
        sandbox.control("POST", "/hubspot/contacts", {"lastname": "Old", "email": "old@town.example"})
        sandbox.control("POST", "/wootric/responses", before_since)
        npsync = Npsync(tmp_path_factory.mktemp("conservation"), sandbox.env)
        npsync.configured(config())
        yield sandbox, {sync: npsync.run(sync, exits=3) for sync in ("contacts", "marketing")}


def test_the_states_of_every_run_add_up_to_what_was_pulled(story: tuple[RunningSandbox, dict[str, Any]]):
    _, runs = story
    for run in runs.values():
        assert sum(run["states"].values()) == run["pulled"]
        assert run["problems"] == []
    # Nothing from before `since` is even fetched.
    assert runs["contacts"]["pulled"] == runs["marketing"]["pulled"] == ANSWERS


def test_every_salesforce_contact_shows_what_plain_arithmetic_says(
    story: tuple[RunningSandbox, dict[str, Any]],
):
    sandbox, runs = story
    answers, people = sandbox.rows("wootric", "responses"), sandbox.rows("wootric", "end_users")
    contacts = sandbox.rows("salesforce", "Contact")
    wanted = by_hand.on_salesforce(answers, people, contacts)

    assert by_hand.differences(contacts, wanted) == []
    states, shown = (
        runs["contacts"]["states"],
        sum(one["NPS_Score__c"] is not None for one in wanted.values()),
    )
    assert states["written"] == shown > ANSWERS // 3
    assert min(states[name] for name in ("superseded", "waiting", "review", "excluded")) > 0
    assert (states["rejected"], states["pending"], states["held"]) == (0, 0, 0)


def test_every_hubspot_contact_shows_what_plain_arithmetic_says(story: tuple[RunningSandbox, dict[str, Any]]):
    sandbox, runs = story
    answers, people = sandbox.rows("wootric", "responses"), sandbox.rows("wootric", "end_users")
    contacts = sandbox.rows("hubspot", "contacts")
    wanted = by_hand.on_hubspot(answers, people, contacts)

    assert by_hand.differences(contacts, wanted) == []
    states, shown = runs["marketing"]["states"], sum(one["nps_score"] is not None for one in wanted.values())
    assert states["written"] == shown > ANSWERS // 3
    nameless = {one["id"] for one in people if not one["email"]}
    assert states["rejected"] == sum(
        one["end_user_id"] in nameless
        and one["survey_id"] == by_hand.SURVEY
        and not one["excluded_from_calculations"]
        for one in answers
    )  # HubSpot is asked by e-mail alone


def test_no_record_beyond_those_was_touched(story: tuple[RunningSandbox, dict[str, Any]]):
    sandbox, runs = story
    for vendor, object, run in (("salesforce", "Contact", "contacts"), ("hubspot", "contacts", "marketing")):
        writes = sandbox.control("GET", f"/traffic/writes/{vendor}/{object}")
        touched = [write["id"] for write in writes]
        assert len(touched) == len(set(touched)) == runs[run]["writes"][object]
    persons = {one["id"] for one in sandbox.rows("salesforce", "Contact") if one["IsPersonAccount"]}
    assert persons
    assert not persons & {
        write["id"] for write in sandbox.control("GET", "/traffic/writes/salesforce/Contact")
    }
