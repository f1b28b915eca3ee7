"""The NPS of a whole portfolio in three ways: every person, every account or every unit of revenue counts the same.

They answer different questions. One large customer with fifty unhappy users moves the first, one small customer moves
the second as much as it, and the third says how much of the money is with people who would recommend us.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from nps.figures import Tally, rounded

_NOTHING = Fraction(0)


@dataclass(frozen=True)
class Account:
    """One account: the latest answers of its people, and what it is worth (None: nobody says)."""

    tally: Tally
    amount: Decimal | None = None


@dataclass(frozen=True)
class Portfolio:
    """What the accounts come to together. Only exact sums are kept: portfolios add up, in any order.

    `everybody` are all answers, also those of accounts that have too few to have a figure of their own. `accounts` have
    enough of them; `balance` is the sum of their (P-D)/n, `weighed` the same with each weighed by its amount, and
    `amount` the sum of these. `too_few` accounts have fewer answers, `without_amount` have enough and no amount that
    could weigh anything: none, zero or less.
    """

    everybody: Tally = field(default_factory=Tally)
    accounts: int = 0
    balance: Fraction = _NOTHING
    amount: Fraction = _NOTHING
    weighed: Fraction = _NOTHING
    too_few: int = 0
    without_amount: int = 0

    def __add__(self, other: Portfolio) -> Portfolio:
        return Portfolio(
            self.everybody + other.everybody,
            self.accounts + other.accounts,
            self.balance + other.balance,
            self.amount + other.amount,
            self.weighed + other.weighed,
            self.too_few + other.too_few,
            self.without_amount + other.without_amount,
        )

    def by_account(self, places: int = 0) -> Decimal | None:
        """Every account counts the same: the mean of the accounts' NPS, none of them rounded before."""
        return _rounded(100 * self.balance / self.accounts, places) if self.accounts else None

    def by_revenue(self, places: int = 0) -> Decimal | None:
        """Every unit of revenue counts the same, as far as it is known whose it is (`without_amount` are left out)."""
        return _rounded(100 * self.weighed / self.amount, places) if self.amount else None


def portfolio(accounts: Iterable[Account], *, min_responses: int = 1) -> Portfolio:
    """The figures of these accounts, in one pass. One that nobody answered for is not among them."""
    everybody = Tally()
    counted = too_few = without_amount = 0
    balance = amount = weighed = _NOTHING
    for one in accounts:
        answers = one.tally.answers
        if not answers:
            continue
        everybody += one.tally
        if answers < min_responses:
            too_few += 1
            continue
        counted += 1
        its = Fraction(one.tally.promoters - one.tally.detractors, answers)
        balance += its
        if one.amount is None or not one.amount.is_finite() or one.amount <= 0:
            without_amount += 1
            continue
        amount += Fraction(one.amount)
        weighed += its * Fraction(one.amount)
    return Portfolio(everybody, counted, balance, amount, weighed, too_few, without_amount)


def _rounded(exact: Fraction, places: int) -> Decimal:
    return rounded(Decimal(exact.numerator) / exact.denominator, places)
