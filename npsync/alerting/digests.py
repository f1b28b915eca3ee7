"""A digest: figures of some surveys for one audience. Aggregates only; small groups of anonymous ones stay hidden."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from nps.score import Segment
from npsync.alerting.falls import figure, points, report_of
from npsync.alerting.occasions import Occasion
from npsync.alerting.spec import DigestSpec
from npsync.reports import Report, nps_surveys

if TYPE_CHECKING:
    from connectors.contract import Clock
    from npsync.config import Config
    from store.api import Store

_MOST_FALLS = 3


def digest(config: Config, store: Store, spec: DigestSpec, clock: Clock, *, id: str) -> Occasion:
    """The digest as of now; `id` is the moment it was due."""
    facts: list[tuple[str, str]] = []
    lines: list[str] = []
    period = ""
    for survey in spec.surveys or nps_surveys(config):
        whole = report_of(config, store, survey, None, spec.over, clock)
        period = whole.period.name
        facts.append((survey, _whole(whole)))
        lines += _beside(whole)
        for by in spec.by:
            lines += _falls(report_of(config, store, survey, by, spec.over, clock), by)
    return Occasion(
        on=None,
        topic=f"digest {spec.audience}",
        id=id,
        title=f"NPS for {spec.audience}, {period}",
        facts=tuple(facts),
        text="\n".join(lines),
    )


def _whole(report: Report) -> str:
    if report.whole is None:
        return f"too few to tell (fewer than {report.least} people)"
    said = figure(report.whole)
    if report.target is not None and (short := report.short_of_target) is not None:
        side = "short of" if short > 0 else "above"
        said += (
            f"; {abs(short)} {side} the target of {report.target}"
            if short
            else f"; on target ({report.target})"
        )
    return said


def _beside(report: Report) -> Iterator[str]:
    if report.change is not None and report.compared_with is not None:
        sure = "more than chance" if report.change.significant else "may be chance"
        yield f"{report.survey}: {points(report.change)} against {report.compared_with} ({sure})"
    if report.rate is not None and report.invited is not None:
        yield f"{report.survey}: {report.rate} % of {report.invited.delivered:,} delivered invitations answered"
    moved = report.movement
    if moved is not None and moved.people:
        freed = moved.count(Segment.DETRACTOR, Segment.PROMOTER) + moved.count(
            Segment.DETRACTOR, Segment.PASSIVE
        )
        yield (
            f"{report.survey}: of {moved.people:,} who answered twice {moved.improved:,} rose and {moved.worsened:,} "
            f"fell a segment; {freed:,} are no detractors any more"
        )
    if report.at_risk is not None and report.at_risk.accounts:
        yield f"{report.survey}: {report.at_risk.amount:,} at {report.at_risk.accounts:,} accounts with a detractor"


def _falls(report: Report, by: str) -> Iterator[str]:
    """The groups that fell furthest, among those with enough answers on both sides to say so."""
    rows = report.grouping.rows if report.grouping is not None else ()
    fell = [
        row for row in rows if row.change is not None and row.change.p is not None and row.change.change < 0
    ]
    for row in sorted(fell, key=lambda row: row.change.change if row.change is not None else 0)[:_MOST_FALLS]:
        assert row.change is not None
        yield f"{report.survey}, {by} {row.label}: {figure(row.tally)}, {points(row.change)}"
    if report.grouping is not None and report.grouping.too_small:
        yield f"{report.survey}: groups of fewer than {report.least} people are told together"
