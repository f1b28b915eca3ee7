"""Any vendor over HTTP, played by a list of replies: what it was asked is kept, and nothing else is let out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson
import requests
import responses


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(self.pairs)

    @property
    def pairs(self) -> list[tuple[str, str]]:
        return parse_qsl(self.body.decode(), keep_blank_values=True)

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


Said = tuple[int, Any] | tuple[int, Any, Mapping[str, str]] | Exception


@dataclass
class PlayedVendor:
    """`says` is answered in order, the last one again and again; by path where `at` has a list for it."""

    says: list[Said] = field(default_factory=list)
    at: dict[str, list[Said]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def answer(self, request: requests.PreparedRequest) -> tuple[int, Mapping[str, str], bytes | str]:
        parts = urlsplit(request.url or "")
        body = request.body or b""
        self.asked.append(
            Asked(
                request.method or "",
                parts.path,
                dict(parse_qsl(parts.query)),
                {name.lower(): str(value) for name, value in request.headers.items()},
                body.encode() if isinstance(body, str) else body,
            )
        )
        says = self.at.get(parts.path, self.says)
        said = says.pop(0) if len(says) > 1 else says[0]
        if isinstance(said, Exception):
            raise said
        status, content, *more = said
        headers = {"Content-Type": "application/json", **(more[0] if more else {})}
        return status, headers, content if isinstance(content, str | bytes) else orjson.dumps(content)

    def sent(self, method: str = "POST") -> list[Asked]:
        return [each for each in self.asked if each.method == method]


@contextmanager
def playing(base: str) -> Iterator[PlayedVendor]:
    vendor = PlayedVendor()
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        for method in (responses.GET, responses.POST, responses.PUT, responses.PATCH):
            mock.add_callback(method, re.compile(re.escape(base) + ".*"), callback=vendor.answer)
        yield vendor
