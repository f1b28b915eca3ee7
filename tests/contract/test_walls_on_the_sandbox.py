"""Walls of paging, played by the sandbox's made-up tool: behind each of them a described API reads the same answers,
and reads on from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from contract_opening import open_source
from contract_place import Place
from sandbox_process import RunningSandbox, running_sandbox

from nps.errors import UnavailableError

FIELDS = {
    "id": "id",
    "score": "score",
    "comment": "comment",
    "answered_at": "created_at",
    "email": "person.email",
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
        "records": "responses",
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
    place.sandbox.forget_traffic()


@pytest.fixture
def everything(place: Place, paged: None) -> dict[str, int | None]:
    found = read(described(place, "whole"))
    assert len(found) > 80
    return found


def switch(place: Place, **settings: Any) -> None:
    place.sandbox.control("POST", "/paged/do/set", settings)


@pytest.mark.parametrize(("style", "page"), [("page-count", 2), ("next-link", 3), ("cursor", 2)])
def test_an_empty_page_before_the_end_is_not_the_end(
    place: Place, everything: dict[str, int | None], style: str, page: int
) -> None:
    switch(place, empty_page=page)
    assert read(described(place, style)) == everything


@pytest.mark.parametrize("style", ["pages", "page-count", "last-row", "next-link", "cursor"])
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


@pytest.mark.parametrize("style", ["next-link", "cursor"])
def test_a_listing_that_never_ends_is_an_error_and_no_loop(place: Place, style: str) -> None:
    switch(place, stuck=2)
    with pytest.raises(UnavailableError):
        read(described(place, style))


@pytest.mark.parametrize(("door", "value"), [("oauth2", "Bearer {token}"), ("raw", "{token}")])
def test_a_token_that_dies_under_way_is_asked_for_again(
    place: Place, everything: dict[str, int | None], door: str, value: str
) -> None:
    env = place.sandbox.env
    client = {"client_id": env["PAGED_CLIENT_ID"], "client_secret": env["PAGED_CLIENT_SECRET"]}
    place.sandbox.fault("paged", "expired_token", after=2)
    auth = {"kind": "oauth2", "value": value, **client}
    assert read(described(place, "pages", door, auth=auth)) == everything
    assert place.sandbox.traffic("paged")["by_kind"]["token"] == 2


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
