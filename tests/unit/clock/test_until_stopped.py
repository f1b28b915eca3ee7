"""Once the end is asked for no call waits for the vendor's leave any more: it is not made."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from builders_config import config_of, yaml
from fake_clock import Calls, FakeClock, fake_tools

from connectors.calls import CallPolicy
from connectors.limits import Limiter, Window
from connectors.replies import Reply
from connectors.wire import FateUnknown
from nps.errors import Interrupted
from npsync.clock import MOMENT, UntilStopped
from npsync.opening import opened

OK = Reply(200, {}, b"")


def stopped_after(seconds: float, clock: FakeClock) -> UntilStopped:
    return UntilStopped(clock, lambda: clock.monotonic() >= seconds)


def policy(clock: UntilStopped, *windows: Window, **tools: Any) -> CallPolicy:
    given = replace(fake_tools("crm"), clock=clock, **tools)
    return CallPolicy(given, Limiter(given, {"": windows}))


def test_while_nobody_asks_a_pause_is_waited_out() -> None:
    clock = FakeClock()
    stopped_after(10_000, clock).sleep(899.5)
    assert clock.monotonic() == 899.5


def test_a_pause_of_minutes_ends_soon_after_somebody_asked() -> None:
    clock = FakeClock()
    with pytest.raises(Interrupted):
        stopped_after(7, clock).sleep(900)
    assert 7 <= clock.monotonic() <= 7 + MOMENT


def test_short_waits_one_after_the_other_add_up_to_no_more_than_a_moment() -> None:
    """A batch of two hundred calls, three a second: not a minute after it was asked to stop."""
    clock, calls = FakeClock(), Calls()
    limited = policy(stopped_after(3, clock), Window(1, 0.3), count_call=calls)
    with pytest.raises(Interrupted):
        all(limited.call(lambda: OK, what="update") for _ in range(200))
    assert clock.monotonic() <= 3 + MOMENT + 0.3
    assert calls.count < 20


def test_who_closes_connections_saves_what_was_counted_however_long_another_process_is_at_it(
    tmp_path: Path,
) -> None:
    clock = FakeClock()
    with opened(config_of(yaml(), tmp_path), None, clock, stop=lambda: True) as connections:
        calling = connections._tools("crm").clock
        with pytest.raises(Interrupted):
            calling.sleep(30)
    calling.sleep(30)
    assert clock.monotonic() == 30


def test_a_call_that_was_not_made_says_nothing_of_the_connection() -> None:
    clock, went = FakeClock(), list[object]()
    limited = policy(stopped_after(0, clock), Window(1, 60), went=went.append)
    limited.call(lambda: OK, what="read")
    with pytest.raises(Interrupted):
        limited.call(lambda: OK, what="read")
    assert went == [None]


def test_what_an_attempt_did_before_the_end_was_asked_for_stays_unknown() -> None:
    """No answer came, and the wait for the next attempt is not waited out: it may have been written."""
    clock = FakeClock()

    def send() -> Reply:
        raise requests.ReadTimeout

    calling = policy(stopped_after(3, clock))
    with pytest.raises(FateUnknown, match=r"asked to stop.*may have been carried out"):
        calling.call(send, what="update")
    with pytest.raises(Interrupted):
        calling.call(lambda: Reply(429, {"retry-after": "60"}), what="update")
