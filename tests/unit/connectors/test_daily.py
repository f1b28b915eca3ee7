"""One number per day for all processes of a connection."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from fake_clock import FakeClock, MemoryInMemory, fake_tools

from connectors.daily import DailyCount, next_midnight


def test_processes_that_count_at_the_same_time_lose_no_call() -> None:
    memory = MemoryInMemory()
    processes = [DailyCount(fake_tools(memory=memory)) for _ in range(3)]
    for number in range(120):
        processes[number % 3].count()
    for one in processes:
        one.save()
    assert memory.items == {"calls:2026-03-02": "120"}
    assert DailyCount(fake_tools(memory=memory)).made() == 120


def test_a_count_another_process_is_saving_is_kept_and_saved_later() -> None:
    memory, clock = MemoryInMemory(), FakeClock()
    count = DailyCount(fake_tools(memory=memory, clock=clock))
    with memory.lease("counting", 10) as held:
        assert held
        for _ in range(30):
            count.count()
        assert memory.items == {}
    count.save()
    assert memory.items == {"calls:2026-03-02": "30"}


def test_a_new_day_in_the_accounts_zone_begins_at_zero() -> None:
    memory = MemoryInMemory()
    clock = FakeClock(datetime(2026, 3, 2, 4, 30, tzinfo=UTC))  # still the first of March in New York
    count = DailyCount(fake_tools(memory=memory, clock=clock), ZoneInfo("America/New_York"))
    count.count()
    clock.advance(3600)
    assert count.made() == 0
    count.count()
    count.save()
    assert memory.items == {"calls:2026-03-01": "1", "calls:2026-03-02": "1"}


def test_midnight_is_the_accounts() -> None:
    now = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
    assert next_midnight(now, UTC) == datetime(2026, 3, 3, tzinfo=UTC)
    assert next_midnight(now, ZoneInfo("America/New_York")) == datetime(2026, 3, 3, 5, tzinfo=UTC)
