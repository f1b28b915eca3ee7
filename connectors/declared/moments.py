"""Times as survey tools write them, and as they want them written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from connectors import cells
from connectors.declared.description import TimeFormat

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)

_GRANULE = {
    "unix_s": timedelta(seconds=1),
    "unix_ms": timedelta(milliseconds=1),
    "iso8601": timedelta(milliseconds=1),
    "date": timedelta(days=1),
}


class Moments:
    """Reads the times of one tool for the cursor: what names no zone is taken as UTC where none is declared, for the
    order of rows is all that counts here."""

    def __init__(self, dates: Sequence[str], zone: str | None = None) -> None:
        self._moments = cells.Moments(dates, ZoneInfo(zone or "UTC"))

    def read(self, value: object) -> datetime | None:
        """In UTC; None for what is no time in any of the formats."""
        try:
            return self._moments.read(value)
        except cells.NoTime:
            return None

    def why_not(self, value: object) -> str:
        """Why a value is not read, in words that show nothing of it."""
        if value is None or value == "":
            return "it is empty"
        try:
            self._moments.read(value)
        except cells.NoTime as problem:
            return f"it {problem}"
        return ""


def granule(format: TimeFormat) -> timedelta:
    """The smallest step of time that a parameter of this format can make."""
    return _GRANULE[format]


def floored(moment: datetime, format: TimeFormat) -> datetime:
    """The latest time that can be written in this format and is not after `moment`."""
    return moment - (moment - EARLIEST) % granule(format)


def written(moment: datetime, format: TimeFormat) -> str:
    """A moment as a parameter: never later than it is, and without a fraction that says nothing."""
    moment = floored(moment.astimezone(UTC), format)
    if format == "date":
        return moment.strftime("%Y-%m-%d")
    if format == "unix_s":
        return str((moment - EARLIEST) // timedelta(seconds=1))
    if format == "unix_ms":
        return str((moment - EARLIEST) // timedelta(milliseconds=1))
    fine = "milliseconds" if moment.microsecond else "seconds"
    return moment.isoformat(timespec=fine).replace("+00:00", "Z")
