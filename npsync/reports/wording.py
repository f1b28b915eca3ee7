"""Figures in words: the same ones in the text, on the pages and in digests."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from nps.comparing import Comparison
from nps.figures import ENOUGH, Tally, rounded
from nps.loop import Loop
from nps.moving import Movement
from nps.portfolio import Portfolio
from npsync.reports.report import AtRisk, Report

NOTHING = "–"


def with_margin(tally: Tally) -> str:
    """33 ± 15, or the number with a word of warning; a dash for nobody."""
    nps = tally.nps()
    if nps is None:
        return NOTHING
    if (margin := tally.margin(places=0) or tally.margin(places=1) or tally.margin()) is not None:
        return f"{nps} ± {margin}"
    return f"{nps} (n too small)" if tally.answers < ENOUGH else f"{nps} (all alike)"


def change_text(change: Comparison | None) -> str:
    """+5, with a star where it is no chance."""
    if change is None:
        return NOTHING
    return f"{points(change)}{' *' if change.significant else ''}"


def points(change: Comparison) -> str:
    """A change with its sign; none where it rounds to nothing."""
    return f"{change.change:+f}" if change.change else "0"


def width_text(margin: Decimal) -> str:
    """A margin in whole points; one below a point with as many decimals as it takes not to look like none."""
    return str(rounded(margin) or rounded(margin, 1) or rounded(margin, 2))


def verdict(change: Comparison) -> str:
    """Whether a change is one, in a sentence."""
    said = f"Change {points(change)}"
    if change.p is None:
        return f"{said}: too few answers on one side to say whether that is chance."
    sure = "significant at 95 %" if change.significant else "not significant: it may well be chance"
    p = "p < 0.001" if change.p < Decimal("0.001") else f"p = {change.p:.3f}"
    return f"{said} ± {width_text(change.margin or Decimal(0))}: {sure} ({p})."


def at_risk_text(at_risk: AtRisk) -> str:
    if not at_risk.accounts:
        return "Revenue at risk: none; no account has a detractor."
    missing = f"; {at_risk.missing:,} more have no amount" if at_risk.missing else ""
    return (
        f"Revenue at risk {rounded(at_risk.amount):,}: what {at_risk.accounts - at_risk.missing:,} accounts with "
        f"detractors are worth{missing}."
    )


def movement_text(moved: Movement) -> str:
    return (
        f"{moved.people:,} answered both times: {moved.improved:,} moved up, {moved.worsened:,} down, "
        f"{moved.stayed:,} stayed. {moved.came:,} are new, {moved.left:,} did not answer again."
    )


def percent(part: int, whole: int) -> str:
    return f"{rounded(Decimal(100 * part) / whole)} %" if whole else NOTHING


def people(n: int) -> str:
    return "1 person" if n == 1 else f"{n:,} people"


def aim(report: Report) -> str:
    short = report.short_of_target
    if report.target is None or short is None:
        return ""
    state = "reached" if short <= 0 else f"{short:f} short"
    return f" · target {report.target:f}: {state}"


def portfolio_text(portfolio: Portfolio) -> str:
    """The same answers with every account alike, and with each by what it is worth."""
    said = f"Every account alike: NPS {portfolio.by_account()} of {portfolio.accounts:,} accounts"
    if portfolio.too_few:
        said += f" ({portfolio.too_few:,} more have too few people)"
    revenue = portfolio.by_revenue()
    if revenue is None:
        return f"{said}."
    without = f"; {portfolio.without_amount:,} have no amount" if portfolio.without_amount else ""
    return f"{said}. Each by what it is worth: NPS {revenue}{without}."


def loop_text(loop: Loop) -> str:
    """What became of the tasks."""
    if not loop.given:
        return "Loop: no task was given in this time."
    typical = f", half of them within {_time(loop.typical)}" if loop.typical is not None else ""
    late = f"; {loop.late:,} are open for more than a week" if loop.late else ""
    return f"Loop: {loop.closed:,} of {loop.given:,} tasks closed ({loop.share_closed()} %){typical}{late}."


def counts_only_text(answers: int) -> str:
    return (
        f"The time line holds {answers:,} older answers of which only the count of each month is left (retention): "
        "each counts there, and none in the figures above."
    )


def _time(length: timedelta) -> str:
    hours = length / timedelta(hours=1)
    return f"{max(1, round(hours))} h" if hours < 48 else f"{round(hours / 24)} days"
