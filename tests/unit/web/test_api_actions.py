"""What machines ask for through /api/v1: done once for each key, by who may, and noted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from answered import NOW, SYNC, matched, people
from api_desk import ApiDesk
from asgi_caller import Replied

from npsync.sign_in import tokens
from store.api import Stand, State
from store.api.acting import Action


@pytest.fixture
def desk(tmp_path: Path, sqlite_url: str) -> ApiDesk:
    return ApiDesk(tmp_path)


def ran(desk: ApiDesk) -> int:
    run = desk.store.begin_run(SYNC, "run", now=NOW, facts={})
    desk.store.end_run(run, "succeeded", now=NOW, report={})
    return run


def ended(desk: ApiDesk, stand: Stand = Stand.DONE, **outcome: Any) -> Action:
    """Whoever does actions took the oldest and did it."""
    action = desk.store.claim_action("serve", now=NOW, seconds=60)
    assert action is not None
    desk.store.end_action(action, "serve", stand, now=NOW, outcome=outcome)
    return action


def letter(desk: ApiDesk, number: int) -> int:
    with desk.store.database.write() as tx:
        return int(
            tx.rows(
                """INSERT INTO dead_letter (sync, run, response, record_id, code, reason, field, created_at, status,
                    cause, attempts)
                VALUES (:sync, 1, :number, '003A', 'TOO_LONG', 'too long', 'NPS__c', 1765800000000, 'open',
                    'answer', 0) RETURNING id""",
                sync=SYNC,
                number=number,
            )[0][0]
        )


def audited(desk: ApiDesk) -> list[tuple[str, str, str]]:
    return [(one.who, one.what, one.about) for one in desk.store.audited()][::-1]


# ------------------------------------------------------------ what takes long


def test_a_run_is_wanted_and_looked_at_until_it_is_done(desk: ApiDesk):
    wanted = desk.post(f"/syncs/{SYNC}/run", {"full": True}, "apply")
    assert (wanted.status, wanted.json["state"], wanted.headers["retry-after"]) == (202, "wanted", "5")
    place = wanted.headers["location"].removeprefix("/api/v1")
    assert wanted.json["arguments"] == {
        "sync": SYNC, "full": True, "everything": False, "recheck": False, "accept_breaker": False,
    }  # fmt: skip
    ended(desk, run=(run := ran(desk)), status="succeeded")
    told = desk.get(place, "apply")
    assert (told.json["state"], told.json["run"], told.json["outcome"]["status"]) == (
        "done",
        run,
        "succeeded",
    )
    assert "retry-after" not in told.headers
    assert audited(desk) == [("token:apply", "run", SYNC)]


def test_the_same_key_is_the_same_action_and_another_body_is_refused(desk: ApiDesk):
    first = desk.post(f"/syncs/{SYNC}/run", {}, "apply", key="nightly")
    again = desk.post(f"/syncs/{SYNC}/run", None, "apply", key="nightly")
    assert (again.status, again.json["action"]) == (202, first.json["action"])
    assert again.headers["idempotency-replayed"] == "true"
    for path, body in ((f"/syncs/{SYNC}/run", {"full": True}), (f"/syncs/{SYNC}/plan", {})):
        other = desk.post(path, body, "apply", key="nightly")
        assert (other.status, other.json["code"]) == (422, "key_reused")
    somebody = desk.call("POST", f"/syncs/{SYNC}/run", {}, ("apply", "undo"), {"idempotency-key": "nightly"})
    assert somebody.json["action"] != first.json["action"]
    assert len(desk.store.actions()) == 2
    assert len(desk.store.audited()) == 2


def test_without_a_key_every_request_is_an_action(desk: ApiDesk):
    for _ in range(2):
        desk.post(f"/syncs/{SYNC}/run", {}, "apply")
    assert len(desk.store.actions()) == 2


@pytest.mark.parametrize("path", ["run", "plan", "verify"])
def test_what_is_asked_of_no_sync_is_not_there(desk: ApiDesk, path: str):
    assert desk.post(f"/syncs/nothing/{path}", {}).status == 404
    assert desk.store.actions() == []


def test_an_undo_needs_its_own_scope_and_a_run_that_is_there(desk: ApiDesk):
    run = ran(desk)
    assert desk.post(f"/runs/{run}/undo", {}, "apply").status == 403
    assert desk.post(f"/runs/{run + 1}/undo", {}, "undo").status == 404
    for kind in ("undo", "redo"):
        assert desk.post(f"/runs/{run}/{kind}", {}, "undo").json["kind"] == kind
    assert [one.about for one in desk.store.actions()] == [f"run {run}"] * 2


def test_a_plans_changes_are_told_page_by_page_when_it_is_done(desk: ApiDesk):
    number = desk.post(f"/syncs/{SYNC}/plan", {}, "plan").json["action"]
    assert desk.get(f"/actions/{number}/changes", "plan").status == 409
    changes = [{"id": f"003{n}", "before": {"NPS__c": n}, "after": {"NPS__c": 9}} for n in range(3)]
    ended(desk, status="succeeded", changes=3, records=changes)
    first = desk.get(f"/actions/{number}/changes?limit=2", "plan").json
    rest = desk.get(first["next"].removeprefix("/api/v1"), "plan").json
    assert [one["fields"] for one in (*first["items"], *rest["items"])] == [
        {"NPS__c": [n, 9]} for n in range(3)
    ]
    assert rest["next"] is None
    assert audited(desk)[-1] == ("token:plan", "read", f"action {number}")
    shown = desk.get(f"/actions/{number}", "plan").json["outcome"]
    assert shown == {"status": "succeeded", "changes": 3}


def test_an_undos_plan_tells_no_value_beside_its_changes(desk: ApiDesk):
    number = desk.post(f"/runs/{ran(desk)}/undo", {"plan": True}, "undo").json["action"]
    left = {
        "id": "003B",
        "field": "Comment__c",
        "why": "changed",
        "said": 'somebody changed it to "her words"',
    }
    ended(desk, status="succeeded", restores=0, fields=0, records=[], conflicts=[left])
    for scope, path in (("undo", f"/actions/{number}"), ("read", f"/actions/{number}"), ("read", "/actions")):
        assert b"her words" not in desk.get(path, scope).body, path
    told = desk.get(f"/actions/{number}", "undo").json["outcome"]["conflicts"]
    assert told == [{"id": "003B", "field": "Comment__c", "why": "changed"}]


def test_a_token_that_reads_nothing_sees_its_own_actions_alone(desk: ApiDesk):
    number = desk.post(f"/syncs/{SYNC}/run", {}, "apply").json["action"]
    assert desk.get(f"/actions/{number}", "plan").status == 404
    assert desk.get("/actions", "apply").status == 403
    assert [one["action"] for one in desk.get("/actions?unfinished=true", "read").json["items"]] == [number]


def test_who_gets_the_name_of_a_revoked_token_gets_nothing_of_what_it_did(desk: ApiDesk):
    def called(token: str, method: str, path: str, key: str = "") -> Replied:
        headers = {"authorization": f"Bearer {token}", "idempotency-key": key or "other"}
        return desk.call(method, path, {} if path.endswith("/run") else None, None, headers)

    old = tokens.create(desk.store, "nightly", ["apply"], now=NOW)
    before = called(old, "POST", f"/syncs/{SYNC}/run", key="k").json["action"]
    assert called(old, "POST", f"/syncs/{SYNC}/pause", key="p").json["paused"]
    tokens.revoke(desk.store, "nightly", now=NOW)
    new = tokens.create(desk.store, "nightly", ["apply"], now=NOW)
    assert called(new, "GET", f"/actions/{before}").status == 404
    after = called(new, "POST", f"/syncs/{SYNC}/run", key="k")
    assert after.json["action"] != before
    assert "idempotency-replayed" not in after.headers
    assert "idempotency-replayed" not in called(new, "POST", f"/syncs/{SYNC}/resume", key="p").headers
    assert {one.who for one in desk.store.actions()} == {"token:nightly"}  # people read a name


# ------------------------------------------------------------ what is done at once


def test_pausing_and_resuming_are_done_at_once_and_once(desk: ApiDesk):
    paused = desk.post(f"/syncs/{SYNC}/pause", None, "apply")
    assert (paused.status, paused.json["paused"], paused.json["paused_by"]) == (200, True, "token:apply")
    assert desk.post(f"/syncs/{SYNC}/pause", None, "apply").json["paused"]
    assert not desk.post(f"/syncs/{SYNC}/resume", None, "apply").json["paused"]
    assert audited(desk) == [("token:apply", "pause", SYNC), ("token:apply", "resume", SYNC)]


def test_what_was_said_to_a_key_is_said_again_and_nothing_is_done(desk: ApiDesk):
    first = desk.post(f"/syncs/{SYNC}/pause", None, "apply", key="k")
    desk.post(f"/syncs/{SYNC}/resume", None, "apply")
    again = desk.post(f"/syncs/{SYNC}/pause", None, "apply", key="k")
    assert (again.json, again.headers["idempotency-replayed"]) == (first.json, "true")
    assert not desk.get(f"/syncs/{SYNC}").json["paused"]
    desk.clock.advance(86_401)
    desk.post(f"/syncs/{SYNC}/pause", None, "apply", key="k")
    assert desk.get(f"/syncs/{SYNC}").json["paused"]


def test_what_came_to_nothing_may_be_tried_again_with_its_key(desk: ApiDesk):
    refused = desk.post("/dead-letters/discard", {"letters": [1], "reason": "a test"}, "apply", key="k")
    assert (refused.status, refused.json["code"]) == (409, "settled")
    [one] = people(desk.store, [3])
    matched(desk.store, [one], state="rejected")
    number = letter(desk, desk.store.answers_named(one.id)[0].number)
    done = desk.post("/dead-letters/discard", {"letters": [1], "reason": "a test"}, "apply", key="k")
    assert (number, done.status) == (1, 200)


def test_two_requests_with_one_key_at_a_time_are_not_both_done(desk: ApiDesk):
    desk.token("apply")
    [caller] = desk.store.tokens()
    desk.store.begin_reply("token:apply", f"{caller.number} k", "other", now=NOW, since=NOW, given_up=NOW)
    assert desk.post(f"/syncs/{SYNC}/pause", None, "apply", key="k").status == 422
    desk.post(f"/syncs/{SYNC}/pause", None, "apply", key="mine")
    with desk.store.database.write() as tx:
        tx.run("UPDATE kept_reply SET status = NULL WHERE key LIKE '% mine'")
    busy = desk.post(f"/syncs/{SYNC}/pause", None, "apply", key="mine")
    assert (busy.status, busy.json["code"], busy.headers["retry-after"]) == (409, "busy", "5")
    desk.clock.advance(61)  # whoever was at it has gone
    assert desk.post(f"/syncs/{SYNC}/pause", None, "apply", key="mine").status == 200


def test_sends_are_stopped_and_go_on(desk: ApiDesk):
    assert desk.post("/sending/stop", {"reason": "a fair"}, "apply").json["stopped"]["why"] == "a fair"
    assert desk.post("/sending/resume", None, "apply").json["stopped"] is None
    assert [what for _, what, _ in audited(desk)] == ["stop", "resume"]


# ------------------------------------------------------------ decisions


def test_an_answer_is_linked_by_whoever_does_actions(desk: ApiDesk):
    [one] = people(desk.store, [9])
    matched(desk.store, [one], state="review")
    wanted = desk.post("/review/link", {"answer": f"mail:{one.id}", "record": "003A"}, "apply")
    assert (wanted.status, wanted.json["kind"], wanted.json["about"]) == (
        202,
        "link",
        f"answer mail:{one.id}",
    )
    assert desk.post("/review/link", {"answer": "mail:nothing", "record": "003A"}).status == 404


def test_an_answer_is_left_out_and_it_says_by_whom(desk: ApiDesk):
    [one] = people(desk.store, [9])
    matched(desk.store, [one], state="review")
    asked = {"answer": f"mail:{one.id}", "reason": "a test of ours"}
    assert desk.post("/review/ignore", asked, "apply", key="k").json["ignored"] == [SYNC]
    assert desk.post("/review/ignore", asked, "apply", key="k").json["ignored"] == [SYNC]
    assert desk.post("/review/ignore", asked, "apply").status == 409
    state = desk.store.states(SYNC, [desk.store.answers_named(one.id)[0].number])
    [settled] = state.values()
    assert (settled.state, "token:apply" in settled.reason) == (State.EXCLUDED, True)
    assert "a test of ours" not in str(desk.store.audited())


def test_held_answers_are_released_and_written_by_an_action(desk: ApiDesk):
    given = people(desk.store, [9, 10])
    matched(desk.store, given, state="held")
    with desk.store.database.write() as tx:
        tx.run("UPDATE answer_state SET code = 'too_soon'")
    one = desk.post("/held/release", {"answer": f"mail:{given[0].id}"}, "apply", key="k").json
    assert one["answers"] == 1
    assert desk.post("/held/release", {"answer": f"mail:{given[0].id}"}, "apply", key="k").json == one
    [action] = desk.store.actions()
    assert (action.number, action.kind, action.about) == (one["actions"][0], "take_up", SYNC)
    assert (
        desk.post("/held/discard", {"rule": "too_soon", "reason": "robots"}, "apply").json["discarded"] >= 1
    )
    assert desk.post("/held/release", {"rule": "too_soon", "answer": "x"}).status == 422


def test_a_key_that_reads_like_a_sync_of_another_is_not_in_its_way(desk: ApiDesk):
    """What a decision has written needs no key of its caller's: nobody can have taken it before."""
    matched(desk.store, people(desk.store, [9]), state="held")
    with desk.store.database.write() as tx:
        tx.run("UPDATE answer_state SET code = 'too_soon'")
    for taken in (f"k/{SYNC}", f"k%20{SYNC}", f"k-{SYNC}"):
        assert desk.post(f"/syncs/{SYNC}/run", {}, "apply", key=taken).status == 202
    released = desk.post("/held/release", {"rule": "too_soon"}, "apply", key="k")
    assert (released.status, released.json["answers"]) == (200, 1)
    [number] = released.json["actions"]
    taken_up = desk.store.action(number)
    assert taken_up is not None
    assert (taken_up.kind, taken_up.about) == ("take_up", SYNC)


def test_dead_letters_are_tried_again_by_an_action_or_left_out(desk: ApiDesk):
    given = people(desk.store, [1, 2])
    matched(desk.store, given, state="rejected")
    first, second = (letter(desk, desk.store.answers_named(one.id)[0].number) for one in given)
    tried = desk.post("/dead-letters/retry", {"letters": [first]}, "apply").json
    assert (tried["letters"], len(tried["actions"])) == ([first], 1)
    assert desk.post("/dead-letters/retry", {}, "apply").status == 422
    left = desk.post("/dead-letters/discard", {"letters": [second], "reason": "a test"}, "apply").json
    assert left == {"discarded": [second], "left": []}
    assert [what for _, what, _ in audited(desk)] == ["retry", "discard"]
