"""An NPS that fell by more than chance: of a survey as a whole, and of every group that is looked at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from mapping.reporting import OWNER
from nps.comparing import Comparison
from nps.figures import Tally, rounded
from nps.several import surely
from npsync.alerting.occasions import Occasion
from npsync.alerting.spec import AlertSpec, On
from npsync.reports import Report, make, nps_surveys, wish
from npsync.reports.owners import namer
from npsync.reports.wish import dimensions

if TYPE_CHECKING:
    from connectors.contract import Clock
    from npsync.config import Config
    from store.api import Store

MOST = 1_000  # groups of one kind that are looked at


@dataclass(frozen=True)
class Looked:
    """One comparison that was tried."""

    survey: str
    by: str  # "": the whole
    name: str
    label: str
    before: Tally
    now: Tally
    change: Comparison
    period: str
    compared_with: str


def found(config: Config, store: Store, alert: AlertSpec, clock: Clock) -> list[Occasion]:
    """What has fallen although so many groups were looked at. Told again for the same group after `over`."""
    looked = list(looked_at(config, store, alert, clock))
    holds = surely([each.change.p for each in looked])
    day = str(_today(config, clock.now()))
    return [
        _occasion(each, len(looked), day)
        for each, surely_so in zip(looked, holds, strict=True)
        if surely_so and each.change.fell
    ]


def looked_at(config: Config, store: Store, alert: AlertSpec, clock: Clock) -> Iterator[Looked]:
    """Every comparison with enough answers on both sides to claim something."""
    groups = groups_of(config, alert.by)
    for survey in alert.surveys or nps_surveys(config):
        for place, by in enumerate(groups or (None,)):
            report = report_of(config, store, survey, by, alert.over, clock)
            if place == 0 and report.before is not None and report.whole is not None:
                yield from _claimed(report, "", "", survey, report.before, report.whole, report.change)
            for row in report.grouping.rows if report.grouping is not None else ():
                if row.before is not None and by is not None:
                    yield from _claimed(
                        report, by, row.name or "", row.label, row.before, row.tally, row.change
                    )


def groups_of(config: Config, by: Iterable[str] | None) -> list[str]:
    if by is not None:
        return list(by)
    own = [OWNER] if OWNER in dimensions(config) else []
    return [*own, *(config.report.by if config.report is not None else ())]


def report_of(
    config: Config, store: Store, survey: str, by: str | None, over: timedelta, clock: Clock
) -> Report:
    """The days until yesterday, so that a day is not compared with half of one."""
    now = clock.now()
    until = _today(config, now) - timedelta(days=1)
    asked = wish(
        config,
        survey,
        today=_today(config, now),
        since=until - over + timedelta(days=1),
        until=until,
        by=by,
    )
    names = namer(config, store, survey, clock) if by == OWNER else None
    return make(config, store, asked, now=now, names=names, limit=MOST)


def _claimed(
    report: Report,
    by: str,
    name: str,
    label: str,
    before: Tally,
    now: Tally,
    change: Comparison | None,
) -> Iterator[Looked]:
    if change is None or change.p is None or report.compared_with is None:
        return
    yield Looked(
        survey=report.survey,
        by=by,
        name=name,
        label=label,
        before=before,
        now=now,
        change=change,
        period=str(report.period),
        compared_with=str(report.compared_with),
    )


def _occasion(one: Looked, tried: int, day: str) -> Occasion:
    where = f"{one.survey}, {one.by} {one.label}" if one.by else one.survey
    return Occasion(
        on=On.FALL,
        topic=f"{On.FALL.value} {one.survey}/{one.by}/{one.name}",
        id=day,
        title=f"The NPS of {where} fell by {abs(one.change.change)} points",
        facts=(
            ("Now", f"{figure(one.now)} ({one.period})"),
            ("Before", f"{figure(one.before)} ({one.compared_with})"),
            ("Change", points(one.change)),
        ),
        text=f"More than chance: {tried} comparisons were tried together, at 95 %.",
    )


def figure(tally: Tally) -> str:
    """33 ± 15 of 120 people; below 30 answers without a margin."""
    nps, margin = tally.nps(), tally.margin()
    if nps is None:
        return "no answers"
    said = f"{nps} ± {whole(margin)}" if margin is not None else f"{nps} (n too small for a margin)"
    return f"{said} of {tally.answers:,} {'person' if tally.answers == 1 else 'people'}"


def points(change: Comparison) -> str:
    margin = f" ± {whole(change.margin)}" if change.margin is not None else ""
    return f"{change.change:+}{margin} points"


def whole(margin: Decimal) -> str:
    return str(rounded(margin))


def _today(config: Config, now: datetime) -> date:
    return now.astimezone(config.time_zone).date()
