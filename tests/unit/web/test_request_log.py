"""One log line for each request, and nothing in it that is a secret or names a person, whichever door it came by."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from answered import matched, people
from api_desk import ApiDesk
from asgi_caller import Caller
from dashboard_desk import Desk

from npsync import logs
from npsync.web.app import app

SECRETS = (
    "npsync_ThisIsATokenNobodyKnows",
    "ann.secret@example.com",
    "Zk3vQ9xT7bH2mN5pL8sR1w",
    "a-comment-of-hers",
    "+12025550143",
    "session=stolen",
)


@pytest.fixture
def desk(tmp_path: Path, sqlite_url: str) -> ApiDesk:
    return ApiDesk(tmp_path)


class Log:
    """What is written to standard error, rendered and redacted as it is in earnest."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture, self._text = capture, ""

    @property
    def text(self) -> str:
        self._text += self._capture.readouterr().err
        return self._text

    def lines(self, event: str = "request") -> list[dict[str, Any]]:
        return [line for line in self.all() if line["event"] == event]

    def all(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture
def log(capsys: pytest.CaptureFixture[str]) -> Iterator[Log]:
    logs.set_up(json=True)
    yield Log(capsys)
    structlog.reset_defaults()


def test_a_line_says_what_was_asked_by_whom_and_how_it_went(desk: ApiDesk, log: Log):
    replied = desk.get("/runs/7?", "read")
    [line] = log.lines()
    told = {name: line[name] for name in ("method", "route", "status", "who", "request")}
    assert told == {
        "method": "GET",
        "route": "/api/v1/runs/{number}",
        "status": 404,
        "who": "token:read",
        "request": replied.headers["x-request-id"],
    }
    assert line["milliseconds"] >= 0


def test_on_a_console_a_status_is_a_number(
    desk: ApiDesk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(desk.web.site.store, "token", lambda digest: 1 / 0)  # what nobody expected
    logs.set_up(json=False)
    try:
        Caller(desk.web).get("/nowhere")
        assert Caller(desk.web, headers={"authorization": "Bearer x"}).get("/api/v1/runs").status == 500
    finally:
        structlog.reset_defaults()
    assert re.findall(r"status=(\S+)", capsys.readouterr().err) == ["404", "500"]


def test_who_is_signed_in_at_the_dashboard_is_named_too(tmp_path: Path, sqlite_url: str, log: Log):
    desk = Desk(tmp_path)
    desk.sign_in(desk.token("read"))
    desk.get("/")
    assert [line["who"] for line in log.lines() if line["route"] == "/"] == ["token:ann"]


def test_where_a_story_is_told_requests_are_counted_and_not_told_and_all_else_is(desk: ApiDesk, log: Log):
    story = app(desk.config, desk.store, desk.clock, request_lines=False)
    assert Caller(story).get("/sign-in").status == 403  # not by this name
    assert b'route="/sign-in",status="403"' in story.logbook.metrics()
    desk.store.close()
    desk.store.database.path.write_bytes(b"no database")
    assert Caller(story, headers={"authorization": "Bearer x"}).get("/api/v1/runs").status >= 500
    told = {line["event"] for line in log.all()}
    assert told
    assert "request" not in told


def test_a_callers_own_number_of_a_request_is_kept_if_it_is_one(desk: ApiDesk, log: Log):
    assert (
        desk.get("/runs", **{"x-request-id": "deploy-42-abcdef"}).headers["x-request-id"]
        == "deploy-42-abcdef"
    )
    for wrong in ("short", "x" * 65, 'with "quotes" in it', "line\nbreak-in-it"):
        given = desk.get("/runs", **{"x-request-id": wrong}).headers["x-request-id"]
        assert given != wrong
        assert len(given) == 16


def test_what_is_said_on_the_way_carries_the_number_of_its_request(desk: ApiDesk, log: Log):
    desk.web.site.store.close()
    desk.store.database.path.write_bytes(b"no database")
    replied = Caller(desk.web, headers={"authorization": "Bearer x"}).get("/api/v1/runs")
    assert replied.status >= 500
    said = [line for line in log.all() if line["event"] != "request"]
    assert {line["request"] for line in said} == {replied.headers["x-request-id"]}


def test_health_and_metrics_are_not_told_every_few_seconds(desk: ApiDesk, log: Log):
    for path in ("/health/live", "/health/ready", "/health"):
        Caller(desk.web).get(path)
    assert [line["route"] for line in log.lines()] == ["/health"]  # it is red: no clock ticks here


def test_no_secret_and_no_person_comes_into_the_log_by_any_door(desk: ApiDesk, log: Log):
    """Through paths, queries, bodies, headers, cookies; of pages, the API, hooks and survey links alike."""
    matched(desk.store, people(desk.store, [9], names=["ann.secret"], comments=["a-comment-of-hers"]))
    caller = Caller(desk.web, headers={"host": "127.0.0.1:8642"})
    for secret in SECRETS:
        bearer = {
            "authorization": f"Bearer {secret}",
            "cookie": secret,
            "user-agent": secret,
            "referer": secret,
        }
        body = json.dumps({"who": secret, secret: secret, "person": {"email": secret}}).encode()
        for path in (
            "/", f"/{secret}", f"/s/{secret}", f"/s/{secret}/unsubscribe", f"/hooks/{secret}", f"/api/v1/{secret}",
            f"/api/v1/syncs/{secret}", f"/api/v1/runs?sync={secret}&{secret}=1&cursor={secret}", "/metrics",
            f"/customers/crm/{secret}", f"/-/{secret}", f"/health?{secret}", f"/sign-in?next={secret}",
        ):  # fmt: skip
            caller.get(path.replace("+", "%2B"), **bearer)
            caller.post(path.replace("+", "%2B"), body, **bearer, **{"content-type": "application/json"})
        allowed = {"authorization": f"Bearer {desk.token('read', 'apply', 'surveys', 'events')}"}
        for path in (
            "why",
            "may-ask",
            "pending",
            "sends",
            "review/link",
            "review/ignore",
            "syncs/contacts/run",
        ):
            desk.clock.advance(60)
            headers = {**bearer, **allowed, "content-type": "application/json", "idempotency-key": secret}
            caller.post(f"/api/v1/{path}", body, **headers)
    told = log.text
    assert len(log.lines()) > 150
    for secret in SECRETS:
        assert secret not in told
        assert secret.partition("@")[0] not in told


def test_what_the_server_itself_says_goes_through_our_log(log: Log):
    logs.pass_on("uvicorn.error")
    try:
        logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
        try:
            raise ValueError("ann.secret@example.com")
        except ValueError:
            logging.getLogger("uvicorn.error").exception("Exception in ASGI application")
    finally:
        logging.getLogger("uvicorn.error").handlers.clear()
    [said], [failed] = log.lines("library"), log.lines("library_failed")
    assert said["said"] == "Invalid HTTP request received."
    assert failed["problem"][0] == "ValueError"
    assert "ann.secret" not in log.text
