"""What happened, as a page: all of it, read on from where a page ended, and narrowed to a kind, somebody or a day."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from answered import ENV, NOW
from builders_runs import ran
from dashboard_desk import Desk, text_of

from npsync.actions.wanting import want
from npsync.web.dashboard.audit_words import PAGES


@pytest.fixture
def desk(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Desk:
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)
    made = Desk(tmp_path)
    made.sign_in(made.token("read", "apply"))
    return made


def ticked(desk: Desk, place: str, outcome: str, at: datetime) -> None:
    """As the clock notes a due time it took."""
    desk.store.schedule(place, at)
    assert desk.store.take_tick(place, at, at + timedelta(minutes=15), outcome, "host:1", now=at) is not None


def test_what_people_and_the_clock_did_is_one_list_the_latest_first(desk: Desk):
    ticked(desk, "contacts", "caught_up", NOW - timedelta(minutes=9))
    ticked(desk, "verify/contacts", "started", NOW - timedelta(minutes=8))
    desk.act("/syncs/contacts/plan", {"key": "k"})
    desk.clock.advance(60)
    desk.get(f"/runs/{ran(desk.store, now=NOW)}/changes")
    said = text_of(desk.get("/activity"))
    places = [
        said.index(word)
        for word in (
            "changes of run 1",
            "Asked for a plan of contacts",
            "Verification of contacts on time",
            "Run of contacts others before it passed while nothing ran caught up",
        )
    ]
    assert places == sorted(places)
    assert said.count("lan of contacts") == 1  # told once, not again by the audit


def test_a_due_time_that_was_handed_back_is_told_from_one_that_was_kept(desk: Desk):
    ticked(desk, "contacts", "started", NOW - timedelta(minutes=9))
    [taken] = desk.store.open_ticks()
    desk.store.return_tick(taken.number, now=NOW - timedelta(minutes=8))
    assert "npsync serve ended before it was done handed back" in text_of(desk.get("/activity?kind=clock"))
    assert desk.store.due(["contacts"])["contacts"].due_at == NOW - timedelta(minutes=9)


def test_what_happened_is_narrowed_to_a_kind_a_sync_or_somebody(desk: Desk):
    ticked(desk, "contacts", "started", NOW)
    desk.store.note_audit("user:bo", "link", "answer mail:a1", now=NOW)
    want(desk.config, desk.store, "verify", {"sync": "contacts"}, who="token:ann", key="k", now=NOW)
    assert "on time" not in text_of(desk.get("/activity?kind=did"))
    assert "Linked answer" in text_of(desk.get("/activity?who=bo"))
    assert "verification" not in text_of(desk.get("/activity?who=bo"))
    assert "verification" in text_of(desk.get("/activity?kind=asked&sync=contacts"))
    assert "Nothing is like that" in text_of(desk.get("/activity?who=nobody"))
    assert "on time" in text_of(desk.get("/activity?kind=clock&sync=contacts"))


def test_a_long_list_is_read_on_from_where_it_ended(desk: Desk):
    for n in range(70):
        desk.store.note_audit("user:bo", "ignore", f"answer mail:a{n}", now=NOW)
    html = desk.get("/activity?kind=did&who=bo").body.decode()
    link = html.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
    rest = desk.get(link).body.decode()
    assert (html.count("Ignored answer"), rest.count("Ignored answer")) == (60, 10)


def pages_of(desk: Desk, at: str, told: Callable[[], None] = lambda: None) -> list[list[str]]:
    """What each page of the list says, to its end; `told` happens between two of them."""
    pages: list[list[str]] = []
    while at:
        html = desk.get(at).body.decode()
        pages.append(re.findall(r"(?:Ignored answer|Run of|Asked for a) [^<]+", html))
        link = html.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0]
        at = link.replace("&amp;", "&") if 'rel="next"' in html else ""
        told()
    return pages


def busy(desk: Desk, rounds: int) -> None:
    """People and the clock by turns, and what is not told of what was asked for."""
    for n in range(rounds):
        desk.clock.advance(60)
        now = desk.clock.now()
        desk.store.note_audit("user:bo", "ignore", f"answer mail:a{n}", now=now)
        ticked(desk, "contacts", "started", now)
        if n % 5 == 0:
            asked = {"sync": "contacts"}
            action, _ = want(
                desk.config, desk.store, "plan", asked, who="token:ann", key=f"busy-{n}", now=now
            )
            desk.store.note_audit("token:ann", "plan", "contacts", {"action": action.number}, now=now)


def test_everything_that_happened_is_read_page_by_page_while_more_happens(desk: Desk):
    busy(desk, 100)
    found = pages_of(desk, "/activity", lambda: busy(desk, 1))
    assert [len(page) for page in found] == [60, 60, 60, 40]
    told = [line for page in found for line in page]
    left_out = [line for line in told if line.startswith("Ignored")]
    assert left_out == [f"Ignored answer mail:a{n}" for n in reversed(range(100))]
    assert sum(line.startswith("Run of") for line in told) == 100
    assert sum(line.startswith("Asked for") for line in told) == 20


def test_one_s_requests_are_found_below_many_of_others(desk: Desk):
    want(desk.config, desk.store, "verify", {"sync": "contacts"}, who="user:bo", key="first", now=NOW)
    for n in range(70):
        want(desk.config, desk.store, "plan", {"sync": "contacts"}, who="token:ann", key=f"k{n}", now=NOW)
    assert "verification of contacts" in text_of(desk.get("/activity?kind=asked&who=bo"))


def test_a_day_is_the_business_s_from_midnight_to_midnight(desk: Desk):
    zone = desk.config.time_zone
    for name, at in (
        ("before", (1, 23, 59)),
        ("first", (2, 0, 0)),
        ("last", (2, 23, 59)),
        ("after", (3, 0, 0)),
    ):
        day, hour, minute = at
        now = datetime(2025, 12, day, hour, minute, tzinfo=zone)
        desk.store.note_audit("user:bo", "ignore", f"answer mail:{name}", now=now)
    assert pages_of(desk, "/activity?day=2025-12-02") == [
        ["Ignored answer mail:last", "Ignored answer mail:first"]
    ]
    assert "Nothing is like that" in text_of(desk.get("/activity?day=2025-12-09"))


def test_what_was_looked_at_is_apart_from_what_was_done(desk: Desk):
    desk.store.note_audit("user:bo", "ignore", "answer mail:a1", now=NOW)
    desk.store.note_audit(
        "user:bo", "read of people", "suppressions", {"page": "suppressions", "people": 12}, now=NOW
    )
    looked, did = (text_of(desk.get(f"/activity?kind={kind}")) for kind in ("looked", "did"))
    assert "Looked at 12 people: Invitations, Never ask" in looked
    assert "Ignored" not in looked
    assert "Ignored answer mail:a1" in did
    assert "Looked at" not in did


def test_who_read_what_a_plan_would_write_is_told_beside_who_asked_for_it(desk: Desk):
    action, _ = want(desk.config, desk.store, "plan", {"sync": "contacts"}, who="user:al", key="k", now=NOW)
    desk.store.note_audit("user:al", "plan", "contacts", {"action": action.number}, now=NOW)
    desk.store.note_audit("user:bo", "read plan", "contacts", {"action": action.number}, now=NOW)
    for query in ("", "?kind=looked", "?who=bo"):
        assert "bo Looked at a plan of contacts" in text_of(desk.get(f"/activity{query}")), query
    assert "Asked for a plan" not in text_of(desk.get("/activity?kind=did"))


@pytest.mark.parametrize(
    "before", ["", "41", "did", "did99999999999999999999", "asked1.did1.clock1", "x" * 500]
)
def test_a_place_nobody_gave_is_no_error(desk: Desk, before: str):
    assert desk.get(f"/activity?before={before}").status == 200


@pytest.mark.parametrize("page", PAGES)
def test_a_page_that_was_looked_at_is_named_as_it_is_called_and_leads_there(desk: Desk, page: str):
    name, path = PAGES[page]
    desk.store.note_audit("user:bo", "read of people", page, {"page": page, "people": 12}, now=NOW)
    assert f"Looked at 12 people: {name}" in text_of(desk.get("/activity?kind=looked"))
    if path:
        assert f'href="{path}">Looked at 12 people' in desk.get("/activity").body.decode()
        *_, last = name.split(", ")
        assert re.search(rf'(<h1[^>]*>|aria-current="page">){re.escape(last)}', desk.get(path).body.decode())


def test_a_token_and_the_command_line_are_told_from_a_person_of_the_same_name(desk: Desk):
    for who in ("user:bo", "token:bo", "cli:bo"):
        desk.store.note_audit(who, "ignore", f"answer mail:{who}", now=NOW)
    said = text_of(desk.get("/activity?kind=did"))
    assert "bo Ignored answer mail:user:bo" in said
    assert "bo token Ignored answer mail:token:bo" in said
    assert "bo command line Ignored answer mail:cli:bo" in said
