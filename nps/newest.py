"""Which of a person's answers counts: the latest given, however late it reached us."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

AHEAD = timedelta(minutes=5)  # a clock this far ahead is a wrong clock, not a late answer


class Answer(Protocol):
    @property
    def source(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def answered_at(self) -> datetime: ...


A = TypeVar("A", bound=Answer)

Order = tuple[datetime, int, str]


def by_age(sources: Sequence[str]) -> Callable[[Answer], Order]:
    """The order in which answers count, the greatest being the one that does: `answered_at`, then the
    source's place in the YAML (a later one wins a tie), then the id. It never depends on the order of
    arrival."""
    ranks = {source: rank for rank, source in enumerate(sources)}
    return lambda answer: (answer.answered_at, ranks[answer.source], answer.id)


def newest(answers: Iterable[A], sources: Sequence[str]) -> A | None:
    """The answer that counts, None if there is none."""
    return max(answers, key=by_age(sources), default=None)


def latest_first(answers: Iterable[A], sources: Sequence[str]) -> list[A]:
    """All answers, the one that counts first and the one before it second."""
    return sorted(answers, key=by_age(sources), reverse=True)


def believed(answered_at: datetime, received_at: datetime) -> tuple[datetime, bool]:
    """The moment to count an answer by, and whether its own was moved: more than five minutes in the future
    is clamped to when it was received, so that a wrong clock does not win over every later answer."""
    if answered_at - received_at > AHEAD:
        return received_at, True
    return answered_at, False
