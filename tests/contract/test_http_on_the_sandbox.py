"""A described tool, against the toy that pages in every style: whatever the style and the wall, the same answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from contract_table import Place, open_source
from sandbox_process import RunningSandbox, running_sandbox

from nps.errors import NpsyncError, UnavailableError

FIELDS = {
    "id": "id",
    "score": {"path": "score", "number_in_text": True},
    "comment": "comment",
    "answered_at": "created_at",
    "email": "person.email",
    "external_id": "person.external_id",
}
OLDEST_FIRST = {"kind": "time", "field": "created_at", "param": "since", "order": "ascending"}
BY_PAGE = {"kind": "page", "size_param": "per_page", "size": 30}
STYLES: Mapping[str, Mapping[str, Any]] = {
    "pages": {"pages": BY_PAGE, "since": OLDEST_FIRST},
    "page-count": {"pages": {"kind": "page", "size_param": "limit", "size": 30, "pages": "pages"}},
    "next-link": {"pages": {"kind": "next_link"}},
    "last-row": {
        "pages": {"kind": "last_row", "param": "starts_after", "more": "has_more"},
        "since": {"kind": "id", "param": "starts_after"},
    },
    "offset": {"pages": {"kind": "offset", "size": 30}, "since": OLDEST_FIRST},
    "moving-start": {"pages": {"kind": "moving_start", "param": "skip", "size": 30}, "since": OLDEST_FIRST},
    "cursor": {"pages": {"kind": "cursor", "param": "cursor", "next": "page.next", "more": "page.has_more"}},
    "newest-first": {"pages": BY_PAGE, "since": {"kind": "newest_first", "field": "created_at"}},
    "whole": {"pages": {"kind": "none"}},
}


def described(place: Place, style: str = "pages", door: str = "open", **more: Any) -> dict[str, Any]:
    return {
        "base_url": place.sandbox.env["PAGED_URL"],
        "request": {"path": f"/{door}/{style}"},
        "records": ["responses", "data.responses", "@"],
        "fields": FIELDS,
        **STYLES.get(style, {}),
        **more,
    }


def read(given: Mapping[str, Any]) -> dict[str, int | None]:
    """Every answer of a first read: its id and score."""
    source = open_source("http", dict(given))
    found = {one.id: one.score for page in source.read(None, since=None) for one in page.responses}
    source.close()
    return found


@pytest.fixture(scope="module")
def small_sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox("--vendor", "paged", customers=70, responses=110) as running:
        yield running


@pytest.fixture
def place(small_sandbox: RunningSandbox, tmp_path: Path) -> Place:
    return Place(small_sandbox, tmp_path)


@pytest.fixture(autouse=True)
def paged(place: Place) -> Iterator[None]:
    place.sandbox.control("POST", "/paged/do/reset", {})
    yield
    place.sandbox.control("POST", "/paged/do/reset", {})
    place.sandbox.control("DELETE", "/faults", vendor="paged")


@pytest.fixture
def everything(place: Place, paged: None) -> dict[str, int | None]:
    found = read(described(place, "whole"))
    assert len(found) > 80
    return found


def switch(place: Place, **settings: Any) -> None:
    place.sandbox.control("POST", "/paged/do/set", settings)


@pytest.mark.parametrize("style", STYLES)
def test_every_style_of_paging_reads_the_same_answers(
    place: Place, everything: dict[str, int | None], style: str
) -> None:
    assert read(described(place, style)) == everything


@pytest.mark.parametrize(("style", "page"), [("page-count", 2), ("next-link", 3), ("cursor", 2)])
def test_an_empty_page_before_the_end_is_not_the_end(
    place: Place, everything: dict[str, int | None], style: str, page: int
) -> None:
    switch(place, empty_page=page)
    assert read(described(place, style)) == everything


@pytest.mark.parametrize("style", ["last-row", "next-link", "cursor"])
def test_the_last_row_of_a_page_may_come_again(
    place: Place, everything: dict[str, int | None], style: str
) -> None:
    switch(place, repeat_last=True)
    assert read(described(place, style)) == everything


def test_behind_a_wall_of_pages_the_listing_begins_again_from_the_last_time(
    place: Place, everything: dict[str, int | None]
) -> None:
    switch(place, wall=2)
    assert read(described(place, "pages", walls={"max_pages": 2})) == everything


@pytest.mark.parametrize("style", ["pages", "next-link", "cursor"])
def test_a_listing_that_never_ends_is_an_error_and_no_loop(place: Place, style: str) -> None:
    switch(place, stuck=2)
    with pytest.raises(UnavailableError):
        read(described(place, style))


def test_a_link_to_a_stranger_is_not_followed(place: Place) -> None:
    switch(place, foreign_next="https://evil.example")
    with pytest.raises(UnavailableError, match="another host"):
        read(described(place, "next-link"))


@pytest.mark.parametrize(
    ("times", "dates"),
    [
        ("iso_ms", ["iso"]),
        ("iso_offset", ["iso"]),
        ("naive", ["iso"]),
        ("unix_s", ["unix"]),
        ("unix_text", ["unix"]),
        ("unix_ms", ["unix_ms"]),
    ],
)
def test_times_are_read_however_they_are_written(
    place: Place, everything: dict[str, int | None], times: str, dates: list[str]
) -> None:
    def moments(**more: Any) -> dict[str, Any]:
        source = open_source("http", described(place, "moving-start", **more))
        pages = list(source.read(None, since=None))
        source.close()
        return {one.id: one.answered_at for page in pages for one in page.responses}

    straight = moments()
    switch(place, times=times)
    assert moments(dates=dates, time_zone="UTC") == straight
    assert straight.keys() == everything.keys()


@pytest.mark.parametrize("scores", ["text", "label"])
def test_scores_in_words_are_the_same_scores(
    place: Place, everything: dict[str, int | None], scores: str
) -> None:
    switch(place, scores=scores, counts="text")
    assert read(described(place, "page-count")) == everything


def test_ids_above_two_to_the_fifty_third_stay_apart(place: Place, everything: dict[str, int | None]) -> None:
    switch(place, ids="big")
    found = read(described(place, "pages"))
    assert len(found) == len(everything)
    assert sorted(map(int, found))[0] > 2**53


@pytest.mark.parametrize("rows_at", ["data.responses", ""])
def test_rows_are_found_where_they_stand(
    place: Place, everything: dict[str, int | None], rows_at: str
) -> None:
    switch(place, rows_at=rows_at)
    assert read(described(place, "pages")) == everything


def test_people_may_stand_beside_the_rows_or_be_looked_up(place: Place) -> None:
    def emails(**more: Any) -> dict[str, str | None]:
        source = open_source("http", described(place, "pages", **more))
        pages = list(source.read(None, since=None))
        source.close()
        return {one.id: one.email for page in pages for one in page.responses}

    inline = emails()
    fields = {name: rule for name, rule in FIELDS.items() if name not in ("email", "external_id")}
    who = {"email": "email", "external_id": "external_id"}
    switch(place, people="beside")
    beside = {"key": "person_id", "records": "people", "fields": who}
    assert emails(fields=fields, beside=beside) == inline
    switch(place, people="elsewhere")
    look_up = {"key": "person_id", "path": "/open/people/{person}", "fields": who, "per_run": 100}
    assert emails(fields=fields, look_up=look_up) == inline


def test_a_failure_inside_a_200_is_one_and_may_be_tried_again(
    place: Place, everything: dict[str, int | None]
) -> None:
    failures = [{"when": "success == `false`", "message": "error", "retry": True}]
    place.sandbox.fault("paged", "error_inside", after=1)
    assert read(described(place, "pages", failures=failures)) == everything
    place.sandbox.fault("paged", "error_inside", times=None)
    with pytest.raises(NpsyncError, match="not ready"):
        read(described(place, "pages", failures=failures))


@pytest.mark.parametrize(
    ("says", "throttle"),
    [
        ("retry_after", {}),
        ("retry_date", {}),
        ("reset_unix", {"reset_header": "X-RateLimit-Reset"}),
        ("reset_seconds", {"reset_header": "X-RateLimit-Reset", "reset_is": "seconds"}),
        ("nothing", {"wait": 5}),
    ],
)
def test_too_many_calls_are_made_again_when_the_tool_says(
    place: Place, everything: dict[str, int | None], says: str, throttle: dict[str, Any]
) -> None:
    switch(place, says=says)
    place.sandbox.fault("paged", "status", status=429, retry_after=7, after=1)
    assert read(described(place, "pages", throttle=throttle)) == everything


def test_a_file_on_another_host_is_fetched_without_the_key(
    place: Place, everything: dict[str, int | None]
) -> None:
    key = place.sandbox.env["PAGED_KEY"]
    auth = {"kind": "header", "header": "X-Api-Key", "value": key}
    switch(place, redirect_above=10)
    assert read(described(place, "offset", "header", auth=auth)) == everything


def doors(env: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    key, user = env["PAGED_KEY"], env["PAGED_USER"]
    client = {"client_id": env["PAGED_CLIENT_ID"], "client_secret": env["PAGED_CLIENT_SECRET"]}
    return {
        "header": {"kind": "header", "header": "X-Api-Key", "value": key},
        "bearer": {"kind": "bearer", "token": key},
        "word": {"kind": "header", "value": f"Token {key}"},
        "named": {"kind": "header", "value": f"api_key={key}"},
        "basic": {"kind": "basic", "username": key},
        "user-token": {"kind": "basic", "username": f"{user}/token", "password": key},
        "oauth2": {"kind": "oauth2", **client},
        "raw": {"kind": "oauth2", "body": "json", "value": "{token}", **client},
    }


@pytest.mark.parametrize(
    "door", ["header", "bearer", "word", "named", "basic", "user-token", "oauth2", "raw"]
)
def test_every_door_opens_to_its_key(place: Place, everything: dict[str, int | None], door: str) -> None:
    auth = doors(place.sandbox.env)[door]
    if auth["kind"] == "oauth2":  # the token dies under way, and a new one is asked for
        place.sandbox.fault("paged", "expired_token", after=2)
    assert read(described(place, "pages", door, auth=auth)) == everything


def test_everything_may_stand_in_the_path(place: Place, everything: dict[str, int | None]) -> None:
    request = {"path": "/open/in-path/{per_page}/{page}/{since}"}
    assert read(described(place, "pages", request=request)) == everything


@pytest.mark.parametrize("style", ["pages", "last-row", "moving-start", "newest-first", "whole"])
def test_reading_on_finds_what_came_since(
    place: Place, everything: dict[str, int | None], style: str
) -> None:
    source = open_source("http", described(place, style))
    *_, last = source.read(None, since=None)
    made = place.sandbox.control("POST", "/paged/responses", {"score": 9, "email": "late@acme.example"})["id"]
    found = {one.id for page in source.read(last.cursor, since=None) for one in page.responses}
    place.sandbox.control("DELETE", f"/paged/responses/{made}")
    source.close()
    assert made in found
