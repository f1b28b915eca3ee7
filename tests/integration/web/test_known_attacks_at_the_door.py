"""Known attacks from outside and from other sites: what comes in without a login, by a form that is not ours, under a
name that is not ours, or too large."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from asgi_caller import Caller
from dashboard_desk import FORM, Desk
from every_route import Read, Route, routes
from peopled import YAML, Peopled, fill

from npsync.sign_in import tokens
from npsync.sign_in.roles import Role
from npsync.web.doorway import LARGEST, LARGEST_ELSEWHERE

OPEN = {
    "/-/{name}": "files of the door itself",
    "/sign-in": "the door",
    "/sign-in/oidc": "the way to the provider",
    "/sign-in/oidc/back": "and back",
    "/snippet.js": "the script for your own product",
    "/s/-/{name}": "files of the survey page",
    "/s/preview/{survey}": "on this machine alone",
    "/s/preview/{survey}/mail": "on this machine alone",
    "/s/{id}": "the survey page",
    "/u/{id}": "no more mails",
    "/health": "whether it is well, in a word",
    "/health/live": "likewise",
    "/health/ready": "likewise",
}
"""All that may be asked for without a login."""

FOR_ALL = {"/sign-in", "/sign-out"}  # what is done there changes nothing but who is signed in
JSON = {"content-type": "application/json"}
READING = {"/customers", "/find", "/invitations/may-ask"}  # POST, so that no address names a person


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Path:
    folder = tmp_path_factory.mktemp("attacked")
    fill(Peopled(folder, migrated=migrated_sqlite)).store.close()
    return folder


@pytest.fixture(scope="module")
def desk(filled: Path) -> Iterator[Desk]:
    made = Desk(filled, YAML)
    yield made
    made.store.close()


@pytest.fixture(autouse=True)
def nobody(desk: Desk) -> None:
    """Each test begins as somebody new, an hour later."""
    desk.cookies = {}
    desk.clock.advance(3600)


def of_dashboard(desk: Desk, method: str) -> list[Route]:
    apart = ("/api/", "/s/", "/u/", "/health", "/metrics", "/snippet.js", "/-/", "/sign-in")
    return [one for one in routes(desk.web) if one.method == method and not one.template.startswith(apart)]


def enter(desk: Desk, role: Role) -> None:
    name = f"{role}-{len(desk.store.users())}"
    desk.user(role, name)
    assert desk.enter(name).status == 303


# ------------------------------------------------------------ without a login


def test_nothing_but_hooks_survey_pages_and_health_answers_without_a_login(desk: Desk):
    for route in routes(desk.web):
        desk.clock.advance(60)  # nobody is slowed down
        replied = desk.caller.call(route.method, route.path, headers=JSON)
        if route.template in OPEN:
            assert replied.status < 500 or route.template.startswith("/health"), route
        elif route.template.startswith(("/api/", "/metrics")):
            assert replied.status in (401, 422), route
        else:
            assert replied.status in (303, 403), route
            assert replied.headers.get("location", "/sign-in").startswith("/sign-in"), route
            assert b"example.com" not in replied.body, route


def test_what_is_open_is_all_there_and_nothing_else_is(desk: Desk):
    known = {route.template for route in routes(desk.web)} | {"/sign-in/oidc", "/sign-in/oidc/back"}
    assert known >= OPEN.keys()
    assert len(routes(desk.web)) > 60


def test_health_tells_a_stranger_one_word(desk: Desk):
    for path in ("/health", "/health/live", "/health/ready"):
        assert len(desk.get(path).body) < 100, path


# ------------------------------------------------------------ forms of other sites (CSRF)


def test_no_form_does_anything_without_the_proof_that_it_is_ours(desk: Desk):
    enter(desk, Role.ADMIN)
    before, shown = len(desk.store.audited(limit=10_000)), desk.csrf("/me")
    for route in of_dashboard(desk, "POST"):
        for proof in ("", "0" * 64):
            replied = desk.post(route.path, {"csrf": proof, "who": "ann@example.com", "reason": "x"})
            assert replied.status == 403, route
        assert desk.get(f"{route.path}?csrf={shown}&reason=x").status in (200, 303, 404, 405, 422), route
    reads = [one for one in desk.store.audited(limit=10_000) if not one.what.startswith(("read", "searched"))]
    assert len(reads) <= before
    assert desk.store.actions() == []


@pytest.mark.parametrize(
    "from_elsewhere",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:3000"},
        {"origin": "http://127.0.0.1.evil.example"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
    ],
    ids=str,
)
def test_no_form_does_anything_from_another_site_even_with_the_proof(
    desk: Desk, from_elsewhere: dict[str, str]
):
    enter(desk, Role.ADMIN)
    proof = desk.csrf("/me")
    for route in of_dashboard(desk, "POST"):
        assert desk.post(route.path, {"csrf": proof}, **from_elsewhere).status == 403, route
    assert desk.store.actions() == []


def test_nobody_is_signed_in_by_a_form_of_another_site(desk: Desk):
    token = desk.token("read", name="evil")
    for form in ({"token": token}, {"token": token, "csrf": "0" * 64}):
        assert desk.post("/sign-in", form).status == 403
    desk.get("/sign-in")
    other = Desk.__new__(Desk)
    other.caller, other.cookies = desk.caller, {}
    stolen = other.csrf("/sign-in")  # of another browser's door
    assert desk.post("/sign-in", {"token": token, "csrf": stolen}).status == 403
    tokens.revoke(desk.store, "evil", now=desk.clock.now())


def test_another_method_is_not_talked_into_a_post(desk: Desk):
    enter(desk, Role.ADMIN)
    proof = desk.csrf("/me")
    for name in ("x-http-method-override", "x-method-override", "x-http-method"):
        assert desk.get(f"/invitations/stop?csrf={proof}", **{name: "POST"}).status in (404, 405)
        assert desk.get(f"/invitations/stop?_method=POST&csrf={proof}").status in (404, 405)
    for method in ("PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "OPTIONS", "BREW"):
        replied = desk.caller.call(method, "/invitations/stop", [b""], {"cookie": desk.cookie})
        assert replied.status == 405, method
    assert desk.store.actions() == []
    assert b"stopped by" not in desk.get("/invitations/sends").body


# ------------------------------------------------------------ rights


@pytest.mark.parametrize("role", [Role.VIEWER, Role.REPORTS])
def test_who_may_only_look_changes_nothing(desk: Desk, role: Role):
    enter(desk, role)
    proof = desk.csrf("/me")
    for route in of_dashboard(desk, "POST"):
        if route.template in FOR_ALL or (role is Role.VIEWER and route.template in READING):
            continue
        assert desk.post(route.path, {"csrf": proof, "reason": "x"}).status == 403, route
    assert desk.store.actions() == []


CONTACT = rb"\b003[0-9A-Za-z]{12}"  # an id; three digits alone stand in many a picture and name of a file


def test_who_is_for_figures_sees_nobody_on_any_page(desk: Desk):
    enter(desk, Role.REPORTS)
    seen = 0
    for route in of_dashboard(desk, "GET"):
        replied = desk.get(route.path)
        seen += replied.status == 200
        for word in (rb"example\.com", CONTACT, b"Slow, but", b"pwned", b"three calls"):
            assert re.search(word, replied.body) is None, (route, word)
    assert seen >= 5
    enter(desk, Role.VIEWER)
    shown = [desk.get(route.path).body for route in of_dashboard(desk, "GET")]
    assert any(re.search(CONTACT, body) for body in shown)  # there is somebody to be seen


def test_a_token_of_the_api_is_no_cookie_and_a_cookie_no_token(desk: Desk):
    token = desk.token("read", "apply", "undo", name="both")
    assert desk.get("/me", cookie=f"npsync={token}").status == 303
    assert desk.get("/me", cookie=f"npsync={tokens.digest(token)}").status == 303
    assert desk.get("/me", authorization=f"Bearer {token}").status == 303
    desk.sign_in(token)
    cookie = desk.cookies[next(name for name in desk.cookies if not name.endswith("-door"))]
    assert desk.get("/api/v1/syncs", authorization=f"Bearer {cookie}").status == 401
    assert desk.get("/api/v1/syncs").status == 401  # the cookie is there, and counts for nothing
    assert desk.caller.post("/api/v1/syncs/contacts/run", b"{}", cookie=desk.cookie, **JSON).status == 401


def test_scopes_are_not_more_than_they_say(desk: Desk):
    for scopes, status in ((["apply"], 403), (["undo"], 403), (["events", "plan"], 403), (["reports"], 303)):
        name = "-".join(scopes)
        assert desk.sign_in(desk.token(*scopes, name=name)).status == status, scopes
        desk.cookies = {}


# ------------------------------------------------------------ where one is led


@pytest.mark.parametrize(
    "next",
    [
        "https://evil.example",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "evil.example",
        "/x\r\nSet-Cookie: npsync=chosen",
        "/" + "x" * 2_100,
        '/"><script>alert(1)</script>',
        "/é",
        "",
    ],
)
def test_after_signing_in_nobody_is_led_elsewhere(desk: Desk, next: str):
    desk.user(Role.VIEWER, f"led-{len(desk.store.users())}")
    [user, *_] = desk.store.users()
    page = desk.caller.get("/sign-in?next=" + next.encode("unicode_escape").decode().replace(" ", "%20"))
    assert b"evil.example" not in page.body
    replied = desk.enter(user.name, next=next)
    assert (replied.status, replied.headers["location"]) == (303, "/")


@pytest.mark.parametrize("name", ["host", "x-forwarded-host", "forwarded", "x-host", "x-forwarded-server"])
def test_another_host_name_leads_nobody_anywhere(desk: Desk, name: str):
    enter(desk, Role.ADMIN)
    value = "host=evil.example" if name == "forwarded" else "evil.example"
    for path in (
        "/me",
        "/sign-in",
        "/report",
        "/syncs/",
        "/me/",
        "/health",
        "/s/x",
        "/s/x/",
        "/api/v1/syncs/",
    ):
        replied = desk.get(path, **{name: value})
        told = str(dict(replied.headers)).encode() + replied.body
        assert b"evil.example" not in told, path
    if name == "host":
        assert desk.get("/me", host="evil.example").status == 403
        assert desk.get("/me", host="127.0.0.1.evil.example").status == 403
        assert desk.get("/me", host="").status == 403


# ------------------------------------------------------------ files, sizes, headers


@pytest.mark.parametrize(
    "path",
    [
        "/-/../../house.py",
        "/-/..%2f..%2fhouse.py",
        "/-/%2e%2e/%2e%2e/house.py",
        "/-/....//house.py",
        "/-//etc/passwd",
        "/-/%00",
        "/s/-/..%2f..%2fapp.py",
        "/s/-/../../../../etc/passwd",
        "/hooks/../../etc/passwd",
        "/hooks/%2e%2e%2fnpsync.yaml",
        "/syncs/..%2f..%2fnpsync.yaml",
        "/customers/crm/..%2f..%2fnpsync.yaml",
    ],
)
def test_no_path_leads_to_files_of_the_machine(desk: Desk, path: str):
    enter(desk, Role.ADMIN)
    replied = desk.get(path)
    assert replied.status in (404, 405, 401), replied.status
    assert b"root:" not in replied.body
    assert b"connections:" not in replied.body


def test_what_is_too_large_is_refused_before_it_is_read(desk: Desk):
    for path, largest in (("/sign-in", LARGEST_ELSEWHERE), ("/u/x", LARGEST_ELSEWHERE), *(
        (f"{prefix}x", size) for prefix, size in LARGEST.items()
    )):  # fmt: skip
        caller = Caller(desk.web, headers={"host": "127.0.0.1:8642", **FORM})
        said = caller.call("POST", path, [b"x"] * 3, {"content-length": str(largest + 1)})
        assert (said.status, caller.unread) == (413, 3), path
        chunk = b"x" * (largest // 4)
        streamed = caller.call("POST", path, [chunk] * 50, {"transfer-encoding": "chunked"})
        assert streamed.status in (404, 413), path  # a hook nobody is at is told so at once
        assert caller.unread >= 40, path


def test_lengths_that_are_none_are_refused(desk: Desk):
    for length in ("-1", "1e9", "0x10", "\u0661", "9" * 40, ""):
        told = {**FORM, "content-length": length.encode().decode("latin-1")}
        replied = desk.caller.call("POST", "/sign-in", [b"x"], told)
        assert replied.status in (400, 413), length


def test_headers_without_end_are_refused(desk: Desk):
    assert desk.get("/sign-in", x_padding="x" * 40_000).status == 431
    many = {f"x-{n}": "x" * 100 for n in range(400)}
    assert desk.get("/sign-in", **many).status == 431
    assert desk.get("/sign-in", cookie="npsync=" + "x" * 8_000).status == 200


def test_fields_without_end_are_refused_and_long_ones_do_no_harm(desk: Desk):
    desk.get("/sign-in")
    assert desk.post("/sign-in", [(f"f{n}", "1") for n in range(501)]).status == 400
    enter(desk, Role.ADMIN)
    for field in ("who", "reason", "csrf"):
        assert desk.act("/find", {field: "\0'\"<>%00" * 2_000}, page="/me").status < 500


def test_every_reply_says_how_to_be_shown_safely(desk: Desk):
    enter(desk, Role.ADMIN)
    places = [route.path for route in routes(desk.web) if route.method == "GET"]
    for path in (*places, "/nowhere", "/hooks/nobody", "/hooks/crm", "/api/v1/nowhere"):
        replied = desk.get(path)
        headers = replied.headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["x-frame-options"] in ("DENY", "SAMEORIGIN"), path
        assert "frame-ancestors" in headers["content-security-policy"], path
        assert "unsafe" not in headers["content-security-policy"] or "/mail" in path, path
        assert headers["referrer-policy"] in ("no-referrer", "same-origin"), path
        assert "strict-transport-security" in headers, path
        assert "server" not in headers, path
        kept = headers["cache-control"]
        assert kept == "no-store" or path.startswith(("/-/", "/s/-/", "/snippet")), (path, kept)


def test_no_page_of_the_dashboard_can_be_put_into_a_frame_or_opened_by_another(desk: Desk):
    enter(desk, Role.ADMIN)
    for path in ("/", "/sign-in", "/me", "/report", "/nowhere"):
        headers = desk.get(path).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"
    assert desk.get("/me").headers["cross-origin-opener-policy"] == "same-origin"
    assert desk.get("/me").headers["cross-origin-resource-policy"] == "same-origin"


def test_a_cookie_is_for_tls_for_this_host_and_for_no_script(desk: Desk):
    desk.user(Role.VIEWER, "cookie")
    session, device = desk.enter("cookie").cookies
    assert session.startswith("__Host-npsync=")
    assert device.startswith("__Host-npsync-device=")
    for told in (session, device):
        for word in ("Secure", "HttpOnly", "SameSite=strict", "Path=/"):
            assert word in told
        assert "Domain" not in told


def test_the_door_has_no_hidden_place_for_a_wish(desk: Desk):
    fields = {attrs.get("name", "") for tag, attrs in Read(desk.get("/sign-in")).tags if tag == "input"}
    assert fields <= {"csrf", "next", "name", "password", "token"}


# ------------------------------------------------------------ addresses that nobody's page leads to


@pytest.mark.parametrize(
    "path",
    [
        "/review/answers/{}",
        "/review/answers/-{}",
        "/dead-letters/-{}",
        "/runs/{}",
        "/actions/{}",
        "/report/comments?page={}",
        "/decisions?page={}",
        "/accounts?page={}",
        "/invitations/due?after=1700000000000.{}",
        "/customers?before={}",
        "/suppressions?before={}",
    ],
)
@pytest.mark.parametrize("digits", [18, 25, 5_000])
def test_no_number_is_too_large_for_a_page(desk: Desk, path: str, digits: int):
    enter(desk, Role.ADMIN)
    assert desk.get(path.format("9" * digits)).status in (200, 404, 422)


def test_no_number_is_too_large_for_a_form(desk: Desk):
    enter(desk, Role.ADMIN)
    proof = desk.csrf("/me")
    for act in ("link", "undo", "ignore"):
        for number in ("9" * 25, "-" + "9" * 25):
            assert desk.post(f"/review/answers/{number}/{act}", {"csrf": proof}).status == 404, (act, number)


def test_what_a_database_cannot_keep_is_no_request_of_ours(desk: Desk):
    """PostgreSQL takes no NUL in a text, wherever it stands."""
    enter(desk, Role.ADMIN)
    proof = desk.csrf("/me")
    for path in ("/customers?source=%00", "/runs?sync=a%00b", "/activity?who=%00"):
        assert desk.get(path).status == 400, path
    assert desk.get("/customers/crm/Contact/%00").status == 404
    for path, form in (("/find", {"who": "\0"}), ("/invitations/stop", {"reason": "a\0b"})):
        assert desk.post(path, {"csrf": proof, **form}).status == 400, path
