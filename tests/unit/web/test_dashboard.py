"""The dashboard from outside: who may come in, what they see, and what is never told."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from urllib.parse import quote

import pytest
from answered import NOW, YAML, matched, people, record_of
from dashboard_desk import Desk, text_of

from npsync.sign_in import tokens
from npsync.sign_in.sessions import LASTS
from npsync.subjects import receipts

PAGES = ["/", "/report", "/report.csv", "/report.json", "/accounts"]
OF_PEOPLE = ["/customers", "/customers/crm/Contact/003000000000001AAA"]


@pytest.fixture
def desk(tmp_path: Path, sqlite_url: str) -> Desk:
    made = Desk(tmp_path)
    matched(
        made.store,
        people(made.store, {10: 50, 7: 33, 3: 17}, comments=["Ünïcode", "=1+1", "<script>alert(1)</script>"]),
        account="001A",
        plan="Pro",
    )
    return made


# ------------------------------------------------------------ the door


def test_nothing_is_told_to_who_is_not_signed_in(desk: Desk):
    for path in (*PAGES, *OF_PEOPLE):
        replied = desk.get(path)
        assert replied.status == 303, path
        assert replied.headers["location"] == (
            "/sign-in" if path == "/" else f"/sign-in?next={quote(path, safe='')}"
        )
        assert replied.body == b""


def test_a_browser_at_an_address_where_nothing_is_gets_a_page_and_a_program_a_problem(desk: Desk):
    browser = "text/html,*/*;q=0.8"
    page = desk.get("/nowhere", accept=browser)
    assert (page.status, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert b"/nowhere" not in page.body
    for replied in (desk.get("/nowhere"), desk.get("/api/v1/nowhere", accept=browser)):
        assert (replied.status, replied.headers["content-type"]) == (404, "application/problem+json")


def test_while_the_store_is_away_a_browser_gets_a_page_and_a_program_a_problem(desk: Desk, tmp_path: Path):
    token = desk.token("read")
    desk.sign_in(token)
    (tmp_path / "npsync.db").rename(tmp_path / "moved.db")
    for path in ("/", "/report", "/sign-in"):
        page = desk.get(path, accept="text/html")
        assert (page.status, page.headers["retry-after"]) == (503, "30")
        assert page.headers["content-type"].startswith("text/html")
        assert "cannot reach its store just now" in text_of(page)
        assert "moved" not in text_of(page)
        assert b"<pre>npsync health</pre>" in page.body
    assert desk.get("/", accept="application/json").json["code"] == "unavailable"
    asked = desk.get("/api/v1/runs", accept="text/html", authorization=f"Bearer {token}")
    assert asked.json["code"] == "unavailable"
    (tmp_path / "moved.db").rename(tmp_path / "npsync.db")
    assert desk.get("/", accept="text/html").status == 200


def test_who_is_signed_in_strays_within_the_dashboard(desk: Desk):
    strange = desk.get("/nowhere", accept="text/html")
    desk.sign_in(desk.token("read"))
    page = desk.get("/nowhere", accept="text/html")
    assert page.status == 404
    assert b'href="/customers"' in page.body
    assert b'href="/customers"' not in strange.body


def test_a_token_opens_the_door_with_a_cookie_no_script_can_read(desk: Desk):
    replied = desk.sign_in(desk.token("read"))
    assert (replied.status, replied.headers["location"]) == (303, "/")
    cookie = replied.headers["set-cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=strict", "Path=/", "Max-Age=36000"))
    assert desk.get("/").status == 200


def test_the_store_holds_neither_token_nor_cookie(desk: Desk):
    token = desk.token("read")
    desk.sign_in(token)
    held = "\n".join(desk.store.dump())
    assert token not in held
    assert all(secret not in held for secret in desk.cookies.values())


def test_a_wrong_token_opens_nothing(desk: Desk):
    for wrong in ("", "npsync_nonsense", "x" * 5000, "\ud83d"):
        replied = desk.sign_in(wrong.encode("utf-8", "surrogatepass").decode("utf-8", "replace"))
        assert replied.status == 401
        assert "set-cookie" not in replied.headers


def test_guessing_is_slowed_down(desk: Desk):
    assert [desk.sign_in(f"npsync_{n}").status for n in range(12)][-2:] == [429, 429]
    desk.clock.advance(120)
    assert desk.sign_in(desk.token("read")).status == 303


def test_a_session_ends_by_itself_by_signing_out_and_with_its_token(desk: Desk):
    token = desk.token("read")
    desk.sign_in(token)
    desk.clock.advance(LASTS.total_seconds())
    assert desk.get("/").status == 303
    desk.sign_in(token)
    kept = dict(desk.cookies)
    assert desk.act("/sign-out").status == 303
    desk.cookies = kept
    assert desk.get("/").status == 303
    desk.sign_in(token)
    tokens.revoke(desk.store, "ann", now=NOW)
    assert desk.get("/").status == 303


def test_a_token_for_figures_shows_figures_and_nobody(desk: Desk):
    desk.sign_in(desk.token("reports"))
    assert [desk.get(path).status for path in PAGES] == [200] * len(PAGES)
    assert [desk.get(path).status for path in OF_PEOPLE] == [403, 403]
    assert "Customers" not in text_of(desk.get("/"))


def test_a_token_for_other_things_opens_nothing(desk: Desk):
    assert desk.sign_in(desk.token("events")).status == 403
    assert desk.get("/").status == 303


def test_another_site_can_neither_sign_in_nor_out_nor_search(desk: Desk):
    token = desk.token("read")
    assert desk.sign_in(token, origin="https://evil.example").status == 403
    assert desk.sign_in(token, sec_fetch_site="cross-site").status == 403
    desk.sign_in(token)
    assert desk.act("/sign-out", sec_fetch_site="cross-site").status == 403
    for origin in ("https://evil.example", "http://127.0.0.1:9999", "https://127.0.0.1:8642", "null"):
        assert desk.act("/customers", {"who": "x"}, origin=origin).status == 403, origin
    assert desk.act("/customers", {"who": "x"}, origin="http://127.0.0.1:8642").status == 200
    assert desk.get("/").status == 200


def test_a_form_that_no_page_of_this_session_made_does_nothing(desk: Desk):
    token = desk.token("read")
    assert desk.post("/sign-in", {"token": token}).status == 403
    desk.sign_in(token)
    before = desk.csrf()
    assert desk.post("/customers", {"who": "ann@example.com"}).status == 403
    assert desk.post("/customers", {"who": "ann@example.com", "csrf": "0" * 64}).status == 403
    assert desk.post("/customers", {"who": "nobody"}, x_csrf_token=before).status == 200
    desk.sign_in(token)  # a new session has another proof
    assert desk.post("/customers", {"who": "nobody", "csrf": before}).status == 403
    assert len(desk.store.receipts(kind="read")) == 1


def test_without_tls_it_is_shown_on_this_machine_alone(desk: Desk):
    token = desk.token("read")
    for host in ("evil.example", "192.168.1.9:8642", "feedback.acme.com"):
        assert desk.get("/sign-in", host=host).status == 403
        assert desk.sign_in(token, host=host).status == 403


def test_behind_tls_it_is_shown_at_its_address_with_a_cookie_for_tls_alone(tmp_path: Path, sqlite_url: str):
    yaml = "public_url: https://feedback.acme.com\n" + YAML
    desk = Desk(tmp_path, yaml, host="feedback.acme.com")
    replied = desk.sign_in(desk.token("read"))
    assert replied.headers["set-cookie"].startswith("__Host-npsync=")
    assert "Secure" in replied.headers["set-cookie"]
    assert desk.get("/").status == 200
    assert Desk(tmp_path, yaml, host="evil.example").get("/sign-in").status == 403


# ------------------------------------------------------------ the pages


def test_the_overview_opens_with_the_answer_and_what_needs_somebody(desk: Desk):
    with desk.store.database.write() as tx:
        tx.run("UPDATE answer_state SET state = 'held' WHERE response IN (SELECT max(id) FROM response)")
    desk.sign_in(desk.token("read"))
    said = text_of(desk.get("/"))
    assert "NPS 34 ± 15 99 people · target 40: 6 short" in said
    assert "1 thing needs you" in said
    assert "npsync review" in said


def test_the_report_has_its_charts_its_tables_and_its_files(desk: Desk):
    desk.sign_in(desk.token("read"))
    replied = desk.get("/report?survey=relationship&by=plan&every=quarter")
    said = text_of(replied)
    assert "NPS 33 ± 15 100 people" in said
    assert "2025-Q4" in said
    assert "By plan" in said
    assert replied.body.count(b"<svg") >= 3
    assert b"/report.csv?survey=relationship&amp;by=plan" in replied.body
    assert desk.get("/report.json?by=plan").json["groups"]["rows"][0]["nps"] == 33
    assert b'/report/comments"' in desk.get("/report").body  # no question mark with nothing behind it
    csv = desk.get("/report.csv")
    assert csv.headers["content-disposition"] == 'attachment; filename="nps-relationship.csv"'
    assert csv.body.startswith(b"\xef\xbb\xbf")


def test_what_cannot_be_shown_is_said_and_the_form_stays(desk: Desk):
    desk.sign_in(desk.token("read"))
    wrong = (
        "survey=nothing",
        "by=nothing",
        "since=2030-01-01",
        "since=x",
        "until=1900-01-01",
        "survey=support",
    )
    for query in wrong:
        replied = desk.get(f"/report?{query}")
        assert replied.status == 422, query
        assert b'role="alert"' in replied.body
        assert b"<form" in replied.body
        assert desk.get(f"/report.csv?{query}").status == 422


def test_accounts_are_told_with_their_n(desk: Desk):
    desk.sign_in(desk.token("read"))
    said = text_of(desk.get("/accounts?order=most"))
    assert "of 1 account with answers" in said
    assert "001A 33 ± 15 100" in said


def test_one_customers_story_is_shown_and_that_somebody_read_it_is_kept(desk: Desk):
    [ann] = people(desk.store, [2], names=["ann"], comments=["<b>Slow</b> =1+1"])
    matched(desk.store, [ann])
    with desk.store.database.write() as tx:
        tx.run("INSERT INTO watermark (sync, source, response) VALUES ('contacts', 'mail', 1000)")
    desk.sign_in(desk.token("read"))
    found = desk.act("/customers", {"who": "ann@example.com"})
    assert found.status == 303
    assert found.headers["location"] == f"/customers/crm/Contact/{record_of(ann)}"
    replied = desk.get(found.headers["location"])
    assert replied.status == 200
    assert b"&lt;b&gt;Slow&lt;/b&gt; =1+1" in replied.body
    assert [(one.who, one.report["page"]) for one in desk.store.receipts(kind="read")] == [
        ("token:ann", "customer"),
        ("token:ann", "search"),
    ]


def test_nobody_is_found_by_what_nobody_knows(desk: Desk):
    desk.sign_in(desk.token("read"))
    assert "Nothing is known of them" in text_of(desk.act("/customers", {"who": "nobody@example.com"}))
    assert desk.get("/customers/crm/003000000000009AAA").status == 404


def test_a_store_without_answers_says_how_to_get_the_first(tmp_path: Path, sqlite_url: str):
    desk = Desk(tmp_path)
    desk.sign_in(desk.token("read"))
    for path in ("/", "/report", "/accounts"):
        replied = desk.get(path)
        assert replied.status == 200
        assert b"npsync run" in replied.body
    said = text_of(desk.get("/"))
    assert "Nothing has run yet" in said
    assert "All is well" not in said


def test_no_page_has_script_or_style_of_its_own_and_each_is_light(desk: Desk):
    desk.sign_in(desk.token("read"))
    pages = ("/sign-in", "/", "/report?by=plan", "/accounts", "/report/comments", "/customers", "/syncs")
    of_work = (
        "/syncs/contacts",
        "/runs",
        "/connections",
        "/connections/crm",
        "/config?defaults=1",
        "/activity",
    )
    for path in (*pages, *of_work):
        replied = desk.get(path)
        html = replied.body.decode()
        assert replied.status == 200, path
        assert "script-src 'self'" in replied.headers["content-security-policy"]
        assert replied.headers["cache-control"] == "no-store"
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", html), path
        files = re.findall(r'(?:src|href)="(/-/[^"]+)"', html)
        assert len(set(files)) in (5, 6, 8, 9)  # with a sheet for people, with what draws the trend
        sent = [desk.get(file, accept_encoding="br, gzip") for file in set(files)]
        assert all(one.status == 200 for one in sent)
        assert len(replied.body) + sum(len(one.body) for one in sent) < 150_000
        assert (
            len(replied.body)
            + sum(
                len(gzip.decompress(one.body)) if "content-encoding" in one.headers else len(one.body)
                for one in sent
            )
            < 200_000
        )


def test_a_file_that_is_not_there_is_not_there(desk: Desk):
    assert desk.get("/-/../../house.py").status == 404
    assert desk.get("/-/nothing.js").status == 404


def test_comments_are_searched_by_who_may_read_them_and_shown_as_text(desk: Desk):
    desk.sign_in(desk.token("read"))
    replied = desk.get("/report/comments?q=UNICODE")
    assert "34 of 100 comments have" in text_of(replied)
    replied = desk.get("/report/comments?q=script&segment=detractor")
    assert b"&lt;script&gt;alert(1)&lt;/script&gt;" in replied.body
    assert b"<script>alert" not in replied.body
    assert [one.report["page"] for one in desk.store.receipts(kind="read")] == ["comments", "comments"]


def test_a_token_for_figures_sees_no_comment(desk: Desk):
    desk.sign_in(desk.token("reports"))
    replied = desk.get("/report/comments?q=script")
    assert replied.status == 200
    assert b"alert(1)" not in replied.body
    assert desk.store.receipts(kind="read") == []


def test_who_was_looked_at_is_found_again_by_their_address_and_named_nowhere(tmp_path: Path, sqlite_url: str):
    desk = Desk(tmp_path, f"pepper: {'ab' * 32}\n" + YAML)
    [ann] = people(desk.store, [2], names=["ann"])
    matched(desk.store, [ann])
    with desk.store.database.write() as tx:
        tx.run("INSERT INTO watermark (sync, source, response) VALUES ('contacts', 'mail', 1000)")
    desk.sign_in(desk.token("read"))
    assert desk.get(f"/customers/crm/Contact/{record_of(ann)}").status == 200
    [receipt] = receipts.known(desk.config, desk.store, who="ann@example.com", kind="read", limit=5)
    assert (receipt.who, receipt.report["page"]) == ("token:ann", "customer")
    assert "ann@" not in str(receipt.report)
    assert record_of(ann) not in str(receipt.report)
