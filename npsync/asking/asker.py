"""Gives the triggers, and what was pushed, their turn beside the syncs: none stops another, whatever happens to it."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import Any, Protocol

from connectors.contract import Clock
from nps.errors import NpsyncError
from npsync.logs import notice

EVERY = timedelta(seconds=5)
AFTER_A_FAILURE = timedelta(minutes=1)


class Turn(Protocol):
    """What a turn came to."""

    @property
    def did_something(self) -> bool: ...

    @property
    def problems(self) -> Sequence[str]: ...

    def as_json(self) -> Mapping[str, Any]: ...


class Asker:
    """One turn at a time, in a thread of its own. The ticks of the clock only say that time has passed. `doing` and
    `done` are what the log calls it."""

    def __init__(
        self,
        take_turn: Callable[[], Turn],
        clock: Clock,
        *,
        doing: str = "asking",
        done: str = "asked",
        close: Callable[[], None] | None = None,
    ) -> None:
        self._take_turn, self._clock, self._close = take_turn, clock, close
        self._doing, self._done = doing, done
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=f"npsync-{doing}")
        self._running: Future[None] | None = None
        self._not_before: float | None = None  # on a clock that nobody sets
        self._problems: tuple[str, ...] = ()
        self._stopped = threading.Event()

    def tick(self) -> None:
        now = self._clock.monotonic()
        if self._stopped.is_set() or (self._running is not None and not self._running.done()):
            return
        if self._not_before is None or now >= self._not_before:
            self._not_before = now + EVERY.total_seconds()
            self._running = self._pool.submit(self._turn)

    def stop(self) -> None:
        self._stopped.set()

    def retire(self) -> None:
        """The turn under way is the last one; nobody waits for it."""
        self.stop()
        if self._close is not None:
            self._pool.submit(self._close)
            self._close = None
        self._pool.shutdown(wait=False)

    def wait(self) -> None:
        self.retire()
        self._pool.shutdown(wait=True)

    @property
    def under_way(self) -> str | None:
        """What it is at, as the log calls it."""
        return self._doing if self._running is not None and not self._running.done() else None

    @property
    def latest(self) -> Future[None] | None:
        """The latest turn, also when it has ended."""
        return self._running

    def _turn(self) -> None:
        try:
            done = self._take_turn()
        except NpsyncError as error:
            notice(f"{self._doing}_failed", problem=str(error))
            self._rest()
        except Exception as error:  # noqa: BLE001 - told, and the syncs go on
            notice(f"{self._doing}_crashed", problem="".join(traceback.format_exception(error)))
            self._rest()
        else:
            self._tell(done)

    def _rest(self) -> None:
        self._not_before = self._clock.monotonic() + AFTER_A_FAILURE.total_seconds()

    def _tell(self, done: Turn) -> None:
        """What a turn did; a problem that lasts is told once."""
        problems = tuple(done.problems)
        if done.did_something or problems != self._problems:
            notice(self._done, **done.as_json())
        self._problems = problems
