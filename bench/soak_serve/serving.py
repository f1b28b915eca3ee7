"""`npsync serve` as a process, its web beside it, and how much memory both take."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
NPSYNC = [sys.executable, "-c", "from npsync.cli import main; main()"]
PATIENCE = 60.0
SAMPLED_EVERY = 5.0
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Sample:
    at: float
    pid: int
    who: str  # serve or web
    bytes: int


@dataclass
class Serving:
    """One serve after the other on one store; all of them log into one file."""

    folder: Path
    env: Mapping[str, str]
    port: int
    samples: list[Sample] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)  # with which a serve ended
    up: list[tuple[float, float]] = field(default_factory=list)  # from when to when each answered
    slow_to_end: float = 0.0
    _process: subprocess.Popen[bytes] | None = None
    _web: int | None = None

    @property
    def log(self) -> Path:
        return self.folder / "serve.log"

    @property
    def store(self) -> Path:
        return self.folder / "npsync.db"

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*NPSYNC, "serve", "--json", "--listen", f"127.0.0.1:{self.port}"],
                cwd=self.folder,
                env={**os.environ, **self.env, "PYTHONPATH": os.environ.get("PYTHONPATH", str(ROOT))},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise SystemExit(f"npsync serve does not answer:\n{self.log.read_text('utf-8')[-3000:]}")
            time.sleep(0.1)
        self._began = time.time()

    def stop(self) -> None:
        """As an operator does: SIGTERM, and wait."""
        assert self._process is not None
        self.up.append((self._began, time.time()))
        began = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        try:
            self.codes.append(self._process.wait(PATIENCE))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self.codes.append(self._process.wait())
        self.slow_to_end = max(self.slow_to_end, time.monotonic() - began)
        self._process = None

    def hang_up(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    @property
    def is_up(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def sample(self) -> None:
        if self._process is None:
            return
        at = time.monotonic()
        for who, pid in (("serve", self._process.pid), ("web", self._web_of(self._process.pid))):
            if pid is not None and (size := _resident(pid)) is not None:
                self.samples.append(Sample(at, pid, who, size))

    def npsync(self, *arguments: str, typed: str | None = None) -> subprocess.CompletedProcess[str]:
        """A command at the shell beside it."""
        return subprocess.run(
            [*NPSYNC, *arguments],
            cwd=self.folder,
            env={**os.environ, **self.env, "PYTHONPATH": os.environ.get("PYTHONPATH", str(ROOT))},
            input=typed,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def lines(self) -> list[dict[str, Any]]:
        """The log; what is no JSON is a line of an event called ""."""
        found = []
        for line in self.log.read_text("utf-8", errors="replace").splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                found.append({"event": "", "line": line})
        return found

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health/live", timeout=5)
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    def _web_of(self, parent: int) -> int | None:
        if self._web is None or _parent(self._web) != parent:
            self._web = next((pid for pid in _children(parent) if b"npsync.web" in _command(pid)), None)
        return self._web


def _resident(pid: int) -> int | None:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError, ValueError):
        return None


def _children(parent: int) -> list[int]:
    try:
        return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()] or [
            pid for pid in _pids() if _parent(pid) == parent
        ]
    except OSError:
        return [pid for pid in _pids() if _parent(pid) == parent]


def _pids() -> list[int]:
    return [int(one.name) for one in Path("/proc").iterdir() if one.name.isdigit()]


def _parent(pid: int) -> int | None:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return None


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
