"""A sandbox of the demonstration's own, as a subprocess, and the files it is shown with."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import npsync
from nps.errors import NpsyncError


class SandboxFailed(NpsyncError):
    """The sandbox did not come up."""


@contextmanager
def sandbox(customers: int, responses: int | None, seed: int) -> Iterator[tuple[str, dict[str, str]]]:
    """A sandbox of our own on a free port: its address, and the variables the example configuration needs."""
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--with-parent"]
    command += ["--customers", str(customers), "--seed", str(seed)]
    if responses is not None:
        command += ["--responses", str(responses)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise SandboxFailed(f"the sandbox ended at once (exit code {process.wait()}); see above")
        facts = json.loads(line)
        yield facts["url"], facts["env"]
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()


def copied(name: str, folder: Path) -> Path:
    """A copy of a file that comes with npsync, so that the store lies beside it and goes with it."""
    package = Path(npsync.__file__).parent
    file = Path(name).name
    source = next(path for path in (package / file, package.parent / name) if path.exists())
    copy = folder / file
    copy.write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    return copy
