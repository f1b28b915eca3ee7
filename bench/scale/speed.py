"""How much faster two workers finish a first run than one. Each has one call under way at a time, every call takes 50
ms, the vendor limits nothing. The answers come from a file (that part is serial); every record is read and written over
HTTP, and held against the answers at the end."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import requests

from bench.scale.processes import ROOT, database, running
from bench.server import Toy
from npsync.clockwork.claims import Claim
from npsync.scale.calling import once_of, words_of
from npsync.scale.queue import CLAIM, Job, Queue

LATENCY = 0.05
SYNC = "nps-to-contacts"
YAML = """
time_zone: UTC
store: "{store}"
connections:
  answers:
    type: file
    path: answers.csv
    columns: {{id: id, score: score, answered_at: at, email: email, comment: comment}}
  crm:
    type: hubspot
    token: bench
    limits: {{per_10_seconds: {limit}}}
    base_url: "{url}/hubspot"
surveys:
  relationship:
    metric: nps
    kind: relationship
    at: [answers]
sync:
  nps-to-contacts:
    every: 30 days
    survey: relationship
    to: {{connection: crm, object: contacts, match: [{{response: email, record: email}}]}}
    fields:
      nps_score: score
      nps_segment: segment
      nps_last_survey: {{from: answered_at, as: date}}
      nps_comment: {{from: comment, truncate: 255}}
"""


@dataclass
class Measured:
    workers: int
    answers: int
    seconds: float
    calls: dict[str, int]
    phases: dict[str, float] = field(default_factory=dict)
    wrong: int = 0
    cpu: float = 0.0  # seconds, of the workers together
    database_cpu: float = 0.0
    refused: int = 0  # with 429

    @property
    def rate(self) -> float:
        return self.answers / self.seconds

    def __str__(self) -> str:
        phases = ", ".join(f"{name} {seconds:.1f}" for name, seconds in self.phases.items())
        return (
            f"{self.workers} worker{'s' if self.workers > 1 else ' '} {self.answers:,} answers in {self.seconds:.1f} s "
            f"({self.rate:,.0f}/s; {phases} s); {sum(self.calls.values()):,} calls, {self.refused} refused (429); "
            f"{self.wrong} records wrong; "
            f"CPU {self.cpu:.0f} s of the workers, {self.database_cpu:.0f} s of PostgreSQL"
        )


def measure(answers: int, customers: int, workers: int, concurrency: int, limit: int = 0) -> Measured:
    """`limit`: calls the vendor takes in any ten seconds; 0: as many as there are."""
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="npsync-scale-")))
        truth = _written(folder, answers, customers)
        store = held.enter_context(database(folder / "postgres"))
        url = held.enter_context(_toy(answers, customers, limit))
        (folder / "npsync.yaml").write_text(
            YAML.format(store=store, url=url, limit=limit or 1000), encoding="utf-8"
        )
        hands = [
            held.enter_context(
                running(
                    folder, f"worker-{number}", {}, "worker", "--json", "--jobs", "1",
                    "--concurrency", str(concurrency),
                )
            )
            for number in range(workers)
        ]  # fmt: skip
        _ready(folder, workers)
        queue = Queue(store)
        queue.put(_job())
        run, phases = _ended(store)
        cpu = sum(_cpu_of(hand.process.pid) for hand in hands)
        [postmaster] = (folder / "postgres" / "postmaster.pid").read_text(encoding="utf-8").split()[:1]
        database_cpu = sum(map(_cpu_of, [int(postmaster), *_children(int(postmaster))]))
        queue.close()
        stats = requests.get(f"{url}/stats?shown=1", timeout=60).json()
        wrong = sum(stats["shown"].get(email, [None])[0] != score for email, score in truth.items())
        logs = "".join(path.read_text(encoding="utf-8") for path in folder.glob("worker-*.log"))
        if "crashed" in logs or "Traceback" in logs:
            print(logs[-3000:], file=sys.stderr)
        lent = [json.loads(line) for line in logs.splitlines() if '"lent"' in line]
        print("   lent:", [(one["kind"], one["shards"]) for one in lent], flush=True)
        return Measured(
            workers,
            answers,
            (run["ended_at"] - run["started_at"]) / 1000,
            stats["calls"],
            phases,
            wrong,
            cpu,
            database_cpu,
            stats["refused"],
        )


def _job() -> Job:
    claim = Claim(sync=SYNC, due_at=datetime.now(UTC))
    return Job(CLAIM, {"claim": words_of(claim)}, once=once_of(claim.place), after="answers+crm")


def _written(folder: Path, answers: int, customers: int) -> dict[str, str]:
    """The answers of the lean toy, as a file; what each contact must show: the score of its newest."""
    newest: dict[str, str] = {}
    with (folder / "answers.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "score", "at", "email", "comment"])
        for raw in Toy(answers, customers).rows:
            row: dict[str, Any] = orjson.loads(raw)
            at = datetime.strptime(row["created_at"], "%Y-%m-%d %H:%M:%S %z")
            email = row["end_user"]["email"]
            rows.writerow([row["id"], row["score"], at.isoformat(), email, row["text"] or ""])
            newest[email] = str(row["score"])  # in order of creation
    return newest


@contextmanager
def _toy(answers: int, customers: int, limit: int) -> Iterator[str]:
    command = [
        sys.executable,
        "-m",
        "bench.server",
        "--answers",
        str(customers),
        "--customers",
        str(customers),
    ]
    process = subprocess.Popen(
        [*command, "--latency", str(LATENCY), "--per-ten-seconds", str(limit)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.terminate()
        process.wait(timeout=20)


def _cpu_of(pid: int) -> float:
    """Its own, and that of its children which have ended (PostgreSQL's processes of closed connections)."""
    try:
        columns = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, columns[11:15])) / os.sysconf("SC_CLK_TCK")


def _children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8")
    return [int(child) for child in found.split()]


def _ready(folder: Path, workers: int) -> None:
    logs = [folder / f"worker-{number}.log" for number in range(workers)]
    until = time.monotonic() + 60
    while not all('"working"' in log.read_text(encoding="utf-8") for log in logs if log.exists()):
        if time.monotonic() > until:
            raise SystemExit("".join(log.read_text(encoding="utf-8") for log in logs))
        time.sleep(0.1)
    time.sleep(1)


def _ended(store: str) -> tuple[dict[str, Any], dict[str, float]]:
    import psycopg
    from psycopg.rows import dict_row

    phases: dict[str, float] = {}
    last = time.monotonic()
    with psycopg.connect(store, autocommit=True, row_factory=dict_row) as connection:
        while True:
            time.sleep(0.1)
            run = connection.execute(
                "SELECT * FROM run WHERE kind = 'run' ORDER BY id DESC LIMIT 1"
            ).fetchone()
            now = time.monotonic()
            if run is None:
                last = now
                continue
            if run["status"] != "running":
                if run["status"] != "succeeded":
                    raise SystemExit(run["report"])
                return run, phases
            kinds = connection.execute(
                "SELECT kind, count(*) FILTER (WHERE state <> 'done') AS n FROM shard GROUP BY kind"
            ).fetchall()
            left = {row["kind"]: row["n"] for row in kinds}
            phase = (
                "writing"
                if "write" in left
                else "planning"
                if left.get("plan")
                else "between"
                if left
                else "pulling"
            )
            phases[phase] = phases.get(phase, 0.0) + now - last
            last = now
