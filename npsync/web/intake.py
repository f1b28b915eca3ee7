"""Storing what arrived before its sender hears so, for many senders at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from connectors.contract import Clock
from nps.errors import UnavailableError
from nps.events import Arrival
from npsync.config import Config
from npsync.operating.carrying_over import Carrier, Put, receiving
from npsync.web.site import Intake
from store.api import Store
from store.spool import Spool, spool_path

MOST_WAITING = 2_000  # requests; more than that is better sent again
MOST_TOGETHER = 5_000  # arrivals in one transaction
SECONDS_TO_STORE = 10.0


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
