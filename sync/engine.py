"""One run of one sync, from the sources to the records, and the same without a single write: the plan."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from connectors.contract import Clock
from nps.changes import Change
from nps.errors import BudgetError, LeaseLost, NpsyncError
from nps.values import Json
from store.api import Lease, State, Store
from sync import breaker
from sync.codecs import open_codecs
from sync.inbox import Pulled, pull
from sync.interruption import Interrupted
from sync.job import Codecs, Job
from sync.planning import Planned, plan_changes
from sync.progress import Progress, Silent
from sync.report import Report, status_of
from sync.writing import CanaryFailed, WrittenUp, settle_open, write_changes

LEASE_SECONDS = 120.0
HEARTBEAT_SECONDS = 30.0
REMEMBERED_RUNS = 5  # whose match rates the breaker compares with


class Busy(NpsyncError):
    """Another process is running this sync right now."""


@dataclass(frozen=True)
class Options:
    """What the command line adds to the YAML for one run."""

    only: str | None = None  # one person: e-mail, external id, record id or answer id
    limit: int | None = None
    everything: bool = False  # plan every answer anew, for a changed mapping
    full: bool = False  # read the sources from their beginning
    adopt: bool = False
    recheck: bool = False
    expect: Mapping[str, tuple[Mapping[str, Json], Mapping[str, Json]]] | None = None
    """A reviewed plan: record id → (before, after). Only changes equal to it are written."""
    stop: Callable[[], bool] = lambda: False
    """Asked between chunks and batches; True hands back what was not begun."""


@dataclass(frozen=True)
class Preview:
    """A plan, spooled in the store it was made in. Read `changes` before that store is gone."""

    run: int
    report: Report
    changes: Callable[[], Iterator[Change]]
    cost: Mapping[str, int]
    absent: tuple[str, ...]
    first_fills: int


def run(
    job: Job,
    store: Store,
    clock: Clock,
    owner: str,
    calls: Callable[[], Mapping[str, int]],
    options: Options | None = None,
    progress: Progress | None = None,
) -> Report:
    """Pull, plan and write once. Raises Busy when another process has this sync, LeaseLost when one took it over,
    ConfigError before anything was pulled when the mapping does not fit the CRM; every other failure is a Report."""
    options, progress = options or Options(), progress or Silent()
    with _lease(store, clock, job.name, owner) as lease:
        before = dict(calls())
        codecs = open_codecs(job, refuse_absent=True)
        number = store.begin_run(job.name, "run", now=clock.now(), facts=job.facts)
        attempt = _Attempt(job, codecs, store, lease, clock, number, calls, options, progress, owner, before)
        report = attempt.finish(attempt.go(write=True))
        store.end_run(number, report.status, now=clock.now(), report=report.as_json())
        return report


def preview(
    job: Job,
    overlay: Store,
    clock: Clock,
    owner: str,
    calls: Callable[[], Mapping[str, int]],
    options: Options | None = None,
    progress: Progress | None = None,
) -> Preview:
    """Plan in an overlay of the store (`Store.overlay`), so that nothing is left behind anywhere.

    Works with a credential that may only read, and before the mapped fields exist.
    """
    options, progress = options or Options(), progress or Silent()
    with _lease(overlay, clock, f"plan/{job.name}", owner) as lease:
        before = dict(calls())
        codecs = open_codecs(job, refuse_absent=False)
        number = overlay.begin_run(job.name, "plan", now=clock.now(), facts=job.facts)
        attempt = _Attempt(
            job, codecs, overlay, lease, clock, number, calls, options, progress, owner, before
        )
        report = attempt.finish(attempt.go(write=False))
    count = attempt.planned.changes
    return Preview(
        run=number,
        report=report,
        changes=lambda: overlay.planned(number),
        cost=attempt.cost(count),
        absent=codecs.absent,
        first_fills=count - attempt.planned.overwriting,
    )


class _Attempt:
    """The steps of one run, and what they came to so far."""

    def __init__(
        self,
        job: Job,
        codecs: Codecs,
        store: Store,
        lease: Lease,
        clock: Clock,
        number: int,
        calls: Callable[[], Mapping[str, int]],
        options: Options,
        progress: Progress,
        owner: str,
        calls_before: Mapping[str, int],
    ) -> None:
        self.job, self.codecs, self.store, self.lease, self.clock = job, codecs, store, lease, clock
        self.number, self.calls, self.options, self.progress, self.owner = (
            number,
            calls,
            options,
            progress,
            owner,
        )
        self.started = clock.monotonic()
        self.calls_before = calls_before
        self.pulled = Pulled()
        self.taken_up = 0
        self.planned = Planned()
        self.written = WrittenUp()

    def go(self, *, write: bool) -> str | None:
        """Take every step; returns the status if the run did not get to its natural end."""
        try:
            settle_open(self.job, self.store, self.lease, self.clock, read_only=not write)
            self._pull()
            self._plan()
            if write and self.planned.changes:
                self._write()
        except LeaseLost:
            raise
        except BudgetError as error:
            self.written.problem = self.written.problem or error
            return "partial"
        except Interrupted as error:
            self.written.problem = error
            return "partial"
        except (breaker.BreakerOpen, CanaryFailed) as error:
            self.written.problem = error
            return "stopped"
        except NpsyncError as error:
            self.written.problem = error
            return "failed"
        return None

    def _pull(self) -> None:
        job = self.job
        self.pulled = pull(
            job.feeds,
            self.store,
            self.clock,
            self.owner,
            region=job.region,
            full=self.options.full,
            stop=self.options.stop,
            progress=self.progress,
        )
        now = self.clock.now()
        self.taken_up = self.store.take_up(
            job.name,
            job.sources,
            lease=self.lease,
            now=now,
            recheck=self.options.recheck,
            everything=self.options.everything,
            expired_before=now - job.valid_for if job.valid_for else None,
        )

    def _plan(self) -> None:
        persons = None
        if self.options.only is not None:
            persons = self.store.persons(self.job.name, self.options.only)
            if not persons:
                return
        self.progress.phase("planning", self.taken_up)
        self.planned = plan_changes(
            self.job,
            self.codecs,
            self.store,
            self.lease,
            self.number,
            now=self.clock.now(),
            persons=persons,
            limit=self.options.limit,
            adopt=self.options.adopt,
            stop=self.options.stop,
            progress=self.progress,
        )

    def _write(self) -> None:
        changes = self._narrowed() if self.options.expect is not None else self.planned.changes
        self._ask_breaker()
        if not changes:
            return
        self.progress.phase("writing", changes)
        self.written = write_changes(
            self.job,
            self.store,
            self.lease,
            self.number,
            self.clock,
            changes=changes,
            canary=self.job.breaker.canary if self.job.breaker else 0,
            stop=self.options.stop,
            progress=self.progress,
        )
        if self.written.problem is not None:
            raise self.written.problem

    def _narrowed(self) -> int:
        """Take out of the plan what differs from the reviewed one; returns how many changes are left."""
        expect = self.options.expect or {}
        different = [
            change.record_id
            for change in self.store.planned(self.number)
            if expect.get(change.record_id) != (change.before, change.after)
        ]
        self.store.unplan(self.number, different, lease=self.lease)
        return self.planned.changes - len(different)

    def _ask_breaker(self) -> None:
        if self.job.breaker is None or self.options.everything:
            return
        shown = self.store.deciding(self.job.name)
        rates = [
            rate
            for one in self.store.runs(sync=self.job.name, limit=REMEMBERED_RUNS + 1)
            if one.id != self.number and (rate := _rate(one.report)) is not None
        ]
        match = self.planned.match
        opened = breaker.check(
            self.job.breaker,
            overwriting=self.planned.overwriting,
            shown=shown,
            matched=match.matched,
            looked_up=match.looked_up,
            earlier_rates=rates,
        )
        if opened is not None:
            raise opened

    def cost(self, changes: int) -> dict[str, int]:
        """Calls the plan would cost the destination to write."""
        if not changes:
            return {self.job.connection: 0}
        way = self.job.destination.ways(self.job.object, changes)[0]
        return {self.job.connection: way.cost(changes)}

    def finish(self, ended: str | None) -> Report:
        """Count where every answer is, and fail loudly if one is nowhere."""
        states = self.store.run_states(self.job.name, self.number)
        pulled = self.taken_up
        problems = [f"{name}: {error}" for name, error in self.pulled.failures]
        if self.written.problem is not None:
            problems.append(str(self.written.problem))
        problems += self._unbalanced(states)
        status = ended or status_of(states, tuple(problems))
        if any(problem.startswith("conservation:") for problem in problems) or (
            self.pulled.failures and len(self.pulled.failures) == len(self.job.feeds)
        ):
            status = "failed"
        seen = self.calls()
        return Report(
            run=self.number,
            sync=self.job.name,
            status=status,
            pulled=pulled,
            repeated=self.pulled.repeated,
            states=states,
            writes={self.job.object: self.written.outcomes["written"]},
            calls={name: count - self.calls_before.get(name, 0) for name, count in seen.items()},
            seconds=self.clock.monotonic() - self.started,
            match=self.planned.match,
            kept=self.planned.kept,
            problems=tuple(problems),
        )

    def _unbalanced(self, states: Mapping[State, int]) -> Iterator[str]:
        if sum(states.values()) != self.taken_up:
            yield (
                f"conservation: {self.taken_up} answers were taken up, but {sum(states.values())} have a state. "
                f"This is a defect of npsync; nothing more is written until it is understood"
            )
        stored, accounted = self.store.balance(self.job.name, self.job.sources)
        if stored != accounted:
            yield (
                f"conservation: {stored} answers are stored, {accounted} are accounted for in {self.job.name}. "
                f"This is a defect of npsync; please report it with `npsync runs`"
            )


def _rate(report: Mapping[str, Json]) -> float | None:
    match = report.get("match")
    if not isinstance(match, dict):
        return None
    counts = [match.get(name) for name in ("matched", "ambiguous", "conflicting", "waiting")]
    numbers = [count for count in counts if isinstance(count, int)]
    looked_up = sum(numbers)
    return numbers[0] / looked_up if looked_up >= breaker.FEWEST_LOOKED_UP else None


@contextmanager
def _lease(store: Store, clock: Clock, name: str, owner: str) -> Iterator[Lease]:
    """The sync's fenced lease, kept alive by a heartbeat; a process that was frozen past it can write no more."""
    lease = store.acquire(f"sync/{name}", owner, now=clock.now(), seconds=LEASE_SECONDS)
    if lease is None:
        raise Busy(f"{name} is being run by another process; its result will be in: npsync runs")
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(HEARTBEAT_SECONDS):
            try:
                store.renew(lease, now=clock.now(), seconds=LEASE_SECONDS)
            except LeaseLost:
                return  # the next transaction of the run fails the same way, where it can be told

    heart = threading.Thread(target=beat, name="npsync-lease", daemon=True)
    heart.start()
    try:
        yield lease
    finally:
        stop.set()
        heart.join()
        store.release(lease)
