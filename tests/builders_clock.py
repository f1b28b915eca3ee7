"""A clock over a store, its engine replaced by something that remembers what it was asked to do."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from fake_clock import FakeClock

from npsync.clockwork.claims import Claim, Claims
from npsync.clockwork.hands import Threads
from npsync.clockwork.ticking import Clockwork, Turns
from npsync.clockwork.work import Work
from npsync.config import Config
from store.api import Due
from store.sql import SqlStore
from sync.report import FieldReport, MatchReport, Report

INSTALLATION = "here"


class Runs:
    """Stands for the engine: remembers what ran, and can be made to take long or to fail."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self.go_on = threading.Event()
        self.go_on.set()
        self.underway = threading.Semaphore(0)
        self.fails_with: Exception | None = None

    def __call__(
        self, config: Config, store: object, name: str, clock: object, stop: Callable[[], bool]
    ) -> Report:
        self.began.append(name)
        self.underway.release()
        assert self.go_on.wait(60)
        if self.fails_with is not None:
            raise self.fails_with
        return Report(1, name, "succeeded", 0, 0, {}, {}, {}, 0.0, MatchReport(), FieldReport())


class Ticking:
    """`npsync serve` without a process: ticks when it is told to."""

    def __init__(
        self,
        config: Config,
        store: SqlStore,
        clock: FakeClock,
        *,
        owner: str = "serve:1:2:3",
        turns: Turns = lambda config: (),
        **done: Any,
    ) -> None:
        self.stopping = threading.Event()
        self.hands = Threads()
        self.clockwork = Clockwork(
            config,
            store,
            clock,
            owner,
            hands=self.hands,
            works=lambda config: Work(config, store, clock, self.stopping.is_set, **done),
            turns=turns,
        )

    def tick(self) -> None:
        self.clockwork.tick()

    def tick_and_finish(self) -> None:
        self.tick()
        self.finish()

    def finish(self) -> None:
        """Wait until nothing is under way."""
        assert self.hands.idle(60)

    def stop(self) -> None:
        self.stopping.set()
        self.clockwork.stop()

    def wait(self) -> None:
        self.clockwork.wait()


def due_claims(config: Config, store: SqlStore, *, owner: str = "serve:1:2:3") -> Claims:
    return Claims(config, store, owner, INSTALLATION)


def runs_due(
    config: Config, store: SqlStore, now: datetime, known: Mapping[str, Due] | None = None
) -> Iterator[Claim]:
    return due_claims(config, store).runs(now, known)


def ticks(store: SqlStore) -> list[tuple[datetime, str]]:
    with store.database.read() as tx:
        found = tx.rows("SELECT due_at, outcome FROM tick ORDER BY id")
    return [(datetime.fromtimestamp(row[0] / 1000, UTC), str(row[1])) for row in found]


@cache
def dead_process() -> str:
    """The owner of a process of this machine that has ended."""
    script = "from store.owners import this_process; print(this_process())"
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.strip()
