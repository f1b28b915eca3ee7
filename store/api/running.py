"""Runs and what keeps them apart: their history, leases, the memory of connections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from nps.changes import Change
from nps.values import Json
from store.api.values import Lease, Progress, RunRow, State


class Runs(Protocol):
    """The history of runs, whether they lost nothing, and the calls they made."""

    def begin_run(self, sync: str, kind: str, *, now: datetime, facts: Mapping[str, Json]) -> int: ...

    def end_run(self, run: int, status: str, *, now: datetime, report: Mapping[str, Json]) -> None: ...

    def runs(
        self,
        *,
        sync: str | None = None,
        kind: str | None = None,
        status: str | None = None,
        since: datetime | None = None,
        before: int | None = None,
        limit: int = 20,
    ) -> list[RunRow]:
        """The latest first: begun at or after `since`, with a smaller number than `before`. `kind`: run, undo, redo,
        verify."""
        ...

    def run(self, number: int) -> RunRow | None: ...

    def note_progress(self, run: int, phase: str, done: int, total: int | None, *, now: datetime) -> None:
        """How far a run is. Nothing happens when it has ended: then there is no progress any more."""
        ...

    def progress_of(self, run: int) -> Progress | None:
        """How far a run is; None before it said so, and when it has ended."""
        ...

    def progress(self) -> dict[int, Progress]:
        """The same of every run that is under way."""
        ...

    def run_changes(self, run: int) -> Iterator[tuple[Change, str]]:
        """The changes of a run and their outcome (planned, open, written, rejected, deferred, unknown)."""
        ...

    def run_states(self, sync: str, run: int) -> dict[State, int]:
        """States of the versions this run took up; what still lies in the work counts as pending."""
        ...

    def balance(self, sync: str, sources: Sequence[str]) -> tuple[int, int]:
        """(versions of the sources up to the watermark, versions with a state or in the work): equal, or something
        is lost."""
        ...

    def deciding(self, sync: str) -> int:
        """How many answers decide a record of this sync right now (written or unchanged)."""
        ...

    def count_calls(self, connection: str, day: str, count: int) -> int:
        """Add calls made on a day; returns the day's total."""
        ...

    def calls_since(self, day: str) -> dict[tuple[str, str], int]:
        """The calls counted per (connection, day), from this day on."""
        ...


class Leases(Protocol):
    """Fenced locks and durable small things."""

    def acquire(self, name: str, owner: str, *, now: datetime, seconds: float) -> Lease | None:
        """The lease, with a token greater than any before, or None while somebody else holds it. `owner` comes from
        `store.owners`: what a process held that is known to have ended, is free at once."""
        ...

    def is_free(self, name: str, *, now: datetime) -> bool:
        """Whether `acquire` would get it just now."""
        ...

    def prove(self, lease: Lease) -> None:
        """Raises LeaseLost when it is not ours any more."""
        ...

    def renew(self, lease: Lease, *, now: datetime, seconds: float) -> None:
        """Raises LeaseLost when it is not ours any more."""
        ...

    def release(self, lease: Lease) -> None: ...

    def recall(self, connection: str, keys: Sequence[str]) -> dict[str, str]: ...

    def recall_below(self, connection: str, prefix: str) -> dict[str, str]:
        """Everything remembered under keys that begin with `prefix`."""
        ...

    def memorize(self, connection: str, items: Mapping[str, str]) -> None:
        """Keep these. What names somebody who was forgotten is not kept: it is asked for again when it is needed."""
        ...

    def forget(self, connection: str, keys: Sequence[str]) -> None: ...
