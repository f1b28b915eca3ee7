"""Runs of `npsync` as processes of their own, forked from this one so that a run need not import everything again."""

from __future__ import annotations

import importlib
import json
import os
import random
import signal
import sqlite3
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PATIENCE = 120.0  # seconds after which a run counts as hanging
_NEEDED = (
    *("npsync.cli.syncing", "npsync.cli.sync_text", "npsync.cli.progress", "npsync.service", "npsync.jobs"),
    *("npsync.config", "sync.engine", "store", "alembic.command", "connectors.wootric.source"),
    *("connectors.salesforce.destination", "connectors.hubspot.opening", "connectors.hubspot.destination"),
)


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


def warm_up() -> None:
    for name in _NEEDED:
        importlib.import_module(name)


def run(folder: Path, env: Mapping[str, str], *arguments: str, kill_after: float | None = None) -> Ended:
    """One command. With `kill_after` it is killed (SIGKILL) so many seconds later, if it still lives."""
    out, err = folder / "out.txt", folder / "err.txt"
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        _become(folder, env, arguments, out, err)
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


def _become(folder: Path, env: Mapping[str, str], arguments: tuple[str, ...], out: Path, err: Path) -> None:
    code = 1
    try:
        os.chdir(folder)
        os.environ.update(env)
        written = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        for number, path, flags in ((0, os.devnull, os.O_RDONLY), (1, out, written), (2, err, written)):
            os.dup2(os.open(path, flags, 0o600), number)
        code = _main(arguments)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _main(arguments: tuple[str, ...]) -> int:
    from npsync.cli import main

    sys.argv = ["npsync", *arguments]
    try:
        main(list(arguments))
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:  # noqa: BLE001 - as the interpreter does with what nobody caught
        sys.excepthook(*sys.exc_info())
        return 1
    return 0
