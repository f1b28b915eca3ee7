"""Processes of scale mode are killed (SIGKILL) at random, again and again, while people answer and edit: then every
record is held against the truth, every answer has one state, and no task was given twice.

The sandbox and its life are the soak's. `npsync serve` and two workers share the runs, which are cut into small parts
(NPSYNC_SHARE_FROM), so that every kill meets somebody in the middle of something.
"""

from __future__ import annotations

import random
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from bench.scale.processes import ROOT, Process, database, running
from bench.soak import checks
from bench.soak.checks import Findings
from bench.soak.life import Life
from bench.soak.toys import Sandbox, living_sandbox
from npsync.clockwork.claims import Claim
from npsync.scale.calling import once_of, words_of
from npsync.scale.queue import CLAIM, Job, Queue

SYNCS = ("nps-to-contacts", "nps-to-marketing")
BETWEEN_CHECKS = 25  # kills
SMALL = {"NPSYNC_SHARE_FROM": "8"}
PATIENCE = 90.0  # seconds in which everything settles, once nobody is killed any more
TASK = "Call: "
MOMENTS = (0.2, 2.5)  # seconds between two kills


@dataclass
class Kills:
    sandbox: Sandbox
    store: str
    processes: list[Process]
    rng: random.Random
    life: Life = field(init=False)
    found: Findings = field(default_factory=Findings)
    killed: Counter[str] = field(default_factory=Counter)
    checked: int = 0
    effective: int = 0
    idle: int = 0

    def __post_init__(self) -> None:
        self.life = Life(self.sandbox, random.Random(self.rng.random()))
        self.queue = Queue(self.store)

    def go(self, kills: int) -> None:
        self._settle("at first")
        for number in range(1, kills + 1):
            if number % 3 == 1:
                self.life.go_on()
            self._call()
            time.sleep(self.rng.uniform(*MOMENTS))
            victim = self.rng.choice(self.processes)
            self.killed[victim.name] += 1
            victim.kill()
            victim.start()
            if number % BETWEEN_CHECKS == 0 or number == kills:
                self._check(f"after {number} kills")
                print(f"{number}/{kills} kills, {len(self.found.lines)} violations", flush=True)

    def _call(self) -> None:
        """Both syncs are due."""
        for sync in SYNCS:
            claim = Claim(sync=sync, due_at=datetime.now(UTC))
            self.queue.put(Job(CLAIM, {"claim": words_of(claim)}, once=once_of(sync), after="all"))

    def _check(self, when: str) -> None:
        self._settle(when)
        self.checked += checks.records(self.found, self.life, when, excused=self._excused())
        self.effective, self.idle = checks.writes(self.found, self.life, when)
        self._states(when)
        self._tasks(when)
        self._logs(when)
        self.life.when_settled()

    def _settle(self, when: str) -> None:
        """Nobody is killed, until each sync has had a run of its own that left nothing."""
        after = self._rows("SELECT coalesce(max(id), 0) FROM run")[0][0]
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            self._call()
            time.sleep(0.5)
            latest = self._rows(
                """SELECT DISTINCT ON (sync) sync, status, report::json FROM run
                WHERE id > %s AND kind = 'run' ORDER BY sync, id DESC""",
                after,
            )
            if {row[0] for row in latest} == set(SYNCS) and all(_is_settled(*row[1:]) for row in latest):
                return
        told = [(sync, status, report.get("problems")) for sync, status, report in latest]
        self.found.add("unsettled", f"{when}: {told}")

    def _states(self, when: str) -> None:
        """Every answer the survey tool has is stored, and each version has one state in each sync."""
        at_vendor = {str(row["id"]) for row in self.sandbox.rows("wootric", "responses")}
        stored = {str(row[0]) for row in self._rows("SELECT DISTINCT source_id FROM response")}
        for answer in sorted(at_vendor - stored):
            self.found.add("lost", f"{when}: answer {answer} is not stored")
        for sync, response, count in self._rows(
            """SELECT y.sync, r.id, (SELECT count(*) FROM answer_state a WHERE a.sync = y.sync AND a.response = r.id)
                + (SELECT count(*) FROM work w WHERE w.sync = y.sync AND w.response = r.id) AS n
            FROM response r CROSS JOIN (SELECT DISTINCT sync FROM answer_state) y"""
        ):
            if count != 1:
                self.found.add("conservation", f"{when}: version {response} has {count} states in {sync}")
        for run, report in self._rows(
            "SELECT id, report::json FROM run WHERE status IN ('succeeded', 'partial')"
        ):
            if "states" in report and sum(report["states"].values()) != report["pulled"]:
                self.found.add(
                    "conservation", f"{when}: run {run}: {report['states']}, {report['pulled']} pulled"
                )

    def _tasks(self, when: str) -> None:
        """Every task the CRM has is one that we know we gave, for an answer of its own."""
        there = {
            row["id"] for row in self.sandbox.rows("salesforce", "Task") if row["Subject"].startswith(TASK)
        }
        ours = [
            row[0]
            for row in self._rows(
                "SELECT vendor_id FROM outbox WHERE kind = 'task' AND vendor_id IS NOT NULL"
            )
        ]
        for task in sorted(there ^ set(ours)):
            whose = "no answer of ours has it" if task in there else "it is not there"
            self.found.add("doubled", f"{when}: task {task}: {whose}")
        if len(ours) != len(set(ours)):
            self.found.add("doubled", f"{when}: two answers share a task")
        self.tasks = len(there)

    def _logs(self, when: str) -> None:
        for process in self.processes:
            for line in process.log().splitlines():
                if "Traceback" in line or "_crashed" in line:
                    self.found.add("crashed", f"{when}: {process.name}: {line[:400]}")

    def _excused(self) -> set[str]:
        rows = self._rows("SELECT record_id FROM dead_letter WHERE status = 'open' AND record_id IS NOT NULL")
        return {row[0] for row in rows}

    def _rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.store, autocommit=True) as connection:
            return connection.execute(sql.encode(), parameters or None).fetchall()


