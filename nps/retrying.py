"""When something that went wrong by itself is tried again by itself."""

from __future__ import annotations

from datetime import datetime, timedelta

# 1 h and 6 h after the first refusal, then daily for 7 days.
_WAITS = (timedelta(hours=1), timedelta(hours=5), timedelta(hours=18), *[timedelta(days=1)] * 6)

PATIENCE = 5
"""Runs in a row in which a record is put off before its change becomes a dead letter: a record that is locked for
good would otherwise cost calls in every run, for ever."""


def next_try(attempts: int, refused_at: datetime) -> datetime | None:
    """When a change that was refused for a passing reason, and tried again `attempts` times, is tried again by itself.
    None: not any more, a person has to look."""
    return refused_at + _WAITS[attempts] if attempts < len(_WAITS) else None
