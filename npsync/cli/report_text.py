"""A report as text for people: the answer first, then why, then detail; at most 100 columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from nps.figures import ENOUGH, Tally
from nps.moving import Movement
from nps.score import Segment
from npsync.cli import output
from npsync.reports.report import Grouping, Point, Report, Row
from npsync.reports.wording import (
    NOTHING,
    aim,
    at_risk_text,
    change_text,
    counts_only_text,
    loop_text,
    movement_text,
    people,
    percent,
    portfolio_text,
    verdict,
    with_margin,
)

BAR = 24


def tell(report: Report, *, by_score: bool = False) -> None:
    """One survey, whole. `by_score`: with how many gave which score."""
    output.say(headline(report))
    for line in below(report):
        output.say_wrapped(line, indent="  ", then="    ")
    if report.whole is None or not report.whole.answers:
        return
    _tell_trend(report)
    if by_score:
        _tell_scores(report)
    if report.grouping is not None:
        _tell_groups(report.grouping, report)
    if report.movement is not None and report.movement.people:
        _tell_movement(report)


def tell_all(reports: Sequence[Report]) -> None:
    """Several surveys, a line each: different questions are never added up."""
    output.table(
        ("survey", "NPS", "people", "promoters", "passives", "detractors", "change", "target"),
        [
            (
                each.survey,
                with_margin(each.whole) if each.whole is not None else NOTHING,
                f"{each.whole.answers:,}" if each.whole is not None else "too few",
                *(_shares(each.whole) if each.whole is not None else (NOTHING,) * 3),
                change_text(each.change),
                NOTHING if each.target is None else f"{each.target:f}",
            )
            for each in reports
        ],
    )
    output.say()
    output.say_wrapped(
        f"{reports[0].period}. One survey with all there is to it: npsync report NAME", then="  "
    )


# ------------------------------------------------------------ the answer


def headline(report: Report) -> str:
    if report.whole is None:
        return f"{report.survey}: fewer than {report.least} people answered; that is too few to tell of them"
    if not report.whole.answers:
        return f"{report.survey}: nobody answered from {report.period.since} to {report.period.last}"
    return f"{report.survey}: NPS {with_margin(report.whole)} · {people(report.whole.answers)}{aim(report)}"


def below(report: Report) -> Iterator[str]:
    """The sentences under the headline."""
    yield f"{report.period.name}. Of one person only the latest answer of a period counts{_left_out(report)}."
    whole = report.whole
    if whole is None or not whole.answers:
        if whole is not None:
            yield "Answers come with: npsync run. An earlier time is asked for with --since DAY."
        return
    names = ("promoters", "passives", "detractors")
    counts = (whole.promoters, whole.passives, whole.detractors)
    parts = [
        f"{count:,} {name} ({percent(count, whole.answers)})"
        for count, name in zip(counts, names, strict=True)
    ]
    yield " · ".join(parts)
    if whole.answers < ENOUGH:
        yield f"n too small for a margin: below {ENOUGH} people the NPS jumps with every answer."
    if report.compared_with is not None:
        yield _compared(report)
    if report.invited is not None:
        yield _rate(report)
    if report.at_risk is not None:
        yield at_risk_text(report.at_risk)
    if report.portfolio is not None:
        yield portfolio_text(report.portfolio)
    if report.loop is not None:
        yield loop_text(report.loop)
    if report.counts_only:
        yield counts_only_text(report.counts_only)
    yield from report.notes


def _left_out(report: Report) -> str:
    older = "older one of the same people does" if report.older == 1 else "older ones of the same people do"
    said = f"; {report.older:,} {older} not" if report.older else ""
    if not report.unmatched:
        return said
    return f"{said}; {people(report.unmatched)} match{'es' if report.unmatched == 1 else ''} no record"


def _compared(report: Report) -> str:
    if report.before is None:
        return f"{report.compared_with}: too few people to compare with."
    if not report.before.answers or report.change is None:
        return f"{report.compared_with}: nobody answered, so there is nothing to compare with."
    was = f"{report.compared_with}: NPS {with_margin(report.before)}, {people(report.before.answers)}"
    return f"{was}. {verdict(report.change)}"


def _rate(report: Report) -> str:
    assert report.invited is not None
    if report.rate is None:
        return "Response rate –: npsync delivered no invitation in this time."
    return (
        f"Response rate {report.rate} %: {report.invited.completed:,} of {report.invited.delivered:,} "
        "delivered invitations of ours were completed."
    )


# ------------------------------------------------------------ tables


def _tell_trend(report: Report) -> None:
    columns = (report.every.value, "NPS", "people", "promoters", "passives", "detractors", "change", "")
    rows = []
    answered = [point for point in report.trend if not _is_empty(point)]
    for point in answered:
        name = point.period.name if point.period.whole else f"{point.period.name} (part)"
        if point.tally is None:
            rows.append((name, NOTHING, "too few", *(NOTHING,) * 4, ""))
            continue
        tally = point.tally
        rows.append(
            (
                name,
                with_margin(tally),
                f"{tally.answers:,}",
                *_shares(tally),
                change_text(point.change),
                bar(tally),
            )
        )
    output.say()
    output.table(columns, rows)
    if any(point.change is not None and point.change.significant for point in report.trend):
        output.say("  * significant at 95 % against the line before")
    if silent := list(_silent(report.trend)):
        output.say_wrapped(f"Nobody answered in {', '.join(silent)}.", indent="  ", then="    ")


def _is_empty(point: Point) -> bool:
    return point.tally is not None and not point.tally.answers


def _silent(trend: Sequence[Point]) -> Iterator[str]:
    """Times in which nobody answered; those that follow each other as one, by its first and its last."""
    for empty, points in groupby(trend, _is_empty):
        if empty:
            first, *others = (point.period.name for point in points)
            yield f"{first} to {others[-1]}" if others else first


def _tell_scores(report: Report) -> None:
    assert report.whole is not None
    most = max(report.scores.values(), default=1)
    output.say()
    output.table(
        ("score", "segment", "people", "share", ""),
        [
            (
                str(score),
                Segment.of(score).value,
                f"{report.scores.get(score, 0):,}",
                percent(report.scores.get(score, 0), report.whole.answers),
                "#" * round(BAR * report.scores.get(score, 0) / most),
            )
            for score in range(10, -1, -1)
        ],
    )


def _tell_groups(grouping: Grouping, report: Report) -> None:
    compare = report.compared_with is not None
    columns = (grouping.by, "NPS", "people", "promoters", "passives", "detractors")
    rows = [
        (
            row.label,
            with_margin(row.tally),
            f"{row.tally.answers:,}",
            *_shares(row.tally),
            *([change_text(row.change)] if compare else []),
            _apart(row),
        )
        for row in (*grouping.rows, *([grouping.other] if grouping.other is not None else []))
    ]
    output.say()
    output.table((*columns, *(["change"] if compare else []), "against others"), rows)
    if any(row[-1].endswith("*") or row[-2].endswith("*") for row in rows):
        output.say("  * significant at 95 %")
    if grouping.too_small:
        output.say_wrapped(
            f"(other) holds groups of fewer than {report.least} people, which are not told apart, and as many more "
            "as it takes that nobody finds them by subtracting.",
            indent="  ",
        )
    elif grouping.together:
        output.say(f"  (other) holds {grouping.together:,} more groups")


def _tell_movement(report: Report) -> None:
    moved = report.movement
    assert moved is not None
    output.say()
    output.say_wrapped(movement_text(moved), indent="  ")
    rows = [
        (before.value, *(_cell(moved, before, after) for after in Segment), f"{moved.were(before):,}")
        for before in Segment
    ]
    output.table(("was, now →", *(after.value for after in Segment), "people"), rows)


def _cell(moved: Movement, before: Segment, after: Segment) -> str:
    share = moved.share(before, after)
    return NOTHING if share is None else f"{moved.count(before, after):,} ({share} %)"


def bar(tally: Tally) -> str:
    """Promoters, passives and detractors as shares of one length: # = -"""
    if not tally.answers:
        return ""
    promoters = round(BAR * tally.promoters / tally.answers)
    detractors = min(BAR - promoters, round(BAR * tally.detractors / tally.answers))
    return "#" * promoters + "=" * (BAR - promoters - detractors) + "-" * detractors


def _apart(row: Row) -> str:
    return change_text(row.apart)


def _shares(tally: Tally) -> tuple[str, str, str]:
    counts = (tally.promoters, tally.passives, tally.detractors)
    return tuple(percent(count, tally.answers) for count in counts)  # type: ignore[return-value]
