"""The progress line: how long it takes, and how many calls are left."""

from __future__ import annotations

import io

import pytest
import structlog

from connectors.contract import Allowance
from npsync.cli.progress import forecast, seconds_left, shown_progress

MANY = Allowance(left=380, used=3620, limit=5000, kept=1000)


@pytest.mark.parametrize(
    ("done", "total", "seconds", "allowance", "said"),
    [
        (0, 1000, 5, None, ""),  # no pace yet
        (500, None, 5, None, ""),  # nobody knows how many there are
        (500, 1000, 120, None, "~2 min left"),
        (500, 1000, 120, MANY, "~2 min left · 380 of 5,000 calls left today"),
        (900, 1000, 90, Allowance(left=12), "~10 s left · 12 calls left today"),
        (10, 100_000, 3, MANY, "~8.3 h left · 380 of 5,000 calls left today"),
        (1000, 1000, 60, Allowance(left=-3), "0 calls left today"),
    ],
)
def test_it_says_how_long_it_takes_and_how_many_calls_are_left(
    done: int, total: int | None, seconds: float, allowance: Allowance | None, said: str
):
    assert forecast(done, total, seconds, allowance) == said


def test_a_log_says_nothing_of_what_nobody_knows(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("npsync.logs._set_up", None)  # else its first line ends the capture
    monkeypatch.setattr("sys.stderr", io.StringIO())  # nobody watches
    with structlog.testing.capture_logs() as told, shown_progress() as progress:
        progress.phase("reading", None)
        progress.phase("writing", 20)
    assert [set(line) - {"event", "log_level"} for line in told] == [{"name"}, {"name", "total"}]


def test_half_of_the_work_takes_as_long_again():
    assert seconds_left(50, 100, 7.5) == 7.5
