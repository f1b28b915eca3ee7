"""Which of a record's answers counts: the latest given, however late it reached us."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

AHEAD = timedelta(minutes=5)  # a clock this far ahead is a wrong clock, not a late answer


class Answer(NamedTuple):
    """One answer, as light as the rule needs it. Its fields are in the order in which answers are compared: the
    moment it counts by (`believed`), its source's place in the YAML (a later one wins a tie), its id. So the order
    of arrival never matters. `number` is the store's, `state` what the answer was before (None: just taken up)."""

    at: datetime
    rank: int
    id: str
    number: int = 0
    score: int = 0
    state: str | None = None


def oldest_first(answers: Iterable[Answer]) -> list[Answer]:
    """The one that counts comes last, the one before it last but one."""
    return sorted(answers)


def believed(answered_at: datetime, received_at: datetime) -> tuple[datetime, bool]:
    """The moment to count an answer by, and whether its own was moved: more than five minutes in the future
    is clamped to when it was received, so that a wrong clock does not win over every later answer."""
    if answered_at > received_at and answered_at - received_at > AHEAD:
        return received_at, True
    return answered_at, False
