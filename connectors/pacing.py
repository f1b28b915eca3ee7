"""What all processes of one store know of the pace of a connection, and how they share it: pure functions over one
value, which the store keeps and changes in one step.

A process is lent *lots*: so many calls, to leave between two moments. What it did with one it says when it asks for the
next; until then all calls of a lot count as if they left at its last moment. So no window ever holds more than its
calls, whoever dies, sleeps or loses an answer meanwhile. Lots are lent first come, first served, if need be for a
moment that is still to come: nobody who asked is overtaken for ever.

Moments are whole milliseconds of the store's time; what is asked and lent is told in durations, so the clocks of the
processes need not agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from math import ceil

import msgspec

# The vendor counts when a call arrives, we count when it leaves. A window is kept this much longer than the
# vendor's, so that a call that travelled slowly and a later one that travelled fast never meet in one window
# over there.
_MARGIN_SHARE = 0.02
_MARGIN_LEAST = 0.05

_LOTS_IN_A_WINDOW = 20
_LOTS_IN_A_BUDGET = 50
_SHORTEST_LOT, _LONGEST_LOT = 200, 1_000  # ms: what one process learns, the others know this soon
_GRAIN = 200  # moments of calls are told apart to this share of their window
_TRUSTED = (
    60_000  # ms for which a limit or a budget from the vendor's headers stands without being told again
)
_AHEAD = 120_000  # ms: nothing is lent for later than this
_FAR = 900_000  # ms: what was lent for later than this was lent by a clock that has since been set back
_LONGEST_PAUSE = _LONGEST_DAY = 90_000_000  # ms: 25 hours, of a day on which the clock is put back
_REMEMBERED = (
    3_600_000  # ms: for so long, or as long as a window counts it, what is left of a lot can be given back
)

UNCOUNTED = 1_000_000  # what is lent where nothing limits the calls


def kept(seconds: float) -> float:
    """For how long a call counts in a window of so many seconds."""
    return seconds + max(seconds * _MARGIN_SHARE, _MARGIN_LEAST)


# ---------------------------------------------------------------- what is kept


class Lot(msgspec.Struct, array_like=True):
    """`count` calls that leave from `starts` to `ends`."""

    number: int
    bucket: str
    starts: int
    ends: int
    count: int


class Kept(msgspec.Struct, array_like=True):
    """At most `calls` in any `length` ms. `gone`: (moment, calls that left then or before), in any order."""

    bucket: str
    length: int
    calls: int
    until: int  # the moment up to which somebody's word that it is so few is taken
    gone: list[tuple[int, int]]


class Budget(msgspec.Struct, array_like=True):
    """Calls left today. `until`: when it is another day's. `most`: of how many, where we count; `at`: when it was said,
    where the vendor does."""

    left: int
    until: int
    most: int = 0
    at: int = 0


class Pace(msgspec.Struct, array_like=True):
    number: int = 0  # of the latest lot
    windows: list[Kept] = msgspec.field(default_factory=list)
    lots: list[Lot] = msgspec.field(default_factory=list)
    resume_at: int = 0
    why: str = ""
    told: Budget | None = None  # by the vendor
    own: Budget | None = None  # by the YAML


# ---------------------------------------------------------------- what is asked and answered


@dataclass(frozen=True)
class Used:
    """What became of a lot: how many of its calls left, the last of them so many seconds ago."""

    number: int
    calls: int
    ago: float


@dataclass(frozen=True)
class Limit:
    """At most `calls` in any `seconds`, for the calls of `bucket`; for all of them where it is ""."""

    bucket: str
    calls: int
    seconds: float


@dataclass(frozen=True)
class Left:
    """Calls left of a day's budget, heard so many seconds ago. In `ends_in` seconds it is another day's; None: that is
    not told, or its window rolls."""

    calls: int
    ends_in: float | None = None
    most: int = 0
    ago: float = 0.0


@dataclass(frozen=True)
class Ask:
    """`cost` calls are to leave together, and about `wanted` soon; with a cost of 0 something is only told."""

    bucket: str = ""
    cost: int = 0
    wanted: int = 1
    limits: Sequence[Limit] = ()
    used: Sequence[Used] = ()
    told: Left | None = None
    own: Left | None = None
    pause: float = 0.0
    why: str = ""
    elsewhere: Limit | None = None  # so many calls of this window are gone, says the vendor
    unheard: bool = False
    """Whoever has not heard yet what the vendor says is left may find out by a call of its own, whatever others heard:
    the vendor's day may have turned."""


