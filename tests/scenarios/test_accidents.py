"""Accidents: the breaker stops what looks like one, a spent budget ends cleanly, a stop in the middle loses nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_process import Npsync, config, stop, to_contacts
from sandbox_process import RunningSandbox, running_sandbox
from townspeople import Town

from bench import by_hand

CAUTIOUS = config(to_contacts(breaker={"changed_share": "50%", "match_rate_drop": "20%"}))


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(customers=400, responses=500, ugly=0, latency="20ms") as sandbox:
        yield sandbox


@pytest.fixture
def npsync(sandbox: RunningSandbox, tmp_path: Path) -> Npsync:
    npsync = Npsync(tmp_path, sandbox.env)
    npsync.configured(CAUTIOUS)
    return npsync


def test_a_run_that_would_change_most_records_is_stopped_before_its_first_write(
    npsync: Npsync, sandbox: RunningSandbox
):
    npsync.run("contacts")
    for answer in sandbox.rows("wootric", "responses")[-450:]:  # somebody turned the scale round
        fields = {"score": 10 - answer["score"]}
        sandbox.control("PATCH", f"/wootric/responses/{answer['id']}", fields)
    sandbox.forget_traffic()

    run = npsync.run("contacts", "--full", exits=4)
    seen = npsync("runs", str(run["run"])).out
    plan = npsync.plan("contacts")
    told = npsync("plan", "contacts").out

    assert run["status"] == "stopped"
    assert [reason["check"] for reason in run["stopped_by"]] == ["changed_share", "segment_swing"]
    assert plan["breaker"] == run["stopped_by"]
    for text in (seen, told):
        assert all(len(line) <= 100 for line in text.splitlines())
        for reason in run["stopped_by"]:
            assert reason["text"] in " ".join(text.split())
    assert "npsync run contacts --accept-breaker" in seen
    assert "records that already show values would change" in run["problems"][0]
    assert sandbox.traffic("salesforce")["records_written"] == {}
    assert sum(run["states"].values()) == run["pulled"]
    npsync("run", "--accept-breaker", exits=2)  # whose plan?
    released = npsync.run("contacts", "--accept-breaker", exits=0)
    assert released["accepted"] == run["stopped_by"]
    assert released["problems"] == []
    assert wrong(sandbox) == []
    assert "accepted (--accept-breaker)" in npsync("runs", str(released["run"])).out


def test_answers_that_suddenly_find_no_record_stop_the_run(npsync: Npsync, sandbox: RunningSandbox):
    npsync.run("contacts")
    town = Town(sandbox)
    for _ in range(60):
        town.answers(town.person(in_crm=False), 5)

    run = npsync.run("contacts", exits=4)

    assert "only 0% of 60 answers found their record, usually 100% do" in run["problems"][0]
    assert run["states"]["waiting"] == run["pulled"] == 60


def test_a_spent_budget_ends_the_run_cleanly_and_the_rest_goes_out_later(
    npsync: Npsync, sandbox: RunningSandbox
):
    sandbox.control("POST", "/hubspot/do/set", {"daily": 7})

    spent = npsync.run("marketing", exits=3)
    empty = npsync.plan("marketing", exits=3)

    assert spent["status"] == "partial"
    assert spent["states"]["pending"] > 0
    assert sum(spent["states"].values()) == spent["pulled"]
    assert "are left for npsync" in spent["problems"][0]
    assert "daily call budget is spent" in empty["problems"][0]
    sandbox.control("POST", "/hubspot/do/set", {"daily": 625_000})
    assert npsync.run("marketing")["states"]["pending"] == 0
    answers, people = sandbox.rows("wootric", "responses"), sandbox.rows("wootric", "end_users")
    leads = sandbox.rows("hubspot", "contacts")
    assert by_hand.differences(leads, by_hand.on_hubspot(answers, people, leads)) == []


def test_a_run_asked_to_stop_ends_soon_and_the_next_goes_on(npsync: Npsync, sandbox: RunningSandbox):
    process = npsync.started("run", "contacts", "--json")
    while not sandbox.traffic("salesforce")["by_kind"].get("collections_update"):
        assert process.poll() is None
        time.sleep(0.005)

    ended = stop(process)

    assert ended.code == 3
    assert ended.json["problems"] == ["the run was asked to stop; the next run goes on where it ended"]
    assert ended.json["states"]["pending"] > 0
    assert npsync.run("contacts")["states"]["pending"] == 0
    assert wrong(sandbox) == []


def test_a_match_field_hidden_overnight_is_told_and_nothing_is_lost(npsync: Npsync, sandbox: RunningSandbox):
    npsync.run("contacts")
    town = Town(sandbox)
    ann = town.person()
    town.answers(ann, 4)
    hidden = {"object": "Contact", "field": "Email"}
    sandbox.control("POST", "/salesforce/do/hide_field", hidden)

    run = npsync.run("contacts", exits=1)

    assert 'Contact has no field "Email"' in run["problems"][0]
    assert run["states"]["pending"] == 1
    sandbox.control("POST", "/salesforce/do/show_field", hidden)
    npsync.run("contacts")
    assert town.in_salesforce(ann)["NPS_Score__c"] == 4


def wrong(sandbox: RunningSandbox) -> list[str]:
    answers, people = sandbox.rows("wootric", "responses"), sandbox.rows("wootric", "end_users")
    contacts = sandbox.rows("salesforce", "Contact")
    return by_hand.differences(contacts, by_hand.on_salesforce(answers, people, contacts))
