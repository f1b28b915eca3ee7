"""Whatever is asked of a toy survey tool, it answers in its own words: no call breaks it."""

from __future__ import annotations

import base64
from functools import cache
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_caller import ToyCaller

some = settings(max_examples=30, deadline=None)
NUMBERS = (
    "",
    "0",
    "-1",
    "1",
    "2",
    "1.5",
    "1e400",
    "nan",
    "inf",
    "9" * 20,
    "²",
    "٣",
    "true",
    "null",
    "[]",
    "{}",
)
TIMES = (
    "2026-03-01",
    "2026-03-01T12:00:00Z",
    "2026-03-01T12:00:00 00:00",
    "9999-12-31T23:59:59-12:00",
    "0001-01-01",
)
WORDS = (
    "asc",
    "desc",
    "json",
    "createdAt",
    "%",
    "\x00",
    "é",
    "a" * 300,
    "5f1a00000000000000000a01",
    "MTIz",
    "====",
)
odd = st.sampled_from((*NUMBERS, *TIMES, *WORDS)) | st.text(max_size=6)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | odd,
    lambda of: st.lists(of, max_size=3) | st.dictionaries(odd, of, max_size=3),
    max_leaves=6,
)


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


KEYS: dict[str, Any] = {
    "apptentive": lambda env: {"x-api-key": env["APPTENTIVE_KEY"]},
    "promoter": lambda env: {"authorization": f"Token {env['PROMOTER_KEY']}"},
    "typeform": lambda env: {"authorization": f"Bearer {env['TYPEFORM_TOKEN']}"},
    "surveymonkey": lambda env: {"authorization": f"Bearer {env['SURVEYMONKEY_TOKEN']}"},
    "formbricks": lambda env: {"x-api-key": env["FORMBRICKS_KEY"]},
    "retently": lambda env: {"authorization": f"api_key={env['RETENTLY_KEY']}"},
    "asknicely": lambda env: {"x-apikey": env["ASKNICELY_KEY"]},
    "satismeter": lambda env: {"authorization": f"Bearer {env['SATISMETER_KEY']}"},
    "zendesk": lambda env: {
        "authorization": basic(f"{env['ZENDESK_EMAIL']}/token", env["ZENDESK_TOKEN"]),
    },
    "qualtrics": lambda env: {"x-api-token": env["QUALTRICS_TOKEN"]},
    "paged": lambda env: {},
}
NO_LIMIT = dict.fromkeys(
    ("per_five_minutes", "per_second", "per_minute", "per_day", "per_10s", "per_60s", "exports_per_minute"), 0
)
LISTS = {
    "apptentive": (
        "/raw/v2/apps/5f1a00000000000000000a01/surveys/5f1d00000000000000000001/responses",
        ("page_size", "starts_after", "order"),
    ),
    "promoter": ("/api/v2/feedback/", ("page", "posted_date_0", "posted_date_1", "score", "score_type")),
    "typeform": (
        "/forms/Rel8tN/responses",
        ("page_size", "since", "until", "before", "after", "sort", "response_type", "completed"),
    ),
    "surveymonkey": (
        "/v3/surveys/509001/responses/bulk",
        (
            "page",
            "per_page",
            "start_modified_at",
            "end_created_at",
            "sort_by",
            "sort_order",
            "status",
            "simple",
        ),
    ),
    "formbricks": (
        "/api/v2/management/responses",
        ("limit", "skip", "sortBy", "order", "startDate", "endDate", "filterDateField", "surveyId"),
    ),
    "retently": ("/api/v2/feedback", ("page", "limit", "sort", "startDate", "endDate", "email")),
    "satismeter": (
        "/api/v3/projects/5c9a0000000000000000beef/responses",
        ("pageSize", "pageCursor", "startDate", "endDate"),
    ),
    "zendesk": (
        "/api/v2/satisfaction_ratings.json",
        ("page", "per_page", "page[size]", "page[after]", "score", "start_time", "end_time", "include"),
    ),
    "paged": ("/open/cursor", ("page", "cursor", "size", "since", "until", "survey")),
}


@cache
def tool(vendor: str) -> ToyCaller:
    opened = ToyCaller(vendor, customers=12, responses=20, limits=NO_LIMIT)
    opened.headers |= KEYS[vendor](opened.env)
    return opened


@pytest.mark.parametrize("vendor", LISTS)
@some
@given(data=st.data())
def test_a_list_takes_any_question(vendor: str, data: st.DataObject) -> None:
    path, names = LISTS[vendor]
    query = data.draw(st.dictionaries(st.sampled_from(names), odd, max_size=4))
    replied = tool(vendor).get(path, **query)
    assert replied.status < 500, (query, replied.body)
    assert replied.json is not None


@some
@given(parts=st.lists(odd.filter(lambda text: "/" not in text and text), min_size=5, max_size=8))
def test_a_path_takes_any_part(parts: list[str]) -> None:
    replied = tool("asknicely").get("/api/v1/responses/" + "/".join(quote(part) for part in parts))
    assert replied.status < 500, (parts, replied.body)


POSTS = {
    "promoter": ("/api/v2/survey/", ("campaign_id", "contact", "attributes", "email")),
    "surveymonkey": ("/v3/webhooks", ("name", "event_type", "object_ids", "subscription_url")),
    "formbricks": ("/api/v2/management/webhooks", ("name", "url", "triggers", "surveyIds")),
    "qualtrics": (
        "/fra1/API/v3/surveys/SV_0relationship1/export-responses",
        ("format", "startDate", "endDate", "limit", "useLabels"),
    ),
    "paged": ("/open/offset", ("offset", "limit", "since", "until")),
}


@pytest.mark.parametrize("vendor", POSTS)
@some
@given(data=st.data())
def test_a_call_takes_any_body(vendor: str, data: st.DataObject) -> None:
    path, names = POSTS[vendor]
    likely = st.sampled_from((["responseFinished"], "response_completed", "json", "http://127.0.0.1:9/x", 99))
    body = data.draw(anything | st.dictionaries(st.sampled_from(names), likely | anything, max_size=4))
    replied = tool(vendor).post(path, body)
    assert replied.status < 500, (body, replied.body)


@some
@given(raw=st.binary(max_size=12))
def test_a_body_need_not_be_json(raw: bytes) -> None:
    for vendor, (path, _) in POSTS.items():
        assert tool(vendor).call("POST", path, raw=raw).status < 500


@some
@given(
    fields=anything
    | st.dictionaries(st.sampled_from(("score", "email", "created_at", "survey", "raw")), anything)
)
def test_control_says_what_it_does_not_take(fields: Any) -> None:
    for vendor in ("typeform", "paged", "promoter"):
        object = "feedback" if vendor == "promoter" else "responses"
        replied = tool(vendor).call("POST", f"http://here/control/{vendor}/{object}", fields)
        assert replied.status < 500, (vendor, fields, replied.body)
