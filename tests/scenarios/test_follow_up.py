"""After an unhappy answer somebody calls: tasks, places on lists and messages, each exactly once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from caring_config import caring
from cli_process import Npsync
from townspeople import Person, Town

CALL: dict[str, Any] = {
    "where": 'segment == "detractor"',
    "task": {"subject": "Call {record.Name}: scored {score}", "due": "2 days", "priority": "high"},
}
PROMOTERS: dict[str, Any] = {"where": 'segment == "promoter"', "add_to": {"list": "NPS promoters"}}


@pytest.fixture
def ann(town: Town) -> Person:
    return town.person("ann")


def tasks(town: Town, person: Person) -> list[dict[str, Any]]:
    return [one for one in town.sandbox.rows("salesforce", "Task") if one["WhoId"] == person.contact]


@pytest.fixture(autouse=True)
def nobody_before(town: Town) -> None:
    """What other tests answered here is no concern of this one."""
    for one in town.sandbox.rows("wootric", "responses"):
        town.withdraws(one["id"])


def campaign(town: Town) -> set[str]:
    members = town.sandbox.rows("salesforce", "CampaignMember")
    return {one["ContactId"] for one in members if not one["IsDeleted"]}


def test_an_unhappy_answer_opens_one_task_for_its_owner(npsync: Npsync, town: Town, ann: Person):
    npsync.configured(caring({"follow_up": [CALL]}))
    npsync("check")
    answer = town.answers(ann, 2, "too slow")
    plan = npsync("plan", "contacts").out
    assert "tasks: 1 new" in plan
    assert "+ Call Adler: scored 2 (due" in plan
    assert tasks(town, ann) == []

    run = npsync.run("contacts")

    assert run["followed"]["task"] == {"created": 1}
    (task,) = tasks(town, ann)
    due = (datetime.now(UTC) + timedelta(days=2)).astimezone(ZoneInfo("America/New_York")).date()
    assert (task["Subject"], task["Priority"], task["ActivityDate"]) == (
        "Call Adler: scored 2",
        "High",
        due.isoformat(),
    )
    assert task["OwnerId"] == town.in_salesforce(ann)["OwnerId"]
    assert "too slow" in task["Description"]
    assert f"npsync why {ann.contact}" in task["Description"]
    town.edits(answer, text="much too slow")
    npsync.run("contacts", "--all")
    assert len(tasks(town, ann)) == 1


def test_with_nobody_left_the_task_is_refused_listed_and_retried(npsync: Npsync, town: Town, ann: Person):
    npsync.configured(caring({"follow_up": [CALL]}))
    users = {one["Email"]: one["Id"] for one in town.sandbox.rows("salesforce", "User")}
    town.somebody_sets(ann, OwnerId=users["nora@acme.example"])
    town.answers(ann, 1)
    out = npsync("run", "contacts", exits=3).out
    assert "npsync follow-ups list" in out
    (entry,) = npsync("follow-ups", "list", "--json").json["follow_ups"]
    assert (entry["kind"], entry["stage"], entry["code"]) == ("task", "rejected", "no_owner")
    assert "1 inactive" in entry["reason"]
    town.somebody_sets(ann, OwnerId=users["priya@acme.example"])
    assert npsync("follow-ups", "retry", str(entry["id"]), "--json").json["retried"] == [entry["id"]]
    assert len(tasks(town, ann)) == 1
    assert npsync("follow-ups", "list", "--json").json["follow_ups"] == []


def test_a_place_in_a_campaign_follows_the_segment(npsync: Npsync, town: Town, ann: Person):
    npsync.configured(caring({"follow_up": [PROMOTERS]}))
    town.answers(ann, 10, days_ago=3)
    npsync.run("contacts")
    assert ann.contact in campaign(town)
    town.answers(ann, 4, days_ago=1)
    assert npsync.run("contacts")["followed"]["list"] == {"removed": 1}
    assert ann.contact not in campaign(town)


def test_hubspot_gets_tasks_and_static_lists_too(npsync: Npsync, town: Town, ann: Person):
    call = {**CALL, "task": {"subject": "Call {record.lastname}: {score}", "otherwise": ["64492917"]}}
    npsync.configured(caring(marketing={"follow_up": [call, PROMOTERS]}))
    npsync("check")
    happy = town.person("hap")
    town.answers(ann, 2, "slow")
    town.answers(happy, 10)
    run = npsync.run("marketing")
    assert run["followed"]["task"]["created"] >= 1
    assert run["followed"]["list"]["created"] >= 1
    mine = [
        one for one in town.sandbox.rows("hubspot", "tasks") if str(ann.lead) in (one["hs_task_body"] or "")
    ]
    assert [(one["hs_task_subject"], one["hubspot_owner_id"]) for one in mine] == [
        ("Call Adler: 2", "64492917")
    ]
    assert "slow" in mine[0]["hs_task_body"]
    assert npsync.run("marketing")["followed"] == {}


def messages(town: Town) -> list[str]:
    return [str(one) for one in town.sandbox.rows("slack", "messages")]


def test_people_are_told_once_and_a_channel_that_is_down_fails_no_score(
    npsync: Npsync, town: Town, ann: Person
):
    slack = {"type": "slack", "webhook_url": "${SLACK_URL}"}
    tell = {"where": "score <= 6", "notify": {"connection": "slack", "text": "{record.Email} gave {score}"}}
    npsync.configured(caring({"follow_up": [tell, CALL]}, slack=slack))
    town.sandbox.fault("slack", "status", times=None, status=429, retry_after=0)
    town.answers(ann, 3, "between us")
    run = npsync.run("contacts", exits=3)
    assert any(one.startswith("alerts: slack: ") for one in run["problems"])
    assert (town.in_salesforce(ann)["NPS_Score__c"], len(tasks(town, ann))) == (3, 1)
    waits = npsync("follow-ups", "list").out
    assert "1 waits for the next run: npsync follow-ups list --stage wanted" in waits
    assert "the last reason: slack" in waits
    waiting = npsync("follow-ups", "list", "--json").json["waiting"]
    assert waiting["count"] == 1
    assert waiting["reason"]
    assert "slack: post an" in npsync("follow-ups", "list", "--stage", "wanted").out
    town.sandbox.control("DELETE", "/faults")
    assert not [one for one in messages(town) if str(ann.email) in one]

    assert npsync.run("contacts")["followed"] == {"alert": {"created": 1}}
    assert npsync.run("contacts")["followed"] == {}

    (told,) = [one for one in messages(town) if str(ann.email) in one]
    assert f"{ann.email} gave 3" in told
    assert "between us" not in told


def test_why_undo_and_runs_tell_what_was_created(npsync: Npsync, town: Town, ann: Person):
    npsync.configured(caring({"follow_up": [CALL, PROMOTERS]}))
    town.answers(ann, 2, "too slow")
    run = npsync.run("contacts")["run"]
    (task,) = tasks(town, ann)

    why = npsync("why", str(ann.contact)).out
    assert "task" in why
    assert task["Id"] in why
    told = npsync("undo", str(run), "--yes").out
    assert task["Id"] in told
    assert "never deleted" in told
    assert len(tasks(town, ann)) == 1
    assert npsync("runs", str(run), "--json").json["report"]["followed"]["task"] == {"created": 1}
