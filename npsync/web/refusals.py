"""What was not taken, counted: a log line and an entry people find, however often somebody knocks."""

from __future__ import annotations

import threading
from collections import Counter
from typing import NamedTuple

from connectors.contract import Clock
from nps.errors import UnavailableError
from npsync.logs import notice
from store.api import Store

SECONDS_BETWEEN = 2.0


class Refusal(NamedTuple):
    """Of which connection, and why. Nothing of the request is in it."""

    connection: str
    code: str
    reason: str


class Refusals:
    """Thread-safe. What was counted goes into the store every few seconds; a crash loses the last count."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._counted: Counter[Refusal] = Counter()
        self._turn = threading.Lock()
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def note(self, connection: str, code: str, reason: str, count: int = 1) -> None:
        with self._turn:
            self._counted[Refusal(connection, code, reason)] += count
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="npsync-refusals", daemon=True)
                self._thread.start()

    def flush(self) -> None:
        with self._turn:
            counted, self._counted = self._counted, Counter()
        for refusal, count in counted.items():
            try:
                self._store.refuse(*refusal, now=self._clock.now(), times=count)
            except UnavailableError as error:
                notice("refusal_not_stored", connection=refusal.connection, problem=str(error))
            notice("hook_refused", connection=refusal.connection, code=refusal.code, times=count)

    def close(self) -> None:
        self._ending.set()
        if self._thread is not None:
            self._thread.join()
        self.flush()

    def _work(self) -> None:
        while not self._ending.wait(SECONDS_BETWEEN):
            self.flush()