@dataclass(frozen=True)
class Lent:
    """`count` calls may leave in `starts_in` seconds and for `lasts` more. None may while a pause holds (for `pause`
    seconds), when the day's budget is spent (`left` is less than the cost), or while it is too early to ask (again in
    `starts_in`)."""

    number: int = 0
    count: int = 0
    starts_in: float = 0.0
    lasts: float = 0.0
    pause: float = 0.0
    why: str = ""
    left: int | None = None  # after what was lent


def answered(pace: Pace, ask: Ask, now: int) -> Lent:
    """Changes `pace` by what is told, and lends what is asked for."""
    _forget(pace, now)
    for used in ask.used:
        _settle(pace, used, now)
    _learn(pace, ask, now)
    pause = max(pace.resume_at - now, 0) / 1000
    left = _left(pace)
    if ask.unheard and pace.told is not None and pace.told.left < ask.cost:
        left = ask.cost if pace.own is None else min(max(pace.own.left, 0), ask.cost)
    if not ask.cost or pause or (left is not None and left < ask.cost):
        return Lent(pause=pause, why=pace.why if pause else "", left=left)
    return _lend(pace, ask, left, now)


# ---------------------------------------------------------------- lending


def _lend(pace: Pace, ask: Ask, left: int | None, now: int) -> Lent:
    holding = [window for window in pace.windows if window.bucket in ("", ask.bucket)]
    if not holding and left is None:
        return Lent(count=UNCOUNTED, lasts=_LONGEST_LOT / 1000)
    size = max(ask.wanted, ask.cost)
    if left is not None:
        size = min(size, max(left // _LOTS_IN_A_BUDGET, ask.cost))
    for window in holding:
        size = min(size, max(window.calls // _LOTS_IN_A_WINDOW, ask.cost))
    leaving = [(window, departures(pace, window)) for window in holding]
    starts = max([now, *(_earliest(window, gone, ask.cost) for window, gone in leaving)])
    if starts - now > _AHEAD:
        return Lent(starts_in=(starts - now) / 1000, left=left)
    for window, gone in leaving:
        size = min(size, max(window.calls - _counting(window, gone, starts), ask.cost))
    shortest = min((window.length for window in holding), default=_LONGEST_LOT * 20)
    lasts = min(max(shortest // 20, _SHORTEST_LOT), _LONGEST_LOT)
    pace.number = max(pace.number + 1, now)
    pace.lots.append(Lot(pace.number, ask.bucket, starts, starts + lasts, size))
    _spend(pace, size)
    return Lent(pace.number, size, (starts - now) / 1000, lasts / 1000, left=_left(pace))


def departures(pace: Pace, window: Kept) -> list[tuple[int, int]]:
    """When the calls that this window counts have left at the latest, and how many then."""
    lent = [(lot.ends, lot.count) for lot in pace.lots if window.bucket in ("", lot.bucket)]
    return sorted(chain(window.gone, lent), reverse=True)


def _earliest(window: Kept, leaving: Sequence[tuple[int, int]], cost: int) -> int:
    """From when on `cost` more calls fit."""
    room = window.calls - min(cost, window.calls)
    for moment, calls in leaving:
        room -= calls
        if room < 0:
            return moment + _kept(window)
    return 0


def _counting(window: Kept, leaving: Sequence[tuple[int, int]], moment: int) -> int:
    return sum(calls for left, calls in leaving if left + _kept(window) > moment)


def _kept(window: Kept) -> int:
    return int(kept(window.length / 1000) * 1000) + 1


# ---------------------------------------------------------------- what is told


def _settle(pace: Pace, used: Used, now: int) -> None:
    """A lot has been used: what did not leave is everybody's again. One that is not known any more is settled."""
    lot = next((lot for lot in pace.lots if lot.number == used.number), None)
    if lot is None:
        return
    pace.lots.remove(lot)
    left_at = max(min(lot.ends, now - int(used.ago * 1000)), lot.starts)
    for window in pace.windows:
        if used.calls and window.bucket in ("", lot.bucket):
            _count(window, left_at, used.calls)
    _spend(pace, used.calls - lot.count)


def _count(window: Kept, moment: int, calls: int) -> None:
    grain = max(window.length // _GRAIN, 1)
    moment = -(-moment // grain) * grain
    for at, (known, before) in enumerate(window.gone):
        if known == moment:
            window.gone[at] = (moment, before + calls)
            return
    window.gone.append((moment, calls))


def _learn(pace: Pace, ask: Ask, now: int) -> None:
    for limit in ask.limits:
        _keep_to(pace, limit, now)
    if ask.elsewhere is not None:
        _count_elsewhere(pace, ask.elsewhere, now)
    resume_at = now + min(ceil(ask.pause * 1000), _LONGEST_PAUSE)
    if ask.pause and resume_at > pace.resume_at:
        pace.resume_at, pace.why = resume_at, ask.why
    if ask.told is not None:
        _hear(pace, ask.told, now)
    if ask.own is not None:
        own = Budget(ask.own.calls, _ends(ask.own, now), ask.own.most)
        # Our own count is behind while others call; what is counted down here is not.
        if pace.own is not None and pace.own.most == own.most and abs(pace.own.until - own.until) < _TRUSTED:
            own.left = min(own.left, pace.own.left)
        pace.own = own


def _keep_to(pace: Pace, limit: Limit, now: int) -> None:
    """The strictest of what the processes say holds, for as long as one of them says it."""
    length = int(limit.seconds * 1000)
    until = now + max(_TRUSTED, 2 * length)
    window = _window(pace, limit.bucket, length)
    if window is None:
        pace.windows.append(Kept(limit.bucket, length, limit.calls, until, []))
    elif limit.calls <= window.calls or window.until < now:
        window.calls, window.until = limit.calls, until


def _count_elsewhere(pace: Pace, said: Limit, now: int) -> None:
    window = _window(pace, said.bucket, int(said.seconds * 1000))
    if window is None:
        return
    missing = min(said.calls, window.calls) - _counting(window, departures(pace, window), now)
    if missing > 0:
        _count(window, now, missing)


def _window(pace: Pace, bucket: str, length: int) -> Kept | None:
    return next((one for one in pace.windows if one.bucket == bucket and one.length == length), None)


# ---------------------------------------------------------------- budgets of a day


def _left(pace: Pace) -> int | None:
    known = [budget.left for budget in (pace.told, pace.own) if budget is not None]
    return max(min(known), 0) if known else None


def _spend(pace: Pace, calls: int) -> None:
    for budget in (pace.told, pace.own):
        if budget is not None:
            budget.left -= calls


def _hear(pace: Pace, told: Left, now: int) -> None:
    """The vendor's latest word counts, less what is lent: it may have seen none of that yet."""
    at = now - int(told.ago * 1000)
    if pace.told is not None and pace.told.at > at:
        return
    lent = sum(lot.count for lot in pace.lots if lot.ends > now)
    pace.told = Budget(max(told.calls - lent, 0), _trusted(told, now), at=at)


def _ends(left: Left, now: int) -> int:
    return now + _TRUSTED if left.ends_in is None else now + int(left.ends_in * 1000)


def _trusted(left: Left, now: int) -> int:
    """A vendor's number is old soon: others call as well, its day may end at another hour than we believe."""
    return min(_ends(left, now), now + _TRUSTED)


# ---------------------------------------------------------------- forgetting


def _forget(pace: Pace, now: int) -> None:
    """What no window counts any more. A moment to come is one of a clock that was set back since."""
    remembered = max([_REMEMBERED, *map(_kept, pace.windows)])
    pace.lots = [lot for lot in pace.lots if now - remembered < lot.ends < now + _FAR]
    for window in pace.windows:
        oldest, latest = now - _kept(window), now + max(window.length // _GRAIN, 1)
        window.gone = [(min(moment, latest), calls) for moment, calls in window.gone if moment > oldest]
        window.until = min(window.until, now + max(_TRUSTED, 2 * window.length))
    pace.windows = [window for window in pace.windows if window.until > now or window.gone]
    if pace.told is not None and not now < pace.told.until <= now + _TRUSTED:
        pace.told = None
    if pace.own is not None and not now < pace.own.until <= now + _LONGEST_DAY:
        pace.own = None
    if pace.resume_at > now + _LONGEST_PAUSE:
        pace.resume_at = 0
