"""Bad days: storms of refusals, a spent quota, dying tokens, fields changed overnight, jobs that outlive a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aftermath import assert_no_effect_twice, balanced, until_settled, wrong
from cli_process import Npsync, config, to_contacts
from sandbox_process import RunningSandbox, running_sandbox
from townspeople import Town

CRMS = {"contacts": "salesforce", "marketing": "hubspot"}
COMMENT = {"contacts": "NPS_Comment__c", "marketing": "nps_comment"}
A_DAY = 24 * 3600 + 1


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    # Bulk jobs that no fault slows down end at once.
    flags = ("--limit", "salesforce.bulk_polls=0")
    with running_sandbox(*flags, customers=200, responses=200, ugly=0) as sandbox:
        yield sandbox


@pytest.fixture
def npsync(sandbox: RunningSandbox, tmp_path: Path) -> Npsync:
    npsync = Npsync(tmp_path, sandbox.env)
    npsync.configured(config())
    return npsync


# ------------------------------------------------------------ too many calls


@pytest.mark.parametrize("hint", [{"retry_after": 1}, {"detail": {"policy": "SECONDLY"}}])
def test_a_storm_of_429_is_waited_out_with_and_without_retry_after(
    npsync: Npsync, sandbox: RunningSandbox, hint: dict[str, Any]
):
    sandbox.fault("hubspot", "status", status=429, after=1, times=2, **hint)
    sandbox.fault("wootric", "status", status=429, after=1)  # never a Retry-After, but a time to come back

    run = npsync.run("marketing")

    assert (run["status"], run["states"]["pending"], run["problems"]) == ("succeeded", 0, [])
    assert wrong(sandbox, ["marketing"]) == []
    assert_no_effect_twice(sandbox)
    assert sandbox.traffic("hubspot")["too_many"] == 2
    assert sandbox.traffic("hubspot")["limits_met"] == {}


def test_too_many_salesforce_calls_at_once_are_waited_out(npsync: Npsync, sandbox: RunningSandbox):
    sandbox.fault("salesforce", "concurrent_limit", path="composite", times=1)

    run = npsync.run("contacts")

    assert (run["status"], run["states"]["pending"]) == ("succeeded", 0)
    assert wrong(sandbox, ["contacts"]) == []


@pytest.mark.parametrize("sync", CRMS)
def test_a_days_calls_spent_in_the_middle_end_the_run_and_the_next_day_finishes_it(
    npsync: Npsync, sandbox: RunningSandbox, sync: str
):
    vendor = CRMS[sync]
    sandbox.fault(vendor, "quota_spent", after=4)

    spent = npsync.run(sync, exits=3)

    assert balanced(spent)
    assert spent["states"]["pending"] > 0
    assert spent["states"]["rejected"] == 0
    assert "daily" in spent["problems"][0] or "day" in spent["problems"][0]
    sandbox.control("POST", "/clock", {"advance": A_DAY})
    until_settled(npsync, [sync])
    assert wrong(sandbox, [sync]) == []
    assert_no_effect_twice(sandbox)


# ------------------------------------------------------------ tokens


@pytest.mark.parametrize("sync", CRMS)
def test_tokens_that_die_mid_run_are_renewed_once_each_whatever_the_number_of_threads(
    npsync: Npsync, sandbox: RunningSandbox, sync: str
):
    npsync.configured(signing_in_by_oauth())
    vendor = CRMS[sync]
    for after in (1, 2, 3):
        sandbox.fault(vendor, "expired_token", after=after)
    for after in (2, 9):
        sandbox.fault("wootric", "expired_token", after=after)

    run = npsync.run(sync)

    assert (run["status"], run["states"]["pending"]) == ("succeeded", 0)
    assert wrong(sandbox, [sync]) == []
    assert sandbox.traffic(vendor)["by_kind"]["token"] == 1 + 3
    assert_no_effect_twice(sandbox)


def signing_in_by_oauth() -> dict[str, Any]:
    """An OAuth app of HubSpot's, whose tokens live half an hour; those of service keys do not die."""
    changed = config()
    changed["connections"]["hub"] = {
        "type": "hubspot",
        "oauth": {
            "client_id": "${HUBSPOT_CLIENT_ID}",
            "client_secret": "${HUBSPOT_CLIENT_SECRET}",
            "refresh_token": "${HUBSPOT_REFRESH_TOKEN}",
        },
        "base_url": "${HUBSPOT_URL}",
    }
    return changed


