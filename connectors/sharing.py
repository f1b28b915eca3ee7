"""What the parts of one open connection have in common: one session, one limiter, one token."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

T = TypeVar("T", bound="Closable")


class Closable(Protocol):
    def close(self) -> None: ...


class Shared:
    """Lives in the `Tools` of a connection. A destination, an event source and a sender opened with the same tools are
    one caller to the vendor: two limiters would call twice as often as allowed, two tokens revoke each other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: Any = None
        self._users = 0

    def take(self, make: Callable[[], T]) -> T:
        """The session: the one that is open, else a new one. Every `take` is given back once."""
        with self._lock:
            if self._held is None:
                self._held = make()
            self._users += 1
            held: T = self._held
            return held

    def give_back(self) -> None:
        """The last one closes it."""
        with self._lock:
            self._users = max(self._users - 1, 0)
            if self._users:
                return
            held, self._held = self._held, None
        if held is not None:
            held.close()
