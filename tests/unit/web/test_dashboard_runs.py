"""Syncs, runs and what people ask of them, as pages: the HTML is read, nothing is started."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from answered import NOW, YAML
from builders_runs import HOSTILE, begun, ran
from dashboard_desk import Desk, text_of

from nps.changes import Change, Outcome, Written
from npsync.actions.wanting import want
from store.api import Stand

LATER = NOW + timedelta(minutes=2)


@pytest.fixture
def desk(tmp_path: Path, sqlite_url: str) -> Desk:
    made = Desk(tmp_path)
    made.sign_in(made.token("read", "apply", "undo"))
    return made


# ------------------------------------------------------------ runs


def test_a_run_is_said_in_words_first_and_each_number_leads_to_exactly_those(desk: Desk):
    run = ran(desk.store, now=NOW)
    replied = desk.get(f"/runs/{run}")
    assert "3 written · 1 could not be written · 2 not settled yet" in text_of(replied)
    for state, ids in (("written", ["a6", "a5", "a1"]), ("rejected", ["a2"]), ("pending", ["a4", "a3"])):
        address = f"/runs/{run}/answers?state={state}"
        assert f'href="{address}"'.encode() in replied.body
        said = text_of(desk.get(address))
        assert [f"a{n}" for n in (6, 5, 4, 3, 2, 1) if f"mail a{n}" in said] == ids, state


def test_its_bar_adds_up(desk: Desk):
    run = ran(desk.store, now=NOW)
    html = desk.get(f"/runs/{run}").body.decode()
    assert 'aria-label="3 written, 1 could not be written, 2 not settled yet"' in html


def test_changes_show_old_and_new_and_are_narrowed_by_the_address(desk: Desk):
    run = ran(desk.store, now=NOW)
    said = text_of(desk.get(f"/runs/{run}/changes?outcome=rejected"))
    assert "003a2" in said
    assert "NPS__c 6 → becomes 9" in said
    assert b'href="/customers/crm/Contact/003a1"' in desk.get(f"/runs/{run}").body
    assert "Score must be 0-10 FIELD_RULE" in said
    assert "003a1" not in said
    assert "003a4" in text_of(desk.get(f"/runs/{run}/changes?outcome=unknown"))
    assert "No change is like that" in text_of(desk.get(f"/runs/{run}/changes?field=Other__c"))
    assert text_of(desk.get(f"/runs/{run}/changes?record=003a1")).count("003a") >= 1
    assert desk.get(f"/runs/{run}/changes?outcome=nonsense&after=x").status == 200


def test_many_changes_come_page_by_page_and_none_is_missing(desk: Desk):
    run = ran(
        desk.store,
        now=NOW,
        many=60,
        outcome=written,
    )
    first = desk.get(f"/runs/{run}/changes").body.decode()
    assert first.count("<tr><th") == 51  # with the head
    link = first.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0]
    second = desk.get(link.replace("&amp;", "&")).body.decode()
    assert second.count("<tr><th") == 11
    assert 'rel="next"' not in second


def test_what_customers_wrote_is_shown_as_text(desk: Desk):
    run = ran(desk.store, now=NOW, comment=HOSTILE + "x" * 5000)
    for path in (f"/runs/{run}", f"/runs/{run}/changes"):
        html = desk.get(path).body.decode()
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
        assert "<script>alert" not in html


def test_who_looked_at_peoples_records_is_kept(desk: Desk):
    run = ran(desk.store, now=NOW)
    desk.get(f"/runs/{run}/changes")
    desk.get(f"/runs/{run}/answers?state=written")
    assert [
        (one.what, one.about, one.facts["people"])
        for one in desk.store.audited(who="token:ann", about=f"run {run}")
    ] == [
        ("read answers", f"run {run}", 3),
        ("read changes", f"run {run}", 6),
    ]


def test_a_run_under_way_says_how_far_it_is_and_stops_asking_when_it_ended(desk: Desk):
    run = begun(desk.store, now=NOW)
    desk.store.note_progress(run, "writing", 41_200, 200_000, now=NOW)
    html = desk.get(f"/runs/{run}").body.decode()
    assert "Writing: 41,200 of 200,000" in html
    assert f'hx-get="/runs/{run}/live" hx-trigger="every 2s"' in html
    assert 'aria-live="polite"' in html
    assert b"41,200" in desk.get(f"/runs/{run}/live").body
    desk.store.end_run(run, "succeeded", now=NOW, report={})
    ended = desk.get(f"/runs/{run}/live")
    assert (ended.status, ended.headers["hx-refresh"]) == (204, "true")
    assert "every 2s" not in desk.get(f"/runs/{run}").body.decode()


def test_problems_carry_their_next_step_as_a_command(desk: Desk):
    problem = "crm: the credential was refused. Next: npsync connect crm tests it again"
    run = ran(desk.store, now=NOW, status="failed", report={"problems": [problem], "states": {}})
    html = desk.get(f"/runs/{run}").body.decode()
    assert "<code>npsync connect crm tests</code>" not in html
    assert "<code>npsync connect crm</code>" in html
    assert 'role="alert"' in html


def test_a_run_the_breaker_stopped_says_why_and_is_gone_on_with_only_by_its_name(desk: Desk):
    reason = {"check": "changed_share", "text": "98 % of the records would change"}
    run = ran(
        desk.store, now=NOW, status="stopped", report={"stopped_by": [reason], "problems": [reason["text"]]}
    )
    said = text_of(desk.get(f"/runs/{run}"))
    assert said.count("98 % of the records would change") == 1
    refused = desk.act("/syncs/contacts/run", {"accept_breaker": "1", "typed": "contact"})
    assert refused.headers["location"] == "/syncs/contacts"
    assert "Nothing was done" in text_of(desk.get("/syncs/contacts"))
    assert desk.store.actions() == []
    desk.act("/syncs/contacts/run", {"accept_breaker": "1", "typed": "contacts", "key": "k"})
    [action] = desk.store.actions()
    assert action.arguments["accept_breaker"] is True


def test_runs_are_listed_the_latest_first_and_filtered_by_the_address(desk: Desk):
    first = ran(desk.store, now=NOW)
    failed = ran(desk.store, now=NOW, status="failed", first=10, report={"problems": ["no"]})
    html = desk.get("/runs").body.decode()
    assert html.index(f'href="/runs/{failed}"') < html.index(f'href="/runs/{first}"')
    only = desk.get("/runs?status=failed&sync=contacts&kind=run").body.decode()
    assert f'href="/runs/{first}"' not in only
    assert "No run is like that" in text_of(desk.get("/runs?kind=undo"))
    assert desk.get("/runs?since=nonsense").status == 422
    assert desk.get("/runs?since=2025-01-01&before=99").status == 200


def test_no_run_and_no_number_are_not_there(desk: Desk):
    for path in (
        "/runs/99",
        "/runs/x",
        "/runs/99/changes",
        "/runs/0/answers",
        "/runs/99999999999999999999/undo",
        "/actions/7",
        "/syncs/nothing",
    ):
        assert desk.get(path).status == 404, path


# ------------------------------------------------------------ syncs


def test_syncs_say_how_they_go_and_what_comes_next(desk: Desk):
    assert "It has not run yet" in text_of(desk.get("/syncs"))
    ran(desk.store, now=NOW)
    desk.store.schedule("contacts", NOW + timedelta(minutes=13))
    said = text_of(desk.get("/syncs"))
    assert "contacts needs a look onto crm Contact, every 15 minutes" in said
    assert "Due in 13 minutes" in said
    assert "npsync serve" in said  # nobody serves


def test_a_sync_shows_its_mapping_in_words_and_where_it_stands(desk: Desk):
    said = text_of(desk.get("/syncs/contacts"))
    assert "NPS__c the score" in said
    assert "NPS_Comment__c the comment" in said
    assert "email = Email" in said
    assert "npsync.yaml:" in said


def test_a_sync_shows_its_recent_runs_as_bars_that_lead_to_them(desk: Desk):
    runs = [ran(desk.store, now=NOW, first=10 * n + 1, many=n + 1) for n in range(3)]
    html = desk.get("/syncs/contacts").body.decode()
    assert all(
        f'<a href="/runs/{run}" tabindex="-1"><title>run {run}, 2025-12-15' in html
        or f'href="/runs/{run}"' in html
        for run in runs
    )
    assert '<svg class="chart runs"' in html


def test_a_sync_is_paused_and_goes_on_at_once_and_who_did_it_is_kept(desk: Desk):
    assert desk.act("/syncs/contacts/pause").headers["location"] == "/syncs/contacts"
    said = text_of(desk.get("/syncs/contacts"))
    assert "contacts is paused." in said
    assert "paused by ann just now" in said
    assert "nothing runs until it is resumed" in said
    assert "contacts is paused." not in text_of(desk.get("/syncs/contacts"))  # it is said once
    assert "contacts: paused" in text_of(desk.get("/"))
    assert "was paused already" in text_of(desk.get(desk.act("/syncs/contacts/pause").headers["location"]))
    desk.act("/syncs/contacts/resume")
    assert "contacts goes on." in text_of(desk.get("/syncs/contacts"))
    assert not desk.store.due(["contacts"])["contacts"].paused
    assert [one.what for one in desk.store.audited(about="contacts")] == ["resume", "pause"]


# ------------------------------------------------------------ asking for something


def test_what_is_asked_for_waits_for_serve_and_a_second_press_asks_for_the_same(desk: Desk):
    for _ in range(2):
        replied = desk.act("/syncs/contacts/plan", {"key": "once"})
        assert (replied.status, replied.headers["location"]) == (303, "/actions/1")
    [action] = desk.store.actions()
    assert (action.kind, action.about, action.who, action.stand) == (
        "plan",
        "contacts",
        "token:ann",
        Stand.WANTED,
    )
    said = text_of(desk.get("/actions/1"))
    assert "A plan of contacts, asked for by ann, waits for npsync serve." in said
    assert [one.what for one in desk.store.audited(about="contacts")] == ["plan"]
    assert b"every 2s" in desk.get("/actions/1/live").body
    assert "asked for by ann" in text_of(desk.get("/syncs/contacts"))


def test_a_plan_is_shown_as_a_diff_before_it_is_run(desk: Desk):
    want(desk.config, desk.store, "plan", {"sync": "contacts"}, who="token:ann", key="k", now=NOW)
    done(
        desk,
        {
            "status": "succeeded",
            "changes": 412,
            "first_fills": 2,
            "cost": {"crm": 3},
            "counts": {"pending": 412},
            "breaker": [{"check": "changed_share", "text": "too much would change"}],
            "problems": [],
            "records": [{"object": "Contact", "id": "003A", "before": {"NPS__c": 6}, "after": {"NPS__c": 9}}],
        },
    )
    replied = desk.get("/actions/1")
    said = text_of(replied)
    assert "412 records would change" in said
    assert "the first 1 of 412" in said
    assert "NPS__c 6 → becomes 9" in said
    assert "The breaker would stop a run of this" in said
    assert b'action="/syncs/contacts/run"' in replied.body
    assert desk.get("/actions/1/live").status == 204


def test_what_was_asked_for_says_what_its_run_came_to(desk: Desk):
    run = ran(desk.store, now=NOW)
    want(desk.config, desk.store, "run", {"sync": "contacts"}, who="token:ann", key="k", now=NOW)
    done(desk, {"status": "partial", "run": run})
    assert "Run 1 3 written · 1 could not be written · 2 not settled yet" in text_of(desk.get("/actions/1"))


def test_of_a_plan_that_would_change_nothing_nothing_is_run(desk: Desk):
    want(desk.config, desk.store, "plan", {"sync": "contacts"}, who="token:ann", key="k", now=NOW)
    done(desk, {"status": "succeeded", "changes": 0, "first_fills": 0, "counts": {"unchanged": 3}})
    replied = desk.get("/actions/1")
    assert "0 records would change" in text_of(replied)
    assert b'action="/syncs/contacts/run"' not in replied.body


def test_an_undo_shows_its_plan_first_and_asks_for_the_runs_number(desk: Desk):
    run = ran(desk.store, now=NOW)
    before = desk.get(f"/runs/{run}/undo")
    assert "First, what it would restore" in text_of(before)
    assert b'name="typed"' not in before.body
    asked = desk.act(f"/runs/{run}/undo-plan", {"key": "k"})
    assert asked.headers["location"] == f"/runs/{run}/undo"
    assert "waits for npsync serve" in text_of(desk.get(f"/runs/{run}/undo"))
    done(
        desk,
        {
            "status": "succeeded",
            "restores": 2,
            "fields": 3,
            "cost": {"crm": 1},
            "stays": 1,
            "message": "",
            "conflicts": [{"id": "003B", "field": "NPS__c", "said": "somebody changed it to 7"}],
            "records": [{"object": "Contact", "id": "003A", "before": {"NPS__c": 9}, "after": {"NPS__c": 6}}],
        },
    )
    said = text_of(desk.get(f"/runs/{run}/undo"))
    assert "3 fields of 2 records would be restored · 1 field left alone" in said
    assert "somebody changed it to 7" in said
    assert noted(desk, "read plan") == [{"action": 1}]
    desk.get("/actions/1")
    assert noted(desk, "read plan") == [{"action": 1}] * 2
    wrong = desk.act(f"/runs/{run}/undo", {"typed": str(run + 1)})
    assert wrong.headers["location"] == f"/runs/{run}/undo?wrong=1#go"
    assert "Nothing was done" in text_of(desk.get(wrong.headers["location"].removesuffix("#go")))
    assert [one.arguments["plan"] for one in desk.store.actions()] == [True]
    right = desk.act(f"/runs/{run}/undo", {"typed": f" {run} ", "key": "u"})
    assert right.headers["location"] == "/actions/2"
    assert [(one.kind, one.arguments["plan"]) for one in desk.store.actions()] == [
        ("undo", False),
        ("undo", True),
    ]


def test_who_may_undo_and_see_nobody_is_told_how_many_and_of_whom_nothing(tmp_path: Path, sqlite_url: str):
    desk = Desk(tmp_path)
    run = ran(desk.store, now=NOW)
    desk.sign_in(desk.token("reports", "undo"))
    desk.act(f"/runs/{run}/undo-plan", {"key": "k"}, page="/me")
    change = {"object": "Contact", "id": "003A", "before": {"NPS__c": 9}, "after": {"NPS__c": 6}}
    left = {"id": "003B", "field": "Comment__c", "said": 'somebody changed it to "her words"'}
    told = {"status": "succeeded", "restores": 1, "fields": 1, "message": ""}
    done(desk, {**told, "conflicts": [left], "records": [change]})
    page = desk.get(f"/runs/{run}/undo")
    assert "1 field of 1 record would be restored · 1 field left alone" in text_of(page)
    for hidden in (b"her words", b"003A", b"003B"):
        assert hidden not in page.body


def noted(desk: Desk, what: str) -> list[object]:
    return [dict(one.facts) for one in desk.store.audited() if one.what == what]


def test_what_could_not_be_done_says_why(desk: Desk):
    want(desk.config, desk.store, "verify", {"sync": "contacts"}, who="token:ann", key="k", now=NOW)
    done(desk, {"problem": "crm: <refused>; npsync connect crm"}, Stand.FAILED)
    html = desk.get("/actions/1").body.decode()
    assert "crm: &lt;refused&gt;; <code>npsync connect crm</code>" in html


def test_only_who_may_sees_the_buttons_and_only_who_may_is_heard(tmp_path: Path, sqlite_url: str):
    desk = Desk(tmp_path)
    run = ran(desk.store, now=NOW)
    desk.sign_in(desk.token("read"))
    assert b"Run now" not in desk.get("/syncs/contacts").body
    assert b"/undo" not in desk.get(f"/runs/{run}").body
    for path in (
        "/syncs/contacts/run",
        "/syncs/contacts/plan",
        "/syncs/contacts/verify",
        f"/runs/{run}/undo",
        f"/runs/{run}/undo-plan",
    ):
        assert desk.act(path, {"typed": str(run)}).status == 403, path
    assert desk.get(f"/runs/{run}/undo").status == 403
    assert desk.store.actions() == []
    figures = Desk(tmp_path, YAML)
    figures.sign_in(figures.token("reports", name="board"))
    for path in (
        "/syncs",
        "/syncs/contacts",
        "/runs",
        f"/runs/{run}",
        f"/runs/{run}/changes",
        f"/runs/{run}/live",
    ):
        assert figures.get(path).status == 403, path


def test_without_a_form_of_ours_nothing_is_done(desk: Desk):
    assert desk.post("/syncs/contacts/run", {"key": "k"}).status == 403
    assert desk.act("/syncs/contacts/run", {"key": "k"}, origin="https://evil.example").status == 403
    assert desk.store.actions() == []


def written(one: Change) -> Outcome:
    return Written(one.record_id)


def done(desk: Desk, outcome: dict[str, object], stand: Stand = Stand.DONE) -> None:
    """As `npsync serve` would have done it."""
    action = desk.store.claim_action("somebody", now=NOW, seconds=60)
    assert action is not None
    desk.store.end_action(action, "somebody", stand, now=NOW, outcome=outcome)  # type: ignore[arg-type]
