"""The first records of a run say whether the rest may follow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_process import Npsync, config
from sandbox_process import RunningSandbox, running_sandbox


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(customers=150, responses=200, ugly=0) as sandbox:
        yield sandbox


@pytest.fixture
def npsync(sandbox: RunningSandbox, tmp_path: Path) -> Npsync:
    npsync = Npsync(tmp_path, sandbox.env)
    npsync.configured(config())
    return npsync


def test_a_flow_that_changes_what_is_written_is_noticed_on_the_first_fifty_records(
    npsync: Npsync, sandbox: RunningSandbox
):
    meddling = {"object": "Contact", "set": {"NPS_Score__c": 5}}
    sandbox.control("POST", "/salesforce/do/flow", meddling)

    run = npsync.run("contacts", exits=4)
    again = npsync.run("contacts", "--accept-breaker", exits=4)

    assert "records do not show what was written to them: NPS_Score__c on " in run["problems"][0]
    assert f"npsync runs {run['run']} --changes" in run["problems"][0]
    assert run["writes"] == {"Contact": 50}
    assert run["states"]["pending"] > 50
    assert again["writes"] == {"Contact": 50}, "with a canary again, whatever the breaker is told"
    assert "NPS_Score__c" in npsync("runs", str(run["run"])).out
    sandbox.control("POST", "/salesforce/do/flow", {"object": "Contact", "set": {}})
    assert npsync.run("contacts")["states"]["pending"] == 0


def test_fifty_records_of_which_all_are_refused_are_no_good_start(npsync: Npsync, sandbox: RunningSandbox):
    sandbox.fault("salesforce", "validation", times=None)

    run = npsync.run("contacts", exits=4)

    assert run["problems"][0].startswith("all of the first 50 records were refused (FIELD_CUSTOM_VALIDATION")
    assert (run["writes"], run["states"]["rejected"]) == ({"Contact": 0}, 50)
    assert run["states"]["pending"] > 50
