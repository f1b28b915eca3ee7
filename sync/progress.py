"""What a run tells while it works: a bar on a terminal, log lines elsewhere, and a note in the store for pages."""

from __future__ import annotations

from typing import Protocol

from connectors.contract import Allowance, Clock, Destination
from nps.values import Json
from store.api import Store

NOTED_EVERY_SECONDS = 1.0


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


class Noted:
    """Tells somebody, and keeps in the store how far the run is, for pages and other processes: every phase when it
    begins, its steps at most once a second."""

    def __init__(self, progress: Progress | None, store: Store, run: int, clock: Clock) -> None:
        self._progress, self._store, self._run, self._clock = progress or Silent(), store, run, clock
        self._name, self._done = "", 0
        self._total: int | None = None
        self._noted = 0.0
        self._began = clock.monotonic()
        self._took: dict[str, float] = {}

    def phase(self, name: str, total: int | None) -> None:
        self._progress.phase(name, total)
        self._close()
        self._name, self._done, self._total = name, 0, total
        self._note()

    def took(self) -> dict[str, Json]:
        """The seconds of every phase so far, in the order in which they began first."""
        self._close()
        return {name: round(seconds, 3) for name, seconds in self._took.items()}

    def _close(self) -> None:
        now = self._clock.monotonic()
        if self._name:
            self._took[self._name] = self._took.get(self._name, 0.0) + now - self._began
        self._began = now

    def advance(self, count: int) -> None:
        self._progress.advance(count)
        self._done += count
        if self._clock.monotonic() - self._noted >= NOTED_EVERY_SECONDS:
            self._note()

    def allowed(self, allowance: Allowance) -> None:
        self._progress.allowed(allowance)

    def _note(self) -> None:
        self._noted = self._clock.monotonic()
        self._store.note_progress(self._run, self._name, self._done, self._total, now=self._clock.now())


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
