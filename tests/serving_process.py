"""A real `npsync serve`: its processes, its port and its log."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from cli_process import Npsync

PATIENCE = 60.0


class Serving:
    """A running `npsync serve`, and what its log says."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.log: list[dict[str, Any]] = []
        self.others: list[str] = []  # lines that are none of the log
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if line.startswith("{") and line.endswith("}\n"):  # what is killed may leave half a line
                self.log.append(json.loads(line))
            else:
                self.others.append(line)

    def told(self, name: str) -> list[dict[str, Any]]:
        return [line for line in self.log if line["event"] == name]

    @property
    def port(self) -> int:
        return int(self.told("listening")[0]["port"])

    @property
    def web(self) -> list[int]:
        return [int(line["pid"]) for line in self.told("web_started")]

    def kill(self) -> None:
        """Both processes, as when the machine's memory is full."""
        for pid in (self.process.pid, self.web[-1]):
            os.kill(pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def serving(npsync: Npsync, *how: str) -> Iterator[Serving]:
    process = npsync.started("serve", *(how or ("--listen", "127.0.0.1:0")), "--json")
    serve = Serving(process)
    try:
        until(lambda: bool(serve.told("serving")) or process.poll() is not None)
        yield serve
    finally:
        if process.poll() is None:
            stop_or_kill(process)
        for stream in (process.stdout, process.stderr):
            assert stream is not None
            stream.close()


def stop_or_kill(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def until(happened: Callable[[], bool]) -> None:
    """Wait for it; a test that waits in vain fails."""
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)
