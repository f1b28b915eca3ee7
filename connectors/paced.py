"""How the pace that all processes keep together stands, for people to read. Nothing is lent by looking."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec

from connectors.pacing import Budget, Kept, Pace, departures, kept

_EPOCH, _MILLISECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)
_read = msgspec.json.Decoder(Pace).decode


@dataclass(frozen=True)
class Window:
    """At most `calls` in any `seconds`; `bucket` names the calls it is for, "" for all. Lent calls count as used."""

    bucket: str
    calls: int
    seconds: float
    used: int
    next_free_at: datetime | None  # when the first of the used come free again


@dataclass(frozen=True)
class Day:
    """The budget of a day that the YAML gives: `left` of `most`."""

    left: int
    most: int
    ends_at: datetime


@dataclass(frozen=True)
class Standing:
    """What binds the calls of one limiter just now."""

    windows: tuple[Window, ...]
    day: Day | None
    paused_until: datetime | None
    why: str

    @property
    def binds(self) -> bool:
        return bool(self.windows or self.day or self.paused_until)


def standing(state: bytes, now: datetime) -> Standing:
    """`state` as the store keeps it. A window stays told after its last call: it holds for the next one."""
    pace, moment = _read(state), (now - _EPOCH) // _MILLISECOND
    paused = pace.resume_at > moment
    return Standing(
        windows=tuple(_window(pace, one, moment) for one in pace.windows),
        day=_day(pace.own, moment),
        paused_until=_at(pace.resume_at) if paused else None,
        why=pace.why if paused else "",
    )


def _window(pace: Pace, window: Kept, now: int) -> Window:
    ends = [
        (left + round(kept(window.length / 1000) * 1000), calls) for left, calls in departures(pace, window)
    ]
    counting = [(end, calls) for end, calls in ends if end > now]
    return Window(
        bucket=window.bucket,
        calls=window.calls,
        seconds=window.length / 1000,
        used=min(sum(calls for _, calls in counting), window.calls),
        next_free_at=_at(min(end for end, _ in counting)) if counting else None,
    )


def _day(own: Budget | None, now: int) -> Day | None:
    if own is None or not own.most or own.until <= now:
        return None
    return Day(left=max(min(own.left, own.most), 0), most=own.most, ends_at=_at(own.until))


def _at(moment: int) -> datetime:
    return _EPOCH + moment * _MILLISECOND
