"""Many groups looked at together: what is no chance in one of them may be one in a hundred.

Holm's step-down procedure (Scandinavian Journal of Statistics 6:2, 1979) keeps the chance of even one false alarm among
all comparisons below 5 %, whatever they have to do with each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from nps.comparing import SURE


def surely(ps: Sequence[Decimal | None], sure: Decimal = SURE) -> list[bool]:
    """Which of these hold although so many were tried. None: too few answers to claim anything, so it was no try."""
    tried = sorted((p, place) for place, p in enumerate(ps) if p is not None)
    holds = [False] * len(ps)
    for rank, (p, place) in enumerate(tried):
        if p * (len(tried) - rank) >= sure:
            break  # and so does none with a larger p
        holds[place] = True
    return holds
