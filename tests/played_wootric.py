"""Wootric as far as a reader sees it, played by a list of rows, and a source that reads it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import requests
import responses
from fake_clock import Calls, FakeClock, MemoryInMemory, Notices, fake_tools

from connectors.wootric.settings import WootricSettings
from connectors.wootric.source import Wootric
from nps.responses import Cursor, SurveyResponse

BASE = "https://api.wootric.com"
SECRET = "s3cr3t"
MONDAY = 1_772_000_000  # some second before the fake clock's now

Answer = tuple[int, Mapping[str, str], str]


def at(second: int, offset: str = " +0000") -> str:
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%d %H:%M:%S}{offset}"


def answer(number: int, second: int | None = None, **overrides: Any) -> dict[str, Any]:
    moment = at(MONDAY + number if second is None else second)
    row = {"id": number, "end_user_id": 9000 + number, "survey_id": 7, "score": 9, "text": "", "tags": []}
    row |= {"completed": True, "excluded_from_calculations": False, "created_at": moment}
    return row | {"updated_at": moment, "end_user": {"email": f"p{number}@acme.com"}} | overrides


def end_user(number: int, second: int = MONDAY, **overrides: Any) -> dict[str, Any]:
    row = {"id": number, "email": f"u{number}@acme.com", "phone_number": None, "external_id": None}
    return row | {"updated_at": at(second), "last_response": None} | overrides


class Vendor:
    """Wootric as far as a reader sees it."""

    def __init__(self) -> None:
        self.answers: list[dict[str, Any]] = []
        self.end_users: list[dict[str, Any]] = []
        self.tokens = 0
        self.revoked = 0  # tokens up to this one are refused
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.headers: dict[str, str] = {}
        self.sign_in: Answer | None = None

    def token(self, request: requests.PreparedRequest) -> Answer:
        self.asked.append(("/oauth/token", dict(parse_qsl(str(request.body)))))
        if self.sign_in is not None:
            return self.sign_in
        self.tokens += 1
        return 200, {}, json.dumps({"access_token": f"token-{self.tokens}", "expires_in": 7200})

    def list_answers(self, request: requests.PreparedRequest) -> Answer:
        return self._list(request, self.answers, "created")

    def list_end_users(self, request: requests.PreparedRequest) -> Answer:
        return self._list(request, self.end_users, "updated")

    def one_end_user(self, request: requests.PreparedRequest) -> Answer:
        path = urlsplit(str(request.url)).path
        self.asked.append((path, {}))
        found = [row for row in self.end_users if row["id"] == int(path.rsplit("/", 1)[1])]
        return (200, {}, json.dumps(found[0])) if found else (404, {}, "{}")

    def _list(self, request: requests.PreparedRequest, rows: list[dict[str, Any]], name: str) -> Answer:
        url = urlsplit(str(request.url))
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        self.asked.append((url.path, query))
        if int(str(request.headers["Authorization"]).rsplit("-", 1)[1]) <= self.revoked:
            return 401, {}, "{}"
        page, size = int(query["page"]), int(query["per_page"])
        if page > 30 or size > 50:
            return 400, {}, '{"error": "over the wall"}'
        start = int(query.get(f"{name}[gte]", 0))
        column = f"{name}_at"
        listed = sorted(rows, key=lambda row: (second_of(row[column]), row["id"]))
        if query.get("sort_order") != "asc":
            listed.reverse()
        listed = [row for row in listed if second_of(row[column]) >= start]
        return 200, self.headers, json.dumps(listed[(page - 1) * size : page * size])

    def calls(self, path: str) -> int:
        return sum(asked == path for asked, _ in self.asked)


@cache
def second_of(text: str) -> int:
    return int(datetime.strptime(text, "%Y-%m-%d %H:%M:%S %z").timestamp())


@contextmanager
def playing_vendor() -> Iterator[Vendor]:
    played = Vendor()
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.add_callback(responses.POST, f"{BASE}/oauth/token", callback=played.token)
        mock.add_callback(responses.GET, f"{BASE}/v1/responses", callback=played.list_answers)
        mock.add_callback(responses.GET, f"{BASE}/v1/end_users", callback=played.list_end_users)
        mock.add_callback(
            responses.GET, re.compile(rf"{BASE}/v1/end_users/\d+"), callback=played.one_end_user
        )
        yield played


def wootric(
    clock: FakeClock | None = None,
    memory: MemoryInMemory | None = None,
    notice: Notices | None = None,
    count_call: Calls | None = None,
    **settings: Any,
) -> Wootric:
    signed = {"client_id": "id", "client_secret": SECRET} | settings
    tools = fake_tools("inmoment", clock=clock, memory=memory, notice=notice, count_call=count_call)
    return Wootric(WootricSettings.model_validate(signed), tools)


def read(
    source: Wootric, cursor: Cursor | None = None, since: datetime | None = None
) -> list[SurveyResponse]:
    return [one for page in source.read(cursor, since=since) for one in page.responses]


def ids(answers: list[SurveyResponse]) -> list[int]:
    return [int(one.id) for one in answers]
