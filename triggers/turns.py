"""When whose turn comes: each person of an audience once in so many days, spread evenly. Pure.

The day is drawn by the record's id, so it is the same in every process, needs no list of people, and does not move when
others come or go. Days on which nobody is asked give theirs to the other days of their week, and quiet hours to the
hours around them, in the business zone; the person's own clock is the policy's business.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from hashlib import blake2b
from zoneinfo import ZoneInfo

from nps.calling import WEEK, QuietHours

_DAY = timedelta(days=1)
_MINUTES = 24 * 60


@dataclass(frozen=True)
class Turn:
    """One person's turn: the `number` names the round, and with the person it happens once."""

    number: int
    at: datetime


@dataclass(frozen=True)
class Rhythm:
    """Every so many days, on these weekdays (none: all), not in the quiet of the business zone. `name` makes two
    audiences ask one person on different days."""

    name: str
    days: int
    zone: ZoneInfo
    weekdays: tuple[str, ...] = ()
    quiet: QuietHours | None = None

    @property
    def every(self) -> timedelta:
        return timedelta(days=self.days)

    def turns(self, record_id: str, begin: datetime, end: datetime) -> Iterator[Turn]:
        """This person's turns from `begin` on and before `end`."""
        first, last = begin.astimezone(self.zone).date(), end.astimezone(self.zone).date()
        drawn = _drawn(self.name, record_id)
        offset = drawn[0] % self.days
        # A turn may move within its week, so days around the wanted ones can lead into them.
        nominal = first.toordinal() - 6
        nominal += (offset - nominal) % self.days
        while nominal <= last.toordinal() + 6:
            number = (nominal - offset) // self.days
            at = self._at(date.fromordinal(nominal), drawn)
            if begin <= at < end:
                yield Turn(number, at)
            nominal += self.days

    def asks_on(self, at: datetime) -> bool:
        """Whether anybody is asked on the day of this moment."""
        return not self.weekdays or WEEK[at.astimezone(self.zone).weekday()] in self.weekdays

    def later(self, turn: Turn, by: timedelta) -> Turn:
        """The same turn whole days later, at the same hour."""
        return Turn(turn.number, (turn.at.astimezone(self.zone) + by).astimezone(UTC)) if by else turn

    def _at(self, nominal: date, drawn: tuple[int, int, int]) -> datetime:
        minute = self._minutes[drawn[2] % len(self._minutes)]
        at = time(minute // 60, minute % 60)
        return datetime.combine(self._day(nominal, drawn[1]), at, self.zone).astimezone(UTC)

    def _day(self, nominal: date, lot: int) -> date:
        if not self.weekdays or WEEK[nominal.weekday()] in self.weekdays:
            return nominal
        monday = nominal - nominal.weekday() * _DAY
        open_days = [place for place, day in enumerate(WEEK) if day in self.weekdays]
        return monday + open_days[lot % len(open_days)] * _DAY

    @cached_property
    def _minutes(self) -> list[int]:
        """The minutes of a day at which somebody's turn may come."""
        every = range(_MINUTES)
        return [at for at in every if self.quiet is None or not self.quiet.hold(time(at // 60, at % 60))]


def _drawn(name: str, record_id: str) -> tuple[int, int, int]:
    """Three numbers that are always the same for this person in this audience, and look like chance."""
    digest = blake2b(f"{name}\x1f{record_id}".encode(), digest_size=24).digest()
    return (
        int.from_bytes(digest[:8]),
        int.from_bytes(digest[8:16]),
        int.from_bytes(digest[16:]),
    )
