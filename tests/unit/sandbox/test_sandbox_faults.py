"""Faults the toys play on purpose: what a whole batch, a day or a field can do, and profiles that add up."""

from __future__ import annotations

import pytest
import requests
from salesforce_caller import Caller
from sandbox_process import RunningSandbox, running_sandbox

from sandbox.faults import Faults
from sandbox.profiles import PROFILES
from sandbox.vendors import CALLED

A_DAY = 24 * 3600 + 1


@pytest.fixture
def sandbox():
    with running_sandbox(customers=20, responses=0) as running:
        yield running


@pytest.fixture
def crm(sandbox: RunningSandbox) -> Caller:
    return Caller(sandbox)


def test_profiles_add_up():
    both = Faults("poison,locked")
    assert len(both.rules) == len(Faults("poison").rules) + len(Faults("locked").rules)
    with pytest.raises(ValueError, match='no fault profile "rain"'):
        Faults("poison,rain")


def test_every_profile_says_in_one_line_what_it_does():
    assert all(profile.about and "\n" not in profile.about for profile in PROFILES.values())


def test_poison_is_the_same_records_every_time_whatever_else_was_asked():
    def refused(before: int) -> set[str]:
        faults = Faults()
        poison = {"vendor": "salesforce", "kind": "validation", "share": 0.1, "steady": True, "times": None}
        faults.add(poison)
        for number in range(before):
            faults.take("salesforce", ("validation",), path=f"earlier {number}")
        return {str(id) for id in range(500) if faults.take("salesforce", ("validation",), path=f"003{id}")}

    assert refused(before=0) == refused(before=77)
    assert 25 < len(refused(0)) < 80


def test_what_was_played_is_counted_even_when_the_rule_is_gone(crm: Caller):
    crm.sandbox.fault("salesforce", "html")
    crm.call("GET", "/limits")
    crm.sandbox.control("DELETE", "/faults")
    assert crm.sandbox.control("GET", "/faults/played") == {"salesforce": {"html": 1}}


def test_a_profile_can_come_while_the_sandbox_runs(sandbox: RunningSandbox):
    sandbox.control("POST", "/faults/profile", {"names": "shuffled,locked"})
    assert {rule["kind"] for rule in sandbox.control("GET", "/faults")} == {
        "shuffle",
        "locked_row",
        "status",
        "version_conflict",
    }


def test_a_refused_batch_writes_nothing_and_names_nobody(crm: Caller):
    good, bad = crm.new_contact(), crm.new_contact()
    crm.sandbox.fault("salesforce", "batch_refused", path=bad, times=None)

    reply = crm.update({"id": good, "NPS_Score__c": 9}, {"id": bad, "NPS_Score__c": 9})

    assert (reply.status_code, reply.json()[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")
    assert bad not in reply.text
    assert crm.contact(good)["NPS_Score__c"] is None
    assert crm.update({"id": good, "NPS_Score__c": 9}).status_code == 200


def test_a_missing_row_is_neither_written_nor_mentioned(crm: Caller):
    told, left_out = crm.new_contact(), crm.new_contact()
    crm.sandbox.fault("salesforce", "missing_row", path=left_out)

    reply = crm.update({"id": left_out, "NPS_Score__c": 9}, {"id": told, "NPS_Score__c": 9})

    assert [result["id"] for result in reply.json()] == [told]
    assert crm.contact(left_out)["NPS_Score__c"] is None


def test_a_days_calls_that_others_spent_come_back_the_next_day(crm: Caller):
    crm.sandbox.fault("salesforce", "quota_spent")
    assert [crm.call("GET", "/limits").status_code for _ in range(2)] == [403, 403]
    assert crm.sandbox.traffic("salesforce")["limits_met"] == {"daily": 2}
    crm.sandbox.control("POST", "/clock", {"advance": A_DAY})
    crm.log_in()
    assert crm.call("GET", "/limits").ok


def test_a_refusal_on_purpose_is_no_limit_met(crm: Caller):
    crm.sandbox.fault("salesforce", "concurrent_limit")
    crm.sandbox.fault("salesforce", "daily_quota", after=1)
    assert [crm.call("GET", "/limits").status_code for _ in range(3)] == [403, 403, 200]
    assert crm.sandbox.traffic("salesforce")["limits_met"] == {}


@pytest.mark.parametrize(("change", "left"), [("delete", None), ("rename", None), ("read_only", False)])
def test_a_field_changes_between_two_looks_at_it(crm: Caller, change: str, left: bool | None):
    drift = {"object": "Contact", "field": "NPS_Comment__c", "change": change}
    crm.sandbox.fault("salesforce", "schema_drift", after=1, detail=drift)

    def writable() -> bool | None:
        fields = crm.call("GET", "/sobjects/Contact/describe").json()["fields"]
        found: list[bool] = [one["updateable"] for one in fields if one["name"] == "NPS_Comment__c"]
        return found[0] if found else None

    assert [writable(), writable()] == [True, left]


def test_a_bulk_job_can_outlive_whoever_waits_for_it(crm: Caller):
    crm.sandbox.fault("salesforce", "bulk_slow", detail={"seconds": 3600})
    job, contact = crm.new_job(), crm.new_contact()
    crm.upload(job, f"Id,NPS_Score__c\n{contact},4\n")
    crm.call("PATCH", f"/jobs/ingest/{job}", json={"state": "UploadComplete"})

    def state() -> str:
        return str(crm.call("GET", f"/jobs/ingest/{job}").json()["state"])

    assert [state() for _ in range(4)][1:] == ["InProgress"] * 3
    crm.sandbox.control("POST", "/clock", {"advance": 3600})
    assert [state(), state()] == ["InProgress", "JobComplete"]
    assert crm.contact(contact)["NPS_Score__c"] == 4


@pytest.mark.parametrize("vendor", CALLED)
def test_the_front_plays_its_faults_before_every_vendor(everybody, vendor):
    address = f"{everybody.url}/{vendor}/anything"
    everybody.fault(vendor, "html")
    assert everybody.session.get(address, timeout=10).status_code == 502
    everybody.fault(vendor, "status", status=503)
    assert everybody.session.get(address, timeout=10).status_code == 503
    for kind in ("reset", "lost_reply"):
        everybody.fault(vendor, kind)
        with pytest.raises(requests.ConnectionError):
            everybody.session.get(address, timeout=10)
    assert everybody.session.get(address, timeout=10).status_code in (401, 404)
    assert everybody.control("GET", "/faults/played")[vendor] == dict.fromkeys(
        ("html", "lost_reply", "reset", "status"), 1
    )


@pytest.fixture(scope="module")
def everybody():
    with running_sandbox(customers=10, responses=0) as running:
        yield running
