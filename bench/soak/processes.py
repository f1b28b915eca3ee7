"""Runs of `npsync` as processes of their own, forked from this one so that a run need not import everything again."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import forked

PATIENCE = 120.0  # seconds after which a run counts as hanging


@dataclass(frozen=True)
class Ended:
    code: int  # negative: the signal that ended it
    out: str
    err: str
    seconds: float

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL

    @property
    def report(self) -> dict[str, Any] | None:
        """What --json printed; None when the run was killed or could not even begin."""
        try:
            report: dict[str, Any] = json.loads(self.out)
        except ValueError:
            return None
        return report


def run(folder: Path, env: Mapping[str, str], *arguments: str, kill_after: float | None = None) -> Ended:
    """One command. With `kill_after` it is killed (SIGKILL) so many seconds later, if it still lives."""
    out, err = folder / "out.txt", folder / "err.txt"
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        forked.become(folder, {**os.environ, **env}, arguments, out=out, err=err)
    code = _wait(child, began, kill_after)
    seconds = time.monotonic() - began
    return Ended(code, out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8"), seconds)


def release_leases(store: Path) -> None:
    """Two minutes later: the leases of a killed process have run out."""
    with closing(sqlite3.connect(store)) as connection, connection:
        if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'lease'").fetchone():
            connection.execute("UPDATE lease SET until = 0")


def moment(rng: random.Random) -> float:
    """When to kill a run: mostly early, where most of them are."""
    return rng.expovariate(1 / 0.35)


def _wait(child: int, began: float, kill_after: float | None) -> int:
    limit = PATIENCE if kill_after is None else min(PATIENCE, kill_after)
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() - began > limit:
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
