"""The loop's figures: of tasks that were given, how many are done, how soon, and which nobody touched."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from nps.loop import Loop

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
LATE = timedelta(days=3)


def after(days: float) -> datetime:
    return MONDAY + timedelta(days=days)


def test_half_of_the_tasks_closed_is_fifty_percent_and_the_median_says_how_soon():
    tasks = [(MONDAY, after(1)), (MONDAY, after(4)), (MONDAY, None), (after(5), None)]
    loop = Loop.of(tasks, now=after(6), late_after=LATE)
    assert (loop.given, loop.closed, loop.open, loop.late) == (4, 2, 2, 1)
    assert (loop.share_closed(), loop.typical) == (Decimal(50), timedelta(days=2, hours=12))


def test_one_of_three_is_rounded_once():
    loop = Loop.of([(MONDAY, MONDAY), (MONDAY, None), (MONDAY, None)], now=MONDAY, late_after=LATE)
    assert loop.share_closed(1) == Decimal("33.3")


def test_without_a_task_there_is_no_share_and_not_zero():
    loop = Loop.of([], now=MONDAY, late_after=LATE)
    assert (loop.share_closed(), loop.typical, loop.open) == (None, None, 0)


def test_a_day_without_an_hour_never_makes_a_task_closed_before_it_was_given():
    loop = Loop.of([(MONDAY, MONDAY.replace(hour=0))], now=after(1), late_after=LATE)
    assert loop.typical == timedelta(0)
