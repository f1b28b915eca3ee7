"""What a report says: frozen values, the same for text, JSON, CSV and the dashboard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import msgspec

from nps.comparing import Comparison
from nps.figures import Tally, response_rate
from nps.loop import Loop
from nps.moving import Movement
from nps.periods import Every, Period
from nps.portfolio import Portfolio
from store.api.tallying import Invited


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One period of a time line. `tally` is None where its people are too few to be told apart."""

    period: Period
    tally: Tally | None
    change: Comparison | None = None  # from the point before


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One group. `name` is the value as the CRM or the tool has it (None: not known), `label` what people read."""

    name: str | None
    label: str
    tally: Tally
    before: Tally | None = None
    change: Comparison | None = None  # from the time compared with
    apart: Comparison | None = None  # from everybody else, in this time


class Grouping(msgspec.Struct, frozen=True, kw_only=True):
    """`together` names how many groups are in "other": those too small to be told apart, and those beyond the first."""

    by: str
    rows: Sequence[Row]
    other: Row | None = None
    together: int = 0
    too_small: bool = False  # some of them are in "other" because their people could be recognised


class AtRisk(msgspec.Struct, frozen=True, kw_only=True):
    """What the accounts of detractors are worth. Those without an amount are counted, not guessed."""

    amount: Decimal
    accounts: int
    missing: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One survey. Of one person only the latest answer of a period counts, in `whole` and in each point of `trend`.

    `least`: in an anonymous programme fewer people than this are never told apart; `whole` is None where there are
    fewer in all.
    """

    survey: str
    period: Period
    every: Every
    whole: Tally | None
    scores: Mapping[int, int]
    older: int
    unmatched: int
    compared_with: Period | None = None
    before: Tally | None = None
    change: Comparison | None = None
    target: Decimal | None = None
    trend: Sequence[Point] = ()
    grouping: Grouping | None = None
    movement: Movement | None = None
    invited: Invited | None = None
    at_risk: AtRisk | None = None
    portfolio: Portfolio | None = None
    loop: Loop | None = None
    counts_only: int = 0  # answers in `trend` of which only the count of a month is left
    least: int = 0
    notes: Sequence[str] = ()

    @property
    def rate(self) -> Decimal | None:
        """Of the invitations that were delivered, the percentage that was completed."""
        return None if self.invited is None else response_rate(self.invited.completed, self.invited.delivered)

    @property
    def short_of_target(self) -> Decimal | None:
        """Points missing (below zero: ahead of it)."""
        nps = self.whole.nps() if self.whole is not None else None
        return None if nps is None or self.target is None else self.target - nps
