from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps import periods
from nps.periods import Every, Period, cut

TODAY = date(2026, 3, 20)
days = st.dates(date(2000, 1, 1), date(2030, 1, 1))


@pytest.mark.parametrize(
    ("every", "names"),
    [
        (Every.MONTH, ["2025-12", "2026-01", "2026-02", "2026-03"]),
        (Every.QUARTER, ["2025-Q4", "2026-Q1"]),
        (Every.WEEK, ["2025-W50", "2025-W51", "2025-W52", "2026-W01", "2026-W02"]),
    ],
)
def test_periods_are_called_as_calendars_call_them(every, names):
    end = date(2026, 1, 6) if every is Every.WEEK else TODAY
    found = cut(date(2025, 12, 10), end, every, today=TODAY)
    assert [period.name for period in found] == names


def test_the_first_and_the_last_may_be_parts_and_say_so():
    found = cut(date(2026, 1, 10), date(2026, 3, 21), Every.MONTH, today=TODAY)
    assert [(str(p), p.whole) for p in found] == [
        ("2026-01-10 to 2026-01-31", False),
        ("2026-02-01 to 2026-02-28", True),
        ("2026-03-01 to 2026-03-20", False),
    ]


def test_a_month_that_is_asked_for_whole_is_a_part_until_it_is_over():
    [month] = cut(date(2026, 3, 1), date(2026, 4, 1), Every.MONTH, today=TODAY)
    assert not month.whole
    [month] = cut(date(2026, 3, 1), date(2026, 4, 1), Every.MONTH, today=date(2026, 4, 1))
    assert month.whole


@given(days, st.integers(1, 1500), st.sampled_from(Every))
def test_periods_leave_no_day_out_and_count_none_twice(since, length, every):
    end = since + timedelta(days=length)
    found = cut(since, end, every, today=TODAY)
    assert found[0].since == since
    assert found[-1].end == end
    assert all(a.end == b.since for a, b in pairwise(found))
    assert sum(period.days for period in found) == length


def test_the_time_before_is_as_long_and_ends_where_this_one_begins():
    march = Period("march", date(2026, 3, 1), date(2026, 4, 1))
    assert str(periods.before(march)) == "2026-01-29 to 2026-02-28"
    assert str(periods.year_before(march)) == "2025-03-01 to 2025-03-31"


def test_a_leap_day_has_a_year_before():
    february = Period("february", date(2024, 2, 29), date(2024, 3, 1))
    assert str(periods.year_before(february)) == "2023-02-28 to 2023-02-28"


def test_a_day_begins_at_midnight_of_the_business_zone():
    zone = ZoneInfo("America/New_York")
    assert periods.midnight(date(2026, 3, 2), zone) == datetime(2026, 3, 2, 5, tzinfo=UTC)
    assert periods.months_back(date(2026, 3, 20), 3) == date(2025, 12, 1)
