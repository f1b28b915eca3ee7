"""The page about playing the vendors names what there is."""

import json
import re
from pathlib import Path

import pytest
from sandbox_process import running_sandbox

from sandbox.mail.door import FAULT_KINDS
from sandbox.vendors import VENDORS

PAGE = (Path(__file__).parents[3] / "docs/how-to/play-the-vendors.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def sandbox():
    with running_sandbox(customers=100, responses=10) as running:
        yield running


def row_of(vendor):
    return next(line for line in PAGE.splitlines() if line.startswith(f"| {vendor} |"))


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_knob_of_a_vendor_is_on_the_page(sandbox, vendor):
    reply = sandbox.session.post(f"{sandbox.url}/control/{vendor}/do/nothing", json={}, timeout=10)
    knobs = set(reply.json()["error"].partition("there are: ")[2].split(", "))
    assert len(knobs) >= 2
    assert {knob for knob in knobs if f"`{knob}`" not in row_of(vendor)} == set()


def test_every_way_the_inbox_goes_wrong_is_on_the_page():
    assert {kind for kind in FAULT_KINDS if f"`{kind}`" not in PAGE} == set()


def test_every_call_of_the_page_is_taken_by_the_sandbox(sandbox):
    calls = re.findall(r"curl -X POST localhost:8931(/control/\S+) -d '(.+?)'", PAGE, flags=re.DOTALL)
    assert len(calls) >= 10
    for path, body in calls:
        reply = sandbox.session.post(sandbox.url + path, json=json.loads(body), timeout=10)
        assert reply.ok, (path, reply.text)


def test_the_pages_of_the_page_are_there(sandbox):
    for path in ("/look/mail/", "/look/twilio/", "/look/wootric/", "/look/deliveries"):
        assert path in PAGE
        assert sandbox.session.get(sandbox.url + path, timeout=10).status_code == 200
