"""The calls are everybody's: each one is counted, others keep their share, and what they pay for goes to who waits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_process import Npsync, config
from sandbox_process import RunningSandbox, running_sandbox

VENDORS = {"crm": "salesforce", "hub": "hubspot", "email-nps": "wootric"}


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(customers=300, responses=400, ugly=0) as sandbox:
        yield sandbox


@pytest.fixture
def npsync(sandbox: RunningSandbox, tmp_path: Path) -> Npsync:
    return configured(Npsync(tmp_path, sandbox.env))


def configured(npsync: Npsync, **budget: Any) -> Npsync:
    given = config()
    for name in ("crm", "hub"):
        given["connections"][name]["budget"] = budget
    npsync.configured(given)
    return npsync


def quotas(npsync: Npsync) -> dict[str, dict[str, Any]]:
    return {one["connection"]: one for one in npsync("quota", "--json").json["connections"]}


def test_every_call_is_counted_whichever_command_made_it(npsync: Npsync, sandbox: RunningSandbox):
    assert {name: one["today"] for name, one in quotas(npsync).items()} == dict.fromkeys(VENDORS, 0)

    npsync.plan("contacts")
    npsync.run("contacts")
    npsync.run("marketing")
    npsync("check")
    npsync("connect", "crm")

    found = quotas(npsync)
    assert {name: one["today"] for name, one in found.items()} == {
        name: sandbox.traffic(vendor)["calls"] for name, vendor in VENDORS.items()
    }
    allowance = found["crm"]["allowance"]
    assert 0 < allowance["used"] <= found["crm"]["today"], "a token is no call of the API"
    assert allowance["left"] + allowance["used"] + allowance["kept_for_others"] == allowance["limit"]
    text = npsync("quota").out
    assert f"crm (salesforce): {found['crm']['today']:,} calls today" in text
    assert "are left for npsync" in text
    assert all(len(line) <= 100 for line in text.splitlines())
    assert "are left for npsync" in npsync("connect", "crm").out


def test_a_budget_spent_half_way_has_written_the_detractors_and_left_the_others_share(
    npsync: Npsync, sandbox: RunningSandbox
):
    configured(npsync, keep_for_others="50%")
    sandbox.control("POST", "/hubspot/do/set", {"daily": 24})

    run = npsync.run("marketing", exits=3)

    written = scored(sandbox)
    assert 0 < run["writes"]["contacts"] == len(written)
    assert run["states"]["pending"] > 0
    assert sum(run["states"].values()) == run["pulled"]
    assert sandbox.traffic("hubspot")["calls"] <= 12, "the other half is the others'"
    assert "of 24 calls a day are left for npsync" in run["problems"][0]
    assert "wait until" in run["problems"][0]
    assert quotas(npsync)["hub"]["today"] == sandbox.traffic("hubspot")["calls"]

    sandbox.control("POST", "/hubspot/do/set", {"daily": 625_000})
    assert npsync.run("marketing")["states"]["pending"] == 0
    everybody = scored(sandbox)
    detractors = {id for id, segment in everybody.items() if segment == "detractor"}
    assert len(everybody) > len(written) >= len(detractors) > 0
    assert detractors <= written.keys(), "whoever waited to be called came first"


def test_a_share_that_is_spent_is_left_alone(npsync: Npsync, sandbox: RunningSandbox):
    configured(npsync, keep_for_others="90%")
    sandbox.control("POST", "/hubspot/do/set", {"daily": 40})

    for _ in range(3):
        assert npsync.run("marketing", exits=3)["status"] == "partial"

    assert sandbox.traffic("hubspot")["calls"] <= 4 + 2, "it takes a call to hear how many are left"
    assert sandbox.traffic("hubspot")["too_many"] == 0


def scored(sandbox: RunningSandbox) -> dict[str, str]:
    """The HubSpot contacts that show a score, with their segment."""
    return {
        one["id"]: one["nps_segment"] for one in sandbox.rows("hubspot", "contacts") if one.get("nps_score")
    }
