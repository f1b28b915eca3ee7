"""Who is signed in, and ending it: at the command line, at the page of an admin, and by what makes a session void."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from answered import NOW
from dashboard_desk import QUICK, Desk, text_of
from typer.testing import CliRunner

from nps.errors import ConfigError
from npsync.cli import application
from npsync.sign_in import sessions, tokens, users
from npsync.sign_in.roles import Role
from npsync.sign_in.sessions import IDLE, LASTS, PROVIDER
from npsync.sign_in.tokens import digest
from store.api import Session

ADMIN = {"role": Role.ADMIN, "name": "root"}


@pytest.fixture
def desk(tmp_path: Path, sqlite_url: str) -> Desk:
    made = Desk(tmp_path)
    made.user(Role.VIEWER)
    return made


def browser(desk: Desk, name: str = "ann") -> dict[str, str]:
    """The cookies of one more browser in which somebody signed in."""
    desk.cookies = {}
    assert desk.enter(name).status == 303
    return dict(desk.cookies)


def by_token(desk: Desk, name: str = "robot", **expires: timedelta) -> dict[str, str]:
    desk.cookies = {}
    token = tokens.create(desk.store, name, ["read"], now=desk.clock.now(), **expires)
    assert desk.sign_in(token).status == 303
    return dict(desk.cookies)


def by_provider(desk: Desk, name: str = "ann@acme.com", terms: str = "") -> None:
    now = desk.clock.now()
    session = Session(
        digest=digest(name), kind=PROVIDER, name=name, began_at=now, seen_at=now, ends_at=now + LASTS,
        role="viewer", terms=terms,
    )  # fmt: skip
    desk.store.open_session(session)


def is_in(desk: Desk, cookies: dict[str, str]) -> bool:
    desk.cookies = dict(cookies)
    return desk.get("/me").status == 200


def listed(desk: Desk) -> list[tuple[str, str]]:
    return [(one.who, one.by) for one in sessions.signed_in(desk.store, "", now=desk.clock.now())]


def shell(*words: str) -> str:
    ended = CliRunner().invoke(application(), ["sessions", *words], catch_exceptions=True)
    if isinstance(ended.exception, ConfigError):
        raise ended.exception
    assert ended.exit_code == 0, ended.output
    return ended.stdout


# ------------------------------------------------------------ who is


def test_everybody_who_is_signed_in_is_listed_with_the_door_they_came_by(desk: Desk):
    browser(desk)
    desk.clock.advance(60)
    by_token(desk)
    desk.clock.advance(60)
    by_provider(desk)
    assert listed(desk) == [
        ("user:ann@acme.com", "the provider"),
        ("token:robot", "a token"),
        ("user:ann", "a password"),
    ]


@pytest.mark.parametrize("void", ["idle", "over", "token revoked", "token over", "terms", "user revoked"])
def test_a_session_that_is_void_is_nobodys(desk: Desk, void: str):
    if void == "terms":
        by_provider(desk, terms="what the YAML said before")
    elif void.startswith("token"):
        by_token(desk, expires=timedelta(hours=1))
    else:
        browser(desk)
    match void:
        case "idle":
            desk.clock.advance(IDLE.total_seconds())
        case "over":
            desk.clock.advance(LASTS.total_seconds())
        case "token revoked":
            tokens.revoke(desk.store, "robot", now=NOW)
        case "token over":
            desk.clock.advance(3600)
        case "user revoked":
            users.revoke(desk.store, "ann", now=NOW)
    assert listed(desk) == []
    assert desk.get("/me").status == 303


def test_a_user_who_is_made_anew_under_an_old_name_has_no_old_session(desk: Desk):
    old = browser(desk)
    users.revoke(desk.store, "ann", now=NOW)
    desk.user(Role.ADMIN)
    assert not is_in(desk, old)


@pytest.mark.parametrize("change", ["role", "password"])
def test_a_change_of_one_user_ends_nobody_elses(desk: Desk, change: str):
    desk.user(Role.VIEWER, "bob")
    ann, bob, robot = browser(desk), browser(desk, "bob"), by_token(desk, "ann")
    if change == "role":
        users.set_role(desk.store, "ann", Role.REPORTS, now=NOW)
    else:
        users.set_password(desk.store, "ann", "four other long words", now=NOW, passwords=QUICK)
    assert [is_in(desk, one) for one in (ann, bob, robot)] == [False, True, True]


# ------------------------------------------------------------ ending it


@pytest.mark.parametrize(
    ("who", "left"),
    [
        ("ann", ["user:bob", "user:ann@acme.com"]),
        ("user:ann", ["user:bob", "token:ann", "user:ann@acme.com"]),
        ("token:ann", ["user:bob", "user:ann", "user:ann", "user:ann@acme.com"]),
        ("user:ann@acme.com", ["user:bob", "user:ann", "user:ann", "token:ann"]),
        ("an%", ["user:bob", "user:ann", "user:ann", "token:ann", "user:ann@acme.com"]),
        (None, []),
    ],
)
def test_all_sessions_of_one_end_or_of_everybody_and_it_is_kept_who_did_it(
    desk: Desk, who: str | None, left: list[str]
):
    desk.user(Role.VIEWER, "bob")
    for name in ("ann", "ann", "bob"):
        browser(desk, name)
    by_token(desk, "ann")
    by_provider(desk)
    ended = sessions.end(desk.store, who, "", by="cli:root", now=NOW)
    assert sorted(one for one, _ in listed(desk)) == sorted(left)
    assert len(ended) == 5 - len(left)
    [latest, *_] = desk.store.audited()
    assert (latest.who, latest.what, latest.about) == ("cli:root", "ended sessions", who or "everybody")
    assert latest.facts == {"sessions": len(ended)}


def test_somebody_whose_session_was_ended_is_shown_the_door_at_the_next_page(desk: Desk):
    here, there = browser(desk), browser(desk)
    assert is_in(desk, here)
    sessions.end(desk.store, "ann", "", by="cli:root", now=NOW)
    assert not is_in(desk, here)
    assert not is_in(desk, there)
    browser(desk)  # and may come in again


def test_at_the_command_line(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch):
    from npsync.clock import SystemClock

    monkeypatch.chdir(tmp_path)
    for name in ("SF_ID", "SF_SECRET", "WOOTRIC_ID", "WOOTRIC_SECRET"):
        monkeypatch.setenv(name, "not-used")
    desk = Desk(tmp_path, now=SystemClock().now())
    assert shell("list") == "Nobody is signed in.\n"
    assert shell("end", "ann") == "ann was not signed in.\n"
    desk.user(Role.VIEWER)
    cookies = [*browser(desk).values(), *browser(desk).values()]
    told = shell("list")
    assert told.splitlines()[0].split() == ["who", "by", "role", "since", "seen", "ends"]
    assert told.count("user:ann") == 2
    facts: Any = json.loads(shell("list", "--json"))["sessions"]
    assert {(one["who"], one["by"], one["role"]) for one in facts} == {("user:ann", "user", "viewer")}
    for secret in cookies:
        for shown in (told, str(facts)):
            assert secret not in shown
            assert digest(secret) not in shown
    assert shell("end", "ann") == "2 sessions ended: user:ann.\n"
    browser(desk)
    assert len(json.loads(shell("end", "--all", "--json"))["ended"]) == 1
    assert shell("end", "--all") == "Nobody was signed in.\n"
    for words in (["end"], ["end", "ann", "--all"]):
        with pytest.raises(ConfigError, match="npsync sessions end NAME, or --all"):
            shell(*words)


# ------------------------------------------------------------ at the dashboard


def test_an_admin_sees_who_else_is_signed_in_and_signs_them_out(desk: Desk):
    ann = browser(desk)
    robot = by_token(desk)
    desk.user(**ADMIN)
    root = browser(desk, "root")
    page = text_of(desk.get("/me"))
    assert "user:ann a password, viewer" in page
    assert "token:robot a token" in page
    assert digest(ann["npsync"]) not in desk.get("/me").body.decode()
    done = desk.act("/sessions/end", {"who": "user:ann"}, page="/me")
    assert (done.status, done.headers["location"]) == (303, "/me")
    assert "user:ann is signed out." in text_of(desk.get("/me"))
    assert [is_in(desk, one) for one in (ann, robot, root)] == [False, True, True]
    assert ("user:root", "ended sessions", "user:ann") in [
        (one.who, one.what, one.about) for one in desk.store.audited()
    ]
    desk.cookies = root
    desk.act("/sessions/end", {"who": "user:ann"}, page="/me")
    assert "was not signed in any more" in text_of(desk.get("/me"))
    desk.act("/sessions/end", {"who": ""}, page="/me")
    assert "Nobody was named" in text_of(desk.get("/me"))
    assert is_in(desk, robot)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.REPORTS])
def test_nobody_else_sees_or_ends_sessions_of_others(desk: Desk, role: Role):
    robot = by_token(desk)
    desk.user(role, "eve")
    browser(desk, "eve")
    assert "robot" not in text_of(desk.get("/me"))
    assert desk.act("/sessions/end", {"who": "token:robot"}, page="/me").status == 403
    assert is_in(desk, robot)
