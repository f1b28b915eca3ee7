"""The arithmetic of groups, in Decimal and rounded once: NPS, its margin, CSAT, response rate.

Only counts are kept; everything else is derived. Nobody answered is None, never 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from nps.score import Segment

ENOUGH = 30  # answers; below it the margin's formula says nothing reliable
_Z95 = Decimal("1.96")


def rounded(number: Decimal, places: int = 0) -> Decimal:
    """Half away from zero, as people round: 12.5 is 13 and -12.5 is -13 (`round()` gives 12)."""
    return number.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP) + 0  # + 0: never "-0"


@dataclass(frozen=True)
class Tally:
    """How many of a group are promoters, passives and detractors."""

    promoters: int = 0
    passives: int = 0
    detractors: int = 0

    @classmethod
    def of(cls, scores: Iterable[int]) -> Tally:
        """The tally of some NPS scores: one per person, the latest."""
        segments = [Segment.of(score) for score in scores]
        return cls(*(segments.count(segment) for segment in Segment))

    @classmethod
    def counted(cls, scores: Mapping[int, int]) -> Tally:
        """The tally of so many people for each NPS score."""
        people = dict.fromkeys(Segment, 0)
        for score, many in scores.items():
            people[Segment.of(score)] += many
        return cls(*(people[segment] for segment in Segment))

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.promoters + other.promoters,
            self.passives + other.passives,
            self.detractors + other.detractors,
        )

    def __sub__(self, part: Tally) -> Tally:
        """What is left without a part of it."""
        return Tally(
            self.promoters - part.promoters, self.passives - part.passives, self.detractors - part.detractors
        )

    @property
    def answers(self) -> int:
        return self.promoters + self.passives + self.detractors

    def nps(self, places: int = 0) -> Decimal | None:
        """100·(P-D)/n from -100 to 100, passives in the denominator."""
        if not self.answers:
            return None
        return rounded(Decimal(100 * (self.promoters - self.detractors)) / self.answers, places)

    def margin(self, base: int | None = None, places: int = 2) -> Decimal | None:
        """The 95 % margin to print after ±, or None where "n too small" (with the counts) must stand instead.

        None below 30 answers, and wherever the formula collapses to ±0: certainty it does not have. `base`
        is the number of people asked about, when known: a small one narrows the margin.
        """
        if self.answers < ENOUGH:
            return None
        return rounded(self.half_width(base), places) or None

    def half_width(self, base: int | None = None) -> Decimal:
        """The bare formula 1.96·100·√(s²/n) with s² = p+d-(p-d)², for any n ≥ 1. Print `margin` instead."""
        n = self.answers
        if base is not None and base < n:
            raise ValueError(f"{n} people answered, but the base is only {base}")
        p, d = Decimal(self.promoters) / n, Decimal(self.detractors) / n
        width = _Z95 * 100 * ((p + d - (p - d) ** 2) / n).sqrt()
        if base is None or base == 1:
            return width
        return width * (Decimal(base - n) / (base - 1)).sqrt()


def csat(scores: Iterable[int], places: int = 0) -> Decimal | None:
    """The share of 4 and 5 among answers from 1 to 5, in percent."""
    given = list(scores)
    if wrong := [score for score in given if not 1 <= score <= 5]:
        raise ValueError(f"a CSAT score is 1 to 5, got {wrong[0]}")
    return _percent(sum(score >= 4 for score in given), len(given), places)


def response_rate(completed: int, delivered: int, places: int = 0) -> Decimal | None:
    """Completed answers per delivered invitation, in percent. Reminders are not invitations."""
    return _percent(completed, delivered, places)


def _percent(part: int, whole: int, places: int) -> Decimal | None:
    return rounded(Decimal(100 * part) / whole, places) if whole else None
