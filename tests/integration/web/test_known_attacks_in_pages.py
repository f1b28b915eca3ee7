"""What customers, records and vendors write is shown as text, on every page there is, and acts nowhere: read as HTML,
and looked at in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from asgi_caller import Replied
from browsing import chromium, free_port, serving
from dashboard_desk import PASSWORD, Desk
from every_route import Read, of_shape, routes, walked
from hostile_town import ATTACKS, hostile
from peopled import YAML

from npsync.sign_in.roles import Role

MOST = 15  # shapes of pages that the browser looks at
NEVER = frozenset(
    ("iframe", "frame", "object", "embed", "applet", "base", "style", "audio", "video", "source", "math", "area",
     "animate", "set", "marquee", "portal", "noscript", "template", "map", "foreignobject")
)  # fmt: skip
"""Tags that no page of ours has."""
LEADS = ("href", "src", "action", "formaction", "hx-get", "hx-post", "xlink:href")


class Watched(Desk):
    """Also counts what the audit kept of each page that was looked at."""

    noted: dict[str, int]

    def get(self, path: str, **headers: str) -> Replied:
        before = self._latest()
        replied = super().get(path, **headers)
        self.noted[path] = self._latest() - before
        return replied

    def _latest(self) -> int:
        return next((one.number for one in self.store.audited(limit=1)), 0)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Iterator[Watched]:
    """An admin's."""
    folder = tmp_path_factory.mktemp("hostile")
    hostile(folder, migrated_sqlite)
    made = Watched(folder, YAML.replace("https://ask.acme.example", "http://127.0.0.1:8642"))
    made.noted = {}
    made.user(Role.ADMIN)
    assert made.enter().status == 303
    yield made
    made.store.close()


@pytest.fixture(scope="module")
def pages(desk: Desk) -> dict[str, Replied]:
    """Every page that links lead to."""
    begin = [one.path for one in routes(desk.web) if one.method == "GET" and "{" not in one.template]
    apart = ("/api/", "/health", "/metrics", "/sign-in", "/snippet.js")
    found = walked(desk, *(path for path in begin if not path.startswith(apart)), each=2)
    for path in ("/find", "/customers"):
        found[f"POST {path}"] = desk.act(path, {"who": ATTACKS[1]}, page="/me")
    return found


def test_every_kind_of_page_was_walked(pages: dict[str, Replied]):
    assert {replied.status for replied in pages.values()} <= {200, 303, 307, 404, 422}
    shapes = {of_shape(path) for path, replied in pages.items() if replied.status == 200}
    for shape in (
        "/runs/#",
        "/runs/#/changes",
        "/review",
        "/dead-letters/#",
        "/customers/crm/Contact/#",
        "/suppressions",
    ):
        assert shape in shapes, sorted(shapes)
    assert len(shapes) > 25


def test_whoever_sees_a_person_is_noted(desk: Watched, pages: dict[str, Replied]):
    shown = {
        path
        for path, replied in pages.items()
        if path.startswith("/")
        and (b"@example.com" in replied.body or re.search(rb"\b003[0-9a-f]{12}", replied.body))
        and not path.startswith("/activity")  # there, ids say whom others looked at
    }
    assert len(shown) > 10
    assert {path for path in shown if not desk.noted[path]} == set()


def test_nothing_anybody_wrote_becomes_part_of_a_page(pages: dict[str, Replied]):
    for path, replied in pages.items():
        if "text/html" not in replied.headers.get("content-type", ""):
            continue
        for tag, attributes in Read(replied).tags:
            assert tag not in NEVER, (path, tag)
            if tag == "script":
                assert attributes["src"].startswith("/-/"), path
            if tag == "img":
                assert attributes["src"].startswith("/-/"), path
            if tag == "meta":
                assert attributes.get("http-equiv", "").lower() != "refresh", path
            for name, value in attributes.items():
                assert not name.startswith(("on", "hx-on", "data-hx")), (path, tag, name)
                assert name not in ("style", "srcdoc", "ping"), (path, tag, name)
                if name in LEADS:
                    parts = urlsplit(value)
                    assert parts.scheme in ("", "https", "mailto"), (path, value)
                    assert "evil.example" not in parts.netloc, (path, value)


def test_what_they_wrote_is_there_to_be_read(pages: dict[str, Replied]):
    shown = b"".join(replied.body for replied in pages.values())
    assert b"&lt;script&gt;window.pwned = 1&lt;/script&gt;" in shown
    assert b"{{ 7 * 7 }}" in shown
    assert shown.count(b"window.pwned") > 50


def test_every_page_allows_no_script_but_ours(pages: dict[str, Replied]):
    for path, replied in pages.items():
        policy = replied.headers["content-security-policy"]
        assert "default-src 'none'" in policy, path
        if "text/html" in replied.headers.get("content-type", ""):
            for rule in (
                "script-src 'self'",
                "form-action 'self'",
                "base-uri 'none'",
                "frame-ancestors 'none'",
            ):
                assert rule in policy, path
        assert "unsafe" not in policy, path


def test_files_begin_no_formula(pages: dict[str, Replied]):
    csv = [replied for replied in pages.values() if "text/csv" in replied.headers.get("content-type", "")]
    assert csv
    for replied in csv:
        assert "attachment" in replied.headers["content-disposition"]
        for line in replied.body.decode("utf-8-sig").splitlines():
            assert not any(cell.strip('"').startswith(("=", "@")) for cell in line.split(",")), line


def test_no_script_of_theirs_runs_in_a_browser_and_nothing_asks_elsewhere(
    desk: Desk, pages: dict[str, Replied]
):
    shown = [path for path, replied in pages.items() if b"<html" in replied.body and path.startswith("/")]
    shapes = {of_shape(path): path for path in shown}
    listening, address = free_port()
    with chromium() as browser, serving(desk.web, listening):
        page = browser.new_page()
        page.set_default_timeout(10_000)
        troubles: list[str] = []
        asked: set[str] = set()
        page.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("dialog", lambda dialog: troubles.append(dialog.message))
        page.on("request", lambda request: asked.add(request.url.partition("//")[2].partition("/")[0]))
        page.goto(f"{address}/sign-in?next=/customers")
        page.fill("#name", "ann")
        page.fill("#password", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{address}/customers")
        page.fill("#search", ATTACKS[1])
        with page.expect_navigation():
            page.keyboard.press("Enter")
        assert page.evaluate("window.pwned") is None
        for path in list(shapes.values())[:MOST]:
            page.goto(address + path)
            assert page.evaluate("window.pwned") is None, path
            assert page.url.startswith(address), path
    assert [said for said in troubles if "404" not in said and "422" not in said] == []
    assert asked == {address.partition("//")[2]}
