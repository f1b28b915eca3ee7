from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from sync.breaker import FEWEST_CHANGES, FEWEST_LOOKED_UP, check
from sync.spec import BreakerSpec


def stops(**facts: Any) -> str | None:
    usual: dict[str, Any] = {"overwriting": 0, "shown": 0, "matched": 0, "looked_up": 0, "earlier_rates": ()}
    opened = check(BreakerSpec(changed_share="50%", match_rate_drop="20%"), **usual | facts)
    return None if opened is None else str(opened)


@pytest.mark.parametrize(
    ("overwriting", "shown", "stopped"),
    [
        (500, 1000, False),
        (501, 1000, True),
        (FEWEST_CHANGES - 1, 50, False),
        (FEWEST_CHANGES, 50, True),
        (0, 0, False),
    ],
)
def test_too_large_a_share_of_changed_values_stops_the_run(overwriting: int, shown: int, stopped: bool):
    assert (stops(overwriting=overwriting, shown=shown) is not None) == stopped


def test_the_message_says_how_much_would_change_and_what_to_do():
    message = stops(overwriting=600, shown=1000)
    assert message is not None
    assert message.startswith("600 of 1000 records that already show values would change (60%)")
    assert "npsync run … --plan FILE" in message


@pytest.mark.parametrize(
    ("matched", "looked_up", "earlier", "stopped"),
    [
        (70, 100, [Decimal("0.9"), Decimal("0.9")], False),
        (69, 100, [Decimal("0.9"), Decimal("0.9")], True),
        (0, FEWEST_LOOKED_UP - 1, [Decimal("0.9")], False),
        (0, FEWEST_LOOKED_UP, [Decimal("0.9")], True),
        (0, 1000, [], False),
    ],
)
def test_a_match_rate_that_falls_stops_the_run(
    matched: int, looked_up: int, earlier: list[Decimal], stopped: bool
):
    assert (stops(matched=matched, looked_up=looked_up, earlier_rates=earlier) is not None) == stopped
