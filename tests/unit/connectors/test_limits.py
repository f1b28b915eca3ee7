"""Pacing: never more calls in a window than the vendor allows, and hardly slower than that."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest
from fake_clock import FakeClock, Notices, fake_tools

from connectors.limits import LONGEST_PAUSE, Limiter, Window
from nps.errors import BudgetError


def moments_of(limiter: Limiter, clock: FakeClock, calls: int, *, takes: float = 0.0) -> list[float]:
    """When each of `calls` calls left, when one takes so long."""
    moments = []
    for _ in range(calls):
        limiter.acquire()
        moments.append(clock.monotonic())
        clock.advance(takes)
    return moments


def most_in_any(seconds: float, moments: Sequence[float]) -> int:
    """As the vendor counts: the largest number of moments in any rolling window."""
    return max(sum(start <= moment < start + seconds for moment in moments) for start in moments)


@pytest.mark.parametrize("takes", [0.0, 0.01, 0.05, 0.2])
def test_no_rolling_window_ever_holds_more_calls_than_the_limit(takes: float) -> None:
    clock = FakeClock()
    limiter = Limiter(fake_tools(clock=clock), {"": [Window(190, 10)]})
    assert most_in_any(10, moments_of(limiter, clock, 1000, takes=takes)) <= 190


def test_a_long_job_runs_within_ten_per_cent_of_the_floor() -> None:
    clock = FakeClock()
    limiter = Limiter(fake_tools(clock=clock), {"": [Window(190, 10)]})
    moments_of(limiter, clock, 190 * 20 + 1)
    assert 200 <= clock.monotonic() <= 220


def test_calls_may_travel_at_different_speeds_and_still_never_burst_over_there() -> None:
    clock = FakeClock()
    limiter = Limiter(fake_tools(clock=clock), {"": [Window(190, 10)]})
    left = moments_of(limiter, clock, 1000)
    arrived = [moment + 0.15 * (number % 2 == 0) for number, moment in enumerate(left)]
    assert most_in_any(10, arrived) <= 190


def test_several_windows_hold_at_once() -> None:
    clock = FakeClock()
    limiter = Limiter(fake_tools(clock=clock), {"": [Window(10, 1), Window(100, 60)]})
    moments = moments_of(limiter, clock, 350)
    assert most_in_any(1, moments) <= 10
    assert most_in_any(60, moments) <= 100


def test_a_named_bucket_slows_only_the_calls_that_name_it() -> None:
    clock = FakeClock()
    limiter = Limiter(fake_tools(clock=clock), {"": [Window(100, 10)], "search": [Window(5, 1)]})
    for _ in range(50):
        limiter.acquire()
    assert clock.monotonic() == 0
    for _ in range(6):
        limiter.acquire("search")
    assert 1 <= clock.monotonic() <= 1.1


def test_threads_share_one_limit() -> None:
    clock = FakeClock()
    limiter = Limiter(fake_tools(clock=clock), {"": [Window(50, 10)]})
    moments: list[float] = []

    def work() -> None:
        for _ in range(25):
            limiter.acquire()
            moments.append(clock.monotonic())

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(moments) == 200
    assert clock.monotonic() >= 30


def test_what_the_headers_say_tightens_and_never_loosens() -> None:
    clock = FakeClock()
    limiter = Limiter(fake_tools(clock=clock), {"": [Window(190, 10)]})
    limiter.tighten(100, 10)
    limiter.tighten(1000, 10)
    assert most_in_any(10, moments_of(limiter, clock, 300)) == 100


def test_a_limit_the_headers_introduce_is_kept() -> None:
    clock = FakeClock()
    limiter = Limiter(fake_tools(clock=clock))
    limiter.tighten(100, 60)
    assert most_in_any(60, moments_of(limiter, clock, 250)) == 100


def test_a_pause_holds_for_everybody_and_is_never_shortened_by_another() -> None:
    clock = FakeClock()
    limiter = Limiter(fake_tools(clock=clock))
    limiter.pause(30)
    limiter.pause(5)
    limiter.acquire("search")
    assert clock.monotonic() >= 30


def test_a_pause_too_long_to_wait_for_ends_the_run() -> None:
    limiter = Limiter(fake_tools("crm"))
    limiter.pause(LONGEST_PAUSE + 1)
    with pytest.raises(BudgetError, match="crm"):
        limiter.acquire()


def test_who_has_less_patience_than_its_turn_takes_gives_up_at_once_and_takes_nobody_else_s() -> None:
    clock = FakeClock()
    limiter = Limiter(fake_tools(clock=clock), {"": [Window(1, 60)]})
    limiter.acquire(patience=0)
    with pytest.raises(BudgetError):
        limiter.acquire(patience=30)
    assert clock.slept == []
    clock.advance(120)
    limiter.acquire(patience=0)


def test_a_spent_daily_budget_ends_the_run_before_the_call_leaves() -> None:
    limiter = Limiter(fake_tools("crm"))
    limiter.allow(3)
    limiter.acquire(cost=3)
    with pytest.raises(BudgetError, match="crm: the daily call budget is spent"):
        limiter.acquire()
    assert limiter.left == 0


def test_a_wait_that_people_would_wonder_about_is_told_once_and_a_short_one_is_not() -> None:
    notices = Notices()
    limiter = Limiter(fake_tools(notice=notices), {"": [Window(2, 300)], "quick": [Window(1, 5)]})
    limiter.acquire("quick")
    limiter.acquire("quick")
    assert notices == []
    limiter.acquire()
    assert [(event, facts["why"]) for event, facts in notices] == [
        ("waiting", "to keep within the vendor's limit")
    ]
    for _ in range(3):  # as many threads hear the same
        limiter.pause(60, why="the vendor answered status 429 and asked for a pause")
    assert [facts["seconds"] for _, facts in notices[1:]] == [60]
