"""A run's coordinator: it shares the work where that is worth it, does its part, and waits for everybody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from connectors.contract import Clock
from store.api import Lease, Store
from store.api.sharing import ShardKind
from sync.interruption import heed
from sync.job import Codecs, Job
from sync.outbox.wanting import Wants
from sync.planned import Planned
from sync.planning import LOOKING_UP, Planner
from sync.progress import Progress
from sync.sharing import planning, writing
from sync.sharing.dispatch import Dispatch, Summons
from sync.writing import WRITING, Sender, WrittenUp

LONGEST_CALL = 0.5  # between two looks at whether an earlier run's hands are through


@dataclass(frozen=True)
class Together:
    job: Job
    store: Store
    lease: Lease
    run: int
    clock: Clock
    owner: str
    dispatch: Dispatch
    began: datetime
    adopt: bool
    at_once: int | None
    stop: Callable[[], bool]
    progress: Progress

    def begin(self) -> None:
        """Hands of an earlier run may have calls under way: whatever is planned before they are through could be
        overwritten by what they still write."""
        while self.store.still_writing(self.job.name, now=self.clock.now()):
            heed(self.stop)
            self.clock.sleep(LONGEST_CALL)
        self.store.drop_shards(self.job.name, lease=self.lease)

    def end(self) -> None:
        """Those of an earlier run stay, where this one ended before they were waited for."""
        if not self.dispatch.alone:
            self.store.drop_shards(self.job.name, lease=self.lease, run=self.run)

    def plans(self, answers: int) -> bool:
        return not self.dispatch.alone and answers >= self.dispatch.cut.answers

    def plan(self, codecs: Codecs, planned: Planned, wants: Wants | None, taken_up: int) -> None:
        summons = self._summons(ShardKind.PLAN)
        planner = Planner(
            self.job,
            codecs,
            self.store,
            self.lease,
            self.run,
            planned,
            summons.now,
            wants,
            adopt=self.adopt,
            partial=False,
        )
        planning.plan_together(
            planner,
            planned,
            self.dispatch,
            summons,
            taken_up=taken_up,
            owner=self.owner,
            clock=self.clock,
            at_once=self.at_once or LOOKING_UP,
            stop=self.stop,
            progress=self.progress,
        )

    def writes(self, batches: int) -> bool:
        return not self.dispatch.alone and batches >= self.dispatch.cut.batches

    def write(self, sender: Sender, done: WrittenUp, size: int) -> None:
        writing.write_together(
            sender,
            done,
            self.dispatch,
            self._summons(ShardKind.WRITE),
            size=size,
            owner=self.owner,
            at_once=self.at_once or WRITING,
            stop=self.stop,
            progress=self.progress,
        )

    def _summons(self, kind: ShardKind) -> Summons:
        return Summons(
            sync=self.job.name,
            run=self.run,
            kind=kind,
            lease=self.lease,
            now=self.clock.now(),
            began=self.began,
            adopt=self.adopt,
        )
