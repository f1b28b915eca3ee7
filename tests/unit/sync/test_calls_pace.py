"""Whether the calls that are left last until the count begins anew, and that none of them goes uncounted."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from fake_clock import NOON

from connectors.contract import Allowance
from npsync.operating.calls import KEPT_EVERY, CallCounter, Told, spent

UTC = ZoneInfo("UTC")
MIDNIGHT = NOON + timedelta(hours=12)


@pytest.mark.parametrize(
    ("today", "left", "hours"),
    [
        (120, 60, 6),  # ten an hour since midnight
        (120, 119, 11.9),
        (120, 120, None),  # it lasts until midnight
        (120, 0, 0),
        (0, 5, None),
    ],
)
def test_calls_at_todays_pace_last_so_long(today: int, left: int, hours: float | None):
    told = Told(Allowance(left, resets_at=MIDNIGHT), NOON)
    expected = None if hours is None else NOON + timedelta(hours=hours)
    assert spent(today, told, NOON, UTC) == expected


def test_what_the_vendor_said_two_days_ago_says_nothing_about_today():
    told = Told(Allowance(5), NOON - timedelta(days=2))
    assert spent(120, told, NOON, UTC) is None
    over = Told(Allowance(5, resets_at=NOON - timedelta(hours=1)), NOON - timedelta(hours=3))
    assert spent(120, over, NOON, UTC) is None


def test_every_call_of_every_thread_is_kept_once():
    kept: Counter[str] = Counter()
    lock = threading.Lock()

    def keep(connection: str, count: int) -> None:
        with lock:
            kept[connection] += count

    calls = CallCounter(keep)

    def work() -> None:
        for _ in range(333):
            calls.count("crm")
            calls.count("mail")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 4 * 333 - kept["crm"] < KEPT_EVERY + 4, "a killed process loses few"
    calls.flush()
    calls.flush()
    assert kept == calls.seen() == {"crm": 1332, "mail": 1332}
