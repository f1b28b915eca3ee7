"""Run the soak of serve and tell what it found: see the package's docstring."""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import quantiles

from bench.sender import SECRET
from bench.soak import checks as arithmetic
from bench.soak.checks import Findings
from bench.soak.toys import Sandbox, living_sandbox
from bench.soak_serve import checks, setting
from bench.soak_serve.life import Customers
from bench.soak_serve.operators import Operators, Vendors
from bench.soak_serve.serving import SAMPLED_EVERY, Serving
from bench.soak_serve.visitors import Visitor
from store import open_store

PASSWORD = "a-long-passphrase-of-the-soak"
SETTLING = 150.0  # seconds without trouble after which everything is where it belongs
SCOPES = ("read", "reports", "audit", "metrics", "events")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.soak_serve", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--customers", type=int, default=200)
    parser.add_argument("--restart-at", type=float, help="minute of the restart; by default after a quarter")
    parser.add_argument("--visitors", type=int, default=3)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--port", type=int, default=8652)
    options = parser.parse_args(arguments)
    with (
        tempfile.TemporaryDirectory(prefix="npsync-soak-serve-") as folder,
        living_sandbox(options.customers, options.seed) as sandbox,
    ):
        return Soak(Path(folder), sandbox, options).go()


class Soak:
    def __init__(self, folder: Path, sandbox: Sandbox, options: argparse.Namespace) -> None:
        self.sandbox, self.options = sandbox, options
        self.url = f"http://127.0.0.1:{options.port}"
        self.file = setting.written(folder, options.port)
        self.serving = Serving(folder, sandbox.env, options.port)
        self.ending, self.away = threading.Event(), threading.Event()
        self.crashed: list[str] = []

    def go(self) -> int:
        minutes = self.options.minutes
        self._prepare()
        self.serving.start()
        print(f"npsync serve, {minutes:g} minutes, {self.options.customers} customers", flush=True)
        threads = [self._thread(self.customers.until), *(self._thread(one.until) for one in self.visitors)]
        vendors = Vendors(Sandbox(self.sandbox.url, self.sandbox.env), self.options.seed + 2)
        operators = Operators(self.serving, self.file, self.options.seed + 3)
        trouble = [
            self._thread(vendors.until),
            self._thread(lambda ending: operators.until(ending, self.away)),
        ]
        for thread in (*threads, *trouble):
            thread.start()
        # Early: a life in which the store is filled from nothing tells little of what a process of weeks keeps.
        first = minutes / 4 if self.options.restart_at is None else self.options.restart_at
        self._lasts(first * 60)
        self._restart(operators)
        self._lasts((minutes - first) * 60)
        self.ending.set()
        for thread in (*threads, *trouble):
            thread.join()
        self._settle()
        healthy = self.serving.npsync("health")
        self.serving.stop()
        return self._judge(vendors, operators, healthy)

    # ------------------------------------------------------------ before, meanwhile, afterwards

    def _prepare(self) -> None:
        done = self.serving.npsync("db", "upgrade")
        store = open_store(f"sqlite:///{self.serving.store}")
        store.switch("ledger", {"accepted": "a new installation"})
        store.close()
        told = [done, self.serving.npsync("users", "create", "ann", "--role", "admin", typed=f"{PASSWORD}\n")]
        scopes = [word for scope in SCOPES for word in ("--scope", scope)]
        made = self.serving.npsync("tokens", "create", "machine", *scopes, "--json")
        if failed := [one.stderr for one in (*told, made) if one.returncode]:
            raise SystemExit("\n".join(failed))
        self.token: str = json.loads(made.stdout)["token"]
        seed = self.options.seed
        own = Sandbox(self.sandbox.url, self.sandbox.env)
        self.customers = Customers(own, self.url, seed, away=self.away)
        self.visitors = [
            Visitor(self.url, seed + number, name="ann", password=PASSWORD, away=self.away)
            for number in range(self.options.visitors)
        ]
        self.visitors.append(Visitor(self.url, seed, token=self.token, away=self.away))

    def _thread(self, until: Callable[[threading.Event], None]) -> threading.Thread:
        def work() -> None:
            try:
                until(self.ending)
            except Exception as error:
                self.crashed.append(f"{type(error).__name__}: {error}"[:300])
                raise

        return threading.Thread(target=work, daemon=True)

    def _lasts(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.serving.sample()
            time.sleep(SAMPLED_EVERY)

    def _restart(self, operators: Operators) -> None:
        self.away.set()
        self.serving.stop()
        self.serving.start()
        operators.did["restarted serve"] += 1
        operators.leave_the_file.set()  # so that a web lives long enough to see whether it grows
        self.away.clear()

    def _settle(self) -> None:
        """Until the syncs have run twice without trouble."""
        self._lasts(SETTLING)

    def _judge(
        self, vendors: Vendors, operators: Operators, healthy: subprocess.CompletedProcess[str]
    ) -> int:
        told, minutes = checks.Checks(), self.options.minutes
        store = self.serving.store
        told.tell("memory is flat", *checks.memory(self.serving.samples, minutes))
        told.tell("the clock missed nothing", *checks.ticks(self.serving))
        told.tell("runs end, one at a time", *checks.runs(self.serving))
        told.tell(
            "no error page",
            [*(one for who in self.visitors for one in who.problems), *self.customers.problems],
            self._looked(),
        )
        secrets = [PASSWORD, self.token, SECRET]
        secrets += [value for name, value in self.sandbox.env.items() if "SECRET" in name or "TOKEN" in name]
        addresses = [str(row["Email"]) for row in self.sandbox.contacts() if row["Email"]]
        told.tell("the log is clean", *checks.log(self.serving, secrets, addresses))
        told.tell("events", *checks.events(store, self.customers.acknowledged))
        told.tell("mails", *checks.mails(store, self.sandbox.call("GET", "/mail/messages")))
        told.tell("conservation", *checks.conservation(store))
        told.tell("every record is right", *self._records())
        red = healthy.stdout.strip().splitlines() if healthy.returncode else []
        told.tell("nothing is lost, says health", red, f"exit {healthy.returncode}")
        told.tell("operators", operators.problems, _counts(operators.did))
        told.tell("serve ends when asked", *checks.ends(self.serving))
        told.tell("the soak itself", self.crashed, "nothing of it crashed")
        print(f"life      {_counts(self.customers.life.events + self.customers.events)}")
        print(f"troubles  {_counts(vendors.came)}")
        return 1 if told.failed else 0

    def _looked(self) -> str:
        answered = sum((who.answered for who in self.visitors), Counter[str]())
        seconds = [one for who in self.visitors for one in who.seconds]
        p95 = quantiles(seconds, n=100)[94] * 1000 if len(seconds) > 1 else 0.0
        kinds = {name.partition(" ")[0] for name in answered}
        odd = Counter(
            {name: times for name, times in answered.items() if not name.endswith((" 200", " 303"))}
        )
        return (
            f"{len(seconds):,} pages and calls of {len(kinds)} kinds, p95 {p95:.0f} ms; "
            f"other than 200: {_counts(odd)}"
        )

    def _records(self) -> tuple[list[str], str]:
        found = Findings()
        when = "at the end"
        seen = arithmetic.records(
            found, self.customers.life, when, excused=arithmetic.letters(self.serving.store)
        )
        effective, idle = arithmetic.writes(found, self.customers.life, when)
        arithmetic.limits(found, self.sandbox, when)
        letters = len(arithmetic.letters(self.serving.store))
        facts = f"{seen} records, {effective} effective writes, {idle} that changed nothing, {letters} dead letters"
        others = "CSAT_"  # what the other two syncs write on the same records
        return [f"{kind}: {line}" for kind, line in found.lines if others not in line], facts


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{times} {name}" for name, times in counter.most_common()) or "none"


if __name__ == "__main__":
    raise SystemExit(main())
