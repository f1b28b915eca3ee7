"""How many new answers each source brought a sync, day by day, and of which segments: what is usual.

Only what the breaker let pass is learned. What a source brings when it is read from its beginning is its history: it
says which segments are usual, not how many answers a day brings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping
from datetime import date, datetime, timedelta
from itertools import pairwise

import msgspec

from nps.score import Segment
from nps.values import Json
from store.api import Store

REMEMBERED = timedelta(days=60)
_SEGMENTS = tuple(Segment)


class Arrived(msgspec.Struct, frozen=True):
    """New answers of one source: how many, and of those with a segment how many of each."""

    answers: int = 0
    segments: tuple[int, ...] = (0,) * len(_SEGMENTS)

    @classmethod
    def counted(cls, counts: Iterable[tuple[Segment | None, int]]) -> Arrived:
        total: Counter[Segment | None] = Counter()
        for segment, count in counts:
            total[segment] += count
        return cls(total.total(), tuple(total[one] for one in _SEGMENTS))

    def __add__(self, other: Arrived) -> Arrived:
        both = zip(self.segments, other.segments, strict=True)
        return Arrived(self.answers + other.answers, tuple(a + b for a, b in both))

    def by_segment(self) -> Counter[Segment]:
        return Counter(dict(zip(_SEGMENTS, self.segments, strict=True)))


class Volume(msgspec.Struct, frozen=True):
    """What one source brought so far. `days` are those with answers, as YYYY-MM-DD."""

    last: datetime  # when it brought something new
    days: dict[str, Arrived] = {}
    history: Arrived = Arrived()

    def usual_segments(self) -> Counter[Segment]:
        return sum(self.days.values(), self.history).by_segment()

    def busiest(self, today: date) -> int:
        """The most that a day before this one brought."""
        return max((day.answers for name, day in self.days.items() if name != today.isoformat()), default=0)

    def longest_pause(self) -> timedelta:
        """Between two days with answers."""
        days = sorted(map(date.fromisoformat, self.days))
        return max((later - earlier for earlier, later in pairwise(days)), default=timedelta())

    def today(self, today: date) -> int:
        day = self.days.get(today.isoformat())
        return 0 if day is None else day.answers


def learned(known: Volume | None, arrived: Arrived, now: datetime, *, afresh: bool = False) -> Volume:
    if known is None:
        return Volume(last=now, history=arrived)
    if afresh:
        return msgspec.structs.replace(known, last=now, history=known.history + arrived)
    oldest = (now.date() - REMEMBERED).isoformat()
    days = {name: day for name, day in known.days.items() if name >= oldest}
    today = now.date().isoformat()
    days[today] = days.get(today, Arrived()) + arrived
    return Volume(last=now, days=days, history=known.history)


# ------------------------------------------------------------ kept in the store


def recall(store: Store, sync: str, sources: Iterable[str]) -> dict[str, Volume]:
    known = store.recall(_place(sync), list(sources))
    return {source: msgspec.json.decode(told, type=Volume) for source, told in known.items()}


def remember(
    store: Store, sync: str, arrived: Mapping[str, Arrived], now: datetime, *, afresh: Container[str]
) -> None:
    """Learn what arrived (from sources read `afresh`: their history); nothing is written when nothing did."""
    arrived = {source: one for source, one in arrived.items() if one.answers}
    if not arrived:
        return
    known = recall(store, sync, arrived)
    after = {
        source: learned(known.get(source), one, now, afresh=source in afresh)
        for source, one in arrived.items()
    }
    store.memorize(
        _place(sync),
        {source: msgspec.json.encode(one, order="deterministic").decode() for source, one in after.items()},
    )


def _place(sync: str) -> str:
    """Beside the connectors' own memory."""
    return f"intake/{sync}"


# ------------------------------------------------------------ kept in a report


def as_json(arrived: Mapping[str, Arrived]) -> dict[str, Json]:
    return {source: [one.answers, *one.segments] for source, one in arrived.items() if one.answers}


def from_json(told: Json) -> dict[str, Arrived]:
    if not isinstance(told, Mapping):
        return {}
    return {
        source: Arrived(int(counts[0]), tuple(map(int, counts[1:])))  # type: ignore[arg-type]
        for source, counts in told.items()
        if isinstance(counts, list) and len(counts) == 1 + len(_SEGMENTS)
    }
