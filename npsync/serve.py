"""`npsync serve`: a clock that runs due syncs in this process. APScheduler only ticks; the truth is in our tables."""

from __future__ import annotations

import signal
import threading
import traceback
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta

from connectors.contract import Clock
from nps.errors import LeaseLost, NpsyncError
from npsync.alerting.turn import Telling, is_used
from npsync.anonymous import Gathering
from npsync.asker import Asker, Turn
from npsync.clock import SystemClock
from npsync.config import Config
from npsync.jobs import run_once, target_of
from npsync.logs import notice
from npsync.pushed import PushedAnswers
from npsync.retention import Nightly
from npsync.rolling import roll_up_once
from npsync.schedule import Claim, all_claims, pushed_done, resume_killed
from npsync.triggering import Triggering
from npsync.verification import verify_once
from store.api import Store
from sync.accounts.engine import Options as RollUpOptions
from sync.accounts.report import RolledUp
from sync.engine import Options
from sync.job import roll_up_of
from sync.leasing import Busy
from sync.report import Report
from sync.verifying import SAMPLE, Verified
from triggers.followed import none_is_followed
from triggers.report import Round

TICK_SECONDS = 1.0
TOO_LONG_TO_LOG = (
    "match",
    "kept",
    "undone",
    "overwritten",
    "examples",
    "drift_by_field",
)  # of a report; npsync runs shows them
WHILE_BUSY = timedelta(seconds=5)
AT_ONCE = 4  # syncs running side by side, each on connections of its own


class Clockwork:
    """Ticks, claims what is due, and runs it: syncs that share a connection one after the other."""

    def __init__(
        self,
        config: Config,
        store: Store,
        clock: Clock | None = None,
        run: Callable[[Config, Store, str, Clock, Callable[[], bool]], Report] | None = None,
        verify: Callable[[Config, Store, str, Clock, Callable[[], bool]], Verified] | None = None,
        ask: Callable[[], Round] | None = None,
        settle: Callable[[], Turn] | None = None,
        tidy: Callable[[], Turn] | None = None,
        gather: Callable[[], Turn] | None = None,
        tell: Callable[[], Turn] | None = None,
        take_up: Callable[[Config, Store, str, Clock, Callable[[], bool]], Report] | None = None,
        roll_up: Callable[[Config, Store, str, Clock, Callable[[], bool]], RolledUp] | None = None,
    ) -> None:
        self._config, self._store, self._clock = config, store, clock or SystemClock()
        self._run_once = run or _once
        self._verify_once = verify or _verified
        self._take_up = take_up or _taken_up
        self._roll_up = roll_up or _rolled_up
        self._askers: list[Asker] = []
        if ask is not None:
            self._askers.append(Asker(ask, self._clock))
        if settle is not None:
            self._askers.append(Asker(settle, self._clock, doing="settling", done="pushed"))
        if tidy is not None:
            self._askers.append(Asker(tidy, self._clock, doing="pruning", done="pruned"))
        if gather is not None:
            self._askers.append(Asker(gather, self._clock, doing="gathering", done="gathered"))
        if tell is not None:
            self._askers.append(Asker(tell, self._clock, doing="telling", done="told"))
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="npsync-sync")
        self._under_way: dict[str, Future[None]] = {}
        # A connection has one limiter per run, so two runs never use it at the same time.
        self._connections: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def tick(self) -> None:
        """Run what has come due. A due time that comes while its sync still runs is recorded as skipped."""
        for asker in self._askers:
            asker.tick()
        now = self._clock.now()
        for claim in all_claims(self._config, self._store, now, busy=self._is_busy):
            if self._is_busy(claim.place):
                self._note(claim, "skipped_overlap")
                continue
            self._under_way[claim.place] = started = self._pool.submit(self._run, claim)
            started.add_done_callback(_tell_bug)

    def stop(self) -> None:
        """Take nothing new; runs under way hand back what they have not begun."""
        self._stop.set()
        for asker in self._askers:
            asker.stop()

    def wait(self) -> None:
        self._pool.shutdown(wait=True)
        for asker in self._askers:
            asker.wait()

    @property
    def under_way(self) -> list[Future[None]]:
        """The latest run of every sync, also when it has ended."""
        return list(self._under_way.values())

    @property
    def stopping(self) -> threading.Event:
        return self._stop

    def _is_busy(self, place: str) -> bool:
        running = self._under_way.get(place)
        return running is not None and not running.done()

    def _run(self, claim: Claim) -> None:
        try:
            with ExitStack() as held:
                for connection in self._uses(claim):
                    held.enter_context(self._connections[connection])
                if self._stop.is_set():
                    self._hand_back(claim)
                    return
                self._note(claim, "caught_up" if claim.caught_up else "started")
                once = self._once(claim)
                report = once(self._config, self._store, claim.sync, self._clock, self._stop.is_set)
            told = {k: v for k, v in report.as_json().items() if k not in TOO_LONG_TO_LOG}
            notice("verified" if claim.verify else "roll_up" if claim.accounts else "run", **told)
            if self._stop.is_set():
                self._hand_back(claim)
            elif claim.pushed:
                pushed_done(self._store, claim)
        except Busy:
            if claim.pushed:  # whoever runs it may be past what came since
                self._store.schedule(claim.place, self._clock.now() + WHILE_BUSY)
            else:
                self._note(claim, "skipped_overlap")
        except LeaseLost as error:
            notice("run_lost", sync=claim.sync, problem=str(error))
        except NpsyncError as error:
            notice("run_failed", sync=claim.sync, problem=str(error))

    def _once(self, claim: Claim) -> Callable[..., Report | Verified | RolledUp]:
        if claim.accounts:
            return self._roll_up
        if claim.verify:
            return self._verify_once
        return self._take_up if claim.pushed else self._run_once

    def _uses(self, claim: Claim) -> list[str]:
        spec = self._config.sync[claim.sync]
        sources = (
            () if claim.verify or claim.pushed or claim.accounts else self._config.sources_of(spec.survey)
        )
        return sorted({target_of(self._config, spec).connection, *sources})

    def _hand_back(self, claim: Claim) -> None:
        """Due again at once: for the serve that starts next, or one that runs beside us. What is done costs nothing."""
        self._store.schedule(claim.place, claim.due_at)
        notice("handed_back", sync=claim.place, due_at=claim.due_at.isoformat())

    def _note(self, claim: Claim, outcome: str) -> None:
        if not claim.pushed:  # it comes with the answers, not with the clock
            self._store.note_tick(claim.place, claim.due_at, outcome, now=self._clock.now())
        notice("tick", sync=claim.place, due_at=claim.due_at.isoformat(), outcome=outcome)


