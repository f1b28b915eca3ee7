"""The two processes beside the harness: the town that is copied, and the nursery whose children die."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).parents[2]
PATIENCE = 120.0  # seconds for one command; a hang is a violation like any other
KILLED = -9
NEVER = ("", -1)  # a boundary that does not come


class Helper:
    """A process that answers a line with a line, to one thread at a time."""

    def __init__(self, module: str) -> None:
        self._turn = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", module],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def ask(self, command: Mapping[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._turn:
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()
            ready, _, _ = select.select([self._process.stdout], [], [], PATIENCE)
            if not ready:
                raise TimeoutError(f"no answer within {PATIENCE:g} s to {command}")
            line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the process ended; its error is above. It was asked {command}")
        return json.loads(line)

    def close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Nursery(Helper):
    """Runs `npsync`."""

    def __init__(self) -> None:
        super().__init__("bench.crash.nursery")

    def run(
        self,
        arguments: Sequence[str],
        folder: Path,
        env: Mapping[str, str],
        *,
        log: str,
        die_at: tuple[str, int] = NEVER,
        without_journal: bool = False,
    ) -> int:
        """The exit code of one command in `folder`; its output is in the files `out` and `err` there, and the
        boundaries it came to in `log`. `die_at`: see boundaries.py."""
        return int(
            self.ask(
                {
                    "arguments": list(arguments),
                    "folder": str(folder),
                    "env": {**_surroundings(), **env},
                    "log": str(folder / log),
                    "die_at": die_at,
                    "without_journal": without_journal,
                }
            )
        )


@dataclass(frozen=True)
class Copy:
    """A town of its own, over HTTP."""

    url: str
    env: Mapping[str, str]
    session: requests.Session

    def rows(self, vendor: str, object: str) -> list[dict[str, Any]]:
        return self._lines(f"{vendor}/{object}")

    def writes(self, vendor: str, object: str) -> list[dict[str, Any]]:
        """Every write the vendor saw: id, at, fields {name: [old, new]}."""
        return self._lines(f"traffic/writes/{vendor}/{object}")

    def lose_replies(self, vendor: str, path: str, times: int) -> None:
        """The vendor does what it is asked, and its answer gets lost."""
        fault = {"vendor": vendor, "kind": "lost_reply", "path": path, "times": times}
        self.session.post(f"{self.url}/control/faults", json=fault, timeout=60).raise_for_status()

    def _lines(self, path: str) -> list[dict[str, Any]]:
        reply = self.session.get(f"{self.url}/control/{path}", timeout=60)
        reply.raise_for_status()
        return [json.loads(line) for line in reply.content.splitlines()]


class Town(Helper):
    """The sandbox before it is copied. Whoever changes it changes the copies made from then on."""

    def __init__(self) -> None:
        super().__init__("bench.crash.town")

    def add(self, vendor: str, object: str, **fields: Any) -> str:
        known = {name: value for name, value in fields.items() if value is not None}
        return str(self.ask({"add": [vendor, object, known]})["id"])

    def change(self, vendor: str, object: str, id: str, **fields: Any) -> None:
        self.ask({"change": [vendor, object, id, fields]})

    @contextmanager
    def copy(self) -> Iterator[Copy]:
        serving = self.ask({"serve": True})
        try:
            with requests.Session() as session:
                session.trust_env = False
                yield Copy(serving["url"], serving["env"], session)
        finally:
            self.ask({"stop": serving["pid"]})


def _surroundings() -> dict[str, str]:
    ours = ("NPSYNC_", "SF_", "SALESFORCE_", "HUBSPOT_", "WOOTRIC_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
