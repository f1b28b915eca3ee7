"""A Pulse for tests: a real HTTP server with some changes behind it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY = "a-key-of-pulse"
PER_CALL = 5
_START = datetime(2026, 3, 2, 9, tzinfo=UTC)

Change = dict[str, Any]


def given(number: int, *, change: str = "given", id: int | None = None, **answer: Any) -> Change:
    moment = (_START + timedelta(minutes=number)).isoformat()
    said = {"id": id or number, "at": moment, "score": number % 11, "customer": f"C-{number}", **answer}
    return {"number": number, "change": change, "at": moment, "answer": said}


@contextmanager
def played_pulse(changes: Sequence[Change]) -> Iterator[str]:
    """Its address, as long as it plays."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            allowed = self.headers["Authorization"] == f"Bearer {KEY}"
            after = int(parse_qs(urlsplit(self.path).query)["after"][0])
            later = [one for one in changes if one["number"] > after][:PER_CALL] if allowed else []
            body = "".join(json.dumps(one) + "\n" for one in later).encode()
            self.send_response(200 if allowed else 401)
            self.send_header("Content-Type", "application/x-ndjson")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
