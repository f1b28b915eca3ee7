"""Movement between segments: the same people, asked twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from nps.figures import rounded
from nps.score import Segment

_ORDER = {Segment.DETRACTOR: 0, Segment.PASSIVE: 1, Segment.PROMOTER: 2}


@dataclass(frozen=True)
class Movement:
    """How many people went from which segment to which, by their latest answer in each of two periods. Who answered in
    only one of them did not move: they came or left."""

    moves: Mapping[tuple[Segment, Segment], int] = field(default_factory=dict)
    came: int = 0
    left: int = 0

    @property
    def people(self) -> int:
        """Who answered in both periods."""
        return sum(self.moves.values())

    def count(self, before: Segment, after: Segment) -> int:
        return self.moves.get((before, after), 0)

    def were(self, before: Segment) -> int:
        """How many of those who answered twice began there."""
        return sum(self.count(before, after) for after in Segment)

    def share(self, before: Segment, after: Segment, places: int = 0) -> Decimal | None:
        """Of those who were in the one, the percentage that is in the other now. None where nobody was."""
        were = self.were(before)
        return rounded(Decimal(100 * self.count(before, after)) / were, places) if were else None

    @property
    def stayed(self) -> int:
        return sum(self.count(each, each) for each in Segment)

    @property
    def improved(self) -> int:
        return sum(n for (before, after), n in self.moves.items() if _ORDER[after] > _ORDER[before])

    @property
    def worsened(self) -> int:
        return self.people - self.stayed - self.improved
