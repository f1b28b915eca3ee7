"""A proxy between a connector and the sandbox that spoils answers: what no vendor does on purpose and every network
does once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import urllib3


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Spoil:
    """What to do with the answers of calls `of` (method, path), `times` of them."""

    of: Callable[[str, str], bool]
    how: Callable[[Answer], Answer]
    times: int | None = 1


class Proxy:
    """Passes everything on to `target`."""

    def __init__(self, target: str) -> None:
        self.spoils: list[Spoil] = []
        self.spoilt = 0
        self.spoilt_paths: set[str] = set()
        self._lock = threading.Lock()
        pool = urllib3.PoolManager(maxsize=16, retries=False)
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

            def answer(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                headers = {
                    name: value
                    for name, value in self.headers.items()
                    # With the host they asked: links in an answer lead through here again.
                    if name.lower() != "accept-encoding"
                }
                sent = self.rfile.read(size)
                got = pool.request(self.command, target + self.path, body=sent or None, headers=headers)
                kept = {
                    name: value
                    for name, value in got.headers.items()
                    if name.lower() not in ("content-length", "transfer-encoding", "connection")
                }
                told = proxy.spoil(self.command, self.path, Answer(got.status, kept, got.data))
                self.send_response(told.status)
                for name, value in told.headers.items():
                    self.send_header(name, value)
                if told.status != 204:
                    self.send_header("Content-Length", str(len(told.body)))
                self.end_headers()
                self.wfile.write(told.body)

            do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = answer

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def spoil(self, method: str, path: str, answer: Answer) -> Answer:
        with self._lock:
            for place, one in enumerate(self.spoils):
                if one.times != 0 and one.of(method, path):
                    if one.times is not None:
                        self.spoils[place] = replace(one, times=one.times - 1)
                    self.spoilt += 1
                    self.spoilt_paths.add(path)
                    return one.how(answer)
        return answer

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


@contextmanager
def proxy_before(given: dict[str, Any]) -> Iterator[tuple[Proxy, dict[str, Any]]]:
    """A proxy before a connection's `base_url`, and the settings that lead through it."""
    scheme, _, rest = str(given["base_url"]).partition("://")
    host, slash, path = rest.partition("/")
    proxy = Proxy(f"{scheme}://{host}")
    try:
        yield proxy, given | {"base_url": f"{proxy.url}{slash}{path}"}
    finally:
        proxy.close()


# ---------------------------------------------------------------- ways to spoil


def cut(answer: Answer) -> Answer:
    """The last third of the body never came."""
    return replace(answer, body=answer.body[: max(len(answer.body) * 2 // 3, 1)])


def page(answer: Answer) -> Answer:
    """A proxy's sign-in page, which has status 200."""
    return Answer(200, {"Content-Type": "text/html"}, b"<html><body>Please sign in</body></html>")


def nothing(answer: Answer) -> Answer:
    return replace(answer, body=b"")
