"""Months, quarters and weeks: what a time line is cut into, as days of the business zone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from enum import StrEnum

MOST = 120  # ten years of months; a line of more points tells nobody anything


class Every(StrEnum):
    MONTH = "month"
    QUARTER = "quarter"
    WEEK = "week"


@dataclass(frozen=True)
class Period:
    """From its first day on, before its end. `whole`: no day of it is cut away, and its last day is over."""

    name: str
    since: date
    end: date
    whole: bool = True

    @property
    def last(self) -> date:
        """Its last day."""
        return self.end - timedelta(days=1)

    @property
    def days(self) -> int:
        return (self.end - self.since).days

    def __str__(self) -> str:
        return f"{self.since} to {self.last}"


def cut(since: date, end: date, every: Every, *, today: date) -> list[Period]:
    """The days from `since` on and before `end` in calendar order; the first and the last may be parts."""
    return [
        Period(
            name, max(start, since), min(stop, end), whole=start >= since and stop <= end and stop <= today
        )
        for name, start, stop in _calendar(since, end, every)
    ]


def before(period: Period) -> Period:
    """As many days, right before."""
    since = period.since - timedelta(days=period.days)
    return Period(f"{since} to {period.since - timedelta(days=1)}", since, period.since)


def year_before(period: Period) -> Period:
    """The same days a year before; 29 February becomes the 28th."""
    since, end = _last_year(period.since), _last_year(period.end)
    return Period(f"{since} to {end - timedelta(days=1)}", since, end)


def months_back(today: date, months: int) -> date:
    """The first day of the month so many months before this one."""
    count = today.year * 12 + today.month - 1 - months
    return date(count // 12, count % 12 + 1, 1)


def midnight(day: date, zone: tzinfo) -> datetime:
    """When this day begins there."""
    return datetime.combine(day, time(), zone)


def _calendar(since: date, end: date, every: Every) -> Iterator[tuple[str, date, date]]:
    """Name, first day and end of every period that has a day of these."""
    start = _start(since, every)
    while start < end:
        stop = _next(start, every)
        yield _name(start, every), start, stop
        start = stop


def _start(day: date, every: Every) -> date:
    match every:
        case Every.MONTH:
            return day.replace(day=1)
        case Every.QUARTER:
            return date(day.year, (day.month - 1) // 3 * 3 + 1, 1)
        case Every.WEEK:
            return day - timedelta(days=day.weekday())


def _next(start: date, every: Every) -> date:
    if every is Every.WEEK:
        return start + timedelta(days=7)
    months = 3 if every is Every.QUARTER else 1
    return months_back(start, -months)


def _name(start: date, every: Every) -> str:
    match every:
        case Every.MONTH:
            return f"{start:%Y-%m}"
        case Every.QUARTER:
            return f"{start.year}-Q{(start.month + 2) // 3}"
        case Every.WEEK:
            year, week, _ = start.isocalendar()
            return f"{year}-W{week:02}"


def _last_year(day: date) -> date:
    try:
        return day.replace(year=day.year - 1)
    except ValueError:
        return day.replace(year=day.year - 1, day=28)
