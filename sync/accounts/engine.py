"""One roll-up of one sync: a run of its own over the accounts, with plan, journal and undo as any other.

Which accounts have to be looked at is in the store, so a process may be killed anywhere: an account stays remembered
until its change is confirmed, refused, or turns out not to be needed. No run of the sync goes on meanwhile: it might
touch an account that is just being written, and that would be forgotten with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from connectors.contract import Clock
from nps.changes import Change
from nps.errors import BudgetError, Interrupted, LeaseLost, NpsyncError, StillUnderWay
from nps.schema import FieldType
from store.api import Lease, Store
from sync import breaker
from sync.accounts.figures import Moments
from sync.accounts.place import Codecs, RollUp, open_codecs
from sync.accounts.planning import Planned, Planner
from sync.accounts.refreshing import refresh
from sync.accounts.report import KIND, RolledUp
from sync.breaker import BreakerOpen, Reason
from sync.canary import CanaryFailed
from sync.evidence import gathered
from sync.leasing import end_those_that_died, sync_lease
from sync.progress import Noted, Progress, Silent
from sync.writing import WrittenUp, settle_open, write_changes

LOOKED_AT = 2_000  # changes of a plan whose values the breaker looks at
MOST_TOLD = 5  # accounts whose fields cannot be said, by name
CHECKS = ("cleared_share", "constant_share")
"""What the breaker asks of a roll-up. That most accounts change at once is no accident: a survey goes to all of them.
What may be wrong with the answers themselves it has asked before the people's records were written."""

_ALIKE_BY_NATURE = (FieldType.DATE, FieldType.DATETIME, FieldType.BOOLEAN)


@dataclass(frozen=True)
class Options:
    """`everything`: all accounts, after asking whose account the people are now. Else those that something happened to,
    or `only` this one."""

    everything: bool = False
    only: str | None = None
    accept_breaker: bool = False
    adopt: bool = False
    stop: Callable[[], bool] = lambda: False


@dataclass(frozen=True)
class Preview:
    """What a roll-up would change, spooled in the store it was made in. Read `changes` before that store is gone."""

    report: RolledUp
    changes: Callable[[], Iterator[Change]]
    count: int
    cost: Mapping[str, int]
    absent: tuple[str, ...]


def is_due(roll_up_name: str, store: Store) -> bool:
    """Whether something has happened to an account since it was last worked out."""
    return bool(store.clearings(roll_up_name, "", 1))


def run(
    roll_up: RollUp,
    store: Store,
    clock: Clock,
    owner: str,
    calls: Callable[[], Mapping[str, int]],
    options: Options | None = None,
    progress: Progress | None = None,
) -> RolledUp:
    """Work out, plan and write once. Raises Busy and LeaseLost; every other failure is a RolledUp."""
    options = options or Options()
    with _held(roll_up, store, clock, owner) as lease:
        end_those_that_died(store, roll_up.name, clock)
        number = store.begin_run(
            roll_up.name, KIND, now=clock.now(), facts={"everything": options.everything}
        )
        noted = Noted(progress, store, number, clock)
        attempt = _Attempt(roll_up, store, lease, clock, number, calls, options, noted)
        report = attempt.finish(attempt.go(write=True))
        store.end_run(number, report.status, now=clock.now(), report=report.as_json())
        return report


@contextmanager
def _held(roll_up: RollUp, store: Store, clock: Clock, owner: str) -> Iterator[Lease]:
    with (
        sync_lease(store, clock, roll_up.job.name, owner),
        sync_lease(store, clock, roll_up.name, owner) as lease,
    ):
        yield lease


def preview(
    roll_up: RollUp,
    overlay: Store,
    clock: Clock,
    owner: str,
    calls: Callable[[], Mapping[str, int]],
    options: Options | None = None,
    progress: Progress | None = None,
) -> Preview:
    """Plan in an overlay of the store: after the people's plan was made there, what would follow from it."""
    with sync_lease(overlay, clock, f"plan/{roll_up.name}", owner) as lease:
        number = overlay.begin_run(roll_up.name, "plan", now=clock.now(), facts={})
        attempt = _Attempt(
            roll_up, overlay, lease, clock, number, calls, options or Options(), progress or Silent()
        )
        report = attempt.finish(attempt.go(write=False))
    count = attempt.planned.changes
    ways = roll_up.destination.ways(roll_up.object, count) if count else ()
    return Preview(
        report=report,
        changes=lambda: overlay.planned(number),
        count=count,
        cost={roll_up.connection: ways[0].cost(count) if ways else 0},
        absent=attempt.absent,
    )


