"""An account's picture: its people as dots, what it showed as a line, and both in words for who cannot see it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from npsync.web.dashboard.account_chart import HEIGHT, WIDTH, account_chart
from npsync.web.dashboard.charts import Moment

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def person(days: float, score: float, kind: str = "passive", who: str = "ann@example.com") -> Moment:
    return Moment(NOW - timedelta(days=days), score, kind, f"{who} gave {score:g}")


def showed(days: float, nps: float) -> Moment:
    return Moment(NOW - timedelta(days=days), nps, "", f"{nps:g}")


people = st.lists(st.builds(person, st.floats(0, 900), st.integers(0, 10)), max_size=30)
line = st.lists(st.builds(showed, st.floats(0, 900), st.integers(-100, 100)), max_size=12)


@settings(max_examples=40)
@given(people, line)
def test_everybody_is_in_the_picture_and_nothing_outside_of_it(people: list[Moment], line: list[Moment]):
    svg = account_chart(people, sorted(line, key=lambda one: one.at), NOW)
    assert (svg is None) == (len(people) + len(line) < 2)
    places = re.findall(r'cx="([^"]+)" cy="([^"]+)"', svg or "")
    corners = [
        tuple(pair.split(",")) for pair in " ".join(re.findall(r'points="([^"]+)"', svg or "")).split()
    ]
    assert svg is None or len(places) == len(people) + len(line)
    assert all(0 <= float(x) <= WIDTH and 0 <= float(y) <= HEIGHT for x, y in (*places, *corners))


def test_what_it_showed_holds_until_the_next_and_to_this_day():
    svg = str(account_chart([], [showed(100, -20), showed(50, 40)], NOW))
    [points] = re.findall(r'points="([^"]+)"', svg)
    (x1, y1), (x2, y2), (x3, y3), (x4, y4) = (pair.split(",") for pair in points.split())
    assert float(x1) < float(x2) == float(x3) < float(x4)
    assert float(y1) == float(y2) > float(y3) == float(y4)


def test_it_is_told_in_words_and_a_name_stays_text():
    hostile = person(10, 3, "detractor old", '"><script>alert(1)</script>')
    svg = str(account_chart([hostile, person(1, 9, "promoter")], [showed(5, -33)], NOW))
    assert "2 people scored 3 to 9, from 2026-02-20 to 2026-03-01." in svg
    assert "It showed an NPS of -33 on 2026-02-25." in svg
    assert 'role="img" aria-labelledby="chart-name chart-told"' in svg
    assert "<script" not in svg
    assert 'class="person detractor old"' in svg
