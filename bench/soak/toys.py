"""The sandbox as the soak sees it: its control API, and the process it lives in."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).parents[2]
Row = dict[str, Any]


@dataclass
class Sandbox:
    url: str
    env: Mapping[str, str]
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.session.trust_env = False

    def call(self, method: str, path: str, body: Any = None) -> Any:
        reply = self.session.request(method, f"{self.url}/control{path}", json=body, timeout=60)
        if not reply.ok:
            raise RuntimeError(f"{method} {path}: {reply.status_code} {reply.text[:300]}")
        if reply.headers.get("content-type", "").startswith("application/x-ndjson"):
            return [json.loads(line) for line in reply.content.splitlines()]
        return reply.json() if reply.content else None

    def rows(self, vendor: str, object: str) -> list[Row]:
        rows: list[Row] = self.call("GET", f"/{vendor}/{object}")
        return rows

    def contacts(self) -> list[Row]:
        """Salesforce contacts that are not in the recycle bin."""
        return [row for row in self.rows("salesforce", "Contact") if not row["IsDeleted"]]

    def leads(self) -> list[Row]:
        return self.rows("hubspot", "contacts")

    def do(self, vendor: str, command: str, **arguments: Any) -> Any:
        return self.call("POST", f"/{vendor}/do/{command}", arguments)


@contextmanager
def living_sandbox(customers: int, seed: int) -> Iterator[Sandbox]:
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--with-parent", "--ugly", "10%"]
    command += ["--customers", str(customers), "--seed", str(seed)]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        ready = json.loads(process.stdout.readline())
        yield Sandbox(ready["url"], ready["env"])
    finally:
        process.stdin.close()
        process.wait(timeout=20)
        process.stdout.close()