def _is_settled(status: str, report: Mapping[str, Any]) -> bool:
    return status in ("succeeded", "partial") and not report["states"]["pending"] and not report["problems"]


def kill(kills: int, *, customers: int, seed: int) -> Iterator[str]:
    """What became of it, line by line; the last one begins with how many violations there were."""
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="npsync-kills-")))
        store = held.enter_context(database(folder / "postgres"))
        sandbox = held.enter_context(living_sandbox(customers, seed))
        (folder / "npsync.yaml").write_text(_configured(store), encoding="utf-8")
        env = {**sandbox.env, **SMALL}
        processes = [
            held.enter_context(running(folder, "serve", env, "serve", "--no-web", "--json")),
            *(
                held.enter_context(running(folder, f"worker-{number}", env, "worker", "--json"))
                for number in (1, 2)
            ),
        ]
        _ready(folder, processes)
        began = time.monotonic()
        test = Kills(sandbox, store, processes, random.Random(seed))
        test.go(kills)
        runs = dict(test._rows("SELECT status, count(*) FROM run GROUP BY status"))
        logs = "".join(process.log() for process in processes)
        yield f"kills      {sum(test.killed.values())} ({dict(test.killed)}) in {time.monotonic() - began:.0f} s"
        lent, rescued = logs.count('"lent"'), logs.count("job_rescued")
        yield f"runs       {runs}; hands lent {lent} times, {rescued} jobs rescued"
        yield f"life       {dict(test.life.events)}"
        yield f"checked    {test.checked} records, {test.effective} effective writes, {test.idle} that changed nothing"
        yield f"tasks      {test.tasks} given, each once"
        for kind, line in test.found.lines[:40]:
            yield f"  {kind}: {line}"
        codes = [process.stop() for process in processes]
        yield f"SIGTERM    exit codes {codes}"
        yield f"{len(test.found.lines) + sum(map(bool, codes))} violations"


def _configured(store: str) -> str:
    """config.example.yaml on PostgreSQL, with tasks, small batches and a breaker that lets wild days pass."""
    text = (ROOT / "config.example.yaml").read_text(encoding="utf-8")
    text = text.replace("store: sqlite:///npsync.db ", f'store: "{store}" ')
    text = text.replace("changed_share: 50%", "changed_share: 100%")
    text = text.replace("match_rate_drop: 20%", "match_rate_drop: 100%")
    text = re.sub(r"segment_swing: 30% ", "segment_swing: 100% ", text)
    text = re.sub(r"(constant|cleared)_share: \d+%", r"\1_share: 100%", text)
    text = re.sub(r"volume: \{most: 10x", "volume: {most: 1000x", text)
    text = text.replace("canary: 50 ", "canary: 2 ")
    text = text.replace("    type: salesforce\n", "    type: salesforce\n    write: {chunk_size: 3}\n")
    task = f"""    follow_up:
      - where: segment == "detractor"
        task: {{subject: "{TASK}{{record.Name}}", due: 2 days}}
"""
    return text.replace("    verify: {cron", f"{task}    verify: {{cron", 1)


def _ready(folder: Path, processes: list[Process]) -> None:
    until = time.monotonic() + 60
    while not all(re.search(r"\"(working|serving)\"", process.log()) for process in processes):
        if time.monotonic() > until:
            raise SystemExit("".join(process.log() for process in processes))
        time.sleep(0.1)
