"""A report made from the store, by a handful of questions of SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mapping.reporting import AMOUNT
from nps import periods
from nps.comparing import compared
from nps.figures import Tally
from nps.loop import Loop
from nps.periods import Period
from nps.portfolio import Account, Portfolio, portfolio
from nps.small_groups import merged
from npsync.reports.report import AtRisk, Grouping, Point, Report, Row
from npsync.reports.wish import MONTHS, Wish, by_of, counting, enough_of
from store.api.tallying import Groups, Invited, Stake, Tallied, Tallies

if TYPE_CHECKING:
    from npsync.config import Config
    from store.api import Store

NOT_KNOWN = "(not known)"
OTHER = "(other)"
MOST_GROUPS = 1000
LATE = timedelta(days=7)  # a task that is open for longer
_REST = -1  # the groups beyond these, as one

Names = Callable[[Sequence[str]], Mapping[str, str]]
"""What people call the values of a group, where that is known: the owners behind ids."""


def make(
    config: Config,
    store: Store,
    wish: Wish,
    *,
    now: datetime,
    names: Names | None = None,
    limit: int = 50,
    answers: Tallies | None = None,
) -> Report:
    """At most `limit` groups are told one by one, those of most people; the rest together. `answers`: where they are
    counted, unless in the store itself."""
    answers = answers or store
    spec = config.surveys[wish.survey]
    least = least_of(config, wish.survey, guarded=wish.guarded)
    before = wish.compared_with
    cuts = [*([before.since] if before else []), wish.period.since, wish.period.end]
    if before is not None and before.end != wish.period.since:
        cuts.insert(1, before.end)  # days between the two, which nobody asked about
    what = counting(config, wish.survey, *cuts)
    found = answers.tallied(what)
    whole, earlier = _told(found[-1], least), _told(found[0], least) if before else None
    trend, counts_only = _trend(config, answers, wish, now, least) if whole is not None else ([], 0)
    return Report(
        survey=wish.survey,
        period=wish.period,
        every=wish.every,
        whole=whole,
        scores=found[-1].scores if whole is not None else {},
        older=found[-1].older if not least else 0,
        unmatched=found[-1].unmatched if what.syncs and not least else 0,
        compared_with=before,
        before=earlier,
        change=compared(earlier, whole) if earlier is not None and whole is not None else None,
        target=config.report.targets.get(wish.survey) if config.report is not None else None,
        trend=trend,
        counts_only=counts_only,
        grouping=_grouping(config, answers, wish, cuts, least, names, limit) if whole is not None else None,
        movement=answers.moved(what) if before is not None and not least else None,
        invited=_invited(config, answers, wish) if spec.own_page or spec.through else None,
        at_risk=_at_risk(answers.at_stake(counting(config, wish.survey, *cuts[-2:]), AMOUNT))
        if config.report is not None and config.report.amount is not None and what.syncs and not least
        else None,
        portfolio=_portfolio(config, answers, wish) if what.syncs and not least else None,
        loop=_loop(config, store, wish, now, least),
        least=least,
    )


def least_of(config: Config, survey: str, *, guarded: bool = False) -> int:
    """How few people are never told apart, of an anonymous programme or to somebody who may see nobody; else 0."""
    return config.privacy.min_group if guarded or survey in config.privacy.anonymous else 0


def _invited(config: Config, answers: Tallies, wish: Wish) -> Invited:
    """Who answers today moves nothing of what somebody is told who may see nobody."""
    since, end = counting(config, wish.survey, wish.period.since, wish.period.end).cuts
    return answers.invited(wish.survey, since, end, answered_before=end if wish.guarded else None)


def _told(found: Tallied, least: int) -> Tally | None:
    return Tally.counted(found.scores) if found.people >= least else None


# ------------------------------------------------------------ over time


def _trend(
    config: Config, answers: Tallies, wish: Wish, now: datetime, least: int
) -> tuple[list[Point], int]:
    """The points, and how many of their answers are left as counts alone."""
    today = now.astimezone(config.time_zone).date()
    since = wish.period.since if not least else periods.months_back(wish.period.last, MONTHS)
    line = periods.cut(since, wish.period.end, wish.every, today=today)
    cuts = [*(each.since for each in line), line[-1].end]
    what = counting(config, wish.survey, *cuts)
    months = answers.monthly(what)
    kept = [_kept(period, months) for period in line]
    tallies = [
        Tally.counted(each.scores) + more for each, more in zip(answers.tallied(what), kept, strict=True)
    ]
    hidden = merged({at: tally.answers for at, tally in enumerate(tallies)}, least)
    points: list[Point] = []
    last: Tally | None = None
    for at, (period, tally) in enumerate(zip(line, tallies, strict=True)):
        told = None if at in hidden else tally
        change = compared(last, told) if last is not None and told is not None else None
        points.append(Point(period=period, tally=told, change=change))
        last = told
    return points, sum(more.answers for more in kept)


def _kept(period: Period, months: Mapping[str, Mapping[int, int]]) -> Tally:
    """What is left of deleted answers of the months that lie in this period as a whole."""
    whole = [
        scores
        for month, scores in months.items()
        if period.since <= (first := date.fromisoformat(f"{month}-01"))
        and periods.months_back(first, -1) <= period.end
    ]
    return sum((Tally.counted(scores) for scores in whole), Tally())


# ------------------------------------------------------------ groups


def _grouping(
    config: Config,
    answers: Tallies,
    wish: Wish,
    cuts: Sequence[date],
    least: int,
    names: Names | None,
    limit: int,
) -> Grouping | None:
    by = by_of(config, wish.by) if wish.by is not None else None
    if wish.by is None or by is None:
        return None
    found = answers.grouped(counting(config, wish.survey, *cuts), by, limit=MOST_GROUPS)
    called = names([group.name for group in found.shown if group.name]) if names is not None else {}
    return grouping(wish.by, found, called, compare=wish.compared_with is not None, least=least, limit=limit)


def grouping(
    by: str, found: Groups, called: Mapping[str, str], *, compare: bool, least: int, limit: int
) -> Grouping:
    """The groups as people read them. A group of nobody in this time is not told."""
    if least and any(0 < size < least for size in _sizes_before(found)):
        compare = False  # what the others were before, taken from the whole, would tell of these few
    sizes = {at: group.tallies[-1].answers for at, group in enumerate(found.shown)}
    small = merged(sizes | {_REST: found.rest[-1].answers}, least) - {_REST}
    apart = [
        (group.name, group.tallies[-1], group.tallies[0] if compare else None)
        for at, group in enumerate(found.shown)
        if at not in small and group.tallies[-1].answers
    ]
    others = [
        (group.tallies[-1], group.tallies[0] if compare else None)
        for at, group in enumerate(found.shown)
        if at in small
    ] + [(now, before) for _, now, before in apart[limit:]]
    if found.more and found.rest[-1].answers:
        others.append((found.rest[-1], found.rest[0] if compare else None))
    whole = sum((group.tallies[-1] for group in found.shown), found.rest[-1])
    return Grouping(
        by=by,
        rows=[
            _row(name, _label(name, called), now, before, whole, least) for name, now, before in apart[:limit]
        ],
        other=_row(
            None,
            OTHER,
            sum((now for now, _ in others), Tally()),
            sum((before for _, before in others if before is not None), Tally()) if compare else None,
            whole,
            least,
        )
        if others
        else None,
        together=len(small) + len(apart[limit:]) + found.more,
        too_small=bool(small),
    )


def _sizes_before(found: Groups) -> Iterator[int]:
    yield from (group.tallies[0].answers for group in found.shown)
    yield found.rest[0].answers


def _row(name: str | None, label: str, now: Tally, before: Tally | None, whole: Tally, least: int) -> Row:
    if before is not None and before.answers < least:
        before = None
    return Row(
        name=name,
        label=label,
        tally=now,
        before=before,
        change=compared(before, now) if before is not None else None,
        apart=compared(whole - now, now) if whole.answers > now.answers else None,
    )


def named(report: Report, names: Names) -> Report:
    """The same with its groups called as people call them, where they are not yet."""
    if report.grouping is None:
        return report
    called = names([row.name for row in report.grouping.rows if row.name])
    rows = [replace(row, label=_label(row.name, called)) for row in report.grouping.rows]
    return replace(report, grouping=replace(report.grouping, rows=rows))


def _label(name: str | None, called: Mapping[str, str]) -> str:
    if name is None or not name.strip():
        return NOT_KNOWN
    return called.get(name, name)


# ------------------------------------------------------------ money


def _at_risk(stakes: Iterable[Stake]) -> AtRisk:
    amount, accounts, missing = Decimal(0), 0, 0
    for stake in stakes:
        accounts += 1
        worth = _amount(stake.amount)
        if worth is None:
            missing += 1
        else:
            amount += worth
    return AtRisk(amount=amount, accounts=accounts, missing=missing)


def _amount(text: str | None) -> Decimal | None:
    """A number as CRMs say it, also as text; what is none counts as missing."""
    try:
        worth = Decimal((text or "").strip())
    except InvalidOperation:
        return None
    return worth if worth.is_finite() else None


def _portfolio(config: Config, answers: Tallies, wish: Wish) -> Portfolio | None:
    """The accounts together, each alike or by what it is worth. None where no account is known."""
    what = counting(config, wish.survey, wish.period.since, wish.period.end)
    found = portfolio(
        (Account(tally, _amount(amount)) for tally, amount in answers.worth(what, AMOUNT)),
        min_responses=enough_of(config, wish.survey),
    )
    return found if found.accounts else None


# ------------------------------------------------------------ what was done about it


def _loop(config: Config, store: Store, wish: Wish, now: datetime, least: int) -> Loop | None:
    """The tasks given in this time. None where no sync gives any, and where they are about too few people."""
    syncs = [name for name, sync in config.sync.items() if sync.survey == wish.survey and sync.follow_up]
    if not syncs:
        return None
    since, end = (periods.midnight(day, config.time_zone) for day in (wish.period.since, wish.period.end))
    given = [
        (one.given_at, one.closed_at) for one in store.given_tasks(syncs, since=since) if one.given_at < end
    ]
    return Loop.of(given, now=now, late_after=LATE) if len(given) >= least else None
