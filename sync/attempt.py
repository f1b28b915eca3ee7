"""The steps of one run, one after the other: settle, pull, plan, ask the breaker, write, follow up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from connectors.contract import Clock
from nps.errors import BudgetError, ConfigError, Interrupted, LeaseLost, NpsyncError, StillUnderWay
from nps.score import DETRACTORS_UP_TO
from store.api import Lease, Store
from sync import breaker, judging, volumes
from sync.canary import CanaryFailed
from sync.codecs import open_codecs
from sync.inbox import Pulled, pull
from sync.job import Codecs, Job
from sync.membership import count_again
from sync.options import Options
from sync.outbox.after import After
from sync.outbox.followed import Followed
from sync.paying import begins_with, cannot_pay
from sync.planned import Planned
from sync.planning import LOOKING_UP, plan_changes
from sync.progress import Progress, WithCalls
from sync.sharing.dispatch import Alone, Dispatch
from sync.sharing.together import Together
from sync.writing import WRITING, WrittenUp, settle_open, write_changes


class Attempt:
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
        volumes.remember(
            self.store, self.job.name, judged.arrived, self.clock.now(), afresh=self.pulled.afresh
        )

    def judged(self, codecs: Codecs) -> judging.Judged:
        """What the breaker says about the plan as it is."""
        return judging.ask(
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
