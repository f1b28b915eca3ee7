"""Wootric writes one moment in three ways; which one depends on the account and the age of the endpoint."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sandbox.wootric.settings import Settings

Writer = Callable[[int], str]


def writer(settings: Settings) -> Writer:
    """UNIX seconds → the text of a timestamp."""
    zone = ZoneInfo(settings.time_zone)
    if settings.time_format == "bare":
        return lambda at: datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")
    if settings.time_format == "iso":
        return lambda at: datetime.fromtimestamp(at, zone).isoformat(timespec="milliseconds")
    return lambda at: datetime.fromtimestamp(at, zone).strftime("%Y-%m-%d %H:%M:%S %z")


def seconds(value: object) -> int:
    """What control may call a moment: UNIX seconds, or ISO with a zone."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return int(value)
    moment = datetime.fromisoformat(str(value))
    if moment.tzinfo is None:
        raise ValueError(f"{value} has no time zone")
    return int(moment.timestamp())
