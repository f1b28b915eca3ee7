"""The processes of scale mode: `npsync serve` with a laborer of its own, and `npsync worker`, which has no clock."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from msgspec.structs import replace

from npsync.clock import SystemClock
from npsync.clockwork.agreeing import NEXT, named, on_other_files
from npsync.clockwork.hands import AT_ONCE
from npsync.clockwork.rescuing import rescue
from npsync.clockwork.steadily import Ticks
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


class _Strange:
    """Tells in the log that this worker goes by another file than the clock, and when it does so no longer."""

    def __init__(self) -> None:
        self._told = False

    def look(self, serving: Sequence[Serving], ours: Serving) -> None:
        clock = next(
            (to for one, to in on_other_files(serving, ours.seen_at) if one.owner == ours.owner), None
        )
        if (clock is not None) == self._told:
            return
        self._told = clock is not None
        if clock is None:
            notice("same_config_again", mark=ours.mark)
        else:
            notice("other_config", mark=ours.mark, than=named(clock), its=clock.mark, next=NEXT)


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
        laborer = Laborer(config, store, queue, SystemClock(), at_once=at_once, of_clock=True)
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
        seen = rescued = -SEEN_EVERY - RESCUED_EVERY
        shown = Serving(
            owner=laborer.owner,
            kind="worker",
            began_at=began,
            seen_at=began,
            config_at=began,
            mark=taken.mark,
        )

        def take(new: Taken) -> None:
            nonlocal shown, seen
            laborer.go_by(new.config)
            turns.take(new.config)
            shown = replace(shown, mark=new.mark, config_at=clock.now())
            seen = -SEEN_EVERY

        def tell(why: str | None) -> None:
            nonlocal shown, seen
            shown = replace(shown, problem=why)
            seen = -SEEN_EVERY

        def be_seen() -> None:
            nonlocal shown, seen
            if (at := clock.monotonic()) - seen >= SEEN_EVERY:
                shown = replace(shown, seen_at=clock.now())
                store.note_serving(shown)
                alone.look(store.serving(), shown)
                seen = at  # not before: a store that is away is asked again with the next tick

        def take_over() -> None:
            nonlocal rescued
            if (at := clock.monotonic()) - rescued >= RESCUED_EVERY:
                rescue(store, clock.now())
                rescued = at

        watched = Watched(taken, clock, take=take, tell=tell)
        alone = _Strange()
        tick = Ticks(be_seen, take_over, watched.tick, turns.tick)
        laborer.start()
        notice("working", syncs=len(config.sync), jobs=jobs)
        while not stopping.wait(TICK_SECONDS):
            tick()
        notice("stopping")
        laborer.stop()
        turns.stop()
        laborer.wait()
        turns.wait()
        store.end_serving(laborer.owner, before=began)
        notice("stopped")
    finally:
        queue.close()