@dataclass
class _Attempt:
    """The steps of one roll-up, and what they came to so far."""

    roll_up: RollUp
    store: Store
    lease: Lease
    clock: Clock
    number: int
    calls: Callable[[], Mapping[str, int]]
    options: Options
    progress: Progress
    planned: Planned = field(default_factory=Planned)
    written: WrittenUp = field(default_factory=WrittenUp)
    resumed: int = 0
    accepted: tuple[Reason, ...] = ()
    absent: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.started = self.clock.monotonic()
        self.calls_before = dict(self.calls())

    def go(self, *, write: bool) -> str | None:
        """Take every step; returns the status if it did not get to its natural end."""
        try:
            codecs = open_codecs(self.roll_up, refuse_absent=write)
            self.absent = codecs.absent
            self.resumed = settle_open(
                self.roll_up, self.store, self.lease, self.number, self.clock, read_only=not write
            )
            self._plan(codecs, write=write)
            if write:
                self._write(codecs)
        except LeaseLost:
            raise
        except NpsyncError as error:
            self.written.problem = error
            match error:
                case BudgetError() | Interrupted() | StillUnderWay():
                    return "partial"
                case BreakerOpen() | CanaryFailed():
                    return "stopped"
                case _:
                    return "failed"
        return None

    def _plan(self, codecs: Codecs, *, write: bool) -> None:
        now, stop = self.clock.now(), self.options.stop
        if self.options.everything:
            self.progress.phase("whose accounts", None)
            refresh(
                self.roll_up,
                self.store,
                self.lease,
                since=Moments.of(self.roll_up.spec, now).earliest,
                now=now,
                stop=stop,
                progress=self.progress,
            )
        planner = Planner(
            self.roll_up,
            codecs,
            self.store,
            self.lease,
            self.number,
            self.planned,
            now=now,
            adopt=self.options.adopt,
            pending=not write,
            stop=stop,
            progress=self.progress,
        )
        self.progress.phase("accounts", None)
        if self.options.only is not None:
            planner.plan_one(self.options.only)
        else:
            planner.plan(everything=self.options.everything)

    def _write(self, codecs: Codecs) -> None:
        reasons = self._against(codecs)
        if reasons and not self.options.accept_breaker:
            raise BreakerOpen(reasons)
        self.accepted = reasons
        if not self.planned.changes:
            return
        self.progress.phase("writing", self.planned.changes)
        spec = self.roll_up.job.breaker
        write_changes(
            self.roll_up,
            self.store,
            self.lease,
            self.number,
            self.clock,
            self.written,
            changes=self.planned.changes,
            canary=spec.canary if spec else 0,
            stop=self.options.stop,
            progress=self.progress,
        )
        if self.written.problem is not None:
            raise self.written.problem

    def _against(self, codecs: Codecs) -> tuple[Reason, ...]:
        """What the breaker has against this plan."""
        spec, planned = self.roll_up.job.breaker, self.planned
        if spec is None or planned.overwriting < breaker.FEWEST_CHANGES:
            return ()
        alike = {name for name, one in codecs.schema.fields.items() if one.type in _ALIKE_BY_NATURE}
        seen = breaker.Seen(
            sync=self.roll_up.name,
            overwriting=planned.overwriting,
            shown=self.store.count_accounts(self.roll_up.job.name),
            evidence=gathered(self.store.sampled(self.number, LOOKED_AT), {}, planned=planned.changes),
            same_for_all=self.roll_up.fields.same_for_all | alike,
        )
        found = breaker.check(spec, seen, now=self.clock.now())
        return tuple(reason for reason in found if reason.check in CHECKS)

    def finish(self, ended: str | None) -> RolledUp:
        problems = [*self._ended_because(), *self._refused()]
        if self.written.doubt:
            problems.append(
                f"whether {self.written.outcomes['unknown']:,} of the changes arrived is not known "
                f"({self.written.doubt}). The next roll-up reads these accounts before it plans"
            )
        unwritten = self.written.unwritten
        if unwritten and not problems:
            planned = f"{unwritten:,} of {self.planned.changes:,} accounts"
            problems.append(f"{planned} were not written: npsync runs {self.number} --changes")
        seen = self.calls()
        return RolledUp(
            run=self.number,
            sync=self.roll_up.name,
            status=ended or ("partial" if problems else "succeeded"),
            object=self.roll_up.object,
            everything=self.options.everything,
            accounts=self.planned.accounts,
            gone=self.planned.gone,
            written=self.written.outcomes["written"],
            calls={name: count - self.calls_before.get(name, 0) for name, count in seen.items()},
            seconds=self.clock.monotonic() - self.started,
            fields=self.planned.fields,
            unfinished=isinstance(self.written.problem, BudgetError | Interrupted | StillUnderWay),
            resumed=self.resumed,
            stopped_by=self.written.problem.reasons if isinstance(self.written.problem, BreakerOpen) else (),
            accepted=self.accepted,
            problems=tuple(problems),
        )

    def _ended_because(self) -> list[str]:
        match self.written.problem:
            case None:
                return []
            case BreakerOpen(reasons=reasons):
                sync = self.roll_up.job.name
                return [
                    *(reason.text for reason in reasons),
                    f"No account was written. If it is right after all: npsync run {sync} --accounts --accept-breaker",
                ]
            case problem:
                return [str(problem)]

    def _refused(self) -> list[str]:
        """Accounts whose fields cannot be said by the mapping."""
        refused = self.planned.refused
        told = [f"{account} was left as it is: {why}" for account, why in list(refused.items())[:MOST_TOLD]]
        if len(refused) > MOST_TOLD:
            told.append(f"… and {len(refused) - MOST_TOLD:,} more accounts like these")
        return told
