"""The sandbox as a process: how it starts, what control can do, what people see, how it stops."""

import json
import signal
import subprocess
import sys
import time

import pytest
import requests
from sandbox_process import running_sandbox

from sandbox.faults import Faults
from sandbox.profiles import PROFILES
from sandbox.traffic import Call, Traffic


@pytest.fixture(scope="module")
def sandbox():
    with running_sandbox(customers=100, responses=150, ugly="15%") as running:
        yield running


def test_the_first_line_tells_where_it_is_and_what_to_set(sandbox):
    assert {"SALESFORCE_URL", "SF_ID", "SF_SECRET"} <= set(sandbox.env)
    assert {"HUBSPOT_URL", "HUBSPOT_TOKEN", "WOOTRIC_URL", "WOOTRIC_ID", "WOOTRIC_SECRET"} <= set(sandbox.env)
    assert sandbox.env["HUBSPOT_URL"] == f"{sandbox.url}/hubspot"


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_with_exit_0_even_while_a_caller_hangs(stop):
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--customers", "5", "--vendor", "salesforce"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([*command, "--with-parent"], **pipes, text=True) as process:
        url = json.loads(process.stdout.readline())["url"]
        requests.post(f"{url}/control/faults", json={"vendor": "salesforce", "kind": "hang"}, timeout=10)
        with pytest.raises(requests.Timeout):
            requests.get(f"{url}/salesforce/services/data/v64.0/limits", timeout=0.2)
        process.send_signal(stop)
        assert process.wait(timeout=20) == 0
        assert process.stderr.read() == ""


def test_it_ends_with_its_parent():
    with running_sandbox("--vendor", "salesforce", customers=5) as running:
        url = running.url
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=5)


def test_the_same_seed_gives_the_same_records_in_every_process():
    def dump():
        with running_sandbox(customers=40, responses=60, until="2026-11-01") as running:
            return {
                (vendor, object): running.rows(vendor, object)
                for vendor, objects in running.control("GET", "/")["vendors"].items()
                for object in objects
            }

    assert dump() == dump()


def test_control_adds_changes_and_removes_without_counting_as_traffic(sandbox):
    sandbox.forget_traffic()
    id = sandbox.control(
        "POST", "/salesforce/Contact", {"LastName": "Control", "Email": "control@a.example"}
    )["id"]
    row = sandbox.control("PATCH", f"/salesforce/Contact/{id}", {"FirstName": "Remote"})
    assert row["Name"] == "Remote Control"
    sandbox.control("DELETE", f"/salesforce/Contact/{id}")
    assert sandbox.control("GET", f"/salesforce/Contact/{id}")["IsDeleted"] is True
    assert sandbox.traffic("salesforce")["records_written"] == {}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/salesforce/Person", None, 404),
        ("GET", "/salesforce/Contact/003000000000000AAA", None, 404),
        ("POST", "/faults", {"vendor": "nobody", "kind": "html"}, 404),
        ("POST", "/faults", {"vendor": "salesforce", "kind": "html", "often": 3}, 400),
        ("POST", "/faults", {"vendor": "salesforce", "kind": "lost_replies"}, 400),
        ("POST", "/salesforce/do/nothing", {}, 400),
        ("POST", "/salesforce/do/hide_field", {"object": "Contact"}, 400),
        ("POST", "/salesforce/Contact", {"LastName": "x", "NPS_Score__c": 1000}, 400),
        ("POST", "/clock", {"advance": -1}, 400),
    ],
)
def test_control_says_what_it_cannot_do(sandbox, method, path, body, status):
    reply = sandbox.session.request(method, f"{sandbox.url}/control{path}", json=body, timeout=10)
    assert reply.status_code == status
    assert reply.json()["error"]


def test_rules_are_listed_counted_and_cleared(sandbox):
    sandbox.fault("salesforce", "status", status=503, path="/limits", times=2)
    sandbox.session.get(f"{sandbox.url}/salesforce/services/data/v64.0/limits", timeout=10)
    (rule,) = sandbox.control("GET", "/faults")
    assert (rule["played"], rule["times"]) == (1, 1)
    sandbox.control("DELETE", "/faults")
    assert sandbox.control("GET", "/faults") == []


def test_pages_show_people_and_escape_what_they_say(sandbox):
    id = sandbox.control(
        "POST",
        "/salesforce/Contact",
        {"LastName": "<b>Bold</b>", "NPS_Score__c": 3, "NPS_Comment__c": "<script>alert(1)</script>"},
    )["id"]
    page = sandbox.session.get(f"{sandbox.url}/salesforce/record/{id}", timeout=10)
    assert page.status_code == 200
    assert "&lt;script&gt;" in page.text
    assert "<script>" not in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    found = sandbox.session.get(f"{sandbox.url}/", params={"q": "<B>bold"}, timeout=10)
    assert f"/salesforce/record/{id}" in found.text


def test_every_record_has_a_page_and_what_does_not_exist_says_so(sandbox):
    paths = [f"/salesforce/record/{row['Id']}" for row in sandbox.rows("salesforce", "Contact")[:30]]
    paths += [f"/hubspot/record/{row['id']}" for row in sandbox.rows("hubspot", "contacts")[:30]]
    pages = [sandbox.session.get(sandbox.url + path, timeout=10) for path in [*paths, "/", "/sandbox.css"]]
    assert {page.status_code for page in pages} == {200}
    missing = sandbox.session.get(f"{sandbox.url}/salesforce/record/nobody", timeout=10)
    assert (missing.status_code, "no such page" in missing.text) == (404, True)


def test_latency_delays_every_reply_of_a_vendor():
    with running_sandbox("--vendor", "salesforce", customers=3, latency="80ms") as running:
        start = time.monotonic()
        running.session.get(f"{running.url}/salesforce/services/data/v64.0/limits", timeout=10)
        assert time.monotonic() - start >= 0.08


def test_every_profile_starts_and_an_unknown_one_is_named():
    assert all(Faults(name).rules or name == "none" for name in PROFILES)
    with pytest.raises(ValueError, match="no fault profile"):
        Faults("sunny")


def test_a_share_of_requests_is_the_same_for_the_same_seed():
    def played(seed):
        faults = Faults(seed=seed)
        faults.add({"vendor": "salesforce", "kind": "html", "share": 0.3, "times": None})
        return [faults.take("salesforce", ("html",)) is not None for _ in range(200)]

    assert played(1) == played(1) != played(2)
    assert 30 < sum(played(1)) < 90


def test_the_busiest_ten_seconds_roll():
    traffic = Traffic()
    for at in (0.0, 1.0, 9.9, 10.0, 10.5, 30.0):
        traffic.called(Call("hubspot", "read", "GET", "/", 200, at))
    assert traffic.summary()["hubspot"]["busiest_10s"] == 4
