"""Signing in at a provider, over real HTTP to the toy issuer of another library, and back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
import requests
from answered import YAML
from asgi_caller import Replied
from dashboard_desk import Desk, text_of
from oidc_provider_mock import User, run_server_in_thread

from npsync.sign_in.roles import Role
from npsync.sign_in.sessions import LASTS

# The toy is written against an older version of its library.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

PEOPLE = [
    User(sub="ann", claims={"groups": ["revops"], "email": "ann@acme.com", "email_verified": True}),
    User(sub="bob", claims={"groups": ["<script>alert(1)</script>", "sales"]}),
    User(sub="eve", claims={}),
]


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with run_server_in_thread(user_claims=PEOPLE, require_nonce=True) as server:
        yield f"http://localhost:{server.server_port}"


def yaml(issuer: str, more: str = "") -> str:
    return (
        "public_url: http://127.0.0.1:8642\n"
        f"sign_in:\n  oidc:\n    issuer: {issuer}\n    client_id: npsync\n    client_secret: hush-hush\n"
        f"    name: Acme\n    roles: {{operator: [revops], viewer: [support]}}\n{more}" + YAML
    )


@pytest.fixture
def desk(tmp_path: Path, sqlite_url: str, issuer: str) -> Desk:
    return Desk(tmp_path, yaml(issuer), now=datetime.now(UTC))


def at_the_provider(desk: Desk, who: str, next: str = "/") -> str:
    """Where the provider sends them back to."""
    sent = desk.get("/sign-in/oidc?" + urlencode({"next": next}))
    assert sent.status == 303, sent.body
    replied = requests.post(sent.headers["location"], data={"sub": who}, allow_redirects=False, timeout=10)
    assert replied.status_code == 302, replied.text
    back = urlsplit(replied.headers["Location"])
    assert f"{back.scheme}://{back.netloc}" == "http://127.0.0.1:8642"
    return f"{back.path}?{back.query}"


def signed_in(desk: Desk, who: str = "ann", next: str = "/") -> Replied:
    return desk.get(at_the_provider(desk, who, next))


def test_who_the_provider_knows_comes_in_with_the_role_of_their_group(desk: Desk):
    assert b"Sign in with Acme" in desk.get("/sign-in").body
    replied = signed_in(desk, next="/report?by=plan")
    assert replied.status == 200
    assert b'http-equiv="refresh" content="0; url=/report?by=plan"' in replied.body
    page = text_of(desk.get("/me"))
    assert "ann@acme.com" in page
    assert "You are operator" in page
    assert [(one.who, one.what) for one in desk.store.audited()] == [("user:ann@acme.com", "signed in")]


def test_who_has_no_role_is_told_which_claim_was_looked_at(desk: Desk):
    replied = signed_in(desk, "bob")
    assert replied.status == 403
    assert "looked at the claim groups" in text_of(replied)
    assert b"&lt;script&gt;alert(1)&lt;/script&gt;" in replied.body
    assert "The provider did not say it" in text_of(signed_in(desk, "eve"))
    assert desk.get("/me").status == 303


def test_a_way_that_began_in_another_browser_leads_nowhere(desk: Desk):
    back = at_the_provider(desk, "ann")
    mine = dict(desk.cookies)
    desk.cookies = {}
    assert desk.get(back).status == 403
    at_the_provider(desk, "ann")  # begun here, too, yet it is another way
    assert desk.get(back).status == 403
    assert desk.get("/me").status == 303
    desk.cookies = mine
    assert desk.get(back).status == 200


def test_a_way_is_walked_once(desk: Desk):
    back = at_the_provider(desk, "ann")
    kept = dict(desk.cookies)
    assert desk.get(back).status == 200
    assert desk.get(back).status == 403
    desk.cookies = kept  # even with the cookie, the provider gives a code for one time
    assert desk.get(back).status == 401
    assert desk.get("/me").status == 303


def test_what_a_browser_brings_back_wrong_is_refused_and_never_shown(desk: Desk):
    back = at_the_provider(desk, "ann")
    state = back.partition("state=")[2].partition("&")[0]
    for query, status in (
        (f"state={state}", 403),
        (f"state={state}&error=access_denied&error_description=<b>x</b>", 403),
        (f"state={state}&code=made-up", 401),
        (f"state={state}&code=made-up&iss=https://evil.example", 401),
        (f"state={state}x&code=x", 403),
        ("code=x", 403),
        ("state=%F0%9F%98%80", 403),
    ):
        kept = dict(desk.cookies)
        replied = desk.get(f"/sign-in/oidc/back?{query}")
        assert replied.status == status, query
        assert b"<b>x" not in replied.body
        desk.cookies = kept
        desk.clock.advance(60)


def test_a_session_ends_when_the_yaml_says_otherwise_of_the_provider(desk: Desk, tmp_path: Path, issuer: str):
    signed_in(desk)
    again = Desk(tmp_path, yaml(issuer), now=desk.clock.now())
    again.cookies = dict(desk.cookies)
    assert again.get("/me").status == 200
    stricter = yaml(issuer).replace("operator: [revops], ", "")
    changed = Desk(tmp_path, stricter, now=desk.clock.now())
    changed.cookies = dict(desk.cookies)
    assert changed.get("/me").status == 303
    desk.clock.advance(LASTS.total_seconds())
    assert desk.get("/me").status == 303


def test_a_provider_that_is_down_is_a_page_and_no_riddle(tmp_path: Path, sqlite_url: str):
    desk = Desk(tmp_path, yaml("http://127.0.0.1:9"))
    replied = desk.get("/sign-in/oidc")
    assert replied.status == 503
    assert "Acme cannot be reached just now" in text_of(replied)


def test_a_provider_without_a_description_is_a_page_and_tells_no_secret(
    tmp_path: Path, sqlite_url: str, issuer: str
):
    desk = Desk(tmp_path, yaml(issuer.replace("localhost", "127.0.0.1") + "/realm"))
    assert desk.get("/sign-in/oidc").status == 503
    assert "hush-hush" not in desk.get("/sign-in/oidc").body.decode()


def test_tokens_open_nothing_where_the_yaml_says_so(tmp_path: Path, sqlite_url: str, issuer: str):
    desk = Desk(tmp_path, yaml(issuer, "  tokens: false\n"))
    desk.user(Role.VIEWER)
    assert b'name="token"' not in desk.get("/sign-in").body
    assert desk.sign_in(desk.token("read")).status == 401


def test_guesses_at_passwords_keep_nobody_from_the_provider(desk: Desk):
    desk.user(Role.VIEWER, "bob")
    for n in range(15):  # from the very place that guesses
        desk.cookies = {}
        status = desk.enter("bob", f"wrong{n}").status
    assert status == 429
    desk.cookies = {}
    assert signed_in(desk).status == 200


def test_a_whole_office_comes_in_by_one_address_in_a_morning(desk: Desk):
    for _ in range(12):
        desk.cookies = {}
        assert signed_in(desk).status == 200
    steps = [desk.get("/sign-in/oidc").status for _ in range(40)]
    assert steps[0] == 303
    assert steps[-1] == 429  # and yet not for ever as fast as they can
