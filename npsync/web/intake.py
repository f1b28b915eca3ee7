"""Storing what arrived before its sender hears so, for many senders at once, and carrying it on into the store."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Self

from connectors.contract import Clock
from nps.errors import NpsyncError, UnavailableError
from nps.events import Arrival
from npsync.config import Config
from npsync.logs import notice
from npsync.web.site import Intake
from store.api import Store
from store.spool import Spool, Spooled, spool_path

MOST_WAITING = 2_000  # requests; more than that is better sent again
MOST_TOGETHER = 5_000  # arrivals in one transaction
SECONDS_TO_STORE = 10.0
CARRIED_TOGETHER = 500
SECONDS_BETWEEN_LOADS = 0.25  # what came meanwhile goes into one transaction
LONGEST_PAUSE = 30.0


Put = Callable[[Sequence[Arrival]], object]
"""Stores arrivals durably, all or none; storing them again is harmless. Raises NpsyncError."""


@dataclass(frozen=True)
class _Waiting:
    arrivals: Sequence[Arrival]
    loop: asyncio.AbstractEventLoop
    stored: asyncio.Future[None]

    def tell(self, error: BaseException | None) -> None:
        def settle() -> None:
            if self.stored.done():  # its caller hung up
                return
            if error is None:
                self.stored.set_result(None)
            else:
                self.stored.set_exception(error)

        try:
            self.loop.call_soon_threadsafe(settle)
        except RuntimeError:  # the loop is closed: nobody waits any more
            return


class TogetherIntake:
    """One thread stores what all waiting requests bring, in one transaction: a disk makes some hundred of them durable
    per second, and it costs the same for one arrival and for a thousand."""

    def __init__(self, put: Put) -> None:
        self._put = put
        self._waiting: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="npsync-intake", daemon=True)
        self._begun = False  # it begins with the first request

    async def take(self, arrivals: Sequence[Arrival]) -> None:
        if not self._begun:
            self._begun = True
            self._thread.start()
        if self._waiting.qsize() >= MOST_WAITING:
            raise UnavailableError(f"{MOST_WAITING} requests wait to be stored already")
        loop = asyncio.get_running_loop()
        stored: asyncio.Future[None] = loop.create_future()
        self._waiting.put(_Waiting(arrivals, loop, stored))
        try:
            async with asyncio.timeout(SECONDS_TO_STORE):
                await stored
        except TimeoutError:
            # It may be stored yet. Its sender sends it again, and then it is known.
            raise UnavailableError(f"storing took more than {SECONDS_TO_STORE:g} seconds") from None

    def close(self) -> None:
        """What waits is stored first."""
        if self._begun:
            self._waiting.put(None)
            self._thread.join()

    def _work(self) -> None:
        while (first := self._waiting.get()) is not None:
            together, ended = self._gather(first)
            self._store(together)
            if ended:
                return

    def _gather(self, first: _Waiting) -> tuple[list[_Waiting], bool]:
        together, count = [first], len(first.arrivals)
        while count < MOST_TOGETHER:
            try:
                another = self._waiting.get_nowait()
            except Empty:
                break
            if another is None:
                return together, True
            together.append(another)
            count += len(another.arrivals)
        return together, False

    def _store(self, together: Sequence[_Waiting]) -> None:
        error = self._stored([arrival for each in together for arrival in each.arrivals])
        if error is not None and len(together) > 1 and not isinstance(error, UnavailableError):
            for each in together:  # one that cannot be stored must not keep the others out
                each.tell(self._stored(each.arrivals))
            return
        for each in together:
            each.tell(error)

    def _stored(self, arrivals: Sequence[Arrival]) -> Exception | None:
        try:
            self._put(arrivals)
        except Exception as error:  # noqa: BLE001 (raised again where its request waits)
            return error
        return None


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


@contextmanager
def opened_intake(config: Config, store: Store, clock: Clock) -> Iterator[Intake]:
    """Through a spool where the store has one writer at a time, else straight into the store."""
    receive = receiving(store, clock)
    path = spool_path(config.store)
    if path is None:
        with closing(TogetherIntake(receive)) as straight:
            yield straight
        return
    with closing(Spool(path)) as spool, Carrier(spool, receive) as carrier:

        def put(arrivals: Sequence[Arrival]) -> None:
            spool.put(arrivals, now=clock.now())
            carrier.wake()

        with closing(TogetherIntake(put)) as spooled:
            yield spooled


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
