"""One toy of the sandbox in this process: no port, no start, each test may have its own."""

from __future__ import annotations

import asyncio
import json
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from asgi_caller import Caller, Replied

from sandbox.server import Options, Sandbox

HERE = "http://127.0.0.1:8931"


@dataclass
class ToyInProcess:
    """`ToyInProcess("apptentive", customers=30, responses=40).get("/info")`"""

    vendor: str
    customers: int = 30
    responses: int = 40
    limits: Mapping[str, int] = field(default_factory=dict)
    pages: bool = False
    headers: dict[str, str] = field(default_factory=dict)  # of every call

    def __post_init__(self) -> None:
        options = Options(
            customers=self.customers,
            responses=self.responses,
            vendors=(self.vendor,),
            limits={self.vendor: self.limits},
            pages=self.pages,
        )
        self.sandbox = Sandbox(options)
        self.env = self.sandbox.env(HERE)
        self._caller = Caller(self.sandbox, headers={"host": urlsplit(HERE).netloc})
        # One loop for all calls: what a toy sends out leaves after the call that caused it.
        self._loop = asyncio.new_event_loop()
        weakref.finalize(self, self._loop.close)

    def call(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        **query: Any,
    ) -> Replied:
        """A path of the toy, or a whole address it told."""
        parts = urlsplit(path)
        path = (
            path.removeprefix(f"{parts.scheme}://{parts.netloc}") if parts.scheme else f"/{self.vendor}{path}"
        )
        if query:
            path += ("&" if "?" in path else "?") + urlencode(query)
        return self._called(method, path, body, {**self.headers, **(headers or {})})

    def _called(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Replied:
        return self._loop.run_until_complete(
            self._caller.calling(method, path, [body] if body else [], headers)
        )

    def get(self, path: str, **query: Any) -> Replied:
        return self.call("GET", path, **query)

    def post(self, path: str, body: Any, **query: Any) -> Replied:
        return self.call(
            "POST", path, json.dumps(body).encode(), {"content-type": "application/json"}, **query
        )

    def look(self, path: str) -> str:
        """A page for people."""
        return self._called("GET", path).body.decode()

    def control(self, method: str, path: str, body: Any = None) -> Any:
        raw = b"" if body is None else json.dumps(body).encode()
        replied = self._called(method, f"/control{path}", raw)
        assert replied.status < 300, f"{method} {path}: {replied.status} {replied.body[:500]!r}"
        if replied.headers.get("content-type", "").startswith("application/x-ndjson"):
            return [json.loads(line) for line in replied.body.splitlines()]
        return replied.json if replied.body else None

    def do(self, knob: str, **given: Any) -> Any:
        return self.control("POST", f"/{self.vendor}/do/{knob}", given)

    def add(self, object: str = "responses", **fields: Any) -> str:
        made: str = self.control("POST", f"/{self.vendor}/{object}", fields)["id"]
        return made

    def rows(self, object: str = "responses") -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.control("GET", f"/{self.vendor}/{object}")
        return rows

    def fault(self, kind: str, **rule: Any) -> None:
        self.control("POST", "/faults", {"vendor": self.vendor, "kind": kind, **rule})

    def settle(self, **how: Any) -> None:
        """Until nothing is on its way; `early=True`: retries need not wait."""
        self.control("POST", "/deliveries/settle", how)

    def later(self, seconds: float) -> None:
        self.control("POST", "/clock", {"advance": seconds})
