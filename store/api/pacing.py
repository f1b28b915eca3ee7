"""How often connections are called, as all processes of a store know it together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol, TypeVar

T = TypeVar("T")


class Paces(Protocol):
    def change_pace(
        self, name: str, change: Callable[[bytes | None, int], tuple[bytes, T]], *, now: datetime | None
    ) -> T:
        """Hand `change` what is kept under `name` and the moment in milliseconds; keep the first of what it returns,
        return the second. Others who ask for the same name wait meanwhile. `now` None: the database's own time, for
        machines whose clocks differ; on SQLite there is one machine, and its time is `now`'s.

        What was kept last may be gone after the power went: it is worth less than a wait for the disk."""
        ...

    def paces_of(self, connection: str) -> dict[str, bytes]:
        """What is kept of a connection, by its limiters' names: the connection's own, and CONNECTION/NAME."""
        ...
