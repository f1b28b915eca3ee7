"""Times as survey tools want them written in parameters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from connectors.declared.description import TimeFormat

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)

_GRANULE = {
    "unix_s": timedelta(seconds=1),
    "unix_ms": timedelta(milliseconds=1),
    "iso8601": timedelta(milliseconds=1),
    "date": timedelta(days=1),
}


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
