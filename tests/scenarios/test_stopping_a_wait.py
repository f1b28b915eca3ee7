"""A vendor asks for a pause of minutes, and somebody asks the process to end: nobody waits the pause out."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_process import Ended, Npsync, config, stop
from sandbox_process import RunningSandbox, running_sandbox
from townspeople import Person, Town

PAUSE = 120  # seconds the vendor asks for; within a run's patience, so it is waited out
SOON = 20.0  # seconds; a busy machine needs some of them to end a process


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(customers=1, responses=0) as sandbox:
        yield sandbox


@pytest.fixture
def npsync(sandbox: RunningSandbox, tmp_path: Path) -> Iterator[Npsync]:
    npsync = Npsync(tmp_path, sandbox.env)
    npsync.configured(only_marketing())
    yield npsync
    sandbox.control("DELETE", "/faults")


def only_marketing(**keys: Any) -> dict[str, Any]:
    given = config(**keys)
    del given["sync"]["contacts"]
    return given


def told_to_wait(sandbox: RunningSandbox) -> Person:
    """Somebody answered, and the CRM takes no updates for a while."""
    town = Town(sandbox)
    ann = town.person("ann")
    town.answers(ann, 9)
    sandbox.fault(
        "hubspot", "status", status=429, retry_after=PAUSE, path="contacts/batch/update", times=None
    )
    return ann


def waiting(process: subprocess.Popen[str]) -> None:
    """Return once it tells that it waits for the vendor's leave."""
    assert process.stderr is not None
    while '"event": "waiting"' not in process.stderr.readline():
        assert process.poll() is None


def ended_soon(process: subprocess.Popen[str]) -> Ended:
    asked = time.monotonic()
    ended = stop(process, signal.SIGTERM, timeout=PAUSE / 2)
    assert time.monotonic() - asked < SOON
    return ended


@pytest.mark.parametrize(
    ("command", "code"), [(("run", "marketing"), 3), (("serve",), 0)], ids=["run", "serve"]
)
def test_a_wait_for_the_vendors_leave_ends_when_the_process_is_asked_to(
    npsync: Npsync, sandbox: RunningSandbox, command: tuple[str, ...], code: int
):
    ann = told_to_wait(sandbox)
    process = npsync.started(*command, "--json")
    waiting(process)
    assert ended_soon(process).code == code

    with npsync.store() as store:
        [(status, report)] = store.execute("SELECT status, report FROM run")
        [(state,)] = store.execute("SELECT DISTINCT state FROM batch")
        failed = store.execute("SELECT value FROM memory WHERE key = 'failed'").fetchall()
    assert status == "partial"
    assert "the run was asked to stop" in report
    states = json.loads(report)["states"]
    assert states["pending"] == sum(states.values())
    assert state != "open", "it is known that nothing left, so nobody has to ask the vendor"
    assert failed == [], "that nobody waits any more is no trouble of the connection's"
    assert Town(sandbox).in_hubspot(ann)["nps_score"] is None
