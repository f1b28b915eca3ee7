"""`npsync serve`: a clock that runs due syncs in this process. APScheduler only ticks; the truth is in our tables."""

from __future__ import annotations

import signal
import threading
import time
from typing import TYPE_CHECKING

from npsync.clock import SystemClock
from npsync.clockwork.acting import Acting
from npsync.clockwork.hands import Hands, Threads
from npsync.clockwork.rescuing import resume_killed
from npsync.clockwork.ticking import Clockwork
from npsync.clockwork.turns import turns_of
from npsync.clockwork.work import Work
from npsync.logs import notice
from store.owners import this_process
from triggers.followed import none_is_followed

if TYPE_CHECKING:
    from npsync.config import Config
    from store.api import Store

TICK_SECONDS = 1.0
JUMP_SECONDS = 5.0  # of the wall clock against the one that nobody sets


def serve(config: Config, store: Store, stopping: threading.Event, hands: Hands | None = None) -> None:
    """Tick until SIGTERM or SIGINT (or `stopping`, which one has set already), then finish gracefully. Blocks. `hands`:
    who does what is due, if not threads of this process."""
    clock, owner, threads = SystemClock(), this_process(), Threads()
    clockwork = Clockwork(
        config,
        store,
        clock,
        owner,
        hands=hands or threads,
        works=lambda config: Work(config, store, clock, stopping.is_set),
        turns=lambda config: turns_of(config, store, clock, stopping.is_set),
        acting=Acting(store, clock, owner, threads, stopping.is_set),
    )
    resume_killed(config, store, clock.now())
    if not config.has_to_ask:
        none_is_followed(store)
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda number, frame: stopping.set())
    if not stopping.is_set():
        notice("serving", syncs=len(config.sync), triggers=len(config.triggers))
        _tick_until(stopping, clockwork)
        notice("stopping")
    for one in (clockwork, threads):  # actions are done by threads, whoever does the rest
        one.stop()
    for one in (clockwork, threads):
        one.wait()
    notice("stopped")


def _tick_until(stopping: threading.Event, clockwork: Clockwork) -> None:
    from apscheduler.schedulers.background import BackgroundScheduler

    scheduler = BackgroundScheduler(timezone="UTC")
    job = scheduler.add_job(
        clockwork.tick,
        "interval",
        seconds=TICK_SECONDS,
        coalesce=True,
        max_instances=1,
        misfire_grace_time=None,
    )
    scheduler.start()
    walls = Walls()
    while not stopping.wait(TICK_SECONDS):
        if (seconds := walls.jumped(time.time(), time.monotonic())) is not None:
            notice("clock_jumped", seconds=round(seconds))
            job.reschedule("interval", seconds=TICK_SECONDS)  # else it waits until the old time comes again
    scheduler.shutdown(wait=True)


class Walls:
    """Notices that somebody set the clock, or that the machine slept."""

    def __init__(self) -> None:
        self._apart: float | None = None

    def jumped(self, wall: float, monotonic: float) -> float | None:
        """By how many seconds since the last look; None if it did not."""
        before, self._apart = self._apart, wall - monotonic
        if before is None or abs(self._apart - before) < JUMP_SECONDS:
            return None
        return self._apart - before
