"""`make intake`: how soon /hooks answers under a steady stream of events, without and with a sync beside it.

`npsync serve` as people run it, on SQLite; the toy vendors and the sender share the machine with it, so every figure is
an upper bound. A server that does nothing is asked at the same time: it shows how much of it is the machine. After each
round every event that was answered with 2xx is looked for in the store.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.sender import SECRET, Sender, Sent

HERE = Path(__file__).parent
PATIENCE = 180.0


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.intake", description=__doc__)
    parser.add_argument("--rate", type=float, default=200.0, help="events a second")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--answers", type=int, default=100_000, help="what the sync beside it has to do")
    options = parser.parse_args()
    measure(options.rate, options.seconds, options.answers)


def measure(rate: float, seconds: float, answers: int) -> None:
    from bench.__main__ import server  # it offers this measurement, too

    print(f"\n{rate:g} events/s for {seconds:g} s, one event a request, SQLite")
    with server(answers, answers * 8 // 10) as url:
        for name, busy in (("no sync", False), ("a first sync beside it", True)):
            with tempfile.TemporaryDirectory(prefix="npsync-intake-") as folder:
                print("  " + told(name, round_of(url, Path(folder), rate, seconds, sync=busy)))


@dataclass(frozen=True)
class Round:
    """One stream of events, and what was found afterwards."""

    sent: Sent
    echoed: Sent  # by a server that does nothing, at the same time
    missing: int
    sync_seconds: float  # of the stream's time, as long as the sync was under way


def told(name: str, done: Round) -> str:
    sent, echoed = done.sent, done.echoed
    share = f", sync under way for {done.sync_seconds:.0f} s of it" if done.sync_seconds else ""
    machine = f"   (a server that does nothing: p99 {echoed.percentile(0.99):.1f} ms)"
    return (
        f"{name:<24} p50 {sent.percentile(0.5):6.1f} ms   p99 {sent.percentile(0.99):6.1f} ms   "
        f"slowest {sent.percentile(1.0):6.1f} ms{machine}\n{'':<27}{len(sent.acknowledged):,} acknowledged, "
        f"{sum(sent.refused.values())} not, {done.missing} missing{share}"
    )


def round_of(url: str, folder: Path, rate: float, seconds: float, *, sync: bool) -> Round:
    with serving(url, folder, sync=sync) as (port, lines):
        began = time.monotonic()
        sent, echoed = asyncio.run(both(port, rate, seconds))
        ended = time.monotonic()
        wanted = set(sent.acknowledged)
        stored = waited_for(folder / "npsync.db", wanted)
        syncing = min(ended, lines.sync_ended_at or ended) - began if sync else 0.0
        return Round(sent, echoed, len(wanted - stored), syncing)


async def both(port: int, rate: float, seconds: float) -> tuple[Sent, Sent]:
    """The stream to npsync, and a tenth of it to a server that does nothing."""
    with echoing() as other:
        sending = Sender("127.0.0.1", port, "/hooks/product").send(rate, seconds)
        control = Sender("127.0.0.1", other, "/").send(rate / 10, seconds)
        sent, echoed = await asyncio.gather(sending, control)
    return sent, echoed


@contextmanager
def echoing() -> Iterator[int]:
    command = [sys.executable, "-m", "bench.echo"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=HERE.parent)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


class Lines:
    """The log of `npsync serve`, read while it runs."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.port: int | None = None
        self.sync_ended_at: float | None = None
        self.web: list[int] = []
        self.seen: list[dict[str, Any]] = []
        self._process = process
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            try:
                told = json.loads(line)
            except ValueError:
                print(line, end="", file=sys.stderr)
                continue
            self.seen.append(told)
            match told["event"]:
                case "listening":
                    self.port = told["port"]
                case "web_started":
                    self.web.append(told["pid"])
                case "run" | "run_failed" | "run_crashed":
                    self.sync_ended_at = time.monotonic()


@contextmanager
def serving(url: str, folder: Path, *, sync: bool) -> Iterator[tuple[int, Lines]]:
    command = [sys.executable, "-c", "from npsync.cli import main; main()"]
    command += ["--config", str(HERE / "npsync-intake.yaml")]
    environment = {
        **os.environ,
        "BENCH_URL": url,
        "BENCH_SECRET": SECRET,
        "BENCH_STORE": f"sqlite:///{folder}/npsync.db",
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    subprocess.run([*command, "db", "upgrade"], env=environment, check=True, stdout=subprocess.DEVNULL)
    if not sync:
        far = int((time.time() + 86_400) * 1000)
        with closing(sqlite3.connect(folder / "npsync.db")) as store, store:
            store.execute("INSERT INTO schedule (sync, due_at, paused) VALUES ('nps', ?, 0)", (far,))
    process = subprocess.Popen(
        [*command, "serve", "--listen", "127.0.0.1:0", "--json"],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        lines = Lines(process)
        until(lambda: lines.port is not None and answers(lines.port))
        assert lines.port is not None
        yield lines.port, lines
    finally:
        process.terminate()
        process.wait(60)


def answers(port: int) -> bool:
    """Whether the web is there already: the socket is from the beginning."""
    import urllib.error
    import urllib.request

    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/hooks/nobody", timeout=10)
    except urllib.error.HTTPError as error:
        return error.code in (404, 405)
    except OSError:
        return False
    return True


def waited_for(store: Path, wanted: set[str]) -> set[str]:
    """The ids in the store, once all that are wanted are there, or nothing more comes."""
    stored: set[str] = set()
    deadline = time.monotonic() + PATIENCE
    while not wanted <= stored and time.monotonic() < deadline:
        time.sleep(0.5)
        stored = ids_in(store)
    return stored


def ids_in(store: Path) -> set[str]:
    with closing(sqlite3.connect(store, timeout=60)) as opened:
        return {
            key.rpartition("/")[2] for (key,) in opened.execute("SELECT key FROM arrival WHERE what <> ''")
        }


def until(happened: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        if time.monotonic() > deadline:
            raise SystemExit("npsync serve did not answer")
        time.sleep(0.05)


if __name__ == "__main__":
    main()
