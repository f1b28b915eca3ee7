"""From an empty HubSpot account to scores that people see: one command plans, the same with --apply carries it out, and
the second time there is nothing to do."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from cli_process import Npsync, config, to_marketing
from sandbox_process import RunningSandbox
from townspeople import Town

HISTORY = {
    "object": "nps_response",
    "key": "response_key",
    "fields": {"score": "score", "comment": "comment", "answered_at": "answered_at"},
}
ACCOUNT = {"min_responses": 1, "fields": {"nps_account": "nps", "nps_responses": "responses"}}
FOLLOW_UP = [{"where": 'segment == "promoter"', "add_to": {"list": "NPS promoters"}}]


@pytest.fixture
def empty(sandbox: RunningSandbox) -> RunningSandbox:
    """An account that nobody prepared."""
    sandbox.control("DELETE", "/faults")
    sandbox.control("POST", "/hubspot/do/strip", {})
    return sandbox


def file(**keys: Any) -> dict[str, Any]:
    sync = to_marketing(history=HISTORY, account=ACCOUNT, follow_up=FOLLOW_UP)
    told = copy.deepcopy(config(sync={"contacts": sync}))
    told["connections"]["hub"] |= {"provision": {"token": "${HUBSPOT_SCHEMA_TOKEN}"}, **keys}
    told["people"]["hub"] |= {"account": {"object": "companies", "by": "primary_company"}}
    del told["connections"]["crm"], told["people"]["crm"]
    return told


def connection(told: Any) -> dict[str, Any]:
    [hub] = told["connections"]
    found: dict[str, Any] = hub
    return found


def test_an_empty_account_is_ready_after_one_command(
    empty: RunningSandbox, npsync: Npsync, town: Town
) -> None:
    npsync.configured(file())
    told = npsync("check", exits=2).out
    assert told.count("to create it: npsync provision hub") >= 4

    planned = npsync("provision").out
    assert '+ property group "NPS" (npsync) of contacts' in planned
    assert "+ property nps_score of contacts: Number" in planned
    assert "+ property nps_segment of contacts: Dropdown select: promoter, passive, detractor" in planned
    assert (
        "+ object nps_response, labelled NPS response, with response_key: Single-line text, unique" in planned
    )
    assert '+ static list "NPS promoters" of contacts' in planned
    assert max(map(len, planned.splitlines())) <= 100
    assert "nps_score" not in empty.rows("hubspot", "contacts")[0]

    made = npsync("provision", "--apply").out
    assert "14 created. Next: npsync check" in made
    assert '"About this contact" card' in " ".join(made.split())
    again = connection(npsync("provision", "--apply", "--json").json)
    assert again["steps"] == []
    assert all(one["created_by_npsync"] for one in again["there"])

    assert "no problem found" in npsync("check").out
    ann = town.person()
    town.answers(ann, 9, "Fine")
    assert npsync.run()["followed"]["history"] == {"created": 1}
    [shown] = [row for row in empty.rows("hubspot", "contacts") if row["id"] == ann.lead]
    assert (shown["nps_score"], shown["nps_segment"]) == ("9", "promoter")

    # What holds values stays; what nobody uses goes.
    told = npsync("provision", "--remove", "--apply", exits=3).out
    assert "= property nps_score of contacts stays: 1 record holds a value" in told
    assert "= object nps_response stays: it has 1 record" in told
    assert "- property nps_account of companies" in told
    assert '- static list "NPS promoters" of contacts' in told
    assert "4 removed" in told
    left = {one["name"] or one["field"] for one in connection(npsync("provision", "--json").json)["steps"]}
    assert left == {"npsync", "nps_account", "nps_responses", "NPS promoters"}


def test_what_broke_off_is_completed_by_the_next_one(empty: RunningSandbox, npsync: Npsync) -> None:
    npsync.configured(file())
    empty.fault("hubspot", "lost_reply", method="POST", path="/properties/", after=2)
    empty.fault("hubspot", "reset", method="POST", path="/properties/", after=5)
    empty.fault("hubspot", "lost_reply", method="POST", path="/schemas")
    empty.fault("hubspot", "status", method="POST", path="/lists", status=400)
    npsync("provision", "--apply", exits=(0, 3))
    npsync("provision", "--apply", exits=(0, 3))
    last = connection(npsync("provision", "--apply", "--json").json)
    assert last["steps"] == []
    assert all(one["created_by_npsync"] for one in last["there"])
    npsync("provision", "--remove", "--apply")
    assert "npsync created nothing there that it remembers" in npsync("provision", "--remove").out


def test_a_plan_without_objects_of_its_own_gets_the_rest(empty: RunningSandbox, npsync: Npsync) -> None:
    npsync.configured(file())
    empty.control("POST", "/hubspot/do/set", {"custom_objects": False})
    told = " ".join(npsync("provision", "--apply", exits=3).out.split())
    empty.control("POST", "/hubspot/do/set", {"custom_objects": True})
    assert "with any other keep answers as notes (history: object: notes)" in told
    assert "nps_response was not created, so this was not tried" in told
    assert "9 created" in told, told


def test_a_token_without_the_scope_says_which_and_of_which_credential(
    empty: RunningSandbox, npsync: Npsync
) -> None:
    npsync.configured(file(provision={"token": "${HUBSPOT_TOKEN}"}))
    broken = npsync("provision", "--apply", exits=1)
    told = " ".join(broken.err.split())
    assert "HubSpot asks for the scope crm.schemas.companies.write (403)" in told
    assert "It broke off: 0 created" in broken.out
    assert "That is the credential of `provision.token`; npsync connect hub lists its scopes" in told
    needed = npsync("connect", "hub").out
    assert "Only for the time that npsync provision hub takes:" in needed
    assert "- crm.schemas.contacts.write" in needed
