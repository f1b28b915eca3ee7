"""Closing the loop: how many of the tasks given because of answers were done, how soon, and which nobody touched."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import median

from nps.figures import rounded

Given = tuple[datetime, datetime | None]
"""When a task was given, and when it was closed; None while it is open."""


@dataclass(frozen=True)
class Loop:
    """`late` are open for longer than they should be. `typical` is the median time to close of the closed ones."""

    given: int = 0
    closed: int = 0
    late: int = 0
    typical: timedelta | None = None

    @classmethod
    def of(cls, tasks: Iterable[Given], *, now: datetime, late_after: timedelta) -> Loop:
        given = list(tasks)
        # A CRM that tells a day, not a moment, may seem to have closed a task before it was given.
        took = [max(closed - at, timedelta()) for at, closed in given if closed is not None]
        return cls(
            given=len(given),
            closed=len(took),
            late=sum(closed is None and now - at > late_after for at, closed in given),
            typical=timedelta(seconds=median(one.total_seconds() for one in took)) if took else None,
        )

    @property
    def open(self) -> int:
        return self.given - self.closed

    def share_closed(self, places: int = 0) -> Decimal | None:
        """In percent; None when no task was given."""
        return rounded(Decimal(100 * self.closed) / self.given, places) if self.given else None
