"""`python -m bench.limits`: several processes on one store call one HubSpot as fast as they may, together.

Each is a process of its own with several threads, as `npsync serve`, its workers and a command beside them are. One is
killed half-way and another begins in its place. The small server counts calls in a rolling window of ten seconds, as
HubSpot does, and answers 429 to each one too many. `--postgres`: the store is a PostgreSQL that is started for it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.__main__ import server
from bench.measuring import ask
from bench.scale.processes import ROOT, database
from connectors.hubspot.budget import paced
from npsync import opening
from npsync.config import load
from store import open_store

YAML = """
time_zone: UTC
store: "{store}"
connections:
  crm:
    type: hubspot
    token: bench
    limits: {{per_10_seconds: {limit}}}
    base_url: "{url}/hubspot"
"""
THREADS = 4


@dataclass(frozen=True)
class Measured:
    """What the server saw."""

    store: str
    processes: int
    seconds: float
    limit: int  # in ten seconds
    calls: int
    refused: int

    @property
    def floor(self) -> float:
        """Seconds that so many calls need at least, with what npsync lets itself do: the limit less a margin for calls
        under way at a window's edge. The first window's leave at once."""
        return max(-(-self.calls // paced(self.limit)) - 1, 0) * 10.0

    def __str__(self) -> str:
        return (
            f"{self.processes} processes on {self.store}, {self.limit} calls per 10 s: {self.calls:,} calls in "
            f"{self.seconds:.1f} s (the limit's floor: {self.floor:.0f} s), {self.refused} refused (429)"
        )


def measure(*, processes: int, seconds: float, limit: int, postgres: bool, kills: bool = True) -> Measured:
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="npsync-limits-")))
        store = f"sqlite:///{folder}/npsync.db"
        if postgres:
            store = held.enter_context(database(folder / "postgres"))
        opened = open_store(store)
        opened.migrate()
        opened.close()
        url = held.enter_context(server(1_000, 1_000, latency=0.02, per_ten_seconds=limit))
        (folder / "npsync.yaml").write_text(YAML.format(store=store, url=url, limit=limit), encoding="utf-8")
        callers = [held.enter_context(calling(folder, seconds)) for _ in range(processes)]
        if kills:
            time.sleep(seconds / 2)
            callers[0].kill()
            callers.append(held.enter_context(calling(folder, seconds / 2)))
        for caller in callers:
            caller.wait(timeout=seconds + 60)
        seen = ask(f"{url}/stats")
        calls = sum(count for path, count in seen["calls"].items() if path.startswith("/hubspot"))
        on = "PostgreSQL" if postgres else "SQLite"
        return Measured(on, processes, seen["hubspot_seconds"], limit, calls, seen["refused"])


@contextmanager
def calling(folder: Path, seconds: float) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "bench.limits", "--caller", str(folder), "--for", str(seconds)]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def call(folder: Path, seconds: float) -> None:
    """One process: reads records one by one, from several threads, for so long."""
    config = load(folder / "npsync.yaml")
    with opening.open_store(config) as store, opening.opened(config, store) as connections:
        crm = connections.destination("crm")
        until = time.monotonic() + seconds

        def work(number: int) -> None:
            while time.monotonic() < until:
                crm.get("contacts", [str(1_000 + number)], ["email"], {})

        threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(until - time.monotonic(), 0) + 1.0)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.limits", description=__doc__)
    parser.add_argument("--processes", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--limit", type=int, default=190, help="calls in ten seconds")
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--caller", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--for", dest="lasts", type=float, default=0.0, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.caller is not None:
        call(options.caller, options.lasts)
        return 0
    done = measure(
        processes=options.processes,
        seconds=options.seconds,
        limit=options.limit,
        postgres=options.postgres,
    )
    print(done)
    return 1 if done.refused else 0


if __name__ == "__main__":
    raise SystemExit(main())
