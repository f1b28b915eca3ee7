"""What machines read through /api/v1: the same as the command line says, page by page, to whoever may see it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from answered import ANONYMOUS, NOW, SYNC, matched, people
from api_desk import EVERY_SCOPE, ApiDesk

from nps.changes import Cause
from npsync.words import run_facts


@pytest.fixture
def desk(tmp_path: Path, sqlite_url: str) -> ApiDesk:
    return ApiDesk(tmp_path)


def ran(desk: ApiDesk, status: str = "succeeded", sync: str = SYNC, **report: Any) -> int:
    run = desk.store.begin_run(sync, "run", now=desk.clock.now(), facts={})
    if status != "running":
        desk.store.end_run(run, status, now=desk.clock.now(), report={"run": run, **report})
    desk.clock.advance(60)
    return run


def wrote(desk: ApiDesk, run: int, record: str, before: object, after: object) -> None:
    with desk.store.database.write() as tx:
        tx.run(
            """INSERT INTO change (run, connection, object, record_id, key, before, after, rank, account, person)
            VALUES (:run, 'crm', 'Contact', :record, 'ann@example.com', :before, :after, 1, '', 1)""",
            run=run,
            record=record,
            before=json.dumps({"NPS__c": before}),
            after=json.dumps({"NPS__c": after}),
        )


def walked(desk: ApiDesk, path: str) -> list[Any]:
    """All items of a list, two at a time."""
    found: list[Any] = []
    following: str | None = f"/api/v1{path}{'&' if '?' in path else '?'}limit=2"
    while following is not None:
        replied = desk.get(following.removeprefix("/api/v1"))
        assert replied.status == 200, replied
        assert len(replied.json["items"]) <= 2
        found += replied.json["items"]
        following = replied.json["next"]
    return found


# ------------------------------------------------------------ runs and syncs


def test_runs_come_latest_first_in_pages_and_are_what_the_command_line_shows(desk: ApiDesk):
    numbers = [ran(desk, written=n) for n in range(5)]
    found = walked(desk, "/runs")
    assert [one["run"] for one in found] == numbers[::-1]
    assert found == [run_facts.facts(one, None) for one in desk.store.runs()]


def test_runs_are_narrowed_by_sync_kind_status_and_time(desk: ApiDesk):
    first = ran(desk)
    failed = ran(desk, "failed")
    other = ran(desk, sync="other")
    desk.store.note_progress(running := ran(desk, "running"), "write", 3, 10, now=desk.clock.now())

    def found(query: str) -> list[int]:
        return [one["run"] for one in desk.get(f"/runs?{query}").json["items"]]

    assert found("status=failed") == [failed]
    assert found("sync=other") == [other]
    assert found(f"since={(NOW + timedelta(seconds=61)).isoformat().replace('+', '%2B')}") == [running, other]
    assert found("kind=undo") == []
    assert found("status=succeeded&sync=contacts") == [first]
    assert desk.get("/runs?status=running").json["items"][0]["progress"]["done"] == 3


def test_a_run_tells_what_it_left_open(desk: ApiDesk):
    [one] = people(desk.store, [9])
    run = ran(desk)
    matched(desk.store, [one], state="review")
    with desk.store.database.write() as tx:
        tx.run("UPDATE answer_state SET run = :run", run=run)
    told = desk.get(f"/runs/{run}").json
    assert [(left["state"], left["answer"]) for left in told["left"]] == [("review", one.id)]
    assert [entry.about for entry in desk.store.audited()] == [f"run {run}"]


def test_changes_are_told_field_by_field_and_that_is_a_read_of_people(desk: ApiDesk):
    run = ran(desk)
    for n in range(3):
        wrote(desk, run, f"003{n}", n, n + 1)
    found = walked(desk, f"/runs/{run}/changes")
    assert [(one["id"], one["fields"]) for one in found] == [
        (f"003{n}", {"NPS__c": [n, n + 1]}) for n in range(3)
    ]
    assert [one["id"] for one in desk.get(f"/runs/{run}/changes?record=0031").json["items"]] == ["0031"]
    noted = desk.store.audited()
    assert {(entry.what, entry.about) for entry in noted} == {("read", f"run {run}")}
    assert noted[-1].facts == {"page": "changes", "people": 2}


def test_what_is_not_there_is_told_as_a_problem(desk: ApiDesk):
    for path in ("/runs/7", "/runs/7/changes", "/syncs/nothing", "/dead-letters/7", "/actions/7", "/nothing"):
        replied = desk.get(path)
        assert (replied.status, replied.json["code"]) == (404, "not_found"), path
    assert desk.get(f"/runs/{2**63}").status == 422


def test_a_sync_says_when_it_runs_how_it_went_and_what_waits(desk: ApiDesk):
    desk.store.schedule(SYNC, NOW + timedelta(minutes=5))
    run = ran(desk, "partial")
    matched(desk.store, people(desk.store, [3, 4]), state="review")
    [told] = desk.get("/syncs").json["items"]
    assert told == desk.get(f"/syncs/{SYNC}").json
    assert told["last_run"]["run"] == run
    assert told["open"] == {"review": 2, "held": 0, "rejected": 0, "waiting": 0}
    assert told["rhythm"] == "every 15 minutes"
    assert told["due_at"] == (NOW + timedelta(minutes=5)).isoformat()
    assert not told["paused"]


# ------------------------------------------------------------ what waits for people


def test_answers_that_wait_are_listed_by_state_without_addresses(desk: ApiDesk):
    waiting = people(desk.store, [9, 8, 7, 6, 5])
    matched(desk.store, waiting[:3], state="review")
    matched(desk.store, waiting[3:4], state="waiting")
    matched(desk.store, waiting[4:], state="held")
    assert [one["answer"] for one in walked(desk, "/review")] == [
        f"mail:{one.id}" for one in reversed(waiting[:4])
    ]
    assert [one["state"] for one in desk.get("/review?state=waiting").json["items"]] == ["waiting"]
    assert [one["answer"] for one in walked(desk, "/held")] == [f"mail:{waiting[4].id}"]
    assert desk.get("/held?rule=too_soon").json["items"] == []
    assert str(waiting[0].email) not in desk.get("/review").body.decode()
    assert desk.get("/review?sync=nothing").status == 422


def letter(desk: ApiDesk, number: int, run: int = 1) -> int:
    with desk.store.database.write() as tx:
        return int(
            tx.rows(
                """INSERT INTO dead_letter (sync, run, response, record_id, code, reason, field, created_at, status,
                    cause, attempts)
                VALUES (:sync, :run, :number, '003A', 'TOO_LONG', 'too long', 'NPS__c', 1765800000000, 'open',
                    'answer', 0) RETURNING id""",
                sync=SYNC,
                run=run,
                number=number,
            )[0][0]
        )


def test_dead_letters_say_who_can_help(desk: ApiDesk):
    given = people(desk.store, [1, 2, 3])
    matched(desk.store, given, state="rejected")
    numbers = [letter(desk, desk.store.answers_named(one.id)[0].number) for one in given]
    found = walked(desk, "/dead-letters")
    assert [one["letter"] for one in found] == numbers[::-1]
    assert all(one["who"] and one["do"] for one in found)
    assert desk.get(f"/dead-letters?cause={Cause.TRANSIENT.value}").json["items"] == []
    told = desk.get(f"/dead-letters/{numbers[0]}").json
    assert (told["answer"], told["state"]) == (given[0].id, "rejected")
    assert desk.store.audited()[0].about == f"dead letter {numbers[0]}"


def test_who_reads_a_list_of_people_is_noted_with_how_many(desk: ApiDesk):
    given = people(desk.store, [9, 8, 7])
    matched(desk.store, given[:2], state="review")
    matched(desk.store, given[2:], state="held")
    letter(desk, desk.store.answers_named(given[0].id)[0].number)
    for path in ("/review", "/held", "/dead-letters", "/review?limit=1", "/held?rule=too_soon"):
        assert desk.get(path, "read").status == 200
    noted = [(one.who, one.what, one.about, dict(one.facts)) for one in reversed(desk.store.audited())]
    assert noted == [
        ("token:read", "read", "review", {"page": "review", "people": 2}),
        ("token:read", "read", "held", {"page": "held", "people": 1}),
        ("token:read", "read", "dead letters", {"page": "dead letters", "people": 1}),
        ("token:read", "read", "review", {"page": "review", "people": 1}),
    ]


# ------------------------------------------------------------ people


def test_a_customers_story_is_told_and_noted_by_id_alone(desk: ApiDesk):
    [ann] = people(desk.store, [9], comments=["wonderful"])
    matched(desk.store, [ann])
    told = desk.post("/why", {"who": ann.email}, "read")
    assert told.status == 200
    assert told.json["loose"][0]["comment"] == "wonderful"
    [entry] = desk.store.audited()
    assert (entry.who, entry.what, entry.about) == ("token:read", "read", f"answer mail:{ann.id}")
    assert str(ann.email) not in "\n".join(map(str, desk.store.audited()))


def test_who_is_not_known_is_looked_for_all_the_same(desk: ApiDesk):
    replied = desk.post("/why", {"who": "nobody@example.com"})
    assert replied.status == 404
    assert "nobody@example.com" not in replied.body.decode()
    assert desk.store.audited()[0].facts == {"page": "why", "people": 0}


# ------------------------------------------------------------ figures


def test_figures_are_those_of_the_report(desk: ApiDesk):
    matched(desk.store, people(desk.store, {10: 50, 7: 33, 3: 17}), account="001A", plan="Pro")
    assert desk.get("/reports", "read").json == {"items": ["relationship"]}
    told = desk.get("/reports/relationship?by=plan", "read").json
    assert (told["report"]["whole"]["nps"], told["report"]["whole"]["people"]) == (33, 100)
    assert told["report"]["groups"]["rows"][0]["label"] == "Pro"
    [account] = desk.get("/accounts", "read").json["items"]
    assert (account["account"], account["nps"], account["people"]) == ("001A", 33.0, 100)


def test_of_an_account_of_too_few_people_nothing_but_their_number_is_told(desk: ApiDesk):
    matched(desk.store, people(desk.store, [10, 3]), account="001A")
    [account] = desk.get("/accounts").json["items"]
    assert (account["people"], account["ever_answered"]) == (2, 2)
    assert {account[name] for name in ("nps", "margin", "promoters", "passives", "detractors")} == {None}


def test_an_anonymous_programme_tells_no_more_than_its_report(tmp_path: Path, sqlite_url: str):
    desk = ApiDesk(tmp_path, ANONYMOUS)
    people(desk.store, [10, 9, 3], survey="pulse", source="mail")
    told = desk.get("/reports/pulse?since=2025-12-01&by=channel", "reports").json["report"]
    assert told["whole"]["people"] in (None, 0)
    assert told["min_group"] == 5
    assert desk.get("/accounts?survey=pulse", "reports").status == 422


def test_a_wish_that_cannot_be_told_is_refused(desk: ApiDesk):
    for query in ("by=nothing", "since=2025-12-01&until=2025-11-01", "every=day", "since=1066-10-14"):
        assert desk.get(f"/reports/relationship?{query}").status == 422, query
    assert desk.get("/reports/support").status == 404


# ------------------------------------------------------------ the rest


def test_connections_show_calls_and_trouble_without_its_words(desk: ApiDesk):
    desk.store.count_calls("crm", "2025-12-15", 12)
    told = {one["connection"]: one for one in desk.get("/connections").json["items"]}
    assert told["crm"]["today"] == 12
    assert told["crm"]["trouble"] is None


def test_the_configuration_is_shown_without_a_secret(desk: ApiDesk):
    told = desk.get("/config")
    assert told.json["config"]["sync"][SYNC]["survey"] == "relationship"
    assert "secret" not in told.json["config"]["connections"]["crm"]["settings"].values()
    assert json.dumps(told.json).count("(hidden)") >= 2


def test_sending_and_suppressions_are_told_as_the_command_line_does(desk: ApiDesk):
    assert desk.get("/sending").json["sends"] is False
    assert {one["names"] for one in desk.get("/suppressions").json["items"]} == {0}


def test_the_audit_is_for_its_own_scope(desk: ApiDesk):
    desk.post("/why", {"who": "nobody@example.com"}, "read")
    assert desk.get("/audit", "read").status == 403
    [entry] = desk.get("/audit?who=token:read", "audit").json["items"]
    assert entry["what"] == "read"
    assert desk.get("/audit?who=token:nobody", "audit").json["items"] == []


# ------------------------------------------------------------ how all of it behaves


def test_every_operation_needs_a_token_and_one_that_allows_it(desk: ApiDesk):
    for path, methods in desk.description["paths"].items():
        for method, told in methods.items():
            place = path.removeprefix("/api/v1").replace("{number}", "1").replace("{name}", SYNC)
            place = place.replace("{survey}", "relationship")
            body = {} if method == "post" else None
            desk.clock.advance(60)
            assert desk.call(method.upper(), place, body).status == 401, path
            other = next(scope for scope in EVERY_SCOPE if scope not in told["x-scopes"])
            assert desk.call(method.upper(), place, body, (other,)).status == 403, path


def test_what_nobody_reads_is_refused_and_not_repeated(desk: ApiDesk):
    for path in (
        "/runs?statsu=failed",
        "/runs?limit=1&limit=2",
        "/runs?limit=0",
        "/runs?cursor=x",
        "/runs?since=now",
    ):
        replied = desk.get(path)
        assert (replied.status, replied.json["code"]) == (422, "invalid"), path
        assert replied.json["errors"]
    secret = desk.get("/runs?%3Cscript%3Eann@example.com=1")
    assert "ann@example.com" not in secret.body.decode()
    assert desk.post("/why", {"who": "a", "wHo": "b"}).json["errors"] == [
        {"at": "wHo", "problem": "Extra inputs are not permitted"}
    ]


def test_a_cursor_belongs_to_its_list(desk: ApiDesk):
    for _ in range(3):
        ran(desk)
    cursor = desk.get("/runs?limit=1").json["next"].rpartition("cursor=")[2]
    assert desk.get(f"/runs?limit=1&cursor={cursor}").status == 200
    assert desk.get(f"/actions?cursor={cursor}").status == 422


def test_what_is_still_the_same_is_not_sent_again(desk: ApiDesk):
    ran(desk)
    first = desk.get("/runs")
    again = desk.get("/runs", **{"if-none-match": first.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    ran(desk)
    assert desk.get("/runs", **{"if-none-match": first.headers["etag"]}).status == 200


def test_methods_types_and_sizes_are_told_as_problems(desk: ApiDesk):
    assert desk.call("DELETE", "/runs", None, ("read",)).status == 405
    assert (
        desk.call(
            "POST", "/why", None, ("read",), {"content-type": "text/plain", "content-length": "2"}
        ).status
        == 415
    )
    large = {"content-type": "application/json", "content-length": "2000000"}
    assert desk.call("POST", "/why", None, ("read",), large).status == 413
    assert desk.call("GET", "/../../etc/passwd", None, ("read",)).status == 404


def test_the_description_says_of_every_operation_what_it_does_and_answers(desk: ApiDesk):
    known = {tag["name"] for tag in desk.description["tags"]}
    for path, methods in desk.description["paths"].items():
        for method, told in methods.items():
            where = f"{method} {path}"
            assert told["summary"], where
            assert len(told["description"].split()) > 4, where
            assert set(told["tags"]) <= known, where
            assert {"401", "403", "422", "429"} <= told["responses"].keys(), where
            [success] = [one for status, one in told["responses"].items() if status < "300"]
            shape = success.get("content", {}).get("application/json", {}).get("schema")
            assert shape not in ({}, {"type": "object"}), where
            for parameter in told.get("parameters", ()):
                assert parameter.get("description"), (where, parameter["name"])
