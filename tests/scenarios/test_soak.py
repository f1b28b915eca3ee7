"""Six runs of the soak (`make soak` does two hundred), and that its checks find what they are there to find."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from bench.soak import checks
from bench.soak.checks import Findings
from bench.soak.life import Life
from bench.soak.processes import Ended
from bench.soak.toys import Sandbox, living_sandbox

ROOT = Path(__file__).parents[2]
SAMPLE = ("--runs", "6", "--seed", "1", "--customers", "60")


@pytest.mark.timeout(300)  # most of it is waiting as vendors ask for
def test_six_runs_under_random_faults_lose_double_and_falsify_nothing():
    command = [sys.executable, "-m", "bench.soak", *SAMPLE]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    told = dict(line.split(maxsplit=1) for line in ended.stdout.splitlines())
    assert told["seed"].startswith("1,")
    assert told["runs"].startswith("6 under faults")
    assert {told[kind] for kind in ("lost", "wrong", "doubled", "conservation")} == {"0"}
    assert int(told["faults"].split()[0]) > 0


# ------------------------------------------------------------ the checks themselves


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with living_sandbox(customers=30, seed=7) as sandbox:
        yield sandbox


@pytest.fixture
def life(sandbox: Sandbox) -> Life:
    return Life(sandbox, random.Random(7))


def test_a_record_that_shows_nothing_of_its_answer_is_a_loss(life: Life):
    found = Findings()
    checks.records(found, life, "now")
    assert found.count("lost") > 20


def test_a_record_that_shows_another_score_is_wrong(life: Life, sandbox: Sandbox):
    record = next(iter(life.counted("salesforce")))
    sandbox.call("PATCH", f"/salesforce/Contact/{record}", {"NPS_Score__c": 11})
    found = Findings()
    checks.records(found, life, "now")
    assert found.count("wrong") == 1


def test_a_field_that_changes_more_often_than_anybody_answered_is_doubled(life: Life, sandbox: Sandbox):
    record, answers = next(iter(life.counted("hubspot").items()))
    for score in range(len(answers) + 1):
        write_to_hubspot(sandbox, record, {"nps_score": str(score)})
    write_to_hubspot(sandbox, record, {"lastname": "Overwritten"})
    found = Findings()
    checks.writes(found, life, "now")
    assert (found.count("doubled"), found.count("wrong")) == (1, 1)


def test_a_limit_that_was_really_met_is_told_and_an_injected_refusal_is_not(sandbox: Sandbox):
    sandbox.call("POST", "/faults", {"vendor": "hubspot", "kind": "status", "status": 429})
    call_hubspot(sandbox)
    found = Findings()
    checks.limits(found, sandbox, "now")
    assert found.lines == []

    sandbox.do("hubspot", "set", burst=1)
    call_hubspot(sandbox), call_hubspot(sandbox)
    checks.limits(found, sandbox, "now")
    assert found.count("own pace") == 1


def test_a_run_whose_states_do_not_add_up_is_a_violation_and_so_is_a_crash():
    found = Findings()
    checks.after_run(found, Ended(0, '{"pulled": 2, "states": {"written": 1}}', "", 1.0), "run 1")
    checks.after_run(found, Ended(1, "", "Traceback (most recent call last):\nKeyError: 1", 1.0), "run 2")
    assert (found.count("conservation"), found.count("crashed")) == (1, 1)


def call_hubspot(sandbox: Sandbox, path: str = "/crm/v3/objects/contacts", body: Any = None) -> None:
    with requests.Session() as session:
        session.trust_env = False
        session.request(
            "GET" if body is None else "POST",
            sandbox.env["HUBSPOT_URL"] + path,
            json=body,
            headers={"Authorization": f"Bearer {sandbox.env['HUBSPOT_TOKEN']}"},
            timeout=30,
        )


def write_to_hubspot(sandbox: Sandbox, record: str, properties: dict[str, str]) -> None:
    body = {"inputs": [{"id": record, "properties": properties}]}
    call_hubspot(sandbox, "/crm/v3/objects/contacts/batch/update", body)
