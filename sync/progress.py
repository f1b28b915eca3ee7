"""What a run tells while it works: a bar on a terminal, log lines elsewhere."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    def phase(self, name: str, total: int | None) -> None:
        """A phase begins: pulling, planning, writing. `total` None when nobody can know."""
        ...

    def advance(self, count: int) -> None: ...


class Silent:
    def phase(self, name: str, total: int | None) -> None:
        pass

    def advance(self, count: int) -> None:
        pass
