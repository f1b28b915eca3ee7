"""Whole processes, as the operating system accounts them: CPU seconds (user + system), wall seconds, peak memory."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Measured:
    cpu: float
    wall: float
    peak_mb: float
    output: str


def measured(command: Sequence[str], environment: dict[str, str]) -> Measured:
    """One process to its end; what it writes on standard output comes along."""
    started = time.monotonic()
    # Compiled modules are kept, as in any installation: compiling them anew at each start is no cost of a run.
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**kept, **environment}
    )
    assert process.stdout is not None
    assert process.stderr is not None
    output = process.stdout.read()
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 3):
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n{errors}\n{output}")
    return Measured(
        cpu=usage.ru_utime + usage.ru_stime,
        wall=time.monotonic() - started,
        peak_mb=usage.ru_maxrss / (1024 if sys.platform != "darwin" else 1024 * 1024),
        output=output,
    )


@contextmanager
def serving(module: str, *arguments: str) -> Iterator[str]:
    """A server in a process of its own, which tells its address in its first line."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments], stdout=subprocess.PIPE, text=True, cwd=HERE.parent
    )
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.kill()
        process.wait()


def ask(url: str) -> Any:
    with urllib.request.urlopen(url) as reply:
        return json.load(reply)


def median(values: Iterable[float]) -> float:
    return statistics.median(values)