def _tell_bug(ended: Future[None]) -> None:
    """What nobody expected must not vanish with its thread. The next due time is another try."""
    if (error := ended.exception()) is not None:
        notice("run_crashed", problem="".join(traceback.format_exception(error)))


def _once(config: Config, store: Store, name: str, clock: Clock, stop: Callable[[], bool]) -> Report:
    return run_once(config, store, name, clock=clock, options=Options(stop=stop))


def _taken_up(config: Config, store: Store, name: str, clock: Clock, stop: Callable[[], bool]) -> Report:
    return run_once(config, store, name, clock=clock, options=Options(stop=stop, read=False))


def _rolled_up(config: Config, store: Store, name: str, clock: Clock, stop: Callable[[], bool]) -> RolledUp:
    return roll_up_once(config, store, name, clock=clock, options=RollUpOptions(everything=True, stop=stop))


def _verified(config: Config, store: Store, name: str, clock: Clock, stop: Callable[[], bool]) -> Verified:
    spec = config.sync[name].verify
    sample = SAMPLE if spec is None else spec.sample
    verified = verify_once(config, store, name, sample=sample, clock=clock, stop=stop)
    if config.sync[name].account is not None and not stop():
        accounts = verify_once(config, store, roll_up_of(name), sample=sample, clock=clock, stop=stop)
        notice("verified", **{k: v for k, v in accounts.as_json().items() if k not in TOO_LONG_TO_LOG})
    return verified


def serve(config: Config, store: Store, stopping: threading.Event) -> None:
    """Tick until SIGTERM or SIGINT (or `stopping`, which one has set already), then finish gracefully. Blocks."""
    from apscheduler.schedulers.background import BackgroundScheduler

    clock = SystemClock()
    triggering = Triggering(config, store, clock, stop=stopping.is_set) if config.has_to_ask else None
    pushed = PushedAnswers(config, store, clock, stop=stopping.is_set)
    nightly = Nightly(config, store, clock, stop=stopping.is_set)
    gathering = Gathering(config, store, clock, stop=stopping.is_set) if config.privacy.anonymous else None
    telling = Telling(config, store, clock, stop=stopping.is_set) if is_used(config) else None
    clockwork = Clockwork(
        config,
        store,
        clock,
        ask=triggering.turn if triggering else None,
        settle=pushed.settle,
        tidy=nightly.turn,
        gather=gathering.turn if gathering else None,
        tell=telling.turn if telling else None,
    )
    resume_killed(config, store, clock.now())
    if triggering is None:
        none_is_followed(store)

    def stop(number: int, frame: object) -> None:
        stopping.set()
        clockwork.stop()

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, stop)
    if stopping.is_set():
        notice("stopped")
        return
    scheduler = BackgroundScheduler(timezone="UTC")
    scheduler.add_job(
        clockwork.tick,
        "interval",
        seconds=TICK_SECONDS,
        coalesce=True,
        max_instances=1,
        misfire_grace_time=None,
    )
    scheduler.start()
    notice("serving", syncs=len(config.sync), triggers=len(config.triggers))
    while not clockwork.stopping.wait(1.0):
        pass
    notice("stopping")
    scheduler.shutdown(wait=True)
    clockwork.wait()
    if triggering is not None:
        triggering.close()
    notice("stopped")
