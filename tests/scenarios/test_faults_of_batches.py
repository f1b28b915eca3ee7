"""One bad record or one bad reply among two hundred: the good ones are written in the same run, the bad is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aftermath import (
    assert_no_effect_twice,
    assert_right,
    balanced,
    idle,
    until_settled,
    wrong,
    wrong_records,
)
from cli_process import Npsync, config
from sandbox_process import RunningSandbox, running_sandbox

CRMS = {"contacts": ("salesforce", "Contact"), "marketing": ("hubspot", "contacts")}


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(customers=300, responses=300, ugly=0) as sandbox:
        yield sandbox


@pytest.fixture
def npsync(sandbox: RunningSandbox, tmp_path: Path) -> Npsync:
    npsync = Npsync(tmp_path, sandbox.env)
    npsync.configured(config())
    return npsync


def misbehaves(sandbox: RunningSandbox, profiles: str) -> None:
    sandbox.control("POST", "/faults/profile", {"names": profiles})


def refused(npsync: Npsync, run: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What the run set aside, by record."""
    left = npsync("runs", str(run["run"]), "--json").json["left"]
    return {one["record"]: one for one in left if one["state"] == "rejected"}


@pytest.mark.parametrize(
    ("sync", "profile"),
    [("contacts", "poison"), ("marketing", "poison"), ("marketing", "poison-quiet")],
)
def test_one_refused_record_in_a_hundred_costs_nobody_else_their_score(
    npsync: Npsync, sandbox: RunningSandbox, sync: str, profile: str
):
    misbehaves(sandbox, profile)

    run = npsync.run(sync, exits=3)

    assert balanced(run)
    bad = wrong_records(sandbox, [sync])
    assert 0 < len(bad) < 12
    assert run["states"]["rejected"] == len(bad)
    assert run["states"]["pending"] == 0
    assert refused(npsync, run).keys() == bad
    assert all(one["code"] and one["reason"] for one in refused(npsync, run).values())
    told = npsync("runs", str(run["run"])).out
    assert f"{len(bad)} rejected" in told
    sandbox.control("DELETE", "/faults")
    npsync.run(sync, "--all")  # somebody corrected the rule that refused them
    assert wrong(sandbox, [sync]) == []
    assert_no_effect_twice(sandbox)


@pytest.mark.parametrize("sync", CRMS)
def test_bad_records_that_nobody_names_cost_nobody_else_their_score_either(
    npsync: Npsync, sandbox: RunningSandbox, sync: str
):
    misbehaves(sandbox, "poison-unnamed")

    run = npsync.run(sync, exits=3)

    assert balanced(run)
    bad = wrong_records(sandbox, [sync])
    # Looking for them is bounded: one that was not found yet waits for the next run.
    assert run["states"]["rejected"] + run["states"]["pending"] == len(bad) > 0
    assert run["states"]["rejected"] > 0
    sandbox.control("DELETE", "/faults")
    npsync.run(sync, "--all")
    assert wrong(sandbox, [sync]) == []
    assert_no_effect_twice(sandbox)


@pytest.mark.parametrize("sync", CRMS)
def test_a_bad_record_the_vendor_names_costs_at_most_three_calls_more(
    npsync: Npsync, sandbox: RunningSandbox, sync: str, tmp_path: Path
):
    vendor, _ = CRMS[sync]
    with running_sandbox(customers=300, responses=300, ugly=0) as untroubled:
        (tmp_path / "good").mkdir()
        good = Npsync(tmp_path / "good", untroubled.env)
        good.configured(config())
        good.run(sync)
        usual = untroubled.traffic(vendor)["calls"]
    misbehaves(sandbox, "poison")

    run = npsync.run(sync, exits=3)

    bad = run["states"]["rejected"]
    assert bad == len(wrong_records(sandbox, [sync])) > 0
    assert sandbox.traffic(vendor)["calls"] - usual <= 3 * bad


