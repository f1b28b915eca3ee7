"""A row of Wootric as an answer: times, scores, what must not count, and junk."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import responses
from fake_clock import Notices
from hypothesis import given
from hypothesis import strategies as st
from played_wootric import BASE, MONDAY, Vendor, answer, read, wootric

from connectors.wootric.rows import NOBODY, Moments, response
from nps.responses import ResponseStatus, SurveyResponse


def only(vendor: Vendor, *rows: dict[str, Any], **settings: Any) -> SurveyResponse:
    vendor.answers = list(rows)
    [one] = read(wootric(**settings))
    return one


def test_a_row_becomes_an_answer(vendor: Vendor) -> None:
    row = answer(1, MONDAY, score=0, text="Zoë said: =cmd()\n😀", tags=["PRICE"], survey_id=1146)
    row["end_user"] |= {"properties": {"plan": "pro"}}
    assert only(vendor, row) == SurveyResponse(
        source="inmoment",
        id="1",
        answered_at=datetime.fromtimestamp(MONDAY, UTC),
        updated_at=datetime.fromtimestamp(MONDAY, UTC),
        survey="1146",
        score=0,
        comment="Zoë said: =cmd()\n😀",
        email="p1@acme.com",
        properties={"plan": "pro", "tags": ["PRICE"]},
    )


@pytest.mark.parametrize("score", [10, 0, 9.5, "9", "", None, "Extremely likely - 10"])
def test_a_score_is_handed_over_as_it_came(vendor: Vendor, score: Any) -> None:
    assert only(vendor, answer(1, score=score)).score == score


@pytest.mark.parametrize("score", [True, [9], {"value": 9}])
def test_a_score_of_another_kind_becomes_text_nobody_takes_for_one(vendor: Vendor, score: Any) -> None:
    assert only(vendor, answer(1, score=score)).score == json.dumps(score, separators=(",", ":"))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2016-12-16 09:05:00 -0800", datetime(2016, 12, 16, 17, 5, tzinfo=UTC)),
        ("2016-12-16 09:05:00 +0530", datetime(2016, 12, 16, 3, 35, tzinfo=UTC)),
        ("2016-12-16 09:05:00", datetime(2016, 12, 16, 9, 5, tzinfo=UTC)),
        ("2016-08-04T13:57:26.558-07:00", datetime(2016, 8, 4, 20, 57, 26, 558_000, tzinfo=UTC)),
        ("2016-08-04T13:57:26.558Z", datetime(2016, 8, 4, 13, 57, 26, 558_000, tzinfo=UTC)),
    ],
)
def test_every_way_to_write_a_time_is_read_into_utc(vendor: Vendor, text: str, moment: datetime) -> None:
    assert only(vendor, answer(1, updated_at=text)).updated_at == moment


def test_times_without_an_offset_are_taken_as_utc_and_said_once(vendor: Vendor) -> None:
    notices = Notices()
    vendor.answers = [answer(n, updated_at="2026-01-01 10:00:00") for n in range(1, 60)]
    read(wootric(notice=notices))
    assert [event for event, _ in notices] == ["wootric_time_without_offset"]


@pytest.mark.parametrize("moment", ["yesterday", "", 5, None, "2026-02-30 10:00:00 +0000"])
def test_a_row_with_a_broken_date_becomes_a_problem_and_the_rest_is_read(vendor: Vendor, moment: Any) -> None:
    with responses.RequestsMock() as mock:
        mock.add_callback(responses.POST, f"{BASE}/oauth/token", callback=vendor.token)
        rows = [answer(1), answer(2, created_at=moment), answer(3)]
        pages = [rows, []]
        mock.add_callback(
            responses.GET,
            f"{BASE}/v1/responses",
            callback=lambda request: (200, {}, json.dumps(pages[0 if "page=1&" in str(request.url) else 1])),
        )
        one, two, three = read(wootric())
    assert two.id == "2"
    assert two.problem == "answer 2 has no readable date"
    assert one.problem is three.problem is None


def test_a_row_without_an_id_keeps_the_same_made_up_one(vendor: Vendor) -> None:
    row = answer(1)
    row["id"] = None
    with responses.RequestsMock() as mock:
        mock.add_callback(responses.POST, f"{BASE}/oauth/token", callback=vendor.token)
        mock.add_callback(
            responses.GET,
            f"{BASE}/v1/responses",
            callback=lambda request: (200, {}, json.dumps([row] if "page=1&" in str(request.url) else [])),
        )
        [first], [second] = read(wootric()), read(wootric())
    assert first == second
    assert first.id.startswith("unreadable-")
    assert first.problem


def test_what_must_not_count_is_excluded(vendor: Vendor) -> None:
    assert only(vendor, answer(1, excluded_from_calculations=True)).status is ResponseStatus.EXCLUDED


def test_not_completed_waits_only_when_the_settings_say_so(vendor: Vendor) -> None:
    row = answer(1, completed=False)
    assert only(vendor, row).status is ResponseStatus.COMPLETE
    assert only(vendor, row, partial_when_incomplete=True).status is ResponseStatus.PARTIAL


@pytest.mark.parametrize(
    ("properties", "read_as"),
    [('{"plan": "x"}', {"plan": "x"}), ("not json", {}), (None, {}), ({"a": 1}, {"a": 1}), ("[1]", {})],
)
def test_properties_may_come_as_a_string(vendor: Vendor, properties: Any, read_as: Any) -> None:
    assert (
        only(vendor, answer(1, end_user={"email": "a@b.c", "properties": properties})).properties == read_as
    )


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(
    junk=st.dictionaries(st.sampled_from(sorted({**answer(1), "extra": 0})), JUNK, max_size=6),
    end_user=JUNK | st.dictionaries(st.sampled_from(["email", "properties", "external_id"]), JUNK),
)
def test_no_row_whatever_stops_the_reading(junk: dict[str, Any], end_user: Any) -> None:
    row = answer(1) | {"end_user": end_user} | junk
    times = Moments(lambda: None)
    one, again = (
        response(row, NOBODY, source="x", moments=times, channel=None, partial_when_incomplete=True)
        for _ in range(2)
    )
    assert one == again
    assert one.id
    assert all(isinstance(text, str | None) for text in (one.email, one.comment, one.survey, one.phone))


def test_rows_without_an_id_are_never_taken_for_one_another(vendor: Vendor) -> None:
    pages = [[answer(1, MONDAY, id=None, text="a")], [answer(1, MONDAY, id=None, text="b")], []]
    with responses.RequestsMock() as mock:
        mock.add_callback(responses.POST, f"{BASE}/oauth/token", callback=vendor.token)
        mock.add_callback(
            responses.GET,
            f"{BASE}/v1/responses",
            callback=lambda request: (200, {}, json.dumps(pages[int(page_of(request)) - 1])),
        )
        assert len({one.id for one in read(wootric())}) == 2


def page_of(request: requests.PreparedRequest) -> str:
    return parse_qs(urlsplit(str(request.url)).query)["page"][0]
