"""Somebody's webhook, for tests: keeps every request and answers as it is told."""

from __future__ import annotations

import contextlib
import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    headers: dict[str, str]  # names in lower case
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class PostBox:
    url: str = ""
    received: list[Received] = field(default_factory=list)
    answers: deque[tuple[int, bytes]] = field(default_factory=deque)  # used up first
    arrival: threading.Condition = field(default_factory=threading.Condition)
    usual: tuple[int, bytes] | Callable[[Received], tuple[int, bytes]] = (200, b"")

    def answer(self, received: Received) -> tuple[int, bytes]:
        if self.answers:
            return self.answers.popleft()
        return self.usual(received) if callable(self.usual) else self.usual

    def keep(self, received: Received) -> None:
        with self.arrival:
            self.received.append(received)
            self.arrival.notify_all()

    def wait(self, count: int) -> list[Received]:
        """The first `count` requests, however long they take within reason."""
        with self.arrival:
            assert self.arrival.wait_for(lambda: len(self.received) >= count, timeout=30)
            return self.received[:count]

    def take(self) -> list[Received]:
        """What came since the last look."""
        taken, self.received = self.received, []
        return taken


@contextlib.contextmanager
def post_box(answer: bytes = b"", status: int = 200) -> Iterator[PostBox]:
    box = PostBox(usual=(status, answer))

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            received = Received(self.command, self.path, headers, body)
            status, said = box.answer(received)
            box.keep(received)
            self.send_response(status)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(said)

        do_GET = do_POST = do_HEAD = _answer

        def log_message(self, format: str, *args: Any) -> None:
            """Tests read `received` instead."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    box.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield box
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