@pytest.mark.parametrize("sync", CRMS)
def test_a_bad_record_nobody_names_is_found_by_halving(npsync: Npsync, sandbox: RunningSandbox, sync: str):
    vendor, object = CRMS[sync]
    spoiled = sandbox.rows(vendor, object)[57]["id"]
    kind = {"salesforce": "batch_refused", "hubspot": "invalid_record"}[vendor]
    sandbox.fault(vendor, kind, path=spoiled, times=None)
    if vendor == "hubspot":
        sandbox.fault(vendor, "all_or_nothing", times=None)

    run = npsync.run(sync, exits=3)

    assert wrong_records(sandbox, [sync]) == {spoiled}
    writes = "collections_update" if vendor == "salesforce" else "batch_update"
    assert sandbox.traffic(vendor)["by_kind"][writes] <= 3 + 20  # three batches; halving two hundred
    assert refused(npsync, run).keys() == {spoiled}


@pytest.mark.parametrize("sync", CRMS)
def test_a_record_left_out_of_a_200_is_no_success(npsync: Npsync, sandbox: RunningSandbox, sync: str):
    vendor, object = CRMS[sync]
    forgotten = sandbox.rows(vendor, object)[57]["id"]
    sandbox.fault(vendor, "missing_row", path=forgotten)

    run = npsync.run(sync, exits=3)

    assert balanced(run)
    assert wrong_records(sandbox, [sync]) == {forgotten}
    left = npsync("runs", str(run["run"]), "--json").json["left"]
    [told] = [one for one in left if one["record"] == forgotten and one["state"] in ("rejected", "pending")]
    assert told["reason"]
    npsync.run(sync, "--all")
    assert wrong(sandbox, [sync]) == []
    assert_no_effect_twice(sandbox)


@pytest.mark.parametrize("sync", CRMS)
def test_locked_records_are_written_when_they_are_free_again(
    npsync: Npsync, sandbox: RunningSandbox, sync: str
):
    vendor, object = CRMS[sync]
    if vendor == "salesforce":
        locked = sandbox.rows(vendor, object)[57]["id"]
        sandbox.fault(vendor, "locked_row", path=locked, times=1)
    else:
        sandbox.fault(vendor, "status", path="batch/update", status=423, times=1)

    run = npsync.run(sync)

    assert (run["states"]["rejected"], run["states"]["pending"]) == (0, 0)
    assert wrong(sandbox, [sync]) == []
    assert_no_effect_twice(sandbox)


@pytest.mark.parametrize("profile", ["shuffled", "lost-replies"])
def test_replies_out_of_order_or_lost_change_nothing_in_the_end(
    npsync: Npsync, sandbox: RunningSandbox, profile: str
):
    misbehaves(sandbox, profile)

    runs = until_settled(npsync)

    assert all(balanced(run) for run in runs)
    sandbox.control("DELETE", "/faults")
    assert_right(sandbox)
    assert_no_effect_twice(sandbox)
    assert idle(npsync)


@pytest.mark.parametrize("sync", CRMS)
@pytest.mark.parametrize("status", [200, 502])
def test_a_page_of_html_is_no_answer_whatever_its_status(
    npsync: Npsync, sandbox: RunningSandbox, sync: str, status: int
):
    for vendor in ("wootric", CRMS[sync][0]):
        sandbox.fault(vendor, "html", status=status, after=2, times=1)

    runs = until_settled(npsync, [sync])

    assert all(balanced(run) for run in runs)
    assert not any("<html" in problem for run in runs for problem in run["problems"])
    assert wrong(sandbox, [sync]) == []
    assert_no_effect_twice(sandbox)


def test_an_outage_while_writing_leaves_every_answer_pending_with_its_reason(
    npsync: Npsync, sandbox: RunningSandbox
):
    sandbox.fault("salesforce", "html", method="PATCH", status=503, times=None)

    run = npsync.run("contacts", "--limit", "30", exits=(1, 3))

    assert balanced(run)
    assert (run["states"]["written"], run["states"]["rejected"]) == (0, 0)
    assert "status 503" in " ".join(npsync("runs", str(run["run"])).out.split())
    sandbox.control("DELETE", "/faults")
    until_settled(npsync, ["contacts"])
    assert wrong(sandbox, ["contacts"]) == []
