"""What survey tools write into the cells of their rows: times in several manners, scores, texts.

The same for exported files and for replies of an API.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import orjson

# A row without a readable date still needs one; the same each time, so that what repeats is identical.
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

_FORMS = ("iso", "unix", "unix_ms")
# Times that are remembered: those of a page come again for its rows, and most rows name one twice.
_REMEMBERED = 2_000
# What tools write beside ISO 8601: numbers of one digit, a decimal comma, an offset after a blank, UTC in letters.
_NEARLY_ISO = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})"
    r"(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)? ?(Z|z|UTC|[+-]\d{2}(?::?\d{2})?)?"
)
# No survey of these tools is older; a number that says so counts in another unit.
_FIRST_YEAR, _LAST_YEAR = 1980, 5000


class NoTime(ValueError):
    """The value is no time in any of the declared formats; the text ends a sentence that begins with its name."""


class NaiveTime(NoTime):
    """A time without an offset, and no zone to read it in."""


@cache
def moments(formats: tuple[str, ...], zone: str | None) -> Moments:
    """The same one for whoever reads times in the same formats: a row's time is looked at by several."""
    return Moments(formats, None if zone is None else ZoneInfo(zone))


class Moments:
    """Reads times in the formats a connection declares, into UTC. Thread-safe."""

    def __init__(self, formats: Sequence[str], zone: ZoneInfo | None) -> None:
        self._formats = formats
        self._zone = zone
        self._lately: dict[str, datetime] = {}

    def read(self, value: object) -> datetime:
        """By the first format that fits. NoTime when none does; NaiveTime when it names no zone and none is
        declared."""
        if not isinstance(value, str):
            return self._read(value)
        moment = self._lately.get(value)
        if moment is None:
            moment = self._read(value)
            if len(self._lately) >= _REMEMBERED:
                self._lately.clear()
            self._lately[value] = moment
        return moment

    def _read(self, value: object) -> datetime:
        misfits: list[NoTime] = []
        for form in self._formats:
            try:
                return self._aware(_parsed(value, form))
            except NaiveTime:
                raise
            except NoTime as told:
                misfits.append(told)
            except (ValueError, TypeError, OverflowError, OSError):
                pass
        # Of several reasons the one that names a unit helps; else none of the formats was meant.
        raise (
            misfits[0]
            if misfits
            else NoTime(f"is not a time written as `dates` says{self._other_format(value)}")
        )

    def _other_format(self, value: object) -> str:
        for form in _FORMS:
            if form not in self._formats:
                with suppress(ValueError, TypeError, OverflowError, OSError):
                    _parsed(value, form)
                    return f"; it looks like {form}"
        return ""

    def _aware(self, moment: datetime) -> datetime:
        if moment.tzinfo is None:
            if self._zone is None:
                raise NaiveTime("names no time zone; set time_zone for this connection")
            moment = moment.replace(tzinfo=self._zone)
        return moment.astimezone(UTC)


def _parsed(value: object, form: str) -> datetime:
    if form in ("unix", "unix_ms"):
        return _counted(value, form)
    if not isinstance(value, str):
        raise TypeError
    text = value.strip()
    if form != "iso":
        return datetime.strptime(text, form)  # noqa: DTZ007 — the zone is added by the caller
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return _nearly_iso(text)


def _nearly_iso(text: str) -> datetime:
    found = _NEARLY_ISO.fullmatch(text)
    if found is None:
        raise ValueError
    *numbers, fraction, offset = found.groups()
    year, month, day, hour, minute, second = (int(number or 0) for number in numbers)
    local = datetime(year, month, day, hour, minute, second, int((fraction or "").ljust(6, "0")[:6]))  # noqa: DTZ001
    if offset is None:
        return local
    if offset in ("Z", "z", "UTC"):
        return local.replace(tzinfo=UTC)
    digits = offset[1:].replace(":", "").ljust(4, "0")
    away = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return local.replace(tzinfo=timezone(-away if offset[0] == "-" else away))


def _counted(value: object, form: str) -> datetime:
    """Milliseconds taken for seconds would be the year 55000, seconds for milliseconds 1970: neither is believed."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError
    number = float(value)
    seconds = number / 1000 if form == "unix_ms" else number
    if seconds >= _SECONDS_OF_LAST_YEAR:
        hint = "are these milliseconds? Then write unix_ms in `dates`" if form == "unix" else _NEITHER
        raise NoTime(f"would be after the year {_LAST_YEAR}: {hint}")
    if seconds < _SECONDS_OF_FIRST_YEAR:
        hint = "are these seconds? Then write unix in `dates`" if form == "unix_ms" else _NEITHER
        raise NoTime(f"would be before {_FIRST_YEAR}: {hint}")
    return datetime.fromtimestamp(seconds, UTC)


_NEITHER = "that is no time in seconds or milliseconds"
_SECONDS_OF_FIRST_YEAR = datetime(_FIRST_YEAR, 1, 1, tzinfo=UTC).timestamp()
_SECONDS_OF_LAST_YEAR = datetime(_LAST_YEAR, 1, 1, tzinfo=UTC).timestamp()


def known_format(text: str) -> str:
    """For settings: ValueError for what `Moments` cannot read by."""
    if text not in _FORMS and "%" not in text:
        raise ValueError(f'"{text}" is neither iso, unix, unix_ms nor a pattern like "%d/%m/%Y"')
    return text


def known_zone(name: str) -> str:
    """For settings: ValueError for what is no time zone."""
    if name not in available_timezones():
        raise ValueError(f'"{name}" is no time zone; write it like Europe/Berlin')
    return name


def score(value: Any) -> int | float | str | None:
    """As the tool gave it: what it means is decided elsewhere."""
    if value is None or (isinstance(value, int | float | str) and not isinstance(value, bool)):
        return value
    return orjson.dumps(value).decode()


def text(value: Any) -> str | None:
    """What is blank says nothing."""
    if value is None:
        return None
    if isinstance(value, str):
        return None if not value or value.isspace() else value
    return str(value) if isinstance(value, int | float) else orjson.dumps(value).decode()
