"""The processes around it: PostgreSQL, workers and `npsync serve`, each with a log of its own."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
NPSYNC = [sys.executable, "-c", "from npsync.cli import main; main()"]


@contextmanager
def database(folder: Path) -> Iterator[str]:
    """The URL of an empty database on a PostgreSQL that is started for it, as the tests start theirs."""
    sys.path.insert(0, str(ROOT / "tests"))
    postgres_server: Any = importlib.import_module("postgres_server")
    with postgres_server.running_postgres(folder) as server:
        yield server.new_database()


class Process:
    """One of ours. `stop` is SIGTERM, `kill` SIGKILL."""

    def __init__(self, folder: Path, name: str, env: Mapping[str, str], *arguments: str) -> None:
        self.folder, self.name, self.env, self.arguments = folder, name, env, arguments
        self.starts = 0
        self.start()

    def start(self) -> None:
        self.starts += 1
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*NPSYNC, *self.arguments],
                cwd=self.folder,
                env={**os.environ, "PYTHONPATH": str(ROOT), **self.env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(timeout=120)

    def log(self) -> str:
        return (self.folder / f"{self.name}.log").read_text(encoding="utf-8")


@contextmanager
def running(folder: Path, name: str, env: Mapping[str, str], *arguments: str) -> Iterator[Process]:
    process = Process(folder, name, env, *arguments)
    try:
        yield process
    finally:
        if process.process.poll() is None:
            process.kill()
