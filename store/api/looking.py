"""What one run did, page by page."""

from __future__ import annotations

from typing import Protocol

import msgspec

from nps.changes import Change
from store.api.values import Settled, State, Stored


class Journaled(msgspec.Struct, frozen=True, kw_only=True):
    """A change as the journal has it. `outcome`: planned, open, written, rejected, deferred or unknown; `code` and
    `message` say why it was not written."""

    number: int
    change: Change
    outcome: str
    code: str
    message: str


class Looking(Protocol):
    """Looks only."""

    def journal_page(
        self,
        run: int,
        *,
        outcome: str | None = None,
        record: str | None = None,
        field: str | None = None,
        after: int = 0,
        limit: int = 50,
    ) -> list[Journaled]:
        """Changes of a run in the order in which they were planned, those with a greater number than `after`."""
        ...

    def run_answers(
        self, run: int, state: State, *, before: int | None = None, limit: int = 50
    ) -> tuple[list[tuple[Stored, Settled]], int | None]:
        """The answers that are in this state because of this run, the latest to arrive first, those with a smaller
        number than `before`; and where to read on, None at the end. A page may be short, or empty, and not the last."""
        ...
