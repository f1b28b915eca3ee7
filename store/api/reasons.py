"""Whose records are to show why they are not asked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

import msgspec


class ReasonDue(msgspec.Struct, frozen=True):
    """A name of somebody (`nps.asking.person_keys`) whose record may not show why they are not asked. `times`: how
    often it was noted; what is noted again meanwhile stays."""

    key: str
    times: int


class Reasons(Protocol):
    """Suppressing somebody and lifting it note their names by themselves."""

    def note_reasons(self, keys: Iterable[str], *, now: datetime) -> None:
        """What speaks against asking these may have changed."""
        ...

    def reasons_due(self, limit: int, *, now: datetime) -> list[ReasonDue]:
        """Those to be looked at next."""
        ...

    def reasons_shown(self, due: Sequence[ReasonDue]) -> None:
        """Their records show it, or there is none."""
        ...

    def show_reasons_later(self, due: Sequence[ReasonDue], at: datetime) -> None:
        """To be tried again then."""
        ...
