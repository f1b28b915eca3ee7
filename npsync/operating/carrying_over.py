"""What arrived and lies in the spool, carried on into the store."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from types import TracebackType
from typing import TYPE_CHECKING, Self

from connectors.contract import Clock
from nps.errors import NpsyncError, UnavailableError
from nps.events import Arrival
from npsync.logs import notice
from store.spool import Spool, Spooled, spool_path

if TYPE_CHECKING:
    from npsync.config import Config
    from store.api import Store

CARRIED_TOGETHER = 500
SECONDS_BETWEEN_LOADS = 0.25  # what came meanwhile goes into one transaction
LONGEST_PAUSE = 30.0

Put = Callable[[Sequence[Arrival]], object]
"""Stores arrivals durably, all or none; storing them again is harmless. Raises NpsyncError."""


class Carrier:
    """Carries what lies in the spool into the store, oldest first. What is carried twice is known there."""

    def __init__(self, spool: Spool, receive: Put) -> None:
        self._spool, self._receive = spool, receive
        self._wanted, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="npsync-carrier", daemon=True)

    def __enter__(self) -> Self:
        self._spool.take_up_again()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._wanted.set()
        self._thread.join()

    def wake(self) -> None:
        self._wanted.set()

    def carry(self) -> int:
        """One load. How many the store has now; 0: the spool is empty, but for what the store refused."""
        load = self._spool.first(CARRIED_TOGETHER)
        if not load:
            return 0
        try:
            self._receive([each.what for each in load])
        except UnavailableError:
            raise
        except NpsyncError:
            self._one_by_one(load)
        else:
            self._spool.drop([each.number for each in load])
        return len(load)

    def _one_by_one(self, load: Sequence[Spooled]) -> None:
        for each in load:
            try:
                self._receive([each.what])
            except UnavailableError:
                raise
            except NpsyncError as error:
                notice("arrival_set_aside", connection=each.what.connection, problem=str(error))
                self._spool.set_aside({each.number: str(error)})
            else:
                self._spool.drop([each.number])

    def _work(self) -> None:
        pause = 0.0
        while not self._stop.is_set():
            try:
                carried = self.carry()
            except NpsyncError as error:
                pause = min(max(1.0, pause * 2), LONGEST_PAUSE)
                notice("carrying_paused", seconds=pause, problem=str(error))
                self._stop.wait(pause)
                continue
            pause = 0.0
            if carried < CARRIED_TOGETHER:
                self._wanted.wait()
                self._wanted.clear()
                self._stop.wait(SECONDS_BETWEEN_LOADS)


def carry_over(config: Config, store: Store, clock: Clock) -> int:
    """What a web that is gone left in its spool. How many."""
    path = spool_path(config.store)
    if path is None or not path.exists():
        return 0
    with closing(Spool(path)) as spool:
        carrier, carried = Carrier(spool, receiving(store, clock)), 0
        while load := carrier.carry():
            carried += load
    return carried


def receiving(store: Store, clock: Clock) -> Put:
    return lambda arrivals: store.receive(arrivals, now=clock.now())
