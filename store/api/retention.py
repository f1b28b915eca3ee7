"""Putting away what was kept for its time: each call so many rows, until none is left."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo


class Retention(Protocol):
    def expire_comments(self, *, before: datetime, limit: int) -> int:
        """Comments of answers given before then; the score stays. How many went."""
        ...

    def expire_answers(self, *, before: datetime, zone: ZoneInfo, limit: int) -> int:
        """Answers given before then become anonymous monthly counts (months as `zone` has them). One about which
        something is under way stays. How many went."""
        ...

    def expire_before_values(self, *, before: datetime, limit: int) -> int:
        """What records showed before writes that were settled before then. How many changes lost it."""
        ...

    def expire_asking(self, *, before: datetime, limit: int) -> int:
        """Events, verdicts, and invitations that are over, all from before then."""
        ...

    def expire_receipts(self, *, before: datetime) -> int: ...
