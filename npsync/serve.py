"""`npsync serve`: a clock that runs due syncs in this process. APScheduler only ticks; the truth is in our tables."""

from __future__ import annotations

import logging
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from npsync.clock import SystemClock
from npsync.clockwork import readiness
from npsync.clockwork.acting import Acting
from npsync.clockwork.freeing import free_memory, keep_what_is_built
from npsync.clockwork.hands import Hands, Threads
from npsync.clockwork.rescuing import rescue, resume_killed
from npsync.clockwork.steadily import Ticks
from npsync.clockwork.ticking import Clockwork
from npsync.clockwork.turns import turns_of
from npsync.clockwork.watching import Taken, Watched
from npsync.clockwork.work import Work
from npsync.logs import notice, pass_on
from store.owners import this_process
from triggers.followed import none_is_followed

if TYPE_CHECKING:
    from connectors.contract import Clock
    from npsync.config import Config
    from store.api import Store

TICK_SECONDS = 1.0
STOP_SECONDS = 45.0  # then the process ends whatever is under way
JUMP_SECONDS = 5.0  # of the wall clock against the one that nobody sets


def serve(
    taken: Taken,
    store: Store,
    stopping: threading.Event,
    *,
    hands: Hands | None = None,
    go_by: Callable[[bytes], None] | None = None,
) -> bool:
    """Tick until SIGTERM or SIGINT (or `stopping`, which one has set already), then finish gracefully. Blocks. `hands`:
    who does what is due, if not threads of this process. `go_by`: tells the web which file's content was taken. False
    when something was under way still after STOP_SECONDS, or at a second signal: only the end of the process ends it.
    """
    clock, owner = SystemClock(), this_process()
    threads = Threads(afterwards=lambda: free_memory(store))
    watched: Watched

    def take(new: Taken) -> None:
        readiness.tell(readiness.reloading())
        try:
            clockwork.take(new.config, new.mark)
            follow(new.config, store)
            if go_by is not None and not new.as_before:  # the web would start again for nothing
                go_by(new.content)
        finally:
            readiness.tell(readiness.READY)

    clockwork = Clockwork(
        taken.config,
        store,
        clock,
        owner,
        hands=hands or threads,
        works=lambda config: Work(config, store, clock, stopping.is_set),
        turns=lambda config: turns_of(config, store, clock, stopping.is_set),
        acting=Acting(store, clock, owner, threads, stopping.is_set, reload=lambda: watched.look()),
        mark=taken.mark,
    )
    watched = Watched(taken, clock, take=take, tell=clockwork.show)
    put_right(store, clock)
    rescue(store, clock.now())
    resume_killed(taken.config, store, clock.now())
    follow(taken.config, store)
    keep_what_is_built()
    hurry = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda number, frame: (hurry if stopping.is_set() else stopping).set())
    heed_reload(watched)
    if not stopping.is_set():
        notice("serving", syncs=len(taken.config.sync), triggers=len(taken.config.triggers), mark=taken.mark)
        readiness.tell(readiness.READY)
        _tick_until(
            stopping, Ticks(watched.tick, clockwork.tick), jumped=Ticks(lambda: put_right(store, clock))
        )
        readiness.tell(readiness.STOPPING)
        notice("stopping")
    # Actions are done by threads, whoever does the rest.
    return ended((clockwork, threads), hurry)


def ended(parts: Sequence[Clockwork | Threads], hurry: threading.Event) -> bool:
    """Within STOP_SECONDS: a run under way ends at its next step, which is one batch of writes or one page of answers,
    and is due again at once. Whatever takes longer is safe to leave: the next serve finds it, and finishes it."""
    for one in parts:
        one.stop()
    deadline, told = time.monotonic() + STOP_SECONDS, list[str]()
    while under_way := sorted({place for one in parts for place in one.under_way()}):
        if hurry.is_set() or time.monotonic() > deadline:
            notice("left_under_way", places=under_way)
            return False
        if under_way != told:
            notice("waiting_for", places=under_way)
            told = under_way
        hurry.wait(0.05)
    for one in parts:
        one.wait()
    notice("stopped")
    return True


def follow(config: Config, store: Store) -> None:
    """Nobody follows what no trigger asks about."""
    if not config.has_to_ask:
        none_is_followed(store)


def heed_reload(watched: Watched) -> None:
    """SIGHUP asks for a look at the file; from a terminal it says that the terminal is gone, and ends the process."""
    if sys.stdin is None or not sys.stdin.isatty():
        signal.signal(signal.SIGHUP, lambda number, frame: watched.ask())


def put_right(store: Store, clock: Clock) -> None:
    """What a clock that was far ahead has put off."""
    if counts := store.put_right(now=clock.now()):
        notice("put_right", **counts)


def _tick_until(stopping: threading.Event, tick: Callable[[], None], *, jumped: Callable[[], None]) -> None:
    from apscheduler.schedulers.background import BackgroundScheduler

    pass_on("apscheduler")
    logging.getLogger("apscheduler").setLevel(
        logging.ERROR
    )  # else every second that a tick waits for the store
    scheduler = BackgroundScheduler(timezone="UTC")
    job = scheduler.add_job(
        tick,
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
            jumped()
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
