"""Signing in with a name and a password, and how sessions begin and end."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from answered import NOW
from dashboard_desk import PASSWORD, QUICK, Desk, text_of

from npsync.sign_in import tokens, users
from npsync.sign_in.passwords import Passwords
from npsync.sign_in.roles import Role
from npsync.sign_in.sessions import IDLE, LASTS

COOKIE = "npsync"


@pytest.fixture
def desk(tmp_path: Path, sqlite_url: str) -> Desk:
    made = Desk(tmp_path)
    made.user(Role.VIEWER)
    return made


def test_a_name_and_its_password_open_the_door(desk: Desk):
    assert b'name="password"' in desk.get("/sign-in").body
    assert (desk.enter().status, desk.get("/customers").status) == (303, 200)
    assert "signed in" in [one.what for one in desk.store.audited(who="user:ann")]


def test_who_does_not_exist_and_who_mistypes_hear_the_same(desk: Desk):
    said = []
    for name, password in (("ann", "not my password"), ("bob", PASSWORD), ("\1", PASSWORD), ("", "")):
        replied = desk.enter(name, password)
        said.append((replied.status, text_of(replied).replace(name, "")))
    assert {status for status, _ in said} == {401}
    assert said[0] == said[1]
    assert desk.get("/").status == 303


def test_an_old_hash_is_made_anew_and_nobody_is_signed_out(tmp_path: Path, sqlite_url: str):
    desk = Desk(tmp_path, passwords=Passwords())
    desk.user(Role.VIEWER)
    before = desk.store.user("ann")
    desk.enter()
    after = desk.store.user("ann")
    assert before is not None
    assert after is not None
    assert before[1] != after[1]
    assert after[0].signed_in_at == NOW
    assert desk.get("/").status == 200


@pytest.mark.parametrize("moment", ["user_signed_in", "open_session"])
def test_who_signs_in_while_the_password_is_changed_stays_outside(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, moment: str
):
    then = getattr(desk.store, moment)

    def a_moment_later(*given: object, **named: object) -> bool:
        users.set_password(desk.store, "ann", "another good password", now=NOW, passwords=QUICK)
        return bool(then(*given, **named))

    monkeypatch.setattr(desk.store, moment, a_moment_later)
    assert desk.enter().status == 401
    assert desk.store.sessions() == []
    assert "signed in" not in [one.what for one in desk.store.audited(who="user:ann")]
    monkeypatch.undo()
    assert desk.enter(password="another good password").status == 303


@pytest.mark.parametrize("ending", ["role", "password", "revoke"])
def test_another_role_or_password_and_revoking_end_all_sessions(desk: Desk, ending: str):
    desk.enter()
    if ending == "role":
        users.set_role(desk.store, "ann", Role.ADMIN, now=NOW)
    elif ending == "password":
        users.set_password(desk.store, "ann", "four other long words", now=NOW, passwords=QUICK)
    else:
        users.revoke(desk.store, "ann", now=NOW)
    assert desk.get("/").status == 303


def test_signing_in_gives_another_cookie_and_ends_the_one_that_was_there(desk: Desk):
    desk.enter()
    first = desk.cookies[COOKIE]
    desk.enter()
    assert desk.cookies[COOKIE] != first
    desk.cookies[COOKIE] = first
    assert desk.get("/").status == 303


def test_a_cookie_that_somebody_chose_is_no_session_before_or_after(desk: Desk):
    desk.cookies[COOKIE] = "chosen-by-somebody-else"
    assert desk.get("/").status == 303
    desk.enter()
    assert desk.get("/").status == 200
    desk.cookies[COOKIE] = "chosen-by-somebody-else"
    assert desk.get("/").status == 303


def test_a_session_that_a_clock_years_ahead_began_is_over_when_it_is_right_again(desk: Desk):
    desk.clock.advance(timedelta(days=1400).total_seconds())
    desk.enter()
    assert desk.get("/me").status == 200
    desk.clock.advance(-timedelta(days=1400).total_seconds())
    assert desk.get("/me").status == 303


def test_a_session_ends_when_nothing_was_asked_for_two_hours_and_after_ten_at_last(desk: Desk):
    desk.enter()
    for _ in range(5):
        desk.clock.advance((IDLE - timedelta(minutes=10)).total_seconds())
        assert desk.get("/me").status == 200
    desk.clock.advance((LASTS - 5 * (IDLE - timedelta(minutes=10))).total_seconds())
    assert desk.get("/me").status == 303
    desk.enter()
    desk.clock.advance(IDLE.total_seconds())
    assert desk.get("/me").status == 303


def test_somebody_signs_out_everywhere(desk: Desk):
    desk.enter()
    elsewhere = dict(desk.cookies)
    desk.cookies = {}
    desk.enter()
    assert "You are viewer" in text_of(desk.get("/me"))
    assert desk.act("/sign-out", {"everywhere": "1"}).status == 303
    desk.cookies = elsewhere
    assert desk.get("/").status == 303


def test_who_signs_out_here_stays_signed_in_there(desk: Desk):
    desk.enter()
    elsewhere = dict(desk.cookies)
    desk.cookies = {}
    desk.enter()
    desk.act("/sign-out")
    desk.cookies = elsewhere
    assert desk.get("/").status == 200


def test_after_signing_in_one_is_where_one_wanted_to_be(desk: Desk):
    asked = desk.get("/report?survey=relationship&by=plan")
    assert asked.headers["location"] == "/sign-in?next=%2Freport%3Fsurvey%3Drelationship%26by%3Dplan"
    page = desk.get(asked.headers["location"]).body
    assert b'name="next" value="/report?survey=relationship&amp;by=plan"' in page
    replied = desk.enter(next="/report?survey=relationship&by=plan")
    assert replied.headers["location"] == "/report?survey=relationship&by=plan"


def test_a_link_in_a_chat_leads_to_its_page_and_asks_nobody_to_sign_in_again(desk: Desk):
    desk.enter()
    followed = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
    first = desk.caller.get("/report?by=plan", **followed)  # the browser keeps the cookie back
    assert first.status == 200
    assert b'content="0; url=/report?by=plan"' in first.body
    assert desk.get("/report?by=plan", sec_fetch_site="same-origin").status == 200
    # Nothing of another site may do the same in a frame, by a script, or with a form.
    for changed in ({"sec_fetch_dest": "iframe"}, {"sec_fetch_mode": "cors"}, {"sec_fetch_dest": "image"}):
        assert desk.caller.get("/report", **{**followed, **changed}).status == 303
    assert desk.caller.post("/sign-out", **followed).status == 403
    assert b"evil" not in desk.caller.get("//evil.example/", **followed).body


def test_a_network_is_one_place_to_try_from(desk: Desk):
    statuses = []
    for n in range(12):
        desk.caller.address = f"2001:db8:0:1::{n:x}"
        statuses.append(desk.enter(f"user{n}").status)
    assert statuses == [401] * 10 + [429] * 2


def test_addresses_told_in_the_form_of_the_newer_protocol_are_places_of_their_own(desk: Desk):
    """As a socket that listens to both protocols tells them."""
    for n in range(12):
        desk.caller.address = f"::ffff:203.0.113.{n}"
        assert desk.enter(f"user{n}").status == 401
    desk.caller.address = "203.0.113.0"
    assert [desk.enter(f"other{n}").status for n in range(10)] == [401] * 9 + [429]


def test_a_role_shows_what_it_may(desk: Desk):
    desk.user(Role.REPORTS, "rita")
    desk.enter("rita")
    assert desk.get("/").status == 200
    refused = desk.get("/customers")
    assert refused.status == 403
    assert "npsync users role rita --role viewer" in text_of(refused)


def test_a_token_still_opens_the_door_where_there_are_users(desk: Desk):
    page = desk.get("/sign-in").body
    assert page.index(b'name="password"') < page.index(b'name="token"')
    assert desk.sign_in(desk.token("read")).status == 303
    assert "signed in with a token" in text_of(desk.get("/me"))
    tokens.revoke(desk.store, "ann", now=NOW)
    assert desk.get("/").status == 303
