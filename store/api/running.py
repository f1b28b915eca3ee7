"""Runs and what keeps them apart: their history, leases, the memory of connections, the clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from nps.changes import Change
from nps.values import Json
from store.api.values import Due, Lease, RunRow, State


class Runs(Protocol):
    """The history of runs, whether they lost nothing, and the calls they made."""

    def begin_run(self, sync: str, kind: str, *, now: datetime, facts: Mapping[str, Json]) -> int: ...

    def end_run(self, run: int, status: str, *, now: datetime, report: Mapping[str, Json]) -> None: ...

    def runs(self, *, sync: str | None = None, kind: str | None = None, limit: int = 20) -> list[RunRow]:
        """The latest first. `kind`: run, undo, redo, verify."""
        ...

    def run(self, number: int) -> RunRow | None: ...

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
    """Fenced locks, durable small things, and when a sync is due."""

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

    def due(self, syncs: Sequence[str]) -> dict[str, Due]: ...

    def schedule(self, sync: str, due_at: datetime) -> None:
        """When the sync is due next."""
        ...

    def schedule_first(self, sync: str, due_at: datetime) -> datetime:
        """The same for a sync that has no due time yet; one it has stays. The one it then has."""
        ...

    def claim_due(self, sync: str, due_at: datetime, next_due: datetime) -> bool:
        """Take this due time: moves it to `next_due` if it still is `due_at`. True for exactly one of many callers."""
        ...

    def note_tick(self, sync: str, due_at: datetime, outcome: str, *, now: datetime) -> None:
        """What the clock did about one due time: started, caught_up, skipped_overlap."""
        ...
