"""One run of one sync, from the sources to the records, and the same without a single write: the plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from connectors.contract import Clock
from nps.changes import Change
from nps.errors import BudgetError, ConfigError, LeaseLost, NpsyncError, StillUnderWay
from nps.score import DETRACTORS_UP_TO
from nps.values import Json
from store.api import Asked, Lease, State, Store
from sync import asking, breaker, intake
from sync.canary import CanaryFailed
from sync.codecs import open_codecs
from sync.conserving import lost
from sync.inbox import Pulled, pull
from sync.interruption import Interrupted
from sync.job import Codecs, Job
from sync.leasing import end_those_that_died, sync_lease
from sync.membership import count_again
from sync.outbox.after import After
from sync.outbox.followed import Followed
from sync.paying import begins_with, cannot_pay
from sync.planned import Planned
from sync.planning import CHUNK, LOOKING_UP, plan_changes
from sync.progress import Noted, Progress, Silent, WithCalls
from sync.report import Report, status_of
from sync.sharing.dispatch import Alone, Dispatch
from sync.sharing.together import Together
from sync.writing import WRITING, WrittenUp, settle_open, write_changes


@dataclass(frozen=True)
class Options:
    """What the command line adds to the YAML for one run."""

    only: str | None = None  # one person: e-mail, external id, record id or answer id
    asked: Asked | None = None  # only the persons behind these answers, and these records' clearings
    limit: int | None = None
    everything: bool = False  # plan every answer anew, for a changed mapping
    full: bool = False  # read the sources from their beginning
    read: bool = True  # False: only take up what lies in the inbox
    adopt: bool = False
    recheck: bool = False
    accept_breaker: bool = False  # write although the breaker has reasons against it
    expect: Mapping[str, tuple[Mapping[str, Json], Mapping[str, Json]]] | None = None
    """A reviewed plan: record id → (before, after). Only changes equal to it are written."""
    at_once: int | None = None  # calls under way at a time; None: as many as one process can make use of
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
    followed: Followed = field(default_factory=Followed)  # what a run of it would create beside the records
    stops: tuple[breaker.Reason, ...] = ()  # why a run of it would be stopped


def run(
    job: Job,
    store: Store,
    clock: Clock,
    owner: str,
    calls: Callable[[], Mapping[str, int]],
    options: Options | None = None,
    progress: Progress | None = None,
    dispatch: Dispatch | None = None,
) -> Report:
    """Pull, plan and write once. Raises Busy when another process has this sync, LeaseLost when one took it over,
    ConfigError before anything was pulled when the mapping does not fit the CRM; every other failure is a Report."""
    with sync_lease(store, clock, job.name, owner) as lease:
        end_those_that_died(store, job.name, clock)
        number = store.begin_run(job.name, "run", now=clock.now(), facts=job.facts)
        noted = Noted(progress, store, number, clock)
        attempt = _Attempt(
            job, store, lease, clock, number, calls, options or Options(), noted, owner, dispatch
        )
        try:
            report = attempt.finish(attempt.go(write=True), write=True)
        except ConfigError as error:
            store.end_run(number, "failed", now=clock.now(), report={"problems": [str(error)]})
            raise
        told = report.as_json() | {"phases": noted.took()}
        store.end_run(number, report.status, now=clock.now(), report=told)
        attempt.together.end()
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
    with sync_lease(overlay, clock, f"plan/{job.name}", owner) as lease:
        number = overlay.begin_run(job.name, "plan", now=clock.now(), facts=job.facts)
        attempt = _Attempt(
            job, overlay, lease, clock, number, calls, options or Options(), progress or Silent(), owner
        )
        report = attempt.finish(attempt.go(write=False), write=False)
        codecs = attempt.codecs
        stops = attempt.judged(codecs).reasons if codecs is not None and report.status != "failed" else ()
    count = attempt.planned.changes
    return Preview(
        run=number,
        report=report,
        changes=lambda: overlay.planned(number),
        cost=attempt.cost(count),
        absent=attempt.codecs.absent if attempt.codecs else (),
        first_fills=count - attempt.planned.overwriting,
        followed=attempt.followed,
        stops=stops,
    )


class _Attempt:
    """The steps of one run, and what they came to so far."""

    def __init__(
        self,
        job: Job,
        store: Store,
        lease: Lease,
        clock: Clock,
        number: int,
        calls: Callable[[], Mapping[str, int]],
        options: Options,
        progress: Progress,
        owner: str,
        dispatch: Dispatch | None = None,
    ) -> None:
        self.job, self.store, self.lease, self.clock, self.number = job, store, lease, clock, number
        self.calls, self.options, self.owner = calls, options, owner
        self.progress = WithCalls(progress, job.destination)
        self.started = clock.monotonic()
        self.calls_before = dict(calls())
        self.codecs: Codecs | None = None
        self.pulled = Pulled()
        self.taken_up: int | None = None  # None: the run did not get that far
        self.resumed = 0  # records an interrupted run had written
        self.different = 0  # changes that are not in the reviewed plan
        self.planned = Planned()
        self.accepted: tuple[breaker.Reason, ...] = ()
        self.unjudged = True  # the breaker has not let the new answers pass (yet)
        self.written = WrittenUp()
        self.after: After | None = None
        self.followed = Followed()
        self.began = clock.now()
        self.together = Together(
            job,
            store,
            lease,
            number,
            clock,
            owner,
            dispatch or Alone(),
            self.began,
            self.options.adopt,
            self.options.at_once,
            self.options.stop,
            self.progress,
        )

    def go(self, *, write: bool) -> str | None:
        """Take every step; returns the status if the run did not get to its natural end."""
        try:
            codecs = self.codecs = open_codecs(self.job, refuse_absent=write)
        except ConfigError:
            raise
        except NpsyncError as error:
            return self._ended_by(error)
        try:
            if write:
                self.together.begin()
            if write and self.job.rolled_up:
                count_again(self.job, self.store)
            self.resumed = settle_open(
                self.job, self.store, self.lease, self.number, self.clock, read_only=not write
            )
            self.after = After.of(self.job, self.store, self.clock, self.began, write=write)
            self._pull()
            self._plan(codecs, write=write)
            if write:
                self._write(codecs)
            self._follow_up(write=write)
        except LeaseLost:
            raise
        except NpsyncError as error:
            return self._ended_by(error)
        return None

    def _follow_up(self, *, write: bool) -> None:
        """What follows the answers. It fails no score: what goes wrong is told."""
        if self.after is None:
            return
        one_person = self.options.only is not None or bool(self.options.asked)
        since = self.began if one_person else None
        if not write:
            self.after.preview(self.lease, self.number, self.followed, since=since)
            return
        self.progress.phase("following up", None)
        self.after.follow_up(self.lease, self.number, self.followed, since=since, stop=self.options.stop)

    def _ended_by(self, error: NpsyncError) -> str:
        self.written.problem = error
        match error:
            case BudgetError() | Interrupted() | StillUnderWay():
                return "partial"
            case breaker.BreakerOpen() | CanaryFailed():
                return "stopped"
            case _:
                return "failed"

    def _pull(self) -> None:
        job = self.job
        pull(
            job.feeds if self.options.read else (),
            self.store,
            self.clock,
            self.owner,
            self.pulled,
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

    def _plan(self, codecs: Codecs, *, write: bool) -> None:
        asked = self.options.asked
        self.progress.phase("planning", self.taken_up)
        if self.options.only is not None:
            if persons := self.store.persons(self.job.name, self.options.only):
                self._plan_some(codecs, persons, self.options.limit)
        elif asked is not None:
            self._plan_some(codecs, self.store.persons_of(asked.answers), self.options.limit, asked.records)
        elif write and (begun := self._paid_for()) is not None:
            self.planned.narrowed = True
            # Who waits to be called first, then the others, as far as the calls that are left pay for.
            unhappy = self.store.scored(self.job.name, at_most=DETRACTORS_UP_TO, limit=begun)
            if unhappy and self.job.metric == "nps":
                self._plan_some(codecs, unhappy, begun)
                begun -= min(begun, len(unhappy))
            if begun:
                self._plan_some(codecs, None, begun)
        elif write and self.options.limit is None and self.together.plans(self.taken_up or 0):
            wants = None if self.after is None else self.after.wants
            self.together.plan(codecs, self.planned, wants, self.taken_up or 0)
        else:
            self._plan_some(codecs, None, self.options.limit)

    def _plan_some(
        self,
        codecs: Codecs,
        persons: Sequence[int] | None,
        limit: int | None,
        clearings: Sequence[str] | None = None,
    ) -> None:
        plan_changes(
            self.job,
            codecs,
            self.store,
            self.lease,
            self.number,
            self.planned,
            now=self.clock.now(),
            persons=persons,
            clearings=clearings,
            limit=limit,
            adopt=self.options.adopt,
            stop=self.options.stop,
            progress=self.progress,
            wants=None if self.after is None else self.after.wants,
            at_once=self.options.at_once or LOOKING_UP,
        )

    def _paid_for(self) -> int | None:
        """How many answers to begin with, when the calls that are left do not pay for looking up and writing all."""
        job, allowance = self.job, self.job.destination.allowance()
        answers = min(self.taken_up or 0, self.options.limit or self.taken_up or 0)
        if allowance is None or not answers:
            return None
        begun = begins_with(lambda count: job.destination.ways(job.object, count), answers, allowance.left)
        if begun == answers:
            return None
        waiting = f"They pay for {begun:,} of {answers:,} answers, detractors first; {answers - begun:,} wait"
        self.written.unpaid = cannot_pay(job.connection, allowance, waiting)
        if not begun:
            raise self.written.unpaid
        return begun

    def _write(self, codecs: Codecs) -> None:
        changes = self._narrowed() if self.options.expect is not None else self.planned.changes
        self._ask_breaker(codecs)
        if not changes:
            self.written.problem = self.written.unpaid
            return
        self.progress.phase("writing", changes)
        write_changes(
            self.job,
            self.store,
            self.lease,
            self.number,
            self.clock,
            self.written,
            changes=changes,
            canary=self.job.breaker.canary if self.job.breaker else 0,
            stop=self.options.stop,
            progress=self.progress,
            at_once=self.options.at_once or WRITING,
            others=self.together,
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
        self.different = len(different)
        return self.planned.changes - len(different)

    def _ask_breaker(self, codecs: Codecs) -> None:
        if self.options.expect is not None:  # a person has looked at a reviewed plan
            self.unjudged = False
            return
        judged = self.judged(codecs)
        if judged.reasons and not self.options.accept_breaker:
            raise breaker.BreakerOpen(judged.reasons)
        self.accepted = judged.reasons
        self.unjudged = False
        intake.remember(
            self.store, self.job.name, judged.arrived, self.clock.now(), afresh=self.pulled.afresh
        )

    def judged(self, codecs: Codecs) -> asking.Judged:
        """What the breaker says about the plan as it is."""
        return asking.ask(
            self.job,
            codecs,
            self.store,
            self.number,
            self.planned,
            now=self.clock.now(),
            recheck=self.options.recheck,
            afresh=self.pulled.afresh,
        )

    def cost(self, changes: int) -> dict[str, int]:
        """Calls the plan would cost to write, and to create what follows the answers."""
        cost: Counter[str] = Counter()
        cost[self.job.connection] = 0
        if changes:
            cost[self.job.connection] = self.job.destination.ways(self.job.object, changes)[0].cost(changes)
        for tally in self.followed.tallies.values():
            cost.update(tally.calls)
        return dict(cost)

    def _forget_what_was_not_written(self) -> None:
        """An edit of somebody's is overwritten once the change is confirmed, not when it is planned."""
        fields = self.planned.fields
        planned = fields.overwriting()
        for start in range(0, len(planned), CHUNK):
            some = planned[start : start + CHUNK]
            written = {one.record_id for one in self.store.written_by(self.number, records=some)}
            fields.not_written(record_id for record_id in some if record_id not in written)

    def finish(self, ended: str | None, *, write: bool) -> Report:
        """Count where every answer is, and fail loudly if one is nowhere."""
        if write:
            self._forget_what_was_not_written()
        states: Mapping[State, int] = {}
        if self.taken_up is not None:
            states = self.store.run_states(self.job.name, self.number)
        problems = [_named(name, str(error)) for name, error in self.pulled.failures.items()]
        problems += self._ended_because()
        problems += self.written.in_doubt
        listened = self._listened() if self.taken_up is not None and not self.unjudged else ()
        silent = self._silent_sources(listened)
        problems += silent.values()
        if self.different:
            problems.append(f"{self.different} changes differ from the reviewed plan and were not written")
        problems += self.followed.problems
        unbalanced = list(lost(self.store, self.job, self.taken_up, states))
        problems += unbalanced
        unwritten = self.written.unwritten + self.followed.unfinished
        status = ended or status_of(states, tuple(problems), unwritten=unwritten)
        if unbalanced or self._nothing_could_be_read():
            status = "failed"
        seen = self.calls()
        return Report(
            run=self.number,
            sync=self.job.name,
            status=status,
            pulled=self.taken_up or 0,
            repeated=self.pulled.repeated,
            forgotten=self.pulled.forgotten,
            too_old=self.pulled.too_old,
            states=states,
            writes={self.job.object: self.written.outcomes["written"]},
            calls={name: count - self.calls_before.get(name, 0) for name, count in seen.items()},
            seconds=self.clock.monotonic() - self.started,
            match=self.planned.match,
            fields=self.planned.fields,
            future_dated=self.planned.future_dated,
            resumed=self.resumed,
            stopped_by=_reasons_of(self.written.problem),
            accepted=self.accepted,
            narrowed=self.planned.narrowed,
            unjudged=self._not_let_pass(),
            followed=self.followed,
            silent=tuple(silent),
            listened=listened,
            problems=tuple(problems),
        )

    def _ended_because(self) -> list[str]:
        match self.written.problem:
            case None:
                return []
            case breaker.BreakerOpen(reasons=reasons):
                return [*(reason.text for reason in reasons), breaker.next_steps(self.job.name)]
            case problem:
                return [str(problem)]

    def _listened(self) -> tuple[str, ...]:
        """The sources that were read, where the YAML does not say that silence is none of its business."""
        if self.job.breaker is None or not self.options.read:
            return ()
        return tuple(name for name in self.job.sources if name not in self.pulled.failures)

    def _silent_sources(self, listened: Sequence[str]) -> dict[str, str]:
        """Those that brought nothing for too long, with what to say of each; what was learned of this run counts
        already."""
        if self.job.breaker is None or not listened:
            return {}
        usual, now = intake.recall(self.store, self.job.name, listened), self.clock.now()
        return {
            source: said
            for source in listened
            for said in breaker.silent(self.job.breaker.volume, usual, [source], now)
        }

    def _not_let_pass(self) -> Mapping[str, intake.Arrived]:
        if not self.unjudged or self.taken_up is None:
            return {}
        return asking.arrivals(
            self.job, self.planned, asking.runs_before(self.store, self.job.name, self.number)
        )

    def _nothing_could_be_read(self) -> bool:
        """Every source failed, and not only because its calls of today are spent."""
        failures = self.pulled.failures.values()
        read = [feed for feed in self.job.feeds if feed.source is not None]
        return len(failures) == len(read) and not all(isinstance(error, BudgetError) for error in failures)


def _reasons_of(problem: NpsyncError | None) -> tuple[breaker.Reason, ...]:
    return problem.reasons if isinstance(problem, breaker.BreakerOpen) else ()


def _named(connection: str, problem: str) -> str:
    """Connectors say where by themselves; the store and the engine do not."""
    return problem if problem.startswith(f"{connection}:") else f"{connection}: {problem}"
