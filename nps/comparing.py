"""Whether two groups, or one in two periods, differ by more than chance.

The difference of two NPS is normal for large groups, with the variances of the two trinomial shares added:

    z = (NPS₂ - NPS₁) / (100 · √(s₁²/n₁ + s₂²/n₂)),   s² = p + d - (p - d)²,   p-value = erfc(|z| / √2)

(Brendan Rocks, "Interval Estimation for the 'Net Promoter Score'", The American Statistician 70:4, 2016, where s² is
the variance of one answer that counts +1, 0 or -1; a difference of independent means adds their variances.) People who
answered both times make the two less different than independent groups would be, so that this claims too little
rather than too much. Below 30 answers on either side nothing is claimed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal

from nps.figures import Tally, rounded

SURE = Decimal("0.05")  # significant at 95 %


@dataclass(frozen=True)
class Comparison:
    """`change` is in points, from the first to the second. Without `p` one of the two is too small (or shows no spread
    at all) to claim anything: then there is no margin either."""

    change: Decimal
    margin: Decimal | None = None
    p: Decimal | None = None

    @property
    def significant(self) -> bool:
        return self.p is not None and self.p < SURE

    @property
    def fell(self) -> bool:
        """A fall that is no chance."""
        return self.significant and self.change < 0


def compared(before: Tally, after: Tally, places: int = 0) -> Comparison | None:
    """None where one of the two has no answers. The change is rounded once, not the difference of two rounded NPS."""
    if not before.answers or not after.answers:
        return None
    change = _mean(after) - _mean(before)
    if before.margin() is None or after.margin() is None:
        return Comparison(rounded(change, places))
    # The half widths are 1.96 standard errors: their squares add as the variances do.
    width = (before.half_width() ** 2 + after.half_width() ** 2).sqrt()
    z = float(change / width) * 1.96
    p = Decimal(repr(math.erfc(abs(z) / math.sqrt(2))))
    return Comparison(rounded(change, places), rounded(width, 2), p)


def _mean(tally: Tally) -> Decimal:
    return Decimal(100 * (tally.promoters - tally.detractors)) / tally.answers
