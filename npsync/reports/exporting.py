"""Reports for machines and spreadsheets: JSON, and CSV in which no cell can turn into a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from nps.comparing import Comparison
from nps.figures import Tally
from nps.periods import Period
from nps.score import Segment
from npsync.reports.report import Grouping, Report, Row

Cell = str | int | Decimal | None

# What a spreadsheet may take for the beginning of a formula (OWASP, "CSV Injection"): also the full-width forms, and
# after blanks and what nobody sees, which some of them cut away.
_FORMULA = re.compile(r"[\s\x00-\x1f\u00ad\u180e\u200b-\u200f\u2060-\u2064\ufeff]*[=+\-@＝＋－＠]|[\t\r\n]")
BOM = "\ufeff"

COLUMNS = (
    *(
        "survey",
        "what",
        "name",
        "since",
        "until",
        "nps",
        "margin",
        "people",
        "promoters",
        "passives",
        "detractors",
    ),
    *("change", "change_margin", "p_value", "significant", "target"),
)


# ------------------------------------------------------------ CSV


def safe(cell: Cell) -> str:
    """A cell of a CSV file. A number stays one; text that could be a formula gets an apostrophe before it, which
    spreadsheets show as text and other readers take off or leave as it is."""
    if cell is None:
        return ""
    if not isinstance(cell, str):
        return format(cell, "f") if isinstance(cell, Decimal) else str(cell)
    return f"'{cell}" if _FORMULA.match(cell) else cell


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[Cell]], *, bom: bool = False) -> str:
    """The whole file, every cell in quotes. `bom`: begin with the mark by which Excel knows UTF-8."""
    to = io.StringIO(newline="")
    writer = csv.writer(to, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([safe(cell) for cell in row] for row in rows)
    return (BOM if bom else "") + to.getvalue()


def rows(report: Report) -> Iterator[tuple[Cell, ...]]:
    """The report as one table: the whole, what it is compared with, each period, each group."""
    yield _row(report, "whole", "", report.period, report.whole, report.change, report.target)
    if report.compared_with is not None and report.before is not None:
        yield _row(report, "compared with", "", report.compared_with, report.before, None)
    for point in report.trend:
        yield _row(report, report.every.value, point.period.name, point.period, point.tally, point.change)
    for row in _groups(report.grouping):
        assert report.grouping is not None
        yield _row(report, report.grouping.by, row.label, report.period, row.tally, row.change)


def _row(
    report: Report,
    what: str,
    name: str,
    period: Period,
    tally: Tally | None,
    change: Comparison | None,
    target: Decimal | None = None,
) -> tuple[Cell, ...]:
    return (
        *(report.survey, what, name, str(period.since), str(period.last)),
        *(_figures(tally) if tally is not None else (None,) * 6),
        *((change.change, change.margin, _p(change), _yes(change)) if change is not None else (None,) * 4),
        target,
    )


def _figures(tally: Tally) -> tuple[Cell, ...]:
    return (
        *(tally.nps(), tally.margin(), tally.answers),
        *(tally.promoters, tally.passives, tally.detractors),
    )


def _groups(grouping: Grouping | None) -> list[Row]:
    if grouping is None:
        return []
    return [*grouping.rows, *([grouping.other] if grouping.other is not None else [])]


def _p(change: Comparison) -> Decimal | None:
    return None if change.p is None else round(change.p, 4)


def _yes(change: Comparison) -> str | None:
    return None if change.p is None else "yes" if change.significant else "no"


# ------------------------------------------------------------ JSON


def as_json(report: Report) -> dict[str, Any]:
    """Everything in it; figures as numbers, what is not known as null."""
    return {
        "survey": report.survey,
        **_days(report.period),
        "one_answer_per_person": "the latest in each period",
        "whole": tally_json(report.whole),
        "scores": {str(score): report.scores.get(score, 0) for score in range(11)} if report.scores else {},
        "older_answers": report.older,
        "without_a_record": report.unmatched,
        "target": _number(report.target),
        "compared_with": None
        if report.compared_with is None
        else {**_days(report.compared_with), **tally_json(report.before)},
        "change": change_json(report.change),
        "every": report.every.value,
        "trend": [
            {
                "period": point.period.name,
                **_days(point.period),
                "whole_period": point.period.whole,
                **tally_json(point.tally),
                "change": change_json(point.change),
            }
            for point in report.trend
        ],
        "groups": _grouping_json(report.grouping),
        "movement": None if report.movement is None else _movement_json(report),
        "response_rate": None
        if report.invited is None
        else {
            "percent": _number(report.rate),
            "delivered": report.invited.delivered,
            "completed": report.invited.completed,
        },
        "revenue_at_risk": None
        if report.at_risk is None
        else {
            "amount": _number(report.at_risk.amount),
            "accounts": report.at_risk.accounts,
            "without_an_amount": report.at_risk.missing,
        },
        "portfolio": None
        if report.portfolio is None
        else {
            "by_account": _number(report.portfolio.by_account()),
            "by_revenue": _number(report.portfolio.by_revenue()),
            "accounts": report.portfolio.accounts,
            "with_too_few_people": report.portfolio.too_few,
            "without_an_amount": report.portfolio.without_amount,
        },
        "loop": None
        if report.loop is None
        else {
            "tasks": report.loop.given,
            "closed": report.loop.closed,
            "closed_percent": _number(report.loop.share_closed()),
            "median_seconds_to_close": None
            if report.loop.typical is None
            else round(report.loop.typical.total_seconds()),
            "open_for_more_than_a_week": report.loop.late,
        },
        "answers_kept_as_counts": report.counts_only,
        "min_group": report.least or None,
    }


def tally_json(tally: Tally | None) -> dict[str, Any]:
    if tally is None:
        return {"nps": None, "margin": None, "people": None, "too_few_to_tell": True}
    return {
        "nps": _number(tally.nps()),
        "margin": _number(tally.margin()),
        "people": tally.answers,
        "promoters": tally.promoters,
        "passives": tally.passives,
        "detractors": tally.detractors,
    }


def change_json(change: Comparison | None) -> dict[str, Any] | None:
    if change is None:
        return None
    return {
        "points": _number(change.change),
        "margin": _number(change.margin),
        "p_value": _number(_p(change)),
        "significant": change.significant if change.p is not None else None,
    }


def _grouping_json(grouping: Grouping | None) -> dict[str, Any] | None:
    if grouping is None:
        return None
    return {
        "by": grouping.by,
        "rows": [_row_json(row) for row in grouping.rows],
        "other": _row_json(grouping.other) if grouping.other is not None else None,
        "groups_in_other": grouping.together,
        "too_small_to_tell": grouping.too_small,
    }


def _row_json(row: Row) -> dict[str, Any]:
    return {
        "value": row.name,
        "label": row.label,
        **tally_json(row.tally),
        "before": None if row.before is None else tally_json(row.before),
        "change": change_json(row.change),
        "against_everybody_else": change_json(row.apart),
    }


def _movement_json(report: Report) -> dict[str, Any]:
    moved = report.movement
    assert moved is not None
    return {
        "answered_in_both": moved.people,
        "improved": moved.improved,
        "worsened": moved.worsened,
        "stayed": moved.stayed,
        "came": moved.came,
        "left": moved.left,
        "from": {
            before.value: {after.value: moved.count(before, after) for after in Segment} for before in Segment
        },
    }


def _days(period: Period) -> dict[str, str]:
    return {"since": str(period.since), "until": str(period.last)}


def _number(number: Decimal | None) -> int | float | None:
    if number is None:
        return None
    return int(number) if number == number.to_integral_value() else float(number)
