"""What operators do to a serve that runs: sensible things, and clumsy ones."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench.soak.toys import Sandbox
from bench.soak.trouble import TROUBLES
from bench.soak_serve.serving import Serving
from bench.soak_serve.setting import SYNCS

# Those after which everything is right again without a person: nothing ends as a dead letter.
PASSING = (
    "server errors",
    "html pages",
    "resets",
    "lost replies",
    "a 429 with Retry-After",
    "a 429 without Retry-After",
    "too many at once",
    "slow replies",
    "old tokens",
)


@dataclass
class Operators:
    """One thread: something every `every` seconds."""

    serving: Serving
    file: Path  # the YAML
    seed: int
    every: float = 40.0
    did: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    paused: dict[str, int] = field(default_factory=dict)
    leave_the_file: threading.Event = field(default_factory=threading.Event)  # each taken one is another web

    def until(self, ending: threading.Event, quiet: threading.Event) -> None:
        rng = random.Random(self.seed)
        acts: list[Callable[[random.Random], None]] = [
            self._pauses,
            self._runs_now,
            self._looks,
            self._hangs_up,
        ]
        edits = [self._changes_the_file, self._spoils_the_file]
        while not ending.wait(self.every * (0.5 + rng.random())):
            if self.serving.is_up and not quiet.is_set():
                rng.choice(acts if self.leave_the_file.is_set() else [*acts, *edits])(rng)
        for sync in list(self.paused):
            self._resumes(sync)

    def _pauses(self, rng: random.Random) -> None:
        if self.paused:
            self._resumes(next(iter(self.paused)))
        else:
            sync = rng.choice(SYNCS)
            self._does("syncs", "pause", sync)
            self.paused[sync] = 1

    def _resumes(self, sync: str) -> None:
        self._does("syncs", "resume", sync)
        del self.paused[sync]

    def _runs_now(self, rng: random.Random) -> None:
        self._does("syncs", "run", rng.choice(SYNCS))

    def _looks(self, rng: random.Random) -> None:
        self._does(
            *rng.choice((("runs",), ("quota",), ("health",), ("syncs",), ("invitations",))), fine=(0, 1)
        )

    def _changes_the_file(self, rng: random.Random) -> None:
        text = self.file.read_text("utf-8")
        old, new = ("canary: 50", "canary: 49") if "canary: 50" in text else ("canary: 49", "canary: 50")
        self.file.write_text(text.replace(old, new), "utf-8")
        self.did["changed the file"] += 1

    def _spoils_the_file(self, rng: random.Random) -> None:
        """For half a minute it cannot be read; serve goes on by what it has."""
        good = self.file.read_text("utf-8")
        self.file.write_text(good.replace("surveys:", "survyes:", 1), "utf-8")
        self.did["spoilt the file"] += 1
        self._hangs_up(rng)
        threading.Event().wait(20)
        self.file.write_text(good, "utf-8")

    def _hangs_up(self, rng: random.Random) -> None:
        self.serving.hang_up()
        self.did["sent SIGHUP"] += 1

    def _does(self, *command: str, fine: tuple[int, ...] = (0,)) -> None:
        ended = self.serving.npsync(*command)
        self.did[" ".join(command[:2])] += 1
        if ended.returncode not in fine or "Traceback" in ended.stderr:
            told = (ended.stderr or ended.stdout).strip().splitlines()[-1:]
            self.problems.append(f"npsync {' '.join(command)}: exit {ended.returncode}, {told}")


@dataclass
class Vendors:
    """One thread: trouble comes for half a minute, and goes for half a minute."""

    sandbox: Sandbox
    seed: int
    came: Counter[str] = field(default_factory=Counter)

    def until(self, ending: threading.Event) -> None:
        rng = random.Random(self.seed)
        while not ending.wait(20 + 20 * rng.random()):
            for name in rng.sample(PASSING, rng.choice((1, 1, 2, 3))):
                self.came[name] += 1
                rules = [{"times": None, **rule} for rule in TROUBLES[name]]
                self.sandbox.call("POST", "/faults", rules)
            ending.wait(20 + 20 * rng.random())
            self.sandbox.call("DELETE", "/faults")
        self.sandbox.call("DELETE", "/faults")
