"""HubSpot's limits as it tells them: a window of seconds, searches a second, calls a day."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from fake_clock import FakeClock, MemoryInMemory, fake_tools
from scripted_hubspot import Said, answered, by, change, found, opened, row, scripted_hubspot, write

from connectors.contract import Allowance
from connectors.hubspot.budget import paced
from nps.errors import BudgetError, UnavailableError


def limit(**headers: str) -> Said:
    named = {f"X-HubSpot-RateLimit-{name.replace('_', '-')}": value for name, value in headers.items()}
    return Said(answered(row("1")).body, headers=named)


def test_the_limit_hubspot_tells_is_kept() -> None:
    clock = FakeClock()
    with scripted_hubspot(limit(Max="10", Interval_Milliseconds="10000")) as server:
        hubspot = opened(server, fake_tools(clock=clock))
        for _ in range(21):
            hubspot.get("contacts", ["1"], [], {})
    assert clock.monotonic() >= 10


def test_what_another_process_used_of_the_window_is_counted_before_hubspot_has_to_refuse() -> None:
    clock = FakeClock()
    told = {"Max": "190", "Interval_Milliseconds": "10000", "Remaining": "3"}
    with scripted_hubspot(limit()) as server:
        server.script = lambda asked: limit(**told)
        hubspot = opened(server, fake_tools(clock=clock))
        hubspot.describe("contacts")
        for _ in range(3):
            hubspot.get("contacts", ["1"], [], {})
        assert clock.slept == []
        hubspot.get("contacts", ["1"], [], {})
    assert sum(clock.slept) >= 10


def test_calls_under_way_at_the_edge_of_a_window_have_room() -> None:
    assert (paced(190), paced(100), paced(10)) == (183, 96, 10)
    clock = FakeClock()
    with scripted_hubspot(limit(Max="190", Interval_Milliseconds="10000")) as server:
        hubspot = opened(server, fake_tools(clock=clock))
        for _ in range(182):
            hubspot.get("contacts", ["1"], [], {})  # and the definitions
        assert clock.slept == []
        hubspot.get("contacts", ["1"], [], {})
    assert sum(clock.slept) >= 10


def test_searches_keep_to_five_a_second() -> None:
    clock = FakeClock()
    with scripted_hubspot(answered(row("1", phone="1"))) as server:
        hubspot = opened(server, fake_tools(clock=clock))
        for _ in range(11):
            found(hubspot, by("phone", "1"))
    assert 2 <= clock.monotonic() < 3


def test_the_allowance_tells_the_accounts_numbers_and_its_midnight() -> None:
    with scripted_hubspot(limit(Daily="1000", Daily_Remaining="500")) as server:
        hubspot = opened(
            server, fake_tools("crm", time_zone="America/New_York"), budget={"keep_for_others": "40%"}
        )
        assert hubspot.allowance() is None
        hubspot.get("contacts", ["1"], [], {})
        assert hubspot.allowance() == Allowance(
            left=100, used=500, limit=1000, kept=400, resets_at=datetime(2026, 3, 3, 5, tzinfo=UTC)
        )
        server.script = lambda asked: limit()  # a search does not tell, and counts all the same
        hubspot.get("contacts", ["1"], [], {})
        after = hubspot.allowance()
        assert after is not None
        assert (after.left, after.used) == (99, 501)


def test_the_share_of_the_day_kept_for_others_is_not_touched() -> None:
    told = limit(Daily="1000", Daily_Remaining="402")
    with scripted_hubspot(told) as server:
        hubspot = opened(server, budget={"keep_for_others": "40%"})
        hubspot.get("contacts", ["1"], [], {})
        server.script = lambda asked: limit()
        for _ in range(2):
            hubspot.get("contacts", ["1"], [], {})
        with pytest.raises(BudgetError):
            hubspot.get("contacts", ["1"], [], {})


def test_our_own_daily_calls_are_counted_over_restarts_and_begin_anew_at_midnight() -> None:
    memory = MemoryInMemory()
    clock = FakeClock(datetime(2026, 3, 2, 20, 0, tzinfo=UTC))
    tools = fake_tools(clock=clock, memory=memory)
    with scripted_hubspot(answered(row("1"))) as server:
        first = opened(server, tools, budget={"max_calls_per_day": 3})
        first.get("contacts", ["1"], [], {})  # and the definitions
        first.close()
        second = opened(server, tools, budget={"max_calls_per_day": 3})
        second.describe("contacts")
        with pytest.raises(BudgetError):
            second.get("contacts", ["1"], [], {})
        second.close()
        clock.advance(5 * 3600)
        third = opened(server, tools, budget={"max_calls_per_day": 3})
        assert third.get("contacts", ["1"], [], {})


def test_a_spent_day_is_a_spent_budget() -> None:
    spent = Said({"status": "error", "policyName": "DAILY", "message": "limit"}, status=429)
    with scripted_hubspot(spent) as server, pytest.raises(BudgetError):
        write(opened(server), change("1", nps_score="9"))


def test_a_vendor_that_stays_down_is_unavailable() -> None:
    with scripted_hubspot(Said({}, status=423)) as server, pytest.raises(UnavailableError):
        write(opened(server), change("1", nps_score="9"))
