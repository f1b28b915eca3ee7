"""Connections, the configuration and what happened, as pages."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from answered import ENV, NOW
from dashboard_desk import Desk, text_of

from connectors.contract import Allowance
from connectors.pacing import Ask, Left, Limit, Pace, answered
from npsync.operating.calls import beside, remember_allowance
from npsync.operating.connection_health import Failure
from store.api import Stand
from store.api.scheduling import Serving


@pytest.fixture
def desk(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Desk:
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)
    made = Desk(tmp_path)
    made.sign_in(made.token("read", "apply"))
    return made


def failed(desk: Desk, kind: str, problem: str, *, ago: timedelta = timedelta(minutes=3)) -> None:
    """As a run notes of a call that came to nothing."""
    failure = Failure(kind, problem, NOW - ago)
    desk.store.memorize(beside("crm"), {"failed": msgspec.json.encode(failure).decode()})


def ticked(desk: Desk, place: str, outcome: str, at: datetime) -> None:
    """As the clock notes a due time it took."""
    desk.store.schedule(place, at)
    assert desk.store.take_tick(place, at, at + timedelta(minutes=15), outcome, "host:1", now=at) is not None


# ------------------------------------------------------------ connections


def test_a_connection_says_how_it_is_what_is_left_and_what_for(desk: Desk):
    desk.store.count_calls("crm", "2025-12-15", 412)
    desk.store.memorize(beside("crm"), {"fine": (NOW - timedelta(minutes=2)).isoformat()})
    remember_allowance(desk.store, "crm", Allowance(left=59_000, used=1_000, limit=100_000, kept=40_000), NOW)
    said = text_of(desk.get("/connections"))
    assert "crm works Salesforce" in said
    assert "59,000 of 100,000 calls a day are left for npsync, 40,000 kept for others" in said
    assert "412 calls today" in said
    assert "records of contacts" in said
    assert "mail never called" in said
    assert b'aria-label="1,000 of 100,000 used, 40,000 kept for others"' in desk.get("/connections/crm").body


@pytest.mark.parametrize(
    ("kind", "word"),
    [("access", "credential refused"), ("unavailable", "does not answer"), ("budget", "calls spent")],
)
def test_what_is_wrong_with_a_connection_comes_with_its_next_step_and_on_the_overview(
    desk: Desk, kind: str, word: str
):
    failed(desk, kind, "crm: <b>no</b>. Next: npsync connect crm")
    assert f"crm {word}" in text_of(desk.get("/connections"))
    html = desk.get("/connections/crm").body.decode()
    assert "&lt;b&gt;no&lt;/b&gt;" in html
    assert "<code>npsync connect crm</code>" in html
    assert 'href="/connections/crm"' in desk.get("/").body.decode()
    assert re.search(
        r'href="/connections"[^>]*>.*?<b class="badge">1<', desk.get("/").body.decode(), re.DOTALL
    )


def test_the_file_as_it_is_now_is_taken_when_somebody_asks_for_it(desk: Desk):
    assert "Take the file as it is now" not in text_of(desk.get("/config"))
    assert desk.act("/config/reload", {"key": "k"}).status == 403
    desk.sign_in(desk.token("read", "apply", "undo", name="boss"))
    assert "Take the file as it is now" in text_of(desk.get("/config"))
    assert desk.act("/config/reload", {"key": "k"}).headers["location"] == "/actions/1"
    action = desk.store.claim_action("somebody", now=NOW, seconds=60)
    assert action is not None
    assert action.kind == "reload"
    refused = {"status": "failed", "taken": False, "problem": "npsync.yaml:14:5: no duration"}
    desk.store.end_action(action, "somebody", Stand.FAILED, now=NOW, outcome=refused)
    assert "npsync.yaml:14:5: no duration" in text_of(desk.get("/actions/1"))


def test_a_check_of_the_live_systems_is_asked_for_and_tells_what_credentials_may_do(desk: Desk):
    assert "Nobody has tested it from here yet" in text_of(desk.get("/connections/crm"))
    assert "Object Contact" in text_of(desk.get("/connections/crm"))
    asked = desk.act("/connections/check", {"key": "k"})
    assert asked.headers["location"] == "/actions/1"
    action = desk.store.claim_action("somebody", now=NOW, seconds=60)
    assert action is not None
    grants = [{"permission": "Edit Contact", "why": "scores are written", "verdict": "missing", "detail": ""}]
    outcome = {
        "problems": ["npsync.yaml:3:1: crm: Edit Contact is missing"],
        "granted": {"crm": {"problem": "", "grants": grants}},
    }
    desk.store.end_action(action, "somebody", Stand.DONE, now=NOW, outcome=outcome)  # type: ignore[arg-type]
    assert "1 permission missing" in text_of(desk.get("/connections"))
    assert "missing Edit Contact scores are written" in text_of(desk.get("/connections/crm"))
    assert "Edit Contact is missing" in text_of(desk.get("/actions/1"))


def test_a_connection_nobody_named_is_not_there(desk: Desk):
    assert desk.get("/connections/nothing").status == 404


# ------------------------------------------------------------ the file


def test_the_configuration_is_shown_line_by_line_without_a_secret(desk: Desk):
    replied = desk.get("/config")
    html, said = replied.body.decode(), text_of(replied)
    assert "No problem found in the file" in said
    assert "every: 15 minutes" in said  # as it is written there
    assert "NPS__c" in said
    assert 'id="sync.contacts"' in html
    line = desk.config.place(("sync", "contacts", "every")).line
    assert f"<code>{line}</code>" in html
    assert ENV["SF_SECRET"] == "secret"
    assert ">secret<" not in html
    assert html.count("hidden</span>") >= 2
    assert "when_empty" not in html
    assert "when_empty" in desk.get("/config?defaults=1").body.decode()


def test_a_file_that_would_not_be_taken_says_so_with_its_line(desk: Desk):
    file = desk.config.file
    file.write_text(file.read_text("utf-8").replace("to: crm", "to: crn"), "utf-8")
    said = text_of(desk.get("/config"))
    assert "As it stands now, the file would not be taken" in said
    assert re.search(r"npsync\.yaml:\d+:\d+: .*crn", said)


def test_who_goes_by_which_file_and_why_a_changed_one_was_not_taken_is_told(desk: Desk):
    desk.store.note_serving(
        Serving(
            owner="host:12",
            kind="serve",
            began_at=NOW - timedelta(hours=2),
            seen_at=NOW,
            config_at=NOW,
            mark="ab",
            problem="npsync.yaml:7:3: no",
        )
    )
    assert "The file was changed and is not taken" in text_of(desk.get("/config"))
    assert "npsync.yaml was changed and not taken" in text_of(desk.get("/"))
    assert "No process runs what is due" not in text_of(desk.get("/syncs"))


def test_what_all_processes_keep_together_is_told_with_who_they_are(desk: Desk):
    now = round(NOW.timestamp() * 1000)
    pace = Pace()
    answered(pace, Ask(cost=1, wanted=5, limits=[Limit("", 100, 10)], own=Left(399, 3600, most=500)), now)
    desk.store.change_pace("crm", lambda known, at: (msgspec.json.encode(pace), None), now=NOW)
    paused = Pace()
    answered(paused, Ask(pause=90, why="it asked for 90 seconds"), now)
    desk.store.change_pace("crm/sign-in", lambda known, at: (msgspec.json.encode(paused), None), now=NOW)
    desk.store.note_serving(
        Serving(owner="host:1", kind="serve", began_at=NOW, seen_at=NOW, config_at=NOW, mark="")
    )
    said = text_of(desk.get("/connections/crm"))
    assert "5 of 100 calls in any 10 seconds, 95 left; the first come free in a moment" in said
    assert "106 of 500 calls a day by the YAML, 394 left; the count begins anew in 1 hour" in said
    assert "Nobody calls it until 2025-12-15" in said
    assert "it asked for 90 seconds" in said
    assert "Kept by npsync serve (host, process 1) and by every command that calls it." in said


def test_who_may_see_figures_alone_sees_none_of_it(tmp_path: Path, sqlite_url: str):
    desk = Desk(tmp_path)
    desk.sign_in(desk.token("reports"))
    for path in ("/connections", "/connections/crm", "/config", "/activity"):
        assert desk.get(path).status == 403, path


def test_a_worker_that_goes_by_another_file_is_something_to_see_to(desk: Desk):
    for owner, kind, mark in (("a:1", "serve", "new"), ("b:2", "worker", "old")):
        hour = NOW - timedelta(hours=1)
        desk.store.note_serving(
            Serving(owner=owner, kind=kind, began_at=hour, seen_at=NOW, config_at=hour, mark=mark)
        )
    said = text_of(desk.get("/"))
    assert "npsync worker (b, process 2) goes by another config than npsync serve (a, process 1)" in said
    assert "npsync health" in said


def test_a_connection_that_only_its_day_limits_says_so_and_of_nobody_that_keeps_what_is_not_there(desk: Desk):
    assert "No limit of its calls is known." in text_of(desk.get("/connections/crm"))
    remember_allowance(desk.store, "crm", Allowance(left=59_000, used=1_000, limit=100_000, kept=40_000), NOW)
    said = text_of(desk.get("/connections/crm"))
    assert "Only its calls of a day are limited" in said
    assert "Kept by" not in said
