"""A sandbox in this process: its whole front, control and pages, called without a network."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from asgi_caller import Caller, Replied

from sandbox.server import Options, Sandbox

UNTIL = datetime(2026, 11, 2, tzinfo=UTC)


@dataclass
class ToyCaller:
    """`toy = ToyCaller("pretectum", customers=40); toy.call("GET", "/v1/my/businessareas")`"""

    vendor: str
    customers: int = 60
    headers: dict[str, str] = field(default_factory=dict)
    ugly: float = 0.25

    def __post_init__(self) -> None:
        options = Options(self.customers, 0, ugly=self.ugly, until=UNTIL, vendors=(self.vendor,))
        self.sandbox = Sandbox(options)
        self._caller = Caller(self.sandbox)
        self.env = self.sandbox.env("http://toys.example")

    def call(
        self, method: str, path: str, body: Any = None, raw: bytes | None = None, **query: Any
    ) -> Replied:
        """One call of the vendor's API; `body` goes as JSON, `raw` as it is."""
        sent = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        asked = f"{path}?{urlencode(query)}" if query else path
        headers = {"content-type": "application/json", **self.headers}
        return self._caller.call(method, f"/{self.vendor}{asked}", [sent], headers)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """One call of the control API; lines come as a list."""
        reply = self._caller.call(
            method, f"/control{path}", [json.dumps(body).encode()] if body is not None else []
        )
        assert reply.status < 400, f"{method} {path}: {reply.status} {reply.body[:500]!r}"
        if reply.headers.get("content-type", "").startswith("application/x-ndjson"):
            return [json.loads(line) for line in reply.body.splitlines()]
        return reply.json if reply.body else None

    def do(self, command: str, **arguments: Any) -> Any:
        return self.control("POST", f"/{self.vendor}/do/{command}", arguments)

    def rows(self, object: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.control("GET", f"/{self.vendor}/{object}")
        return rows

    def fault(self, kind: str, **rule: Any) -> None:
        self.control("POST", "/faults", {"vendor": self.vendor, "kind": kind, **rule})

    def advance(self, seconds: float) -> None:
        self.control("POST", "/clock", {"advance": seconds})

    def page(self, path: str) -> str:
        """What a person sees in a browser."""
        reply = self._caller.get(path)
        assert reply.status == 200, f"{path}: {reply.status}"
        return reply.body.decode()
