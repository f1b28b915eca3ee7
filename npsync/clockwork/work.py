"""What a claim stands for, done: a run, a verification, a roll-up, answers that were pushed taken up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from connectors.contract import Clock
from nps.errors import LeaseLost, NpsyncError
from npsync.clockwork.claims import Claim, pushed_done
from npsync.config import Config
from npsync.logs import notice
from npsync.syncing.jobs import run_once, target_of
from npsync.syncing.rolling import roll_up_once
from npsync.syncing.verification import verify_once
from store.api import Store
from sync.accounts.engine import Options as RollUpOptions
from sync.accounts.report import RolledUp
from sync.job import roll_up_of
from sync.leasing import Busy
from sync.options import Options
from sync.report import Report
from sync.verifying import SAMPLE, Verified

TOO_LONG_TO_LOG = (
    "match",
    "kept",
    "undone",
    "overwritten",
    "examples",
    "drift_by_field",
)  # of a report; npsync runs shows them
WHILE_BUSY = timedelta(seconds=5)
NIGHT_AGAIN = timedelta(minutes=1)  # what comes once a night does not wait for the next one

Stop = Callable[[], bool]
RunOnce = Callable[[Config, Store, str, Clock, Stop], Report]


class Work:
    """Does claims by one configuration, in whatever thread or process. The clock may have taken another configuration
    since: what was begun ends by the one it began with."""

    def __init__(
        self,
        config: Config,
        store: Store,
        clock: Clock,
        stop: Stop,
        *,
        run: RunOnce | None = None,
        verify: Callable[[Config, Store, str, Clock, Stop], Verified] | None = None,
        take_up: RunOnce | None = None,
        roll_up: Callable[[Config, Store, str, Clock, Stop], RolledUp] | None = None,
    ) -> None:
        self._config, self._store, self._clock, self._stop = config, store, clock, stop
        self._run_once = run or _once
        self._verify_once = verify or _verified
        self._take_up = take_up or _taken_up
        self._roll_up = roll_up or _rolled_up

    @property
    def config(self) -> Config:
        return self._config

    def connections(self, claim: Claim) -> list[str]:
        """Those it uses. A connection has one limiter per run, so two runs never use it at the same time."""
        spec = self._config.sync[claim.sync]
        reads = not (claim.verify or claim.pushed or claim.accounts)
        sources = self._config.sources_of(spec.survey) if reads else ()
        return sorted({target_of(self._config, spec).connection, *sources})

    def order(self, claim: Claim) -> str:
        """What shares a connection with this, also by way of others, has the same one: it is done one after the
        other."""
        joined = set(self.connections(claim))
        others = [set(self._all_of(name)) for name in self._config.sync]
        while meeting := [one for one in others if one & joined and not one <= joined]:
            joined = joined.union(*meeting)
        return "+".join(sorted(joined))

    def _all_of(self, sync: str) -> list[str]:
        spec = self._config.sync[sync]
        return [target_of(self._config, spec).connection, *self._config.sources_of(spec.survey)]

    def do(self, claim: Claim) -> None:
        """Whatever happens to it is told, and its tick ended: the next due time is another try."""
        try:
            self._do(claim)
        finally:
            if claim.tick is not None:
                self._store.end_tick(claim.tick, now=self._clock.now())

    def _do(self, claim: Claim) -> None:
        try:
            if self._stop():
                self._due_again(claim)
                return
            once = self._once(claim)
            report = once(self._config, self._store, claim.sync, self._clock, self._stop)
            told = {k: v for k, v in report.as_json().items() if k not in TOO_LONG_TO_LOG}
            notice("verified" if claim.verify else "roll_up" if claim.accounts else "run", **told)
            if self._stop():
                self._due_again(claim)
            elif claim.pushed:
                pushed_done(self._store, claim)
        except Busy:
            self._busy(claim)
        except LeaseLost as error:
            notice("run_lost", sync=claim.sync, problem=str(error))
        except NpsyncError as error:
            notice("run_failed", sync=claim.sync, problem=str(error))

    def hand_back(self, claim: Claim) -> None:
        """Nobody has begun it: due again at once."""
        self._due_again(claim)

    def _due_again(self, claim: Claim) -> None:
        """For the serve that starts next, or one that runs beside us. What is done costs nothing."""
        if claim.tick is None:
            self._store.schedule(claim.place, claim.due_at)
        else:
            self._store.return_tick(claim.tick, now=self._clock.now())
        notice("handed_back", sync=claim.place, due_at=claim.due_at.isoformat())

    def _busy(self, claim: Claim) -> None:
        """Another process runs the sync."""
        now = self._clock.now()
        if claim.pushed:  # it may be past what came since
            self._store.schedule(claim.place, now + WHILE_BUSY)
            return
        if claim.verify:
            self._store.hasten(claim.place, now + NIGHT_AGAIN)
        skip(self._store, claim, self._clock)

    def _once(self, claim: Claim) -> Callable[..., Report | Verified | RolledUp]:
        if claim.accounts:
            return self._roll_up
        if claim.verify:
            return self._verify_once
        return self._take_up if claim.pushed else self._run_once


def skip(store: Store, claim: Claim, clock: Clock) -> None:
    """Its sync runs still: this due time is passed over, and noted."""
    if claim.tick is not None:
        store.end_tick(claim.tick, now=clock.now(), outcome="skipped_overlap")
    tell(claim, "skipped_overlap")


def tell(claim: Claim, outcome: str) -> None:
    notice("tick", sync=claim.place, due_at=claim.due_at.isoformat(), outcome=outcome)


def _once(config: Config, store: Store, name: str, clock: Clock, stop: Stop) -> Report:
    return run_once(config, store, name, clock=clock, options=Options(stop=stop))


def _taken_up(config: Config, store: Store, name: str, clock: Clock, stop: Stop) -> Report:
    return run_once(config, store, name, clock=clock, options=Options(stop=stop, read=False))


def _rolled_up(config: Config, store: Store, name: str, clock: Clock, stop: Stop) -> RolledUp:
    return roll_up_once(config, store, name, clock=clock, options=RollUpOptions(everything=True, stop=stop))


def _verified(config: Config, store: Store, name: str, clock: Clock, stop: Stop) -> Verified:
    spec = config.sync[name].verify
    sample = SAMPLE if spec is None else spec.sample
    verified = verify_once(config, store, name, sample=sample, clock=clock, stop=stop)
    if config.sync[name].account is not None and not stop():
        accounts = verify_once(config, store, roll_up_of(name), sample=sample, clock=clock, stop=stop)
        notice("verified", **{k: v for k, v in accounts.as_json().items() if k not in TOO_LONG_TO_LOG})
    return verified
