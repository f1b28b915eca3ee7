"""What pages and actions are given: who it is, the form they sent, and a word on the next page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from dashboard_desk import Desk, text_of
from fastapi import APIRouter, Request
from starlette.responses import Response

from npsync.sign_in import tokens
from npsync.sign_in.roles import May
from npsync.web import dashboard
from npsync.web.dashboard.house import House
from npsync.web.dashboard.visitors import form_of
from npsync.web.site import Site

WORD = "<b>Paused</b> & kept"


def pausing(site: Site, house: House) -> APIRouter:
    """A page whose button needs an operator."""
    routes = APIRouter()

    @routes.post("/pause")
    def pause(request: Request) -> Response:
        whose = house.acting(request, May.OPERATE)
        form = form_of(request)
        return house.back(whose, "/report?every=week", WORD + "|".join(form.all("id")), failed="fail" in form)

    return routes


@pytest.fixture
def desk(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(dashboard, "PAGES", (*dashboard.PAGES, pausing))
    # An app is made with the pages there are.
    return Desk(tmp_path)


def test_what_became_of_an_action_is_said_once_and_not_in_the_address(desk: Desk):
    desk.sign_in(desk.token("read", "apply"))
    done = desk.act("/pause", [("id", "4"), ("id", "5")])
    assert (done.status, done.headers["location"]) == (303, "/report?every=week")
    page = desk.get(done.headers["location"]).body
    assert b'role="status">&lt;b&gt;Paused&lt;/b&gt; &amp; kept4|5</p>' in page
    assert b"Paused" not in desk.get("/report").body


def test_what_failed_is_an_alert(desk: Desk):
    desk.sign_in(desk.token("read", "apply"))
    desk.act("/pause", {"fail": "1"})
    assert b'class="told failed" role="alert"' in desk.get("/").body


def test_who_may_not_is_told_what_it_takes_and_nothing_is_done(desk: Desk):
    desk.sign_in(desk.token("read"))
    refused = desk.act("/pause")
    assert refused.status == 403
    said = text_of(refused)
    assert "it takes the scope apply, or the role operator" in said
    assert 0 < said.index("Ask an admin of npsync") < said.index("npsync tokens create NAME")
    assert b"Paused" not in desk.get("/").body


def test_htmx_proves_it_by_a_header(desk: Desk):
    desk.sign_in(desk.token("read", "apply"))
    proof = desk.csrf()
    assert f'{{"X-CSRF-Token":"{proof}"}}'.encode() in desk.get("/").body
    assert desk.post("/pause", x_csrf_token=proof).status == 303
    assert desk.post("/pause", x_csrf_token="é").status == 403


def test_who_is_not_signed_in_is_shown_the_door(desk: Desk):
    replied = desk.post("/pause", {"csrf": ""}, hx_request="true")
    assert (replied.status, replied.headers["location"]) == (303, "/sign-in")
    assert replied.headers["hx-redirect"] == "/sign-in"


def test_a_token_that_is_revoked_meanwhile_does_nothing_more(desk: Desk):
    desk.sign_in(desk.token("read", "apply"))
    proof = desk.csrf()
    tokens.revoke(desk.store, "ann", now=desk.clock.now())
    assert desk.post("/pause", {"csrf": proof}).headers["location"] == "/sign-in"


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/plain"},
        {"content-type": "multipart/form-data; boundary=x"},
        {"content-type": ""},
    ],
)
def test_only_a_form_is_read_as_a_form(desk: Desk, headers: Mapping[str, str]):
    desk.sign_in(desk.token("read", "apply"))
    body = f"csrf={desk.csrf()}".encode()
    assert desk.caller.post("/pause", body, cookie=desk.cookie, **headers).status == 403


def test_a_form_of_thousands_of_fields_is_not_read(desk: Desk):
    desk.sign_in(desk.token("read", "apply"))
    assert desk.act("/pause", [("id", "1")] * 501).status == 400
