"""Quiet hours and weekdays on the clocks of the world: nobody is asked at night because clocks were changed."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from nps.asking import Ask, Channel, Circumstances, Send, Wait
from nps.calling import WEEK, QuietHours, day_began, may_call, next_call, next_day, zone_named
from nps.policy import ContactPolicy, decide

NIGHT = QuietHours.model_validate({"from": "20:00", "to": "08:00"})
LUNCH = QuietHours.model_validate({"from": "12:00", "to": "13:30"})
BERLIN = ZoneInfo("Europe/Berlin")
ASK = Ask(trigger="t", survey="s", metric="csat", kind="transactional")

# half an hour of summer time, midnight that is left out or comes twice, a day that was left out, odd offsets, none
ODD_ZONES = (
    "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "America/Havana", "Asia/Beirut", "Africa/Cairo",
    "America/Asuncion", "Atlantic/Azores", "Pacific/Apia", "Asia/Kathmandu", "Asia/Kolkata", "Etc/GMT+12",
    "Pacific/Kiritimati", "Africa/Casablanca", "Antarctica/Troll", "UTC",
)  # fmt: skip

times_of_day = st.times().map(lambda at: at.replace(second=0, microsecond=0))
quiet_hours = st.none() | st.tuples(times_of_day, times_of_day).filter(lambda pair: pair[0] != pair[1]).map(
    lambda pair: QuietHours(from_=pair[0], to=pair[1])
)
moments = st.timedeltas(timedelta(), timedelta(days=8_766)).map(
    lambda ago: datetime(2035, 1, 1, tzinfo=UTC) - ago
)
zones = st.sampled_from(ODD_ZONES).map(ZoneInfo)
weekdays = st.lists(st.sampled_from(WEEK), unique=True).map(tuple)


def local(text, zone=BERLIN, fold=0):
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("at", "quiet"),
    [("19:59", False), ("20:00", True), ("23:59", True), ("00:00", True), ("07:59", True), ("08:00", False)],
)
def test_a_night_reaches_over_midnight_and_ends_at_the_minute(at, quiet):
    assert NIGHT.hold(time.fromisoformat(at)) is quiet
    assert may_call(local(f"2026-01-14 {at}"), BERLIN, NIGHT, ()) is not quiet


def test_quiet_hours_within_a_day_leave_the_night_alone():
    assert may_call(local("2026-01-14 03:00"), BERLIN, LUNCH, ())
    assert next_call(local("2026-01-14 12:00"), BERLIN, LUNCH, ()) == local("2026-01-14 13:30")
    edges = ("11:59", "12:00", "13:29", "13:30")
    assert [LUNCH.hold(time.fromisoformat(at)) for at in edges] == [False, True, True, False]


def test_the_next_moment_is_after_now_also_when_a_night_ends_now():
    assert next_call(local("2026-01-14 08:00"), BERLIN, NIGHT, ()) == local("2026-01-15 08:00")


def test_the_night_is_over_the_same_evening_or_the_next_morning():
    assert next_call(local("2026-01-14 21:00"), BERLIN, NIGHT, ()) == local("2026-01-15 08:00")
    assert next_call(local("2026-01-15 03:00"), BERLIN, NIGHT, ()) == local("2026-01-15 08:00")


def test_a_weekend_is_waited_out_until_the_night_after_it_is_over():
    friday = local("2026-01-16 20:30")
    assert next_call(friday, BERLIN, NIGHT, ("mon", "tue", "wed", "thu", "fri")) == local("2026-01-19 08:00")
    assert next_call(friday, BERLIN, None, ("mon",)) == local("2026-01-19 00:00")


def test_an_hour_that_clocks_leave_out_is_not_waited_for():
    quiet = QuietHours(from_=time(22), to=time(2, 30))  # 2:30 does not exist on 29 March 2026
    until = next_call(local("2026-03-29 01:30"), BERLIN, quiet, ())
    assert until == local("2026-03-29 03:30")
    assert may_call(until, BERLIN, quiet, ())


def test_an_hour_that_comes_twice_is_quiet_twice():
    quiet = QuietHours(from_=time(22), to=time(2, 30))  # 2:00 to 3:00 comes twice on 25 October 2026
    first, second = local("2026-10-25 02:15"), local("2026-10-25 02:15", fold=1)
    assert second - first == timedelta(hours=1)
    assert not may_call(first, BERLIN, quiet, ())
    assert not may_call(second, BERLIN, quiet, ())
    assert next_call(second, BERLIN, quiet, ()) == local("2026-10-25 02:30", fold=1)


def test_the_night_before_summer_time_is_an_hour_shorter_and_ends_at_eight_all_the_same():
    assert next_call(local("2026-03-28 20:00"), BERLIN, NIGHT, ()) - local("2026-03-28 20:00") == timedelta(
        hours=11
    )
    assert next_call(local("2026-10-24 20:00"), BERLIN, NIGHT, ()) - local("2026-10-24 20:00") == timedelta(
        hours=13
    )


def test_a_leap_day_is_a_day():
    assert next_day(local("2028-02-28 12:00"), BERLIN) == local("2028-02-29 00:00")
    assert next_call(local("2028-02-28 21:00"), BERLIN, NIGHT, ()) == local("2028-02-29 08:00")


def test_a_day_that_a_zone_left_out_is_left_out():
    apia = ZoneInfo("Pacific/Apia")  # there was no 30 December 2011
    evening = local("2011-12-29 21:00", apia)
    until = next_call(evening, apia, NIGHT, ())
    assert until.astimezone(apia).date() == date(2011, 12, 31)
    assert next_day(evening, apia).astimezone(apia).date() == date(2011, 12, 31)


@pytest.mark.parametrize(
    ("said", "zone"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        (" europe/berlin ", "Europe/Berlin"),
        ("america_slash_new_york", "America/New_York"),
        ("Moon/Tycho", None),
        ("", None),
        ("../../etc/passwd", None),
    ],
)
def test_a_persons_zone_is_read_as_crms_write_it(said, zone):
    assert zone_named(said) == (ZoneInfo(zone) if zone else None)


@pytest.mark.parametrize("text", ["8", "24:00", "20:60", "20.00", "8 pm", "", "20:0", "٢٠:٠٠", 20, None])
def test_what_is_no_time_of_day_is_refused(text):
    with pytest.raises(ValidationError, match="is not a time of day"):
        QuietHours.model_validate({"from": text, "to": "08:00"})


def test_quiet_hours_that_never_or_always_hold_are_refused():
    with pytest.raises(ValidationError, match="the same time"):
        QuietHours.model_validate({"from": "08:00", "to": "8:00"})


def test_without_a_zone_of_their_own_the_business_zone_counts():
    night_in_berlin = local("2026-01-14 03:00")
    policy = ContactPolicy(quiet_hours=NIGHT)
    for zone, decision in ((None, Wait), ("Moon/Tycho", Wait), ("Asia/Tokyo", Send)):
        known = Circumstances(channels=(Channel.EMAIL,), zone=zone)
        assert isinstance(decide(ASK, known, policy, night_in_berlin, zone=BERLIN), decision)


@given(moments, zones, quiet_hours, weekdays)
@example(datetime(2026, 10, 25, 0, 45, tzinfo=UTC), BERLIN, QuietHours(from_=time(22), to=time(2, 30)), ())
@example(datetime(2011, 12, 30, 9, 0, tzinfo=UTC), ZoneInfo("Pacific/Apia"), NIGHT, ("fri", "sat"))
def test_a_send_never_falls_into_the_quiet_of_the_persons_own_clock(now, zone, quiet, days):
    policy = ContactPolicy(quiet_hours=quiet, send_on=days)
    known = Circumstances(channels=(Channel.EMAIL,), zone=zone.key)
    decision = decide(ASK, known, policy, now, zone=BERLIN)
    there = now.astimezone(zone)
    if isinstance(decision, Send):
        assert not days or WEEK[there.weekday()] in days
        if quiet is not None and quiet.from_ < quiet.to:
            assert not quiet.from_ <= there.time() < quiet.to
        elif quiet is not None:
            assert quiet.to <= there.time() < quiet.from_
    else:
        assert decision.code == "quiet_hours"
        assert decision.until > now
        assert isinstance(decide(ASK, known, policy, decision.until, zone=BERLIN), Send)


@given(moments, zones, quiet_hours)
def test_nobody_waits_longer_than_the_quiet_lasts(now, zone, quiet):
    if quiet is not None and not may_call(now, zone, quiet, ()):
        # 26 hours: a night is shorter than a day, clocks are changed by up to two hours (Apia's left-out day aside)
        aside = timedelta(days=1) if zone.key == "Pacific/Apia" else timedelta()
        assert next_call(now, zone, quiet, ()) - now <= timedelta(hours=26) + aside


@given(moments, zones)
def test_a_day_has_begun_and_the_next_one_has_not(now, zone):
    assert day_began(now, zone) <= now < next_day(now, zone)
    assert next_day(now, zone).astimezone(zone).date() > now.astimezone(zone).date()
