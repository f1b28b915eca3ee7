"""The pace of a connection as people see it: how full each window is, what is left of a day, and who may not call."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from connectors.paced import standing
from connectors.pacing import Ask, Left, Lent, Limit, Pace, Used, answered

BEGAN = datetime(2026, 3, 2, 9, tzinfo=UTC)
MOMENT = round(BEGAN.timestamp() * 1000)
PER_TEN = Limit("", 100, 10)


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def asked(pace: Pace, ask: Ask, seconds: float = 0) -> Lent:
    return answered(pace, ask, MOMENT + round(seconds * 1000))


def state(pace: Pace) -> bytes:
    return msgspec.json.encode(pace)


def test_what_is_lent_counts_and_what_came_back_unused_does_not():
    pace = Pace()
    lent = asked(pace, Ask(cost=1, wanted=5, limits=[PER_TEN]))
    [window] = standing(state(pace), at(0.1)).windows
    assert (window.used, window.calls, window.seconds) == (5, 100, 10)
    asked(pace, Ask(used=[Used(lent.number, 2, 0.0)]), 0.2)
    [window] = standing(state(pace), at(0.3)).windows
    assert window.used == 2


def test_a_window_comes_free_and_is_told_of_still():
    pace = Pace()
    lent = asked(pace, Ask(cost=1, wanted=3, limits=[PER_TEN]))
    asked(pace, Ask(used=[Used(lent.number, 3, 0.0)]), 0.1)
    [window] = standing(state(pace), at(1)).windows
    free = window.next_free_at
    assert free is not None
    assert at(10) < free < at(10.6)
    [later] = standing(state(pace), free).windows
    assert (later.used, later.next_free_at) == (0, None)


@pytest.mark.parametrize("seconds", [0, 30])
def test_looking_lends_nothing_and_changes_nothing(seconds: float):
    pace = Pace()
    asked(pace, Ask(cost=1, wanted=5, limits=[PER_TEN]))
    before = state(pace)
    standing(before, at(seconds))
    assert state(pace) == before


def test_the_day_of_the_yaml_is_counted_down_until_it_ends():
    pace = Pace()
    asked(pace, Ask(cost=1, wanted=1, limits=[PER_TEN], own=Left(400, ends_in=3600, most=500)))
    day = standing(state(pace), at(1)).day
    assert day is not None
    assert (day.left, day.most, day.ends_at) == (399, 500, at(3600))
    assert standing(state(pace), at(3600)).day is None


def test_a_pause_says_until_when_and_why():
    pace = Pace()
    asked(pace, Ask(pause=30, why="it asked for one"))
    paused = standing(state(pace), at(10))
    assert (paused.paused_until, paused.why, paused.binds) == (at(30), "it asked for one", True)
    assert not standing(state(pace), at(30)).binds
