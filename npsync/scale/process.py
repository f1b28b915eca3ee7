"""The processes of scale mode: `npsync serve` with a laborer of its own, and `npsync worker`, which has no clock."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from npsync.clock import SystemClock
from npsync.clockwork.hands import AT_ONCE
from npsync.clockwork.rescuing import rescue
from npsync.clockwork.ticking import RESCUED_EVERY, SEEN_EVERY
from npsync.clockwork.turns import turns_of
from npsync.clockwork.watching import Taken, Watched
from npsync.logs import notice
from npsync.scale.queue import Queue, is_scaled, refuse_alone
from store.api import Serving

if TYPE_CHECKING:
    from npsync.config import Config
    from npsync.scale.calling import Queued
    from store.api import Store

TICK_SECONDS = 1.0


class _Turns:
    """What has its turn every few seconds, by one configuration at a time."""

    def __init__(self, config: Config, store: Store, clock: SystemClock, stop: Callable[[], bool]) -> None:
        self._store, self._clock, self._stop = store, clock, stop
        self._askers = turns_of(config, store, clock, stop)

    def take(self, config: Config) -> None:
        for asker in self._askers:
            asker.retire()
        self._askers = turns_of(config, self._store, self._clock, self._stop)

    def tick(self) -> None:
        for asker in self._askers:
            asker.tick()

    def stop(self) -> None:
        for asker in self._askers:
            asker.stop()

    def wait(self) -> None:
        for asker in self._askers:
            asker.wait()


@contextmanager
def hands_of_serve(config: Config, store: Store, *, at_once: int | None = None) -> Iterator[Queued | None]:
    """Who does what the clock takes; None where this process does it alone."""
    if not is_scaled(config.store):
        yield None
        return
    from npsync.scale.calling import Queued
    from npsync.scale.hands import Laborer

    queue = Queue(config.store)
    try:
        queue.prepare()
        laborer = Laborer(config, store, queue, SystemClock(), at_once=at_once)
        laborer.start()
        try:
            yield Queued(store, queue, laborer)
        finally:
            laborer.wait()
    finally:
        queue.close()


def work(
    taken: Taken,
    store: Store,
    stopping: threading.Event,
    *,
    at_once: int | None = None,
    jobs: int = AT_ONCE,
) -> None:
    """Do what others put on the queue, and the turns that come every few seconds, until SIGTERM or SIGINT (or
    `stopping`, which one has set already); then finish what was begun, or hand it back. Blocks."""
    config = taken.config
    refuse_alone(config.store)
    from npsync.scale.hands import Laborer

    clock = SystemClock()
    queue = Queue(config.store)
    try:
        queue.prepare()
        laborer = Laborer(config, store, queue, clock, at_once=at_once, jobs=jobs)
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda number, frame: stopping.set())
        turns = _Turns(config, store, clock, stopping.is_set)
        began = clock.now()
        problem: str | None = None
        mark = taken.mark

        def take(new: Taken) -> None:
            nonlocal mark
            mark = new.mark
            laborer.config = new.config
            turns.take(new.config)

        def tell(why: str | None) -> None:
            nonlocal problem
            problem = why

        watched = Watched(taken, clock, take=take, tell=tell)
        seen = rescued = -SEEN_EVERY - RESCUED_EVERY
        laborer.start()
        notice("working", syncs=len(config.sync), jobs=jobs)
        while not stopping.wait(TICK_SECONDS):
            at = clock.monotonic()
            if at - seen >= SEEN_EVERY:
                seen = at
                now = clock.now()
                store.note_serving(
                    Serving(
                        owner=laborer.owner,
                        kind="worker",
                        began_at=began,
                        seen_at=now,
                        config_at=began,
                        mark="",
                    )
                )
            if at - rescued >= RESCUED_EVERY:
                rescued = at
                rescue(store, clock.now())
            watched.tick()
            turns.tick()
        notice("stopping")
        laborer.stop()
        turns.stop()
        laborer.wait()
        turns.wait()
        store.end_serving(laborer.owner, before=began)
        notice("stopped")
    finally:
        queue.close()
