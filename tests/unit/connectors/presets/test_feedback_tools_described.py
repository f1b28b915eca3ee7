"""AskNicely, Retently and Zendesk, read by a description: rows as each vendor's documents show them, and its own ways
of being wrong. What every source promises is tried on the toys."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from described_tools import API, SINCE, opened, read
from fake_clock import Notices
from played_vendor import PlayedVendor, playing

from connectors import registry
from nps.errors import UnavailableError
from nps.responses import ResponseStatus


@pytest.fixture
def vendor() -> Iterator[PlayedVendor]:
    with playing(API) as played:
        yield played


# ---------------------------------------------------------------- AskNicely


def nicely(id: str, **more: Any) -> dict[str, Any]:
    row = {
        "response_id": id,
        "contact_id": "5",
        "email": "ann@acme.com",
        "answer": "9",
        "comment": "fine",
        "sent": "1772440000",
        "responded": "1772449200",
        "question_type": "nps",
        "customer_id_c": "C-1",
        "sfcontactid": "003A",
    }
    return row | more


def nicely_page(*rows: dict[str, Any], pages: str = "1") -> tuple[int, Any]:
    return 200, {"success": True, "total": "2", "totalpages": pages, "pagenumber": "1", "data": list(rows)}


def test_asknicely_is_asked_in_the_path_and_answers_in_texts(vendor: PlayedVendor) -> None:
    vendor.says = [nicely_page(nicely("1"), pages="2"), nicely_page(nicely("2", sent="0"), pages="2")]
    first, second = read("asknicely", page_size=1)
    assert vendor.asked[0].path.startswith("/v1/responses/asc/1/1/1767225600/json/answered/responded/")
    assert vendor.asked[1].path.startswith("/v1/responses/asc/1/2/1767225600/json/answered/responded/")
    assert vendor.asked[0].params == {"includestatustime": "yes"}
    assert vendor.asked[0].headers["x-apikey"] == "k-1"
    assert (first.score, first.external_id) == ("9", "C-1")
    assert first.answered_at == datetime(2026, 3, 2, 11, tzinfo=UTC)
    assert first.invited_at == datetime.fromtimestamp(1772440000, UTC)
    assert first.properties["sfcontactid"] == "003A"
    assert second.invited_at is None
    assert not second.problem


def test_asknicely_asks_csat_and_five_stars_too_and_they_are_left_out_of_nps(vendor: PlayedVendor) -> None:
    notices = Notices()
    vendor.says = [nicely_page(nicely("1"), nicely("2", question_type="csat", answer="5"))]
    assert [one.id for one in read("asknicely", notices)] == ["1"]
    assert ("rows_left_out", {"another_kind": 1}) in notices
    assert [one.id for one in read("asknicely", question_type="csat")] == ["2"]


@pytest.mark.parametrize("name", ["asknicely", "retently"])
def test_an_answer_that_does_not_say_what_was_asked_is_read_by_one_connection_alone(
    vendor: PlayedVendor, name: str
) -> None:
    vendor.says = [nicely_page(nicely("1", question_type=None))]
    other: dict[str, Any] = {"question_type": "csat"}
    if name == "retently":
        vendor.says, other = [retently_page(feedback("1", metricsType=None))], {"metric": "CSAT"}
    assert [one.id for one in read(name)] == ["1"]
    assert read(name, **other) == []


def test_a_success_of_asknicely_that_is_none_is_told(vendor: PlayedVendor) -> None:
    vendor.says = [(200, {"success": False, "error": "Too much data"})]
    with pytest.raises(UnavailableError, match="Too much data"):
        read("asknicely")


# ---------------------------------------------------------------- Retently


def feedback(id: str, **more: Any) -> dict[str, Any]:
    row = {
        "id": id,
        "email": "ann@acme.com",
        "customProps": [{"label": "Customer Id", "name": "customer_id", "type": "string", "value": "C-1"}],
        "campaignId": "c-1",
        "createdDate": "2026-03-02T11:00:00.000Z",
        "score": 9,
        "comment": "fine",
        "channel": "email",
        "metricsType": "NPS",
        "isBogus": False,
    }
    return row | more


def retently_page(*rows: dict[str, Any]) -> tuple[int, Any]:
    data = {"responses": list(rows), "page": 1, "pages": 1, "limit": 20, "total": len(rows)}
    return 200, {"message": "Success.", "code": 200, "data": data}


def test_retently_is_asked_oldest_first_and_its_key_has_no_other_word(vendor: PlayedVendor) -> None:
    vendor.says = [retently_page(feedback("1"))]
    [one] = read("retently")
    asked = vendor.asked[0]
    assert asked.headers["authorization"] == "api_key=k-1"
    assert asked.params["sort"] == "createdDate"
    assert asked.params["startDate"] == "2026-01-01T00:00:00Z"
    assert (one.score, one.survey, one.external_id, one.channel) == (9, "c-1", "C-1", "email")
    assert read("retently", customer_id="customer_id")[0].external_id == "C-1"


def test_what_retently_calls_bogus_does_not_count_and_other_metrics_are_left_out(
    vendor: PlayedVendor,
) -> None:
    vendor.says = [retently_page(feedback("1", isBogus=True), feedback("2", metricsType="CSAT", score=4))]
    [one] = read("retently")
    assert (one.id, one.status) == ("1", ResponseStatus.EXCLUDED)
    assert [each.id for each in read("retently", metric="CSAT")] == ["2"]


def test_a_success_of_retently_without_data_is_no_empty_list(vendor: PlayedVendor) -> None:
    vendor.says = [(200, {"message": "Campaign was archived.", "code": 409, "data": None})]
    with pytest.raises(UnavailableError, match="Campaign was archived"):
        read("retently")


# ---------------------------------------------------------------- Zendesk


def rating(id: int, score: str, **more: Any) -> dict[str, Any]:
    row = {"id": id, "requester_id": 7, "ticket_id": 99, "score": score, "comment": None, "reason": None}
    times = {"created_at": "2026-03-02T11:00:00Z", "updated_at": "2026-03-02T12:00:00Z"}
    return row | times | more


def ratings(*rows: dict[str, Any], more: bool = False, next: str | None = None) -> tuple[int, Any]:
    users = [{"id": 7, "email": "ann@acme.com", "phone": None, "external_id": "C-1"}]
    body = {"satisfaction_ratings": list(rows), "users": users}
    return 200, body | {"meta": {"has_more": more}, "links": {"next": next}}


def test_zendesk_ratings_are_csat_of_people_who_stand_beside_them(vendor: PlayedVendor) -> None:
    vendor.says = [ratings(rating(1, "good"), rating(2, "bad", comment="slow"))]
    good, bad = read("zendesk_csat")
    assert (good.score, good.email, good.external_id) == (5, "ann@acme.com", "C-1")
    assert (bad.score, bad.comment, bad.properties["rating"]) == (1, "slow", "bad")
    assert good.properties["ticket_id"] == 99
    asked = vendor.asked[0]
    user = base64.b64decode(asked.headers["authorization"].removeprefix("Basic ")).decode()
    assert user == "npsync@acme.com/token:k-1"
    assert asked.params["include"] == "users"
    assert asked.params["score"] == "received"
    assert asked.params["page[size]"] == "100"
    assert asked.params["start_time"] == "1767225600"
    assert registry.load("zendesk_csat").metrics == ("csat",)


def test_a_rating_that_was_only_offered_is_none(vendor: PlayedVendor) -> None:
    vendor.says = [ratings(rating(1, "offered"), rating(2, "good"), rating(3, "good_with_comment"))]
    assert [(one.id, one.score) for one in read("zendesk_csat")] == [("2", 5), ("3", 5)]


def test_a_last_page_of_zendesk_may_still_name_a_next_one(vendor: PlayedVendor) -> None:
    beyond = f"{API}/satisfaction_ratings?page[after]=x"
    vendor.says = [ratings(rating(1, "good"), more=True, next=beyond), ratings(rating(2, "bad"), next=beyond)]
    source = opened("zendesk_csat")
    pages = source.read(None, since=SINCE)
    assert {one.id for page in pages for one in page.responses} == {"1", "2"}
    assert {each.path for each in vendor.asked} == {"/v1/satisfaction_ratings"}


def test_a_rater_who_thinks_again_is_the_same_answer_with_another_score(vendor: PlayedVendor) -> None:
    vendor.says = [ratings(rating(1, "good"))]
    [before] = read("zendesk_csat")
    vendor.says = [ratings(rating(1, "bad", updated_at="2026-03-04T12:00:00Z"))]
    [after] = read("zendesk_csat")
    assert (before.id, before.score, after.id, after.score) == ("1", 5, "1", 1)
    assert before.answered_at == after.answered_at
