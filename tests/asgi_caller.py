"""An HTTP client for an ASGI application in this process, and a memory of what arrived."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote


@dataclass(frozen=True)
class Replied:
    status: int
    headers: Mapping[str, str]
    body: bytes
    cookies: Sequence[str] = ()  # every Set-Cookie

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Caller:
    """`Caller(app).post("/hooks/crm", b"{}")`"""

    app: Any  # an ASGI application
    address: str = "203.0.113.9"
    headers: Mapping[str, str] = field(default_factory=dict)

    def post(self, path: str, body: bytes = b"", **headers: str) -> Replied:
        return self.call("POST", path, [body], {"content-length": str(len(body)), **headers})

    def get(self, path: str, **headers: str) -> Replied:
        return self.call("GET", path, [], headers)

    def call(
        self, method: str, path: str, chunks: Sequence[bytes] = (), headers: Mapping[str, str] | None = None
    ) -> Replied:
        return asyncio.run(self.calling(method, path, chunks, headers))

    async def calling(
        self, method: str, path: str, chunks: Sequence[bytes] = (), headers: Mapping[str, str] | None = None
    ) -> Replied:
        path, _, query = path.partition("?")
        given = {"host": "evil.example", **self.headers, **(headers or {})}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [
                (name.replace("_", "-").lower().encode(), value.encode("latin-1"))
                for name, value in given.items()
            ],
            "client": (self.address, 50000),
            "server": ("127.0.0.1", 8642),
            "state": {},
        }
        waiting = list(chunks)
        sent: list[dict[str, Any]] = []

        ended = False

        async def receive() -> dict[str, Any]:
            nonlocal ended
            if ended:
                await asyncio.Event().wait()  # until the caller goes away, and this one stays
            ended = len(waiting) <= 1
            chunk = waiting.pop(0) if waiting else b""
            return {"type": "http.request", "body": chunk, "more_body": bool(waiting)}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        self.unread = len(waiting)
        headers_sent = {name.decode(): value.decode("latin-1") for name, value in sent[0]["headers"]}
        body = b"".join(message.get("body", b"") for message in sent[1:])
        cookies = [value.decode("latin-1") for name, value in sent[0]["headers"] if name == b"set-cookie"]
        return Replied(sent[0]["status"], headers_sent, body, cookies)
