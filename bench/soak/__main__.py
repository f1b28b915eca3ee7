"""Run the soak and tell what it found: see the package's docstring."""

from __future__ import annotations

import argparse
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench import forked
from bench.soak import checks, processes
from bench.soak.checks import Findings
from bench.soak.life import Life
from bench.soak.processes import Ended
from bench.soak.toys import ROOT, Sandbox, living_sandbox
from bench.soak.trouble import Trouble

SYNCS = ("nps-to-contacts", "nps-to-marketing")
BETWEEN_CHECKS = 10  # runs
ENOUGH = 8  # runs without trouble after which a sync has settled, whatever it had to catch up with
STOPPED = 4  # the exit code of a run the breaker stopped
KILLED = 0.15  # share of the runs


@dataclass
class Soak:
    """One sandbox, one store, and everything that happens to them."""

    folder: Path
    sandbox: Sandbox
    rng: random.Random
    life: Life = field(init=False)
    trouble: Trouble = field(init=False)
    found: Findings = field(default_factory=Findings)
    codes: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    quiet_runs: int = 0
    kills: int = 0
    checked: int = 0

    def __post_init__(self) -> None:
        self.life = Life(self.sandbox, random.Random(self.rng.random()))
        self.trouble = Trouble(self.sandbox, random.Random(self.rng.random()))
        self.store = self.folder / "npsync.db"

    def go(self, runs: int) -> None:
        for number in range(runs):
            if number % BETWEEN_CHECKS == 0:
                self._another_way()
            self._one(number)
            if (number + 1) % BETWEEN_CHECKS == 0 or number + 1 == runs:
                self._check(f"after run {number + 1}")
                self._progress(number + 1, runs)

    def _another_way(self) -> None:
        """Small batches or bulk jobs, a static token or OAuth: a person changed the file."""
        bulk, oauth = self.rng.random() < 0.4, self.rng.random() < 0.5
        (self.folder / "npsync.yaml").write_text(configured(bulk=bulk, oauth=oauth), encoding="utf-8")

    def _one(self, number: int) -> None:
        self.life.go_on()
        wrong = self.trouble.come()
        sync = self.rng.choice(SYNCS)
        flags = self.rng.choices(([], ["--full"], ["--all"], ["--recheck"]), (17, 1, 1, 1))[0]
        kill_after = processes.moment(self.rng) if self.rng.random() < KILLED else None
        ended = self._run(sync, *flags, kill_after=kill_after)
        named = f"run {number + 1} ({sync} {' '.join(flags)}; {', '.join(wrong) or 'nothing wrong'})"
        if ended.killed and ended.seconds < processes.PATIENCE:
            self.kills += 1
            processes.release_leases(self.store)
        elif ended.killed:
            self.found.add("hanging", f"{named} took more than {processes.PATIENCE:g} s")
            processes.release_leases(self.store)
        checks.after_run(self.found, ended, named)
        self.runs += 1
        self.codes["killed" if ended.killed else f"exit {ended.code}"] += 1
        self.trouble.go()

    def _check(self, when: str) -> None:
        """Faults are lifted, everything settles, and every record is looked at."""
        self.trouble.lift()
        self._settle(when)
        checks.records(self.found, self.life, when, excused=checks.letters(self.store))
        self._retry_letters(when)
        self._settle(when)
        self.checked += checks.records(self.found, self.life, f"{when}, letters retried")
        self.effective, self.idle = checks.writes(self.found, self.life, when)
        checks.limits(self.found, self.sandbox, when)
        checks.store(self.found, self.store, self.sandbox, when)
        self.life.when_settled()

    def _settle(self, when: str) -> None:
        for sync in SYNCS:
            accepted: tuple[str, ...] = ()
            for _ in range(ENOUGH):
                ended = self._run(sync, *accepted)
                checks.after_run(self.found, ended, f"{when}, settling {sync}")
                self.quiet_runs += 1
                accepted = ()
                if ended.code == STOPPED:  # a person looked at the plan, and it was right
                    accepted = ("--accept-breaker",)
                    self.codes["accepted after the breaker"] += 1
                report = ended.report
                if (
                    report
                    and ended.code in (0, 3)
                    and not report["states"]["pending"]
                    and not report["problems"]
                ):
                    break
            else:
                self.found.add(
                    "unsettled", f"{when}: {sync} after {ENOUGH} runs: {(ended.err or ended.out)[-300:]}"
                )

    def _retry_letters(self, when: str) -> None:
        """What was refused is tried again, as a person does who has corrected the CRM."""
        letters = ("dead-letters", "retry", "--all", "--json")
        ended = processes.run(self.folder, self.sandbox.env, *letters)
        checks.after_run(self.found, ended, f"{when}, retrying letters")
        if ended.code not in (0, 3):
            self.found.add("unsettled", f"{when}: letters: {(ended.err or ended.out)[-300:]}")

    def _run(self, sync: str, *flags: str, kill_after: float | None = None) -> Ended:
        ended = processes.run(
            self.folder, self.sandbox.env, "run", sync, "--json", *flags, kill_after=kill_after
        )
        report = ended.report
        for problem in (report or {}).get("problems", []) or ended.err.strip().splitlines()[-1:]:
            self.told[f"{sync}: {_without_facts(problem)}"] += 1
        return ended

    def _progress(self, done: int, of: int) -> None:
        line = f"{done}/{of} runs, {self.kills} kills, {len(self.found.lines)} violations"
        print(line, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--customers", type=int, default=200)
    parser.add_argument("--problems", action="store_true", help="also what npsync told, by frequency")
    options = parser.parse_args(arguments)
    forked.warm_up()
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="npsync-soak-") as folder,
        living_sandbox(options.customers, options.seed) as sandbox,
    ):
        soak = Soak(Path(folder), sandbox, random.Random(options.seed))
        print(f"seed {options.seed}, {options.runs} runs, {options.customers} customers", flush=True)
        soak.go(options.runs)
        for line in report(soak, time.monotonic() - began):
            print(line)
        if options.problems:
            for told, times in soak.told.most_common():
                print(f"  {times:>4} × {told}")
    return 1 if soak.found.lines else 0


