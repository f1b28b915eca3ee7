"""Times as survey tools write them, and as they want them written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from connectors.declared.description import TimeFormat

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)

# No survey was answered before, and none of ours after: seconds and milliseconds cannot be taken for each other.
_FIRST, _LAST = Decimal(631_152_000), Decimal(4_102_444_800)  # 1990 and 2100
_ISO = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})"
    r"(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)? ?(Z|z|UTC|[+-]\d{2}(?::?\d{2})?)?"
)
_GRANULE = {
    "unix_s": timedelta(seconds=1),
    "unix_ms": timedelta(milliseconds=1),
    "iso8601": timedelta(milliseconds=1),
    "date": timedelta(days=1),
}


class Moments:
    """Reads the times of one tool: `dates` are tried in order ("iso", "unix", "unix_ms", or a pattern of strptime),
    and `zone` is that of times that name none (UTC without one)."""

    def __init__(self, dates: Sequence[str], zone: str | None = None) -> None:
        self._dates = tuple(dates)
        self._zone: tzinfo = ZoneInfo(zone) if zone else UTC

    def read(self, value: object) -> datetime | None:
        """In UTC; None for what is no time in any of the formats."""
        if value is None or value == "" or isinstance(value, bool):
            return None
        for format in self._dates:
            found = self._by(format, value)
            if found is not None:
                return found
        return None

    def why_not(self, value: object) -> str:
        """Why a value is not read, in words that show nothing of it."""
        if value is None or value == "":
            return "it is empty"
        for format, told in (("unix_ms", "milliseconds"), ("unix", "seconds"), ("iso", "an ISO date")):
            if self._by(format, value) is not None:
                return f'it looks like {told}: add "{format}" to dates'
        return f"it is none of {', '.join(self._dates)}"

    def _by(self, format: str, value: object) -> datetime | None:
        if format == "unix":
            return _unix(value, 1)
        if format == "unix_ms":
            return _unix(value, 1000)
        if not isinstance(value, str):
            return None
        return self._iso(value) if format == "iso" else self._pattern(format, value)

    def _iso(self, text: str) -> datetime | None:
        """Tolerant of what tools write: a blank for the T, hours of one digit, no seconds, an offset after a blank."""
        found = _ISO.fullmatch(text.strip())
        if found is None:
            return None
        *numbers, fraction, offset = found.groups()
        year, month, day, hour, minute, second = (int(number or 0) for number in numbers)
        micro = int((fraction or "").ljust(6, "0")[:6])
        try:
            local = datetime(year, month, day, hour, minute, second, micro, tzinfo=UTC)
            return self._placed(local, offset)
        except (ValueError, OverflowError):
            return None

    def _placed(self, local: datetime, offset: str | None) -> datetime:
        if offset is None:
            return local.replace(tzinfo=self._zone).astimezone(UTC)
        if offset in ("Z", "z", "UTC"):
            return local
        digits = offset[1:].replace(":", "").ljust(4, "0")
        away = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        return local + (away if offset[0] == "-" else -away)

    def _pattern(self, pattern: str, text: str) -> datetime | None:
        try:
            found = datetime.strptime(text.strip(), pattern)  # noqa: DTZ007 - the zone follows
            return (found if found.tzinfo else found.replace(tzinfo=self._zone)).astimezone(UTC)
        except (ValueError, OverflowError):
            return None


def _unix(value: object, per_second: int) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        seconds = Decimal(str(value).strip()) / per_second
    except InvalidOperation:
        return None
    if not seconds.is_finite() or not _FIRST <= seconds < _LAST:
        return None
    return EARLIEST + timedelta(microseconds=int(seconds * 1_000_000))


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
