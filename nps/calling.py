"""When in a person's day and week they may be asked: quiet hours, weekdays, and the clocks of the world.

What counts is the clock on the person's wall, also while it is turned: an hour that comes twice is quiet twice, and
one that is left out is not waited for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from functools import cache
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEK: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK = r"^([01]?[0-9]|2[0-3]):[0-5][0-9]$"
_DAYS_AHEAD = 9  # a week, and a day that a zone leaves out


def _time_of_day(value: object) -> time:
    if isinstance(value, time):
        return value
    text = value if isinstance(value, str) else ""
    if re.fullmatch(_CLOCK, text):
        hours, _, minutes = text.partition(":")
        return time(int(hours), int(minutes))
    raise ValueError(f'"{value}" is not a time of day; write it like "20:00", from "00:00" to "23:59"')


TimeOfDay = Annotated[
    time,
    BeforeValidator(_time_of_day),
    PlainSerializer(lambda at: f"{at:%H:%M}"),
    WithJsonSchema({"type": "string", "pattern": _CLOCK, "examples": ["08:00", "20:00"]}),
]
"""A pydantic field: "20:00" in, a time out."""


class QuietHours(BaseModel):
    """Nobody is asked between these times of their own day."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    from_: TimeOfDay = Field(alias="from", description="When the quiet begins: `20:00`.")
    to: TimeOfDay = Field(
        description="When it ends: `08:00`; earlier than `from` means the next day. At this minute people may be asked."
    )

    @model_validator(mode="after")
    def _some_hours(self) -> QuietHours:
        if self.from_ == self.to:
            raise ValueError("from and to are the same time: leave quiet_hours out to have none")
        return self

    def hold(self, at: time) -> bool:
        """Whether it is quiet when a person's clock shows this."""
        if self.from_ < self.to:
            return self.from_ <= at < self.to
        return at >= self.from_ or at < self.to


def may_call(now: datetime, zone: ZoneInfo, quiet: QuietHours | None, days: Sequence[str]) -> bool:
    """Whether a person in this zone may be asked now. No `days`: on all of them."""
    there = now.astimezone(zone)
    if days and WEEK[there.weekday()] not in days:
        return False
    return quiet is None or not quiet.hold(there.time())


def next_call(now: datetime, zone: ZoneInfo, quiet: QuietHours | None, days: Sequence[str]) -> datetime:
    """The first moment after now, at the end of the quiet or the start of a day, when they may be asked (UTC)."""
    return next(at for at in _openings(now, zone, quiet) if at > now and may_call(at, zone, quiet, days))


def _openings(now: datetime, zone: ZoneInfo, quiet: QuietHours | None) -> Iterator[datetime]:
    """Every moment at which it could begin to be allowed, in order. Where clocks are set back, a time of day comes
    twice; where they are set forward over it, the moment after stands for it."""
    today = now.astimezone(zone).date()
    times = {time()} if quiet is None else {time(), quiet.to}
    for ahead in range(-1, _DAYS_AHEAD):
        day = today + timedelta(days=ahead)
        yield from sorted(
            datetime.combine(day, at, zone).replace(fold=fold).astimezone(UTC)
            for at in times
            for fold in (0, 1)
        )


def next_day(now: datetime, zone: ZoneInfo) -> datetime:
    """When the day after now's begins in this zone (UTC)."""
    return day_began(now, zone, ahead=1)


def day_began(now: datetime, zone: ZoneInfo, *, ahead: int = 0) -> datetime:
    """When now's day began in this zone (UTC): what is counted by the day is counted from here."""
    day = now.astimezone(zone).date() + timedelta(days=ahead)
    return datetime.combine(day, time(), zone).astimezone(UTC)


@cache
def _zones() -> dict[str, str]:
    return {name.lower(): name for name in available_timezones()}


def zone_named(name: str) -> ZoneInfo | None:
    """The zone a CRM means: `America/New_York` in any case, also as HubSpot spells it (`america_slash_new_york`);
    None where there is no such zone, so that the business zone counts."""
    plain = name.strip().lower().replace("_slash_", "/").replace(" ", "_")
    known = _zones().get(plain)
    try:
        return ZoneInfo(known) if known else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