def report(soak: Soak, seconds: float) -> Iterator[str]:
    played = soak.sandbox.call("GET", "/faults/played")
    by_kind: Counter[str] = Counter()
    for kinds in played.values():
        by_kind.update(kinds)
    yield f"runs       {soak.runs} under faults, {soak.quiet_runs} to settle; {seconds:.0f} s"
    yield f"endings    {_counts(soak.codes)}"
    yield f"troubles   {_counts(soak.trouble.injected)}"
    yield f"faults     {sum(by_kind.values())} injected: {_counts(by_kind)}"
    yield f"life       {_counts(soak.life.events)}"
    yield f"kills      {soak.kills}"
    yield f"checked    {soak.checked} records; {soak.effective} effective writes, {soak.idle} that changed nothing"
    for kind in checks.KINDS:
        yield f"{kind:<12} {soak.found.count(kind)}"
    for kind, line in soak.found.lines[:60]:
        yield f"  {kind}: {line}"


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {times}" for name, times in counter.most_common()) or "none"


def _without_facts(problem: str) -> str:
    return re.sub(r"\b[0-9A-Za-z]{15,18}\b|\d+", "N", problem)[:160]


def configured(*, bulk: bool, oauth: bool) -> str:
    """config.example.yaml, with a breaker that lets a soak's wild days pass and another way to write and sign in."""
    text = (ROOT / "config.example.yaml").read_text(encoding="utf-8")
    text = _swap(text, "changed_share: 50%", "changed_share: 100%")
    text = _swap(text, "match_rate_drop: 20%", "match_rate_drop: 100%")
    if bulk:
        write = "write: {chunk_size: 1, bulk_threshold: 3, bulk_deadline: 10}"  # so that Bulk saves calls
        text = _swap(text, "    type: salesforce\n", f"    type: salesforce\n    {write}\n")
        text = _swap(text, "canary: 50", "canary: 2")
    if oauth:
        signs_in = (
            'oauth: {client_id: "${HUBSPOT_CLIENT_ID}", client_secret: "${HUBSPOT_CLIENT_SECRET}", '
            'refresh_token: "${HUBSPOT_REFRESH_TOKEN}"}'
        )
        text = _swap(text, 'token: "${HUBSPOT_TOKEN}"', signs_in)
    return text


def _swap(text: str, old: str, new: str) -> str:
    if text.count(old) != 1:
        raise SystemExit(f"config.example.yaml has {text.count(old)} times {old!r}, not once")
    return text.replace(old, new)


if __name__ == "__main__":
    raise SystemExit(main())
