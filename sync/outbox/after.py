"""After the person writes: what was left in doubt is looked up, then tasks, history, lists and alerts are made.

Nothing here fails the scores: whatever goes wrong is told, and the run ends partial.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from connectors.contract import Clock
from nps.errors import LeaseLost, NpsyncError
from store.api import Lease, Store
from store.api.outbox import Kind, Stage
from sync.job import Job
from sync.outbox.alerts import Alerts
from sync.outbox.care import Aftercare
from sync.outbox.carrying import Carrier
from sync.outbox.closing import note_closed
from sync.outbox.facts import Reading
from sync.outbox.followed import Followed, Tally
from sync.outbox.history import History
from sync.outbox.lists import Lists
from sync.outbox.making import Maker
from sync.outbox.memory import floor_of, is_new, remember_floor
from sync.outbox.tasks import Tasks
from sync.outbox.wanting import Wants

EXAMPLES = 3  # of each kind, in a plan

_Making = Callable[[], Maker]


@dataclass(frozen=True)
class After:
    """One sync's aftercare in one run."""

    job: Job
    care: Aftercare
    store: Store
    clock: Clock
    floor: datetime

    @classmethod
    def of(cls, job: Job, store: Store, clock: Clock, began: datetime, *, write: bool) -> After | None:
        """At the beginning of a run, or (not `write`) of a plan. None when the sync does nothing after an answer."""
        if write:
            remember_floor(store, job.name, job.care, began)
        if job.care is None:
            return None
        return cls(job, job.care, store, clock, floor_of(store, job.name, job.care, began))

    @property
    def wants(self) -> Wants:
        """What planning notes down for it."""
        return Wants(self.job, self.care, self.floor)

    def follow_up(
        self,
        lease: Lease,
        run: int,
        followed: Followed,
        *,
        since: datetime | None,
        stop: Callable[[], bool],
    ) -> None:
        """`since`: only what was wanted from then on, for a run that is about one person. `followed` is kept up to
        date. Raises LeaseLost, and nothing else on purpose."""
        carrier = Carrier(self.store, lease, run, self.clock, stop)
        for kind, making in self._makers(preview=False):
            tally = followed.tallies.setdefault(kind, Tally())
            try:
                maker = making()
                carrier.recover(maker, self.job.name, tally)
                carrier.carry_out(maker, self.job.name, tally, since=since)
                if kind is Kind.TASK and since is None:
                    note_closed(self.job, self.store, lease, self.clock, tally)
            except LeaseLost:
                raise
            except NpsyncError as error:
                followed.problems.append(f"{_WHAT[kind]}: {error}")
        followed.problems += self._left_open(run)

    def preview(self, lease: Lease, run: int, followed: Followed, *, since: datetime | None) -> None:
        followed.begins = is_new(self.store, self.job.name, self.care)
        carrier = Carrier(self.store, lease, run, self.clock, lambda: False)
        for kind, making in self._makers(preview=True):
            tally = followed.tallies.setdefault(kind, Tally())
            try:
                carrier.preview(making(), self.job.name, tally, since=since, most=EXAMPLES)
            except NpsyncError as error:
                followed.problems.append(f"{_WHAT[kind]}: {error}")

    def _makers(self, *, preview: bool) -> Iterator[tuple[Kind, _Making]]:
        """Tasks first: somebody waits to be called."""
        care, store, floor = self.care, self.store, self.floor
        reading = Reading.of(self.job, care)
        if care.tasks:
            yield Kind.TASK, lambda: Tasks.of(reading, store, self.clock, floor, preview=preview)
        if (history := care.history) is not None:
            yield Kind.HISTORY, lambda: History.of(reading, store, history, preview=preview)
        if care.places:
            yield Kind.LIST, lambda: Lists(reading, store, floor, preview=preview)
        if care.notices:
            yield Kind.ALERT, lambda: Alerts(reading, store, floor, preview=preview)

    def _left_open(self, run: int) -> Iterator[str]:
        """Whatever this run opened was settled, or something is lost. What another one left may not have been looked
        up yet."""
        for kind in Kind:
            found = self.store.entries(self.store.doubtful_entries(self.job.name, kind))
            if left := sum(one.stage is Stage.OPEN and one.run == run for one in found):
                yield (
                    f"conservation: {left} of {_WHAT[kind]} were opened and not settled. This is a defect of npsync; "
                    f"please report it with `npsync runs`"
                )


_WHAT: Mapping[Kind, str] = {
    Kind.TASK: "tasks",
    Kind.HISTORY: "history",
    Kind.LIST: "lists",
    Kind.ALERT: "alerts",
}
