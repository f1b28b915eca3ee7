"""The ways vendors write one moment, and all the ways they let themselves be asked about one."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

_IN_MILLISECONDS = 100_000_000_000  # as seconds this would be the year 5138
_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,9})?")
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _LAST = -30_000_000_000, 100_000_000_000  # the years 1019 to 5138


def iso(at: float) -> str:
    """2026-03-02T23:30:00Z"""
    return f"{datetime.fromtimestamp(int(at), UTC):%Y-%m-%dT%H:%M:%SZ}"


def iso_ms(at: float) -> str:
    """2026-03-02T23:30:00.123Z"""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def iso_us(at: float) -> str:
    """2026-03-02T23:30:00.123456Z"""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def iso_offset(at: float) -> str:
    """2026-03-02T23:30:00+00:00"""
    return datetime.fromtimestamp(int(at), UTC).isoformat()


def naive(at: float) -> str:
    """2026-03-02 23:30:00, of UTC; it does not say so."""
    return f"{datetime.fromtimestamp(int(at), UTC):%Y-%m-%d %H:%M:%S}"


WRITERS: dict[str, Callable[[float], Any]] = {
    "iso": iso,
    "iso_ms": iso_ms,
    "iso_offset": iso_offset,
    "naive": naive,
    "date": lambda at: naive(at)[:10],
    "unix_s": int,
    "unix_ms": lambda at: int(at * 1000),
    "unix_text": lambda at: str(int(at)),
    "unix_float": float,
}


def moment(told: Any) -> float:
    """UNIX seconds of whatever a query or control calls a moment; ValueError when it is none, or none of our years.
    UTC where no zone is told."""
    if isinstance(told, int | float) and not isinstance(told, bool):
        at = told / 1000 if abs(told) >= _IN_MILLISECONDS else float(told)
    elif _NUMBER.fullmatch(text := str(told).strip()):
        return moment(float(text))
    else:
        found = datetime.fromisoformat(
            text.replace(" ", "+") if text.count(" ") == 1 and "T" in text else text
        )
        at = (found - _BEGINNING if found.tzinfo else found.replace(tzinfo=UTC) - _BEGINNING).total_seconds()
    if not _FIRST <= at <= _LAST:
        raise ValueError(f"{told} is in no year of ours")
    return at
