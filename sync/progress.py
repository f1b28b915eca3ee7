"""What a run tells while it works: a bar on a terminal, log lines elsewhere."""

from __future__ import annotations

from typing import Protocol

from connectors.contract import Allowance, Destination


class Progress(Protocol):
    def phase(self, name: str, total: int | None) -> None:
        """A phase begins: pulling, planning, writing. `total` None when nobody can know."""
        ...

    def advance(self, count: int) -> None: ...

    def allowed(self, allowance: Allowance) -> None:
        """The calls that are left of the destination's, as far as it has told; said now and then."""
        ...


class Silent:
    def phase(self, name: str, total: int | None) -> None:
        pass

    def advance(self, count: int) -> None:
        pass

    def allowed(self, allowance: Allowance) -> None:
        pass


class WithCalls:
    """Tells with every step what is left of the destination's calls."""

    def __init__(self, progress: Progress, destination: Destination) -> None:
        self._progress, self._destination = progress, destination

    def phase(self, name: str, total: int | None) -> None:
        self._progress.phase(name, total)
        self._tell()

    def advance(self, count: int) -> None:
        self._progress.advance(count)
        self._tell()

    def allowed(self, allowance: Allowance) -> None:
        self._progress.allowed(allowance)

    def _tell(self) -> None:
        if (allowance := self._destination.allowance()) is not None:
            self.allowed(allowance)
