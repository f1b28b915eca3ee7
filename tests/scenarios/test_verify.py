"""`npsync verify` finds what is not as it was left, and plans it again on request."""

from __future__ import annotations

from typing import Any

import pytest
from cli_process import SALESFORCE_FIELDS, Npsync, config, to_contacts
from townspeople import Person, Town


@pytest.fixture
def npsync(npsync: Npsync) -> Npsync:
    only = config()
    only["sync"] = {"contacts": to_contacts()}
    npsync.configured(only)
    return npsync


def verified(npsync: Npsync, *flags: str, exits: int = 0) -> dict[str, Any]:
    report: dict[str, Any] = npsync("verify", "contacts", "--json", *flags, exits=exits).json
    return report


def written(npsync: Npsync, town: Town, *names: str) -> list[Person]:
    people = [town.person(name) for name in names]
    for one in people:
        town.answers(one, 9, "great")
    npsync.run()
    return people


def test_records_that_are_as_they_were_left(npsync: Npsync, town: Town):
    written(npsync, town, "ann", "bob")
    report = verified(npsync)
    assert (report["status"], report["drift"], report["records_drifted"]) == ("succeeded", {}, 0)
    assert report["records_checked"] == report["records_written"] >= 2
    assert "all are as npsync left them" in npsync("verify", "contacts").out


def test_edits_deletions_and_merges_are_counted_by_field_and_named(npsync: Npsync, town: Town):
    ann, bob, cyd, dee = written(npsync, town, "ann", "bob", "cyd", "dee")
    town.somebody_sets(ann, NPS_Score__c=4)
    town.somebody_sets(bob, NPS_Comment__c=None)
    town.sandbox.control("DELETE", f"/salesforce/Contact/{cyd.contact}")
    twin = town.contact("dee@elsewhere.example")
    town.sandbox.control("POST", f"/salesforce/Contact/{twin}/merge", {"loser": dee.contact})
    report = verified(npsync, exits=3)
    assert report["drift_by_field"]["NPS_Score__c"] == {"changed": 1, "record_gone": 1, "merged": 1}
    assert report["drift_by_field"]["NPS_Comment__c"] == {"emptied": 1, "record_gone": 1, "merged": 1}
    assert report["records_drifted"] == 4
    assert {"id": dee.contact, "field": "NPS_Score__c", "why": "merged", "into": twin} in report["examples"]
    text = npsync("verify", "contacts", "--show", "50", exits=3).out
    assert f"~ {ann.contact}  NPS_Score__c 9 → 4" in text
    assert f"~ {cyd.contact}  was deleted" in text
    assert f"~ {dee.contact}  was merged into {twin}" in text
    assert all(len(line) <= 100 for line in text.splitlines())


def test_the_history_keeps_it_without_values(npsync: Npsync, town: Town):
    (ann,) = written(npsync, town, "ann")
    town.somebody_sets(ann, NPS_Comment__c="a private remark")
    run = verified(npsync, exits=3)["run"]
    (latest,) = npsync("runs", "--limit", "1", "--json").json["runs"]
    assert (latest["run"], latest["kind"], latest["status"]) == (run, "verify", "partial")
    assert "private" not in str(latest)
    assert f"~ {ann.contact}  NPS_Comment__c changed" in npsync("runs", str(run)).out


def test_replan_lets_overwrite_decide_for_the_drifting_records_alone(npsync: Npsync, town: Town):
    given = config()
    always = {**SALESFORCE_FIELDS, "NPS_Comment__c": {"from": "comment", "overwrite": "always"}}
    given["sync"] = {"contacts": to_contacts(fields=always)}
    npsync.configured(given)
    ann, bob = written(npsync, town, "ann", "bob")
    town.somebody_sets(ann, NPS_Score__c=4, NPS_Comment__c="mine", NPS_Segment__c=None)
    report = verified(npsync, "--all", "--replan", exits=3)
    assert report["replanned"]["pulled"] == 1
    row = town.in_salesforce(ann)
    assert (row["NPS_Score__c"], row["NPS_Comment__c"], row["NPS_Segment__c"]) == (4, "great", "Promoter")
    again = verified(npsync, "--all", exits=3)
    assert again["drift_by_field"] == {"NPS_Score__c": {"changed": 1}}
    assert town.in_salesforce(bob)["NPS_Score__c"] == 9


def test_what_an_undo_restored_is_no_drift_but_told(npsync: Npsync, town: Town):
    (ann,) = written(npsync, town, "ann")
    town.answers(ann, 2, "bad", days_ago=0.5)
    run = npsync.run()["run"]
    npsync("undo", str(run), "--yes")
    report = verified(npsync)
    assert report["drift"] == {}
    assert report["held"] > 0
    assert "as an undo left them" in npsync("verify", "contacts").out


def test_a_crm_that_refuses_us_fails_the_verification(npsync: Npsync, town: Town):
    written(npsync, town, "ann")
    report = npsync.with_env(SF_SECRET="wrong")("verify", "contacts", "--json", exits=1).json
    assert report["status"] == "failed"
    assert report["problems"]


def test_a_sync_nobody_knows_is_a_mistake_in_the_command(npsync: Npsync, town: Town):
    ended = npsync("verify", "contact", exits=2)
    assert 'did you mean "contacts"' in ended.err
