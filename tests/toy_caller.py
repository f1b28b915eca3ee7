"""A sandbox in this process: its whole front, control and pages, called without a network, a port or a start."""

from __future__ import annotations

import asyncio
import json
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from asgi_caller import Caller, Replied

from sandbox.server import Options, Sandbox

UNTIL = datetime(2026, 11, 2, tzinfo=UTC)
HERE = "http://toys.example"


@dataclass
class ToyCaller:
    """`toy = ToyCaller("pretectum", customers=40); toy.call("GET", "/v1/my/businessareas")`"""

    vendor: str
    customers: int = 60
    headers: dict[str, str] = field(default_factory=dict)  # of every call; {NAME} is what `env` holds
    ugly: float = 0.25
    responses: int = 0
    limits: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        options = Options(
            self.customers,
            self.responses,
            ugly=self.ugly,
            until=UNTIL,
            vendors=(self.vendor,),
            limits={self.vendor: self.limits},
        )
        self.sandbox = Sandbox(options)
        self._caller = Caller(self.sandbox, headers={"host": urlsplit(HERE).netloc})
        self.env = self.sandbox.env(HERE)
        self.headers = {name: text.format_map(self.env) for name, text in self.headers.items()}
        # One loop for all calls: what a toy sends out leaves after the call that caused it.
        self._loop = asyncio.new_event_loop()
        weakref.finalize(self, self._loop.close)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        **query: Any,
    ) -> Replied:
        """One call of the vendor's API, by a path or a whole address that it told; `body` goes as JSON, `raw` as it
        is."""
        parts = urlsplit(path)
        here = (
            path.removeprefix(f"{parts.scheme}://{parts.netloc}") if parts.scheme else f"/{self.vendor}{path}"
        )
        if query:
            here += ("&" if "?" in here else "?") + urlencode(query)
        sent = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        return self._called(
            method, here, sent, {"content-type": "application/json", **self.headers, **(headers or {})}
        )

    def get(self, path: str, **query: Any) -> Replied:
        return self.call("GET", path, **query)

    def post(self, path: str, body: Any, **query: Any) -> Replied:
        return self.call("POST", path, body, **query)

    def _called(
        self, method: str, path: str, sent: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Replied:
        return self._loop.run_until_complete(
            self._caller.calling(method, path, [sent] if sent else [], headers)
        )

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """One call of the control API; lines come as a list."""
        reply = self._called(
            method, f"/control{path}", json.dumps(body).encode() if body is not None else b""
        )
        assert reply.status < 400, f"{method} {path}: {reply.status} {reply.body[:500]!r}"
        if reply.headers.get("content-type", "").startswith("application/x-ndjson"):
            return [json.loads(line) for line in reply.body.splitlines()]
        return reply.json if reply.body else None

    def do(self, command: str, **arguments: Any) -> Any:
        return self.control("POST", f"/{self.vendor}/do/{command}", arguments)

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

    def hang_up(self) -> None:
        """Nobody is told anything any more, and what was told is forgotten."""
        self.do("webhook", url=None)
        self.control("DELETE", "/deliveries")

    def advance(self, seconds: float) -> None:
        self.control("POST", "/clock", {"advance": seconds})

    def page(self, path: str) -> str:
        """What a person sees in a browser."""
        reply = self._called("GET", path)
        assert reply.status == 200, f"{path}: {reply.status}"
        return reply.body.decode()
