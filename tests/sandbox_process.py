"""The sandbox as tests use it: a real process, reached over real HTTP."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

_ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class RunningSandbox:
    url: str
    env: Mapping[str, str]  # the variables of config.example.yaml
    session: requests.Session
    pid: int

    def control(self, method: str, path: str, body: Any = None, **params: str) -> Any:
        """One call of the control API (its list is sandbox/control.py's docstring); lines come as a list.

        `sandbox.control("POST", "/faults", {"vendor": "salesforce", "kind": "lost_reply"})`
        """
        reply = self.session.request(
            method, f"{self.url}/control{path}", json=body, params=params, timeout=60
        )
        assert reply.ok, f"{method} {path}: {reply.status_code} {reply.text[:500]}"
        if reply.headers.get("content-type", "").startswith("application/x-ndjson"):
            return [json.loads(line) for line in reply.content.splitlines()]
        return reply.json() if reply.content else None

    def rows(self, vendor: str, object: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.control("GET", f"/{vendor}/{object}")
        return rows

    def fault(self, vendor: str, kind: str, **rule: Any) -> None:
        """The next request that matches goes wrong: `fault("salesforce", "status", status=503, times=2)`."""
        self.control("POST", "/faults", {"vendor": vendor, "kind": kind, **rule})

    def traffic(self, vendor: str) -> dict[str, Any]:
        """Calls and writes since the start or the last `forget_traffic`."""
        nothing = {"calls": 0, "by_kind": {}, "statuses": {}, "too_many": 0, "busiest_10s": 0}
        written: dict[str, Any] = {"records_written": {}, "fields_written": {}, "fields_changed": {}}
        return {**nothing, **written, **self.control("GET", "/traffic").get(vendor, {})}

    def forget_traffic(self) -> None:
        self.control("DELETE", "/traffic")


@contextlib.contextmanager
def running_sandbox(
    *flags: str,
    customers: int = 100,
    responses: int = 150,
    seed: int = 7,
    faults: str = "none",
    **options: object,
) -> Iterator[RunningSandbox]:
    """A sandbox for the length of a `with`. Options are those of `python -m sandbox` (`latency="50ms"`,
    `ugly="10%"`); further flags come as they are: `running_sandbox("--limit", "salesforce.daily=20")`."""
    named = {"customers": customers, "responses": responses, "seed": seed, "faults": faults, **options}
    spelled = [text for name, value in named.items() for text in (f"--{name.replace('_', '-')}", str(value))]
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--with-parent", *spelled, *flags]
    process = subprocess.Popen(
        command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, f"the sandbox ended at once (exit {process.wait()}); its error is above"
        ready = json.loads(line)
        with requests.Session() as session:
            session.trust_env = False
            yield RunningSandbox(ready["url"], ready["env"], session, process.pid)
    finally:
        process.stdin.close()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
