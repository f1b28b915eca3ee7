"""Three ways to look at all accounts together, each against its definition."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from nps.figures import Tally, rounded
from nps.portfolio import Account, Portfolio, portfolio

LARGE = Account(Tally(promoters=10, detractors=40), Decimal(900_000))
SMALL = Account(Tally(promoters=2), Decimal(100_000))
UNKNOWN = Account(Tally(promoters=1, passives=1))


def test_each_person_each_account_or_each_dollar_counts_the_same() -> None:
    both = portfolio([LARGE, SMALL])
    assert both.everybody.nps(0) == -54  # 12 - 40 of 52
    assert both.by_account() == 20  # the mean of -60 and 100
    assert both.by_revenue() == -44  # -60 on nine tenths of the revenue, 100 on the rest


def test_an_account_without_an_amount_is_left_out_of_the_revenue_and_counted() -> None:
    for amount in (None, Decimal(0), Decimal(-5), Decimal("NaN"), Decimal("Infinity")):
        all_three = portfolio([LARGE, SMALL, Account(UNKNOWN.tally, amount)])
        assert all_three.by_revenue() == -44
        assert all_three.without_amount == 1
        assert all_three.accounts == 3


def test_an_account_with_too_few_answers_has_no_figure_and_its_people_count_all_the_same() -> None:
    told = portfolio([LARGE, SMALL], min_responses=3)
    assert (told.accounts, told.too_few) == (1, 1)
    assert told.by_account() == -60
    assert told.by_revenue() == -60
    assert told.everybody.nps(0) == -54


def test_nobody_answered_is_no_figure() -> None:
    nobody = portfolio([Account(Tally(), Decimal(1))])
    assert nobody == Portfolio()
    assert nobody.everybody.nps(0) is nobody.by_account() is nobody.by_revenue() is None


def test_nothing_is_rounded_before_the_end() -> None:
    thirds = [Account(Tally(promoters=2, detractors=1), Decimal(1))] * 2
    assert portfolio(thirds).by_account(4) == Decimal("33.3333")
    half = [Account(Tally(promoters=5, passives=3)), Account(Tally(passives=4, detractors=4, promoters=1))]
    assert portfolio(half).by_account(1) == Decimal("14.6")  # of 62.5 and -33.33…


TALLIES = st.builds(Tally, *[st.integers(0, 50)] * 3)
ACCOUNTS = st.lists(
    st.builds(Account, TALLIES, st.none() | st.decimals(0, 10**9, places=2)), min_size=1, max_size=20
)


@given(ACCOUNTS, st.integers(1, 5), st.integers(0, 20))
def test_the_figures_are_those_of_the_definition_and_portfolios_add_up(
    accounts: list[Account], fewest: int, cut: int
) -> None:
    whole = portfolio(accounts, min_responses=fewest)
    parts = [portfolio(part, min_responses=fewest) for part in (accounts[cut:], accounts[:cut])]
    assert parts[0] + parts[1] == whole
    enough = [one for one in accounts if one.tally.answers >= fewest]
    assert _mean([(_share(one.tally), Fraction(1)) for one in enough]) == whole.by_account(6)
    paid = [(_share(one.tally), Fraction(one.amount)) for one in enough if one.amount]
    assert _mean(paid) == whole.by_revenue(6)


def _share(tally: Tally) -> Fraction:
    return Fraction(tally.promoters - tally.detractors, tally.answers)


def _mean(weighed: list[tuple[Fraction, Fraction]]) -> Decimal | None:
    """The definition: the mean of 100·share by weight."""
    if not weighed:
        return None
    exact = 100 * sum(share * weight for share, weight in weighed) / sum(weight for _, weight in weighed)
    return rounded(Decimal(exact.numerator) / exact.denominator, 6)
