"""Who does what the clock took: threads of this process, one at a time per connection. Scale mode has other hands."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

from npsync.clockwork.claims import Claim
from npsync.clockwork.freeing import free_memory
from npsync.clockwork.work import Work
from npsync.logs import notice

AT_ONCE = 4  # side by side, each on connections of its own


class Hands(Protocol):
    """Whoever does claims. `begin` returns at once."""

    def begin(self, claim: Claim, work: Work) -> None: ...

    def is_busy(self, place: str) -> bool:
        """Whether a claim of this place was begun here and has not ended."""
        ...

    def stop(self) -> None:
        """Begin nothing more; what nobody has begun is handed back."""
        ...

    def under_way(self) -> list[str]:
        """The places of what was begun here and has not ended."""
        ...

    def wait(self) -> None:
        """Until what was begun has ended."""
        ...


@dataclass(frozen=True)
class Task:
    """Something to do that uses these connections, of which nobody else uses any meanwhile."""

    place: str
    connections: frozenset[str]
    do: Callable[[], None]
    hand_back: Callable[[], None] = field(default=lambda: None)


class Threads:
    """In the order in which they came, but for those whose connections are in use: they wait without a thread, and
    nobody who came later takes a connection they wait for. `afterwards`: after each of them, whatever became of it."""

    def __init__(self, at_once: int = AT_ONCE, *, afterwards: Callable[[], None] = free_memory) -> None:
        self._afterwards = afterwards
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="npsync-sync")
        self._at_once = at_once
        self._turn = threading.Condition()
        self._waiting: list[Task] = []
        self._running: list[Task] = []
        self._stopped = False

    def begin(self, claim: Claim, work: Work) -> None:
        self.add(
            Task(
                claim.place,
                frozenset(work.connections(claim)),
                lambda: work.do(claim),
                lambda: work.hand_back(claim),
            )
        )

    def add(self, task: Task) -> None:
        with self._turn:
            stopped = self._stopped
            if not stopped:
                self._waiting.append(task)
                self._start_what_can()
        if stopped:
            task.hand_back()

    def is_busy(self, place: str) -> bool:
        with self._turn:
            return any(task.place == place for task in (*self._waiting, *self._running))

    def stop(self) -> None:
        with self._turn:
            self._stopped = True
            never_begun, self._waiting = self._waiting, []
        for task in never_begun:
            task.hand_back()

    def under_way(self) -> list[str]:
        with self._turn:
            return [task.place for task in self._running]

    def wait(self) -> None:
        self.stop()
        self._pool.shutdown(wait=True)

    def idle(self, timeout: float | None = None) -> bool:
        """Wait until nothing is under way."""
        with self._turn:
            return self._turn.wait_for(lambda: not (self._waiting or self._running), timeout)

    def _start_what_can(self) -> None:
        spoken_for = {name for task in self._running for name in task.connections}
        still: list[Task] = []
        for task in self._waiting:
            if len(self._running) < self._at_once and not task.connections & spoken_for:
                self._running.append(task)
                self._pool.submit(self._do, task).add_done_callback(_tell_bug)
            else:
                still.append(task)
            spoken_for |= task.connections
        self._waiting = still

    def _do(self, task: Task) -> None:
        try:
            task.do()
        finally:
            try:
                self._afterwards()
            finally:
                with self._turn:
                    self._running.remove(task)
                    self._start_what_can()
                    self._turn.notify_all()


def _tell_bug(ended: Future[None]) -> None:
    """What nobody expected must not vanish with its thread. The next due time is another try."""
    if (error := ended.exception()) is not None:
        notice("run_crashed", problem="".join(traceback.format_exception(error)))
