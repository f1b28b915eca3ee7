"""Charts: what is drawn is what was counted, and nothing leaves the picture."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps.figures import Tally
from nps.periods import Period
from npsync.reports.report import Point
from npsync.web.dashboard.charts import HEIGHT, WIDTH, scores, segments, trend, trend_legend

DAY = date(2026, 3, 1)
counts = st.integers(0, 60)
tallies = st.none() | st.builds(Tally, counts, counts, counts)


def point(at: int, tally: Tally | None) -> Point:
    since = DAY + timedelta(days=at)
    return Point(period=Period(f"<{at}>", since, since + timedelta(days=1)), tally=tally)


@given(st.lists(tallies, min_size=1, max_size=120), st.none() | st.integers(-100, 100).map(Decimal))
def test_nothing_is_drawn_outside_of_the_picture(given, target):
    svg = str(trend([point(at, tally) for at, tally in enumerate(given)], target))
    numbers = r'(?:cx|x1|x2|x)="(-?[\d.]+)"'
    assert all(0 <= float(x) <= WIDTH for x in re.findall(numbers, svg))
    assert all(0 <= float(y) <= HEIGHT for y in re.findall(r'(?:cy|y1|y2)="(-?[\d.]+)"', svg))
    for points in re.findall(r'points="([^"]+)"', svg):
        for pair in points.split():
            x, y = map(float, pair.split(","))
            assert 0 <= x <= WIDTH
            assert 0 <= y <= HEIGHT
    assert svg.count("<circle") == sum(tally is not None and tally.answers > 0 for tally in given)


def test_the_line_breaks_where_nobody_answered_and_points_without_a_margin_are_hollow():
    svg = str(trend([point(0, Tally(20, 10, 10)), point(1, Tally()), point(2, Tally(3, 1, 1))], Decimal(40)))
    assert svg.count("<polyline") == 2
    assert svg.count('class="dot hollow"') == 1
    assert "target 40" in svg
    assert "&lt;2&gt;: NPS 40 (n too small), 5 people" in svg


def test_the_legend_speaks_of_what_is_in_the_picture():
    with_one, without = point(0, Tally(20, 10, 10)), point(1, Tally(3, 1, 1))
    assert trend_legend([with_one], None) == "The band is the margin."
    assert trend_legend([without], None) == "Hollow points have too few people for a margin."
    assert trend_legend([with_one, without, point(2, None)], Decimal(40)) == (
        "The band is the margin, hollow points have too few people for a margin, the dashed line is the target."
    )
    assert trend_legend([point(0, None)], None) == ""


@given(st.builds(Tally, counts, counts, counts))
def test_a_segment_bar_is_whole(tally):
    shares = [float(w) for w in re.findall(r'y="0" width="([\d.]+)%"', str(segments(tally)))]
    assert sum(shares) == pytest.approx(100 if tally.answers else 0, abs=0.05)


def test_eleven_bars_say_how_many_gave_which_score():
    svg = str(scores({0: 3, 10: 1200}))
    assert svg.count("<rect") == 11
    assert ">1,200</text>" in svg
    assert "0: 3 people" in svg