# ------------------------------------------------------------ overnight


@pytest.mark.parametrize("sync", CRMS)
@pytest.mark.parametrize("change", ["delete", "rename", "read_only"])
def test_a_field_that_changed_overnight_stops_the_run_with_its_name_and_nothing_is_lost(
    npsync: Npsync, sandbox: RunningSandbox, sync: str, change: str
):
    vendor, name = CRMS[sync], COMMENT[sync]
    npsync.run(sync)
    town = Town(sandbox)
    ann = town.person()
    town.answers(ann, 4, "Not today")
    object = {"contacts": "Contact", "marketing": "contacts"}[sync]
    sandbox.fault(vendor, "schema_drift", detail={"object": object, "field": name, "change": change})
    sandbox.forget_traffic()

    ended = npsync("run", sync, "--json", exits=(1, 2))

    assert name in ended.everything
    assert "npsync" in ended.everything or "permission" in ended.everything or "read" in ended.everything
    assert sandbox.traffic(vendor)["records_written"] == {}
    mend(sandbox, vendor, change)
    until_settled(npsync, [sync])
    shown = town.in_salesforce(ann) if vendor == "salesforce" else town.in_hubspot(ann)
    assert shown[name] == "Not today"


def mend(sandbox: RunningSandbox, vendor: str, change: str) -> None:
    """Somebody puts the field back as it was."""
    comment = {"object": "Contact", "field": "NPS_Comment__c"}
    if vendor == "hubspot":
        definition = {"label": "NPS comment", "type": "string", "fieldType": "textarea", "groupName": "nps"}
        sandbox.control(
            "POST",
            "/hubspot/do/define_property",
            {"object": "contacts", "name": "nps_comment", **definition},
        )
    elif change == "delete":
        sandbox.control("POST", "/salesforce/do/show_field", comment)
    elif change == "rename":
        renamed = {"object": "Contact", "field": "NPS_Comment_Old__c", "to": "NPS_Comment__c"}
        sandbox.control("POST", "/salesforce/do/rename_field", renamed)
    else:
        sandbox.control("POST", "/salesforce/do/alter_field", {**comment, "updateable": True})


# ------------------------------------------------------------ bulk jobs


@pytest.fixture
def in_bulk(npsync: Npsync) -> Npsync:
    changed = config(to_contacts(breaker={"changed_share": "100%"}))
    changed["connections"]["crm"]["write"] = {"chunk_size": 5, "bulk_threshold": 20, "bulk_deadline": 10}
    npsync.configured(changed)
    return npsync


def test_a_bulk_job_that_outlives_its_run_is_asked_for_and_never_sent_twice(
    in_bulk: Npsync, sandbox: RunningSandbox
):
    sandbox.fault("salesforce", "bulk_slow", detail={"seconds": 3600}, times=None)

    first = in_bulk.run("contacts", exits=3)

    assert balanced(first)
    assert first["states"]["pending"] > 100
    assert first["states"]["rejected"] == 0
    jobs = sandbox.traffic("salesforce")["by_kind"]["bulk_create"]
    sandbox.control("DELETE", "/faults")
    sandbox.control("POST", "/clock", {"advance": 3600})
    until_settled(in_bulk, ["contacts"])
    assert sandbox.traffic("salesforce")["by_kind"]["bulk_create"] == jobs
    assert wrong(sandbox, ["contacts"]) == []
    assert_no_effect_twice(sandbox)


def test_a_bulk_job_that_ends_half_way_is_finished_without_repeating_its_half(
    in_bulk: Npsync, sandbox: RunningSandbox
):
    sandbox.fault("salesforce", "bulk_failed", detail={"processed": 40})

    runs = until_settled(in_bulk, ["contacts"])

    assert all(balanced(run) for run in runs)
    assert all(run["states"]["rejected"] == 0 for run in runs)
    assert wrong(sandbox, ["contacts"]) == []
    assert_no_effect_twice(sandbox)
