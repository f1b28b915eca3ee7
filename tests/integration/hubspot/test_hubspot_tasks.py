"""Tasks in HubSpot: one per answer, whatever its answers leave out, and what is told about whom they are for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from html import unescape

import pytest
from fake_clock import MemoryInMemory, Notices, fake_tools
from played_portal import ACME, ANN, OLGA, no_owner, portal, task
from scripted_hubspot import Said, opened, validation_error

from connectors.contract import OWNER_REFUSED, Owner, Priority
from connectors.marking import marker
from nps.changes import Made, Rejected, Unknown, Written
from nps.errors import ConfigError

HOSTILE = "\"quotes\" 'and' <b>html</b> &amp; \u202eright to left\u202c 😀 שלום\nand a line"


@pytest.mark.parametrize("version", ["v3", "2026-09"])
def test_a_task_says_whom_it_is_about_who_does_it_and_by_when(version: str) -> None:
    with portal() as (there, server):
        [made] = opened(server, api_version=version).give([task()])
        [(id, sent)] = there.rows["tasks"].items()
        assert made == Made("nps/1", id)
        assert there.ends[id] == {("204", ANN), ("192", ACME)}
    assert sent == {
        "hs_timestamp": "2026-11-24T09:00:00Z",
        "hs_task_subject": "Call Ann",
        "hs_task_body": f"Scored 3<br><br>{marker('nps/1')}",
        "hs_task_status": "NOT_STARTED",
        "hs_task_priority": "HIGH",
        "hs_task_type": "TODO",
        "hubspot_owner_id": OLGA,
    }


def test_giving_a_task_twice_makes_one_and_leaves_what_people_changed() -> None:
    with portal() as (there, server):
        hubspot = opened(server)
        [first] = hubspot.give([task()])
        [id] = there.rows["tasks"]
        there.rows["tasks"][id]["hs_task_subject"] = "Called, waiting"
        told = list(hubspot.give([task(), task("nps/2")]))
        assert first == told[0] == Made("nps/1", id)
        assert isinstance(told[1], Made)
        assert len(there.rows["tasks"]) == 2
        assert there.rows["tasks"][id]["hs_task_subject"] == "Called, waiting"


def test_a_task_whose_reply_was_lost_is_sent_once_and_found_again() -> None:
    with portal() as (there, server):
        hubspot = opened(server)
        there.lose = 1
        [lost] = hubspot.give([task()])
        assert isinstance(lost, Unknown)
        assert len(server.posts("/tasks/batch/create")) == 1
        assert hubspot.given([task(), task("nps/2")]) == {"nps/1": next(iter(there.rows["tasks"]))}


@pytest.mark.parametrize(("traces", "shows"), [(True, True), (False, True), (True, False), (False, False)])
def test_each_task_finds_its_own_id_whatever_the_answer_repeats(traces: bool, shows: bool) -> None:
    with portal() as (there, server):
        there.traces, there.shows = traces, shows
        told = list(opened(server).give([task(f"nps/{n}", subject=f"Task {n}") for n in range(5)]))
        subjects = {one.record_id: there.rows["tasks"][one.id]["hs_task_subject"] for one in told}  # type: ignore[union-attr]
    assert subjects == {f"nps/{n}": f"Task {n}" for n in range(5)}


@pytest.mark.parametrize("by_trace", [True, False], ids=["named in a 207", "as a whole"])
def test_one_refused_task_does_not_sink_its_batch(by_trace: bool) -> None:
    with portal() as (there, server):
        there.by_trace = by_trace
        there.refuse = lambda sent: (
            validation_error("hs_task_subject", "no") if sent["hs_task_subject"] == "Task 7" else None
        )
        told = list(opened(server).give([task(f"nps/{n}", subject=f"Task {n}") for n in range(150)]))
        assert [one.record_id for one in told if isinstance(one, Rejected)] == ["nps/7"]
        assert sum(isinstance(one, Made) for one in told) == len(there.rows["tasks"]) == 149


def test_an_owner_who_left_is_told_apart() -> None:
    with portal() as (there, server):
        there.refuse = no_owner
        refused, made = opened(server).give([task(), task("nps/2", owner="7")])
    assert isinstance(refused, Rejected)
    assert (refused.record_id, refused.code, refused.field) == ("nps/1", OWNER_REFUSED, "hubspot_owner_id")
    assert isinstance(made, Made)


def test_a_server_error_after_creating_is_not_sent_again_in_parts() -> None:
    with portal() as (there, server):
        usual = server.script

        def stumbling(asked: object) -> Said:
            said = usual(asked)  # type: ignore[arg-type]
            return Said({}, status=500) if asked.path.endswith("/tasks/batch/create") else said  # type: ignore[attr-defined]

        server.script = stumbling  # type: ignore[assignment]
        told = list(opened(server).give([task(f"nps/{n}") for n in range(4)]))
        assert [type(one) for one in told] == [Unknown] * 4
        assert len(there.rows["tasks"]) == 4


def test_a_task_that_hubspot_stumbles_over_takes_its_call_along_once() -> None:
    with portal() as (there, server):
        there.refuse = lambda sent: Said({}, status=500) if sent["hs_task_subject"] == "Bad" else None
        tasks = [task(), task("nps/2", subject="Bad"), task("nps/3")]
        memory = MemoryInMemory()
        assert [type(one) for one in opened(server, fake_tools("crm", memory=memory)).give(tasks)] == [
            Unknown
        ] * 3
        again = opened(server, fake_tools("crm", memory=memory))  # another process
        assert again.given(tasks) == {}
        told = {one.record_id: type(one) for one in again.give([*tasks, task("nps/4")])}
        assert told == {"nps/1": Made, "nps/2": Unknown, "nps/3": Made, "nps/4": Made}
        assert [len(one["inputs"]) for one in server.posts("/tasks/batch/create")] == [3, 1, 1, 1, 1]


def test_whatever_people_wrote_is_text_and_no_markup() -> None:
    with portal() as (there, server):
        list(opened(server).give([task(body=HOSTILE, subject=HOSTILE)]))
        [sent] = there.rows["tasks"].values()
    body = sent["hs_task_body"].removesuffix(f"<br><br>{marker('nps/1')}")
    assert "<b>" not in body
    assert unescape(body.replace("<br>", "\n")) == HOSTILE
    assert sent["hs_task_subject"] == HOSTILE.replace("\n", " ")


def test_a_long_body_is_cut_and_keeps_its_mark() -> None:
    with portal() as (there, server):
        hubspot = opened(server)
        list(hubspot.give([task(body="<😀>" * 33_000)]))
        [sent] = there.rows["tasks"].values()
        assert set(hubspot.given([task()])) == {"nps/1"}
    assert len(sent["hs_task_body"].encode("utf-16-le")) // 2 <= 65_536
    assert sent["hs_task_body"].endswith(f"…<br><br>{marker('nps/1')}")


def test_the_due_day_is_that_of_the_business() -> None:
    with portal() as (there, server):
        list(opened(server, replace(fake_tools("crm"), time_zone="America/New_York")).give([task()]))
        [sent] = there.rows["tasks"].values()
    assert sent["hs_timestamp"] == "2026-11-24T14:00:00Z"


def test_a_task_about_something_else_is_a_matter_of_the_settings() -> None:
    with (
        portal() as (_, server),
        pytest.raises(ConfigError, match="contacts, companies, tickets, not about deals"),
    ):
        list(opened(server).give([task(object="deals")]))


def test_a_normal_task_of_nobody_is_given_too() -> None:
    with portal() as (there, server):
        list(opened(server).give([task(owner=None, account=None, priority=Priority.NORMAL)]))
        [(id, sent)] = there.rows["tasks"].items()
    assert "hubspot_owner_id" not in sent
    assert sent["hs_task_priority"] == "MEDIUM"
    assert there.ends[id] == {("204", ANN)}


def test_what_became_of_tasks() -> None:
    with portal() as (there, server):
        hubspot = opened(server)
        made = list(hubspot.give([task(), task("nps/2")]))
        ids = [one.id for one in made]  # type: ignore[union-attr]
        there.rows["tasks"][ids[0]] |= {
            "hs_task_status": "COMPLETED",
            "hs_task_completion_date": "2026-11-23T10:00:00.000Z",
        }
        told = hubspot.task_states([*ids, "999999", "no id"])
    assert set(told) == set(ids)
    assert not told[ids[0]].is_open
    assert told[ids[0]].closed_at == datetime(2026, 11, 23, 10, tzinfo=UTC)
    assert told[ids[1]].is_open
    assert (told[ids[1]].closed_at, told[ids[1]].owner) == (None, OLGA)


def test_taking_tasks_away_twice_is_as_good_as_once() -> None:
    with portal() as (there, server):
        hubspot = opened(server)
        ids = [one.id for one in hubspot.give([task(f"nps/{n}") for n in range(3)])]  # type: ignore[union-attr]
        there.rows["tasks"].pop(ids[1])
        for _ in range(2):
            assert sorted(hubspot.take_away(ids), key=lambda one: one.record_id) == [
                Written(id) for id in sorted(ids)
            ]
        assert not there.rows["tasks"]


def test_owners_who_left_are_known_as_such() -> None:
    with portal() as (there, server):
        there.owners = [
            {
                "id": "1",
                "email": "Olga@acme.example",
                "firstName": "Olga",
                "lastName": "P",
                "archived": False,
            },
            {"id": "2", "email": "bob@acme.example", "archived": False},
            {"id": "3", "email": "gone@acme.example", "archived": True},
        ]
        hubspot = opened(server)
        told = hubspot.owners(["2", "3", "4"])
        assert told == {
            "2": Owner("2", "", "bob@acme.example"),
            "3": Owner("3", "", "gone@acme.example", active=False),
        }
        there.owners[0]["email"] = "olga@acme.example"
        assert hubspot.owner_of(" OLGA@acme.example") == Owner("1", "Olga P", "olga@acme.example")
        assert hubspot.owner_of("gone@acme.example") is None
        assert hubspot.owner_of("") is None


def test_tickets_are_the_open_and_the_recent_ones_latest_first() -> None:
    with portal() as (there, server):
        for number, (stage, created) in enumerate(
            [("4", "2026-01-01"), ("1", "2026-02-01"), ("4", "2026-11-01")]
        ):
            there.rows.setdefault("tickets", {})[str(number)] = {
                "subject": f"Ticket {number}",
                "hs_pipeline_stage": stage,
                "createdate": f"{created}T09:00:00.000Z",
                "closed_date": "2026-11-02T09:00:00.000Z",
            }
            there.ends[str(number)] = {("16", ANN)}
        hubspot = opened(server)
        told = hubspot.cases("contacts", [ANN, "102"], datetime(2026, 10, 1, tzinfo=UTC))
        assert hubspot.cases("tickets", ["0"], datetime(2026, 10, 1, tzinfo=UTC)) == {}
    assert list(told) == [ANN]
    shown = [(case.subject, case.status, case.is_open, case.closed_at is None) for case in told[ANN]]
    assert shown == [("Ticket 2", "Done", False, False), ("Ticket 1", "New", True, True)]


def test_without_the_scope_for_tickets_a_task_says_less() -> None:
    with portal() as (_, server):
        usual = server.script
        server.script = lambda asked: Said({}, status=403) if "/tickets" in asked.path else usual(asked)
        notices = Notices()
        hubspot = opened(server, fake_tools("crm", notice=notices))
        assert hubspot.cases("contacts", [ANN], datetime(2026, 10, 1, tzinfo=UTC)) == {}
        assert ("hubspot_tickets_not_visible", {}) in notices
        assert isinstance(next(iter(hubspot.give([task()]))), Made)


def test_a_records_page_is_where_the_settings_say() -> None:
    with portal() as (_, server):
        assert opened(server).page("contacts", ANN) == ""
        there = opened(server, record_url="https://app.hubspot.com/contacts/1/record/{type}/{id}")
        assert there.page("contact", ANN) == f"https://app.hubspot.com/contacts/1/record/0-1/{ANN}"
