"""Runs that end before their time, and runs that could not do what they were for: told, and gone on with."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_process import Npsync, config, stop
from sandbox_process import RunningSandbox, running_sandbox
from townspeople import Town


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(customers=1, responses=0) as sandbox:
        yield sandbox


@pytest.fixture
def npsync(sandbox: RunningSandbox, tmp_path: Path) -> Iterator[Npsync]:
    npsync = Npsync(tmp_path, sandbox.env)
    npsync.configured(config())
    yield npsync
    sandbox.control("DELETE", "/faults")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_run_that_is_asked_to_stop_reports_and_leaves_the_sync_free(
    npsync: Npsync, sandbox: RunningSandbox, number: int
):
    town = Town(sandbox)
    ann = town.person("ann")
    town.answers(ann, 9)
    sandbox.fault("salesforce", "slow", path="query", seconds=1)
    process = npsync.started("run", "contacts")
    assert process.stderr is not None
    while "planning" not in process.stderr.readline():
        pass

    assert stop(process, number).code == 3
    assert npsync.run()["status"] == "succeeded"
    assert town.in_salesforce(ann)["NPS_Score__c"] == 9


def test_an_answer_cannot_steer_the_terminal(npsync: Npsync, sandbox: RunningSandbox):
    town = Town(sandbox)
    evil = "\x1b[2J\x1b]0;owned\x07 gnp\u202e.exe"
    ann = town.person("ann")
    town.answers(ann, 3, evil)

    shown = npsync("plan", "contacts", "--show", "99").out
    assert r"\x1b[2J\x1b]0;owned\x07 gnp\u202e.exe" in shown
    assert not {"\x1b", "\x07", "\u202e"} & set(shown)
    npsync.run()
    assert town.in_salesforce(ann)["NPS_Comment__c"] == evil  # shown otherwise, written as it is
    assert "\x1b" not in npsync("runs", "1", "--changes", "--limit", "99").out


def test_only_of_somebody_unknown_says_so(npsync: Npsync, sandbox: RunningSandbox):
    town = Town(sandbox)
    ann = town.person("ann")
    town.answers(ann, 9)

    for command in ("plan", "run"):
        told = npsync(command, "contacts", "--only", "nobody@town.example", exits=(0, 3)).out
        assert "no answer that waits to be planned is theirs" in told
    found = npsync("run", "contacts", "--only", f" {ann.email} ", exits=(0, 3)).out
    assert "1 written" in found
    assert "--only" not in found


def test_a_run_that_could_write_nothing_says_why(npsync: Npsync, sandbox: RunningSandbox):
    town = Town(sandbox)
    town.answers(town.person("ann"), 9)
    sandbox.fault("salesforce", "status", status=503, retry_after=0, method="PATCH", times=None)

    told = npsync("run", "contacts", exits=3).out.replace("\n", " ")
    assert "1 pending" in told
    assert "whether 1 of the changes arrived is not known" in told
    assert "status 503" in told
    assert "status 503" in npsync("runs", "1").out.replace("\n", " ")
