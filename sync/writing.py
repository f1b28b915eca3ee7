"""Phase B: intents are journalled, batches go out in threads, every change comes back with exactly one outcome."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from connectors.contract import Clock, Destination
from nps.changes import Batch, Cause, Change, Deferred, Outcome, Rejected, Unknown, Written
from nps.errors import (
    AccessError,
    BudgetError,
    ConfigError,
    Interrupted,
    NpsyncError,
    StillUnderWay,
    UnavailableError,
)
from nps.values import JsonFields
from store.api import Lease, Store
from sync.canary import Trial
from sync.interruption import heed
from sync.job import Place
from sync.paying import cannot_pay, pays_for
from sync.progress import Progress

WRITING = 4  # batches under way at a time
OPENED = 8  # batches whose intents, and whose outcomes, are committed together
FRESH = timedelta(seconds=30)  # no lease is lost as quickly as that
SILENT = 3  # calls in a row that nobody answers: the vendor is down, and the rest would only wait as long
MOST_CHANGES = 20_000  # of all batches in memory; a bulk job alone may hold half of that


@dataclass
class WrittenUp:
    """What the writing came to. `problem` is why it ended early, if it did; `unpaid` that the calls left do not pay for
    all of it; `doubt` why it is not known of some changes whether they were written."""

    outcomes: Counter[str] = field(default_factory=Counter)
    problem: NpsyncError | None = None
    unpaid: NpsyncError | None = None
    doubt: str = ""
    silent: int = 0  # calls in a row that came to nothing known

    def note(self, outcomes: Sequence[Outcome]) -> None:
        for kind, count in Counter(map(type, outcomes)).items():
            self.outcomes[kind.__name__.lower()] += count
            if kind is Unknown and not self.doubt:
                self.doubt = next(one.reason for one in outcomes if isinstance(one, Unknown))

    @property
    def unwritten(self) -> int:
        return self.outcomes.total() - self.outcomes["written"]

    @property
    def in_doubt(self) -> list[str]:
        doubtful = self.outcomes["unknown"]
        if not doubtful:
            return []
        return [
            f"whether {doubtful:,} of the changes arrived is not known ({self.doubt}). The next run reads these "
            f"records before it plans"
        ]


class Others(Protocol):
    """Other hands that may write with us (`sync.sharing`)."""

    def writes(self, batches: int) -> bool:
        """Whether so many batches are worth calling them."""
        ...

    def write(self, sender: Sender, done: WrittenUp, size: int) -> None:
        """Write all that is planned, in batches of `size`. `done` says what it came to."""
        ...


def write_changes(
    job: Place,
    store: Store,
    lease: Lease,
    run: int,
    clock: Clock,
    done: WrittenUp,
    *,
    changes: int,
    canary: int,
    stop: Callable[[], bool],
    progress: Progress,
    at_once: int = WRITING,
    others: Others | None = None,
) -> None:
    """Write the run's plan through the cheapest API that can. `done` is kept up to date. When the calls that are left
    do not pay for all of it, its first part goes out, in write order; the rest stays planned, its answers pending.

    A refused credential, an unknown field or a spent budget ends the writing; what is left stays pending. A call whose
    fate is unknown leaves its batch open: the next run reads the records before it plans.
    """
    heed(stop)
    allowance = job.destination.allowance()
    tried = 0 < canary < changes
    way, most = pays_for(
        job.destination.ways(job.object, changes),
        changes,
        None if allowance is None else allowance.left,
        first=canary if tried else 0,
    )
    if allowance is not None and most < changes:
        waiting = (
            f"They pay for {most:,} of {changes:,} changes, the most valuable first; {changes - most:,} wait"
        )
        done.unpaid = done.unpaid or cannot_pay(job.connection, allowance, waiting)
    trial = Trial(job, run, way, canary) if tried and most else None
    store.cut(
        run,
        lease=lease,
        api=way.api,
        size=way.batch,
        first=trial.first if trial else None,
        first_api=trial.api if trial else None,
        most=most,
    )
    sender = Sender(job, store, lease, clock, done)
    for batch in store.open_batches(run, trial.batches, lease=lease) if trial else ():
        if done.problem is not None:
            outcomes: Sequence[Outcome] | None = unsent(batch)
        else:
            outcomes = sender.outcomes(batch, clock.now())
        _settle(store, lease, run, clock, {batch.id: outcomes}, done, progress)
        if trial is not None and done.problem is None:
            done.problem = trial.read_back(batch, outcomes or ())
    if trial is not None and done.problem is None:
        done.problem = trial.all_refused()
    if done.problem is None:
        batches = -(-(most - (canary if trial else 0)) // way.batch)
        if others is not None and others.writes(batches):
            others.write(sender, done, way.batch)
        else:
            _write_rest(sender, run, max(1, MOST_CHANGES // way.batch), at_once, stop, progress)
    done.problem = done.problem or done.unpaid


def _write_rest(
    sender: Sender, run: int, most: int, at_once: int, stop: Callable[[], bool], progress: Progress
) -> None:
    store, lease, clock, done = sender.store, sender.lease, sender.clock, sender.done
    opened: deque[Batch] = deque()
    under_way: dict[Future[Sequence[Outcome] | None], Batch] = {}
    answered: dict[int, Sequence[Outcome] | None] = {}
    together = min(OPENED, most)
    # A bulk job is large and slow: what it came to does not wait for the next one's end.
    enough = together if most > OPENED else 1
    opened_at = clock.now()
    with ThreadPoolExecutor(at_once, thread_name_prefix="npsync-write") as pool:
        while True:
            if done.problem is None and stop():
                done.problem = Interrupted()
            if done.problem is None and not opened:
                opened_at = clock.now()
                opened.extend(store.open_batches(run, together, lease=lease))
            while opened and len(under_way) < min(2 * at_once, most) and done.problem is None:
                batch = opened.popleft()
                under_way[pool.submit(sender.outcomes, batch, opened_at)] = batch
            if not under_way:
                break
            finished, _ = wait(under_way, return_when=FIRST_COMPLETED)
            answered |= {under_way.pop(future).id: future.result() for future in finished}
            if len(answered) >= enough:
                _settle(store, lease, run, clock, answered, done, progress)
                answered = {}
    # Intents that were committed and never sent are known not to have left.
    answered |= {batch.id: unsent(batch) for batch in opened}
    _settle(store, lease, run, clock, answered, done, progress)


def unsent(batch: Batch) -> Sequence[Outcome]:
    return tuple(
        Deferred(one.record_id, "the run ended before this call", tried=False) for one in batch.changes
    )


@dataclass(frozen=True)
class Sender:
    """What sending a batch needs. Threads share one."""

    job: Place
    store: Store
    lease: Lease
    clock: Clock
    done: WrittenUp

    def outcomes(
        self, batch: Batch, opened_at: datetime, prove: Callable[[], None] | None = None
    ) -> Sequence[Outcome] | None:
        """The batch's outcomes; None leaves it open because nobody knows. Raises LeaseLost, or what `prove` does, by
        which whoever has less than the lease shows that the batch is still his."""
        said: list[Outcome] = []
        handles: list[str] = []

        def remember(handle: str) -> None:
            self.store.remember(batch.id, handle)
            handles.append(handle)

        if self.clock.now() - opened_at > FRESH:
            # Opening proved the lease. A process that slept since may have lost it, and another one has settled this.
            if prove is None:
                self.store.prove(self.lease)
            else:
                prove()
        try:
            said.extend(self.job.destination.write(batch, remember))
            told = self._told(batch, paired(batch.changes, said))
            self._watch(told)
            return told
        except (AccessError, ConfigError, BudgetError, Interrupted) as error:
            self.done.problem = self.done.problem or error
            if handles:
                return None  # a job is under way there, whatever was refused since: the next run asks for it
            heard = {outcome.record_id for outcome in said}  # what was said before the refusal is true
            rest = [one for one in batch.changes if one.record_id not in heard]
            refused = "refused as a whole; see the run's problem"
            return paired(
                batch.changes, [*said, *(Deferred(one.record_id, refused, tried=False) for one in rest)]
            )
        except UnavailableError as error:
            self.done.problem = self.done.problem or error
            return None

    def _told(self, batch: Batch, outcomes: tuple[Outcome, ...]) -> tuple[Outcome, ...]:
        """Where the vendor left open whether it wrote, the record itself may tell. That it does not show the change yet
        proves nothing: then it stays unknown."""
        unknown = {one.record_id for one in outcomes if type(one) is Unknown}
        if not unknown:
            return outcomes
        asked = tuple(one for one in batch.changes if one.record_id in unknown)
        try:
            shown = list(seen(self.job.destination, msgspec.structs.replace(batch, changes=asked)))
        except NpsyncError:
            return outcomes  # they stay unknown; the next run compares
        written = {one.record_id: one for one in shown if isinstance(one, Written)}
        return tuple(written.get(one.record_id, one) for one in outcomes)

    def _watch(self, outcomes: Sequence[Outcome]) -> None:
        """A vendor that answers no call any more is not asked for the rest."""
        reasons = [one.reason for one in outcomes if isinstance(one, Unknown)]
        self.done.silent = self.done.silent + 1 if len(reasons) == len(outcomes) else 0
        if self.done.silent >= SILENT:
            self.done.problem = self.done.problem or UnavailableError(
                f"{self.job.connection}: {self.done.silent} calls in a row came to nothing that is known, so no more "
                f"were made: {reasons[0]}. The next run goes on where this one ended"
            )


def paired(changes: Iterable[Change], outcomes: Iterable[Outcome]) -> tuple[Outcome, ...]:
    """Exactly one outcome per change; silence is a rejection."""
    said = {outcome.record_id: outcome for outcome in outcomes}
    return tuple(
        said.get(change.record_id)
        or Rejected(
            change.record_id,
            "no_answer",
            "the vendor's answer did not mention this record",
            cause=Cause.TRANSIENT,
            in_doubt=True,
        )
        for change in changes
    )


def _settle(
    store: Store,
    lease: Lease,
    run: int,
    clock: Clock,
    settled: dict[int, Sequence[Outcome] | None],
    done: WrittenUp,
    progress: Progress,
) -> None:
    known = {batch: outcomes for batch, outcomes in settled.items() if outcomes is not None}
    if not known:
        return
    store.settle_batches(run, known, lease=lease, now=clock.now())
    for outcomes in known.values():
        done.note(outcomes)
        progress.advance(len(outcomes))


def settle_open(job: Place, store: Store, lease: Lease, run: int, clock: Clock, *, read_only: bool) -> int:
    """Settle what an interrupted run left open, by asking the vendor's job or reading the records.

    Returns how many records turned out to be written. The others' answers are planned anew. StillUnderWay when the
    vendor is not done with a job: what it does to the records cannot be foreseen, so nothing is planned before.
    """
    arrived = 0
    waiting: StillUnderWay | None = None
    for batch, handle in store.unsettled(job.name):
        try:
            known = found_out(job.destination, batch, None if read_only else handle)
        except StillUnderWay as problem:
            waiting = waiting or problem
            continue
        store.settle_batches(run, {batch.id: known}, lease=lease, now=clock.now())
        arrived += sum(isinstance(outcome, Written) for outcome in known)
    store.abandon(job.name, lease=lease)
    if waiting is not None:
        raise waiting
    return arrived


def found_out(destination: Destination, batch: Batch, handle: str | None) -> tuple[Outcome, ...]:
    """What became of a batch that somebody opened who is gone: its job says so, else the records show it. Raises
    StillUnderWay."""
    outcomes = None if handle is None else destination.resume(batch, handle)
    return paired(batch.changes, seen(destination, batch) if outcomes is None else outcomes)


def seen(destination: Destination, batch: Batch) -> Iterable[Outcome]:
    """What the live records say about a batch whose fate nobody knows."""
    fields = sorted({name for change in batch.changes for name in change.after})
    live = {
        old: record.fields
        for record in destination.get(
            batch.object, [change.record_id for change in batch.changes], fields, {}
        )
        for old in (record.id, *record.merged)
    }
    for change in batch.changes:
        shown = live.get(change.record_id)
        if shown is not None and _arrived(change, shown):
            yield Written(change.record_id)
        else:
            yield Deferred(
                change.record_id, "an interrupted run did not get this far; planned again", tried=False
            )


def _arrived(change: Change, shown: JsonFields) -> bool:
    """A record is written as a whole. So one that shows a part of the change and nothing of what it showed before has
    been written, and edited by somebody since: what is theirs stays theirs."""
    as_wanted = [shown.get(name) == value for name, value in change.after.items()]
    as_before = any(shown.get(name) == value for name, value in change.before.items())
    return all(as_wanted) or (any(as_wanted) and not as_before)
