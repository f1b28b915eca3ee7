"""When something is told: right after a run, once a day about figures, and digests when their time has come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from nps.errors import NpsyncError
from npsync.alerting.conditions import (
    DEATHS,
    Condition,
    of_connections,
    of_deaths,
    of_queues,
    of_report,
    run_failed,
)
from npsync.alerting.digests import digest
from npsync.alerting.falls import found
from npsync.alerting.messages import Told, deliver, want
from npsync.alerting.occasions import Occasion, of_run, told_of
from npsync.alerting.spec import DigestSpec, On
from npsync.alerting.turns import want_turns
from npsync.logs import notice
from npsync.operating.connection_health import health_of
from npsync.schedule import fire_time, has_its_turn
from sync.accounts.report import KIND as ROLL_UP
from sync.job import roll_up_of
from sync.leasing import died

if TYPE_CHECKING:
    from connectors.contract import Clock
    from npsync.config import Config
    from store.api import Store
    from sync.report import Report

Stop = Callable[[], bool] | None

FALLS = "alerts/falls"
DAILY = timedelta(days=1)
STATES = "alerts/states"
EVERY = timedelta(minutes=1)


def is_used(config: Config) -> bool:
    return bool(config.alerts or digests_of(config))


def digests_of(config: Config) -> tuple[DigestSpec, ...]:
    return config.report.digests if config.report is not None else ()


def digest_place(spec: DigestSpec) -> str:
    """Under which name the clock remembers when it is due."""
    return f"digest/{spec.audience}"


# ------------------------------------------------------------ after a run


def tell_of_run(config: Config, store: Store, report: Report, clock: Clock, *, stop: Stop = None) -> None:
    """What a run gives occasion to tell, and which states it changes, told at once. Whatever happens here never fails
    the run."""
    _tell(config, store, list(of_run(report)), list(of_report(report)), clock, stop)


def tell_of_failure(
    config: Config, store: Store, sync: str, error: NpsyncError, clock: Clock, *, stop: Stop = None
) -> None:
    """A run that could not be begun."""
    _tell(config, store, [], [run_failed(sync, told_of([str(error)]), "npsync check")], clock, stop)


def tell_of_deaths(config: Config, store: Store, sync: str, clock: Clock, *, stop: Stop = None) -> None:
    """Runs that never ended have told nobody. It is told before the next one is begun, of which its process may die."""
    if not any(On.RUN_FAILED in alert.on for alert in config.alerts):
        return
    conditions: list[Condition] = []
    for name, kind, about in (
        (sync, "run", sync),
        (sync, "verify", f"the verification of {sync}"),
        (roll_up_of(sync), ROLL_UP, f"the accounts of {sync}"),
    ):
        latest = store.runs(sync=name, kind=kind, limit=DEATHS)
        dead = sum(died(run, store, clock.now()) for run in latest)
        conditions += of_deaths(about, latest[0], dead) if latest else ()
    if conditions:
        _tell(config, store, [], conditions, clock, stop)


def _tell(
    config: Config,
    store: Store,
    occasions: Sequence[Occasion],
    conditions: Sequence[Condition],
    clock: Clock,
    stop: Stop,
) -> None:
    if not config.alerts:
        return
    try:
        _want(config, store, occasions, clock.now())
        _want_turns(config, store, conditions, clock.now())
        _notice(deliver(config, store, clock, stop=stop))
    except NpsyncError as error:
        notice("alert_failed", problem=str(error))


def _want(config: Config, store: Store, occasions: Sequence[Occasion], now: datetime) -> int:
    return sum(
        want(
            store,
            alert.connection,
            alert.to,
            [one for one in occasions if one.on in alert.on],
            now=now,
            again_after=alert.again_after,
        )
        for alert in config.alerts
    )


def _want_turns(config: Config, store: Store, conditions: Sequence[Condition], now: datetime) -> int:
    """These, and what can be seen in the store at any time: how calls went, and what waits for a person."""
    known = [*conditions]
    if any(On.CREDENTIALS in alert.on for alert in config.alerts):
        known += of_connections(health_of(store, list(config.connections), now), now)
    queued = any({On.DEAD_LETTERS, On.REVIEW} & set(alert.on) for alert in config.alerts)
    queues = store.queues(list(config.sync)) if queued else {}
    return sum(
        want_turns(
            store,
            alert.connection,
            alert.to,
            [one for one in (*known, *of_queues(queues, alert)) if one.on in alert.on],
            now=now,
        )
        for alert in config.alerts
    )


def _notice(told: Told) -> None:
    if told.did_something or told.problems:
        notice("told", **told.as_json())


# ------------------------------------------------------------ on a schedule


class Telling:
    """Falls once a day, digests when they are due, and what could not be handed over before. A time that passed while
    nothing ran is caught up once."""

    def __init__(
        self, config: Config, store: Store, clock: Clock, *, stop: Callable[[], bool] = lambda: False
    ) -> None:
        self._config, self._store, self._clock, self._stop = config, store, clock, stop

    def turn(self) -> Told:
        if self._claimed(FALLS, lambda now: now + DAILY):
            self._look_for_falls()
        if self._claimed(STATES, lambda now: now + EVERY):
            _want_turns(self._config, self._store, (), self._clock.now())
        for spec in digests_of(self._config):
            if self._stop():
                return Told()
            self._digest(spec)
        return deliver(self._config, self._store, self._clock, stop=self._stop)

    def _look_for_falls(self) -> None:
        for alert in self._config.alerts:
            if On.FALL in alert.on:
                want(
                    self._store,
                    alert.connection,
                    alert.to,
                    found(self._config, self._store, alert, self._clock),
                    now=self._clock.now(),
                    again_after=max(alert.over, alert.again_after),
                )

    def _digest(self, spec: DigestSpec) -> None:
        now, place = self._clock.now(), digest_place(spec)
        following = self._next(spec, now)
        due_at = self._store.schedule_first(place, following)
        if due_at > self._next(spec, following):  # by a clock that was wrong
            self._store.schedule(place, following)
            return
        if due_at > now:
            return
        made = digest(self._config, self._store, spec, self._clock, id=due_at.isoformat(timespec="minutes"))
        # Wanted before the due time is taken: a process that dies between the two wants it again, and it is known.
        want(self._store, spec.connection, spec.to, [made], now=self._clock.now())
        self._claimed(digest_place(spec), lambda now: self._next(spec, now))

    def _next(self, spec: DigestSpec, after: datetime) -> datetime:
        return fire_time(spec.cron, after, self._config.time_zone)

    def _claimed(self, place: str, following: Callable[[datetime], datetime]) -> bool:
        return has_its_turn(self._store, place, self._clock.now(), following)
