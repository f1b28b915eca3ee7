"""`python -m bench.living --minutes 10`: `npsync serve` beside a sandbox that lives.

People answer, think again and withdraw all the while. Two `npsync serve` on one store run both syncs every minute. At
the end every contact of both CRMs is held against by_hand.py. Then both are killed (SIGKILL), life goes on for three
minutes, one is started again: it catches up once, and every contact is right again. One line per check; exit code 1
when one of them failed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from bench import by_hand
from sync.leasing import DIED

ROOT = Path(__file__).parents[1]
RHYTHM = 60.0
DOWN_MINUTES = 3.0
BEAT = 2.0  # seconds between two moments of life
QUIET = 2.5 * RHYTHM  # after the last event both syncs have surely run once more
NPSYNC = [sys.executable, "-c", "from npsync.cli import main; main()"]


@dataclass
class Sandbox:
    url: str
    env: dict[str, str]
    session: requests.Session = field(default_factory=requests.Session)

    def rows(self, vendor: str, object: str) -> list[dict[str, Any]]:
        reply = self.session.get(f"{self.url}/control/{vendor}/{object}", timeout=60)
        reply.raise_for_status()
        return [json.loads(line) for line in reply.content.splitlines()]

    def call(self, method: str, path: str, body: Any = None) -> Any:
        reply = self.session.request(method, f"{self.url}/control{path}", json=body, timeout=60)
        reply.raise_for_status()
        return reply.json() if reply.content else None


@dataclass
class Life:
    """What happened so far. Every event moves on a counter, so two lives of one length are alike."""

    sandbox: Sandbox
    beats: int = 0
    events: Counter[str] = field(default_factory=Counter)
    withdrawn: list[int] = field(default_factory=list)

    def go_on(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.beat()
            time.sleep(BEAT)

    def beat(self) -> None:
        self.beats += 1
        happened = self.sandbox.call(
            "POST", "/wootric/do/live", {"answers": 2, "edits": self.beats % 2, "seed": self.beats}
        )
        self.events.update(answers=len(happened["added"]), edits=len(happened["edited"]))
        if self.beats % 5 == 0:
            self._exclude(happened["added"][0], excluded=True)
            self.withdrawn.append(happened["added"][0])
        if self.beats % 20 == 0:
            self._exclude(self.withdrawn.pop(0), excluded=False)

    def _exclude(self, answer: int, *, excluded: bool) -> None:
        self.events["withdrawn" if excluded else "counted again"] += 1
        body = {"excluded_from_calculations": excluded}
        self.sandbox.call("PATCH", f"/wootric/responses/{answer}", body)


@dataclass
class Checks:
    failed: int = 0

    def tell(self, name: str, problems: list[str], facts: str) -> None:
        self.failed += bool(problems)
        print(f"{'FAILED' if problems else 'ok    '} {name}: {facts}", flush=True)
        for problem in problems[:10]:
            print(f"         {problem}", flush=True)

    def every_contact(self, sandbox: Sandbox, when: str) -> None:
        answers, people = sandbox.rows("wootric", "responses"), sandbox.rows("wootric", "end_users")
        for vendor, object, expected in (
            ("salesforce", "Contact", by_hand.on_salesforce),
            ("hubspot", "contacts", by_hand.on_hubspot),
        ):
            rows = sandbox.rows(vendor, object)
            wanted = expected(answers, people, rows)
            filled = sum(any(value is not None for value in one.values()) for one in wanted.values())
            facts = f"{len(rows):,} records, {filled:,} with a score, {len(answers):,} answers"
            self.tell(f"every {vendor} record is right {when}", by_hand.differences(rows, wanted), facts)

    def runs(self, store: Path, *, killed: bool) -> None:
        """No two runs of one sync at a time, none failed but one that was killed, everything balanced."""
        rows = _rows(store, "SELECT id, sync, status, started_at, ended_at, report FROM run ORDER BY id")
        overlapping, unlike, odd = [], [], []
        ended: dict[str, int] = {}
        for number, sync, status, started, end, report in rows:
            if started < ended.get(sync, 0):
                overlapping.append(f"run {number} of {sync} began before the one before it ended")
            ended[sync] = max(ended.get(sync, 0), end or started)
            told = json.loads(report)
            problems = told.get("problems", [])
            if status not in ("succeeded", "partial") and not (killed and problems in ([], [DIED])):
                unlike.append(f"run {number} of {sync} is {status}: {'; '.join(problems)}")
            if "states" in told and sum(told["states"].values()) != told["pulled"]:
                odd.append(f"run {number} of {sync}: {told['states']} are not {told['pulled']}")
        statuses = Counter(str(row[2]) for row in rows)
        facts = ", ".join(f"{count} {name}" for name, count in sorted(statuses.items()))
        self.tell("no sync ran twice at a time", overlapping, f"{len(rows)} runs")
        self.tell("every run ended well", unlike, facts)
        self.tell("states add up to pulled", odd, f"{len(rows)} runs")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.living", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--down", type=float, default=DOWN_MINUTES, help="minutes without any serve")
    parser.add_argument("--customers", type=int, default=1000)
    options = parser.parse_args()
    checks = Checks()
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="npsync-living-")))
        sandbox = held.enter_context(running_sandbox(options.customers))
        (folder / "npsync.yaml").write_text(every_minute(), encoding="utf-8")
        life, store = Life(sandbox), folder / "npsync.db"

        serves = [held.enter_context(serving(folder, sandbox, f"serve-{n}")) for n in (1, 2)]
        life.go_on(options.minutes * 60)
        time.sleep(QUIET)
        checks.tell("both serves are alive", [f"{s.pid} ended" for s in serves if s.poll() is not None], "2")
        checks.every_contact(sandbox, f"after {options.minutes:g} minutes")
        checks.runs(store, killed=False)
        checks.tell("the clock missed nothing", *_ticks(store, 0, options.minutes))

        before = _last_tick(store)
        for serve in serves:
            serve.kill()
            serve.wait()
        life.go_on(options.down * 60)
        again = held.enter_context(serving(folder, sandbox, "serve-3"))
        life.go_on(RHYTHM)
        time.sleep(QUIET)
        checks.tell("caught up once", *_caught_up(store, before))
        checks.every_contact(sandbox, "after the break")
        checks.runs(store, killed=True)
        again.send_signal(signal.SIGTERM)
        code = again.wait(timeout=60)
        checks.tell("SIGTERM ends it gracefully", [] if code == 0 else [f"exit code {code}"], f"exit {code}")
        logs = [(folder / f"serve-{n}.log").read_text(encoding="utf-8") for n in (1, 2, 3)]
        checks.tell(
            "no log names a customer or a secret",
            _leaks(logs, sandbox),
            f"{sum(map(len, logs)):,} characters",
        )
    print(f"events: {dict(life.events)}")
    return 1 if checks.failed else 0


def every_minute() -> str:
    """config.example.yaml, with both syncs every minute."""
    text = (ROOT / "config.example.yaml").read_text(encoding="utf-8")
    return re.sub(r"^(    every:) \S+ \S+", r"\1 1 minutes", text, flags=re.MULTILINE)


@contextmanager
def running_sandbox(customers: int) -> Iterator[Sandbox]:
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--with-parent"]
    command += ["--customers", str(customers), "--ugly", "10%"]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        ready = json.loads(process.stdout.readline())
        yield Sandbox(ready["url"], ready["env"])
    finally:
        process.terminate()
        process.wait(timeout=20)


@contextmanager
def serving(folder: Path, sandbox: Sandbox, name: str) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [*NPSYNC, "serve", "--json"],
            cwd=folder,
            env={**os.environ, **sandbox.env},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


# ------------------------------------------------------------ what the store remembers


def _rows(store: Path, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as tx:
        return tx.execute(sql, parameters).fetchall()


def _last_tick(store: Path) -> int:
    return int(_rows(store, "SELECT coalesce(max(id), 0) FROM tick")[0][0])


def _ticks(store: Path, after: int, minutes: float) -> tuple[list[str], str]:
    """Every due time taken exactly once, and about one a minute."""
    rows = _rows(store, "SELECT sync, due_at, outcome FROM tick WHERE id > ?", after)
    taken = Counter((sync, due) for sync, due, _ in rows)
    problems = [
        f"{sync}: the due time {due} was taken {n} times" for (sync, due), n in taken.items() if n > 1
    ]
    outcomes = Counter(str(outcome) for _, _, outcome in rows)
    per_sync = Counter(str(sync) for sync, _, _ in rows)
    problems += [f"{sync}: {n} ticks in {minutes:g} minutes" for sync, n in per_sync.items() if n < minutes]
    problems += [f"{n} ticks {name}" for name, n in outcomes.items() if name != "started"]
    return problems, f"{dict(per_sync)} ticks, {dict(outcomes)}"


def _caught_up(store: Path, after: int) -> tuple[list[str], str]:
    rows = _rows(store, "SELECT sync, outcome FROM tick WHERE id > ? ORDER BY id", after)
    outcomes = Counter((str(sync), str(outcome)) for sync, outcome in rows)
    syncs = sorted({sync for sync, _ in outcomes})
    problems = [
        f"{sync}: caught up {outcomes[sync, 'caught_up']} times"
        for sync in syncs
        if outcomes[sync, "caught_up"] != 1
    ]
    if len(syncs) != 2:
        problems.append(f"only {syncs} ticked")
    return problems, ", ".join(f"{sync} {outcome} {n}" for (sync, outcome), n in sorted(outcomes.items()))


def _leaks(logs: list[str], sandbox: Sandbox) -> list[str]:
    secrets = [value for name, value in sandbox.env.items() if "SECRET" in name or "TOKEN" in name]
    text = "\n".join(logs)
    problems = [
        f"a secret stands in a log ({len(secret)} characters)" for secret in secrets if secret in text
    ]
    if "@" in text:
        problems.append("a log holds an e-mail address")
    return problems


if __name__ == "__main__":
    raise SystemExit(main())
