"""What people wrote, a page at a time, and how much waits for a person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from store.api.tallying import Counting


class Remark(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wrote beside a score."""

    number: int
    source: str
    id: str
    at: datetime
    score: int
    text: str
    who: str  # one and the same for all that one person wrote
    sync: str | None = None  # the one that matched it to the record
    record_id: str | None = None

    def __repr__(self) -> str:
        return f"Remark({self.source}:{self.id})"  # never what was written


class Undone(msgspec.Struct, frozen=True):
    """How many answers of a sync are in a state that somebody should look at: review, held, rejected, waiting."""

    sync: str
    state: str
    answers: int


class Remarks(Protocol):
    def remarks(self, what: Counting, *, before: int | None = None, limit: int) -> list[Remark]:
        """The comments of all answers that count (`Counting`), also the older ones of one person; the latest to arrive
        first, those that came before number `before`."""
        ...

    def left_to_people(self, syncs: Sequence[str]) -> list[Undone]: ...
