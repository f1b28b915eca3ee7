"""Other processes that lend a run a hand: threads with a store of their own, `Town.run(dispatch=Neighbours(…))`.

They meet before they settle, so that each decides without seeing what the others do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from builders_sync import Town

from store import open_store
from store.api.sharing import Enlisting
from sync.sharing.dispatch import Cut, Summons
from sync.sharing.lending import lend_a_hand

PATIENCE = 0.02  # seconds that somebody waits for the others before he goes on alone


class Neighbours:
    alone = False

    def __init__(self, town: Town, hands: int, *, least: int = 1, meet: bool = True) -> None:
        self.town, self.hands, self.meet = town, hands, meet
        self.cut = Cut(answers=1, batches=1, least=least)
        self.came: dict[Summons, list[Future[int]]] = {}
        self.enlisted: list[Summons] = []
        self._pool = ThreadPoolExecutor(2 * hands)
        self._meeting = threading.Condition()
        self._waiting = 0

    def enlist(self, summons: Summons) -> Enlisting:
        return lambda _connection: self.enlisted.append(summons)

    def remind(self, summons: Summons) -> None:
        if summons not in self.came:
            self.came[summons] = [
                self._pool.submit(self._work, summons, number) for number in range(self.hands)
            ]

    def gone(self) -> int:
        """How many shards they did."""
        self._pool.shutdown(wait=True)
        return sum(hand.result() for hands in self.came.values() for hand in hands)

    def _work(self, summons: Summons, number: int) -> int:
        store: Any = open_store(self.town.url)
        try:
            if self.meet:
                store.settle = self._after_meeting(store.settle)
            owner = f"neighbour-{summons.kind}-{number}"
            return lend_a_hand(self.town.job(), store, self.town.clock, owner, summons, at_once=1)
        finally:
            store.close()

    def _after_meeting(self, settle: Callable[..., Any]) -> Callable[..., Any]:
        def settled(*given: Any, **named: Any) -> Any:
            with self._meeting:
                self._waiting += 1
                if self._waiting >= self.hands:
                    self._waiting = 0
                    self._meeting.notify_all()
                else:
                    self._meeting.wait(PATIENCE)
            return settle(*given, **named)

        return settled
