"""Two real processes on one store: together they keep the vendor's limit, and of one renewed token both live."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs

import sharing_process
from sandbox_process import running_sandbox

SEARCHES = 10  # of each process; HubSpot takes 5 a second

YAML = """
time_zone: UTC
store: sqlite:///npsync.db
connections:
  marketing: {type: hubspot, token: "${HUBSPOT_TOKEN}", base_url: "${HUBSPOT_URL}"}
"""


def both(folder: Path, *arguments: str, env: dict[str, str] | None = None) -> list[int]:
    """Two of them, let go at the same moment."""
    command = [sys.executable, sharing_process.__file__, *arguments]
    path = {"PYTHONPATH": os.pathsep.join(sys.path)}
    started = [
        subprocess.Popen(
            command, cwd=folder, env={**os.environ, **path, **(env or {})}, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == sharing_process.ANSWERED, "its error is above"
    (folder / "go").touch()
    codes = [process.wait(timeout=60) for process in started]
    for process in started:
        assert process.stdout is not None
        process.stdout.close()
    return codes


def test_two_processes_keep_the_vendors_limit_together(tmp_path: Path, sqlite_url: str) -> None:
    (tmp_path / "npsync.yaml").write_text(YAML, encoding="utf-8")
    with running_sandbox(customers=1, responses=0) as sandbox:
        assert both(tmp_path, "search", str(tmp_path), str(SEARCHES), env=dict(sandbox.env)) == [0, 0]
        traffic = sandbox.traffic("hubspot")
    assert traffic["by_kind"]["search"] == 2 * SEARCHES
    assert traffic["too_many"] == 0


class RotatingTool(BaseHTTPRequestHandler):
    """Takes each refresh token once, as many tools do: who comes with an old one has lost his access for good."""

    protocol_version = "HTTP/1.1"
    renewed: ClassVar[list[str]] = []
    turn: ClassVar[threading.Lock] = threading.Lock()

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        sent = form["refresh_token"][0]
        with self.turn:
            fresh = sent == f"r-{len(self.renewed)}"
            self.renewed.append(sent)
        number = len(self.renewed)
        granted = {"access_token": f"t-{number}", "refresh_token": f"r-{number}", "expires_in": 3600}
        self._say(*((200, granted) if fresh else (400, {"error": "invalid_grant"})))

    def do_GET(self) -> None:
        latest = self.headers["Authorization"] == f"Bearer t-{len(self.renewed)}"
        self._say(*((200, {}) if latest else (401, {})))

    def _say(self, status: int, said: dict[str, Any]) -> None:
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads it."""


@contextmanager
def rotating_tool() -> Iterator[str]:
    RotatingTool.renewed.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), RotatingTool)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_token_is_renewed_by_one_process_and_the_other_takes_over_what_it_got(
    tmp_path: Path, sqlite_url: str
) -> None:
    with rotating_tool() as url:
        assert both(tmp_path, "renew", str(tmp_path), url) == [0, 0]
    assert RotatingTool.renewed == ["r-0"]
