"""Charts as SVG made here: there before any script runs, in print, and for a screen reader. Colours are the style
sheet's; the numbers stand in a table beneath each."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import orjson
from markupsafe import Markup, escape

from nps.figures import Tally
from nps.score import Segment
from npsync.reports.report import Point
from npsync.reports.wording import with_margin

WIDTH, HEIGHT = 720, 240
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 16, 28
MOST_LABELS = 12
_MOST = Decimal(100)


@dataclass(frozen=True)
class _Spot:
    """One period with people in it, in the picture's units."""

    x: float
    nps: Decimal
    margin: Decimal | None
    name: str
    said: str


def trend(points: Sequence[Point], target: Decimal | None) -> Markup:
    """The NPS as a line with its margin as a band, broken where nobody answered. Points without a margin are hollow."""
    spots = _spots(points)
    low, high = _reach(spots, target)

    def y(value: Decimal | float) -> float:
        return round(TOP + (high - float(value)) / (high - low) * (HEIGHT - TOP - BOTTOM), 1)

    parts = [
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(tick)}" y2="{y(tick)}"/>'
        f'<text class="tick" x="{LEFT - 8}" y="{y(tick) + 4}" text-anchor="end">{tick}</text>'
        for tick in _ticks(low, high)
    ]
    if low < 0 < high:
        parts.append(f'<line class="zero" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(0)}" y2="{y(0)}"/>')
    parts += [_band(run, y) for run in _with_margins(spots)]
    if target is not None:
        parts.append(
            f'<line class="target" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(target)}" y2="{y(target)}"/>'
        )
        parts.append(
            f'<text class="target-name" x="{WIDTH - RIGHT}" y="{y(target) - 6}" text-anchor="end">'
            f"target {target:f}</text>"
        )
    for run in _runs(spots):
        line = " ".join(f"{spot.x},{y(spot.nps)}" for spot in run)
        parts.append(f'<polyline class="line" points="{line}"/>')
    for spot in filter(None, spots):
        kind = "dot" if spot.margin is not None else "dot hollow"
        parts.append(
            f'<circle class="{kind}" cx="{spot.x}" cy="{y(spot.nps)}" r="4"><title>{escape(spot.said)}</title></circle>'
        )
    parts += _names(points)
    return _picture(WIDTH, HEIGHT, parts, "trend")


def trend_facts(points: Sequence[Point], target: Decimal | None) -> str:
    """The same for a script that draws it with something to point at (`static/trend.js`), as JSON."""
    spots = _spots(points)
    low, high = _reach(spots, target)
    told = {
        "names": [point.period.name for point in points],
        "nps": [None if spot is None else float(spot.nps) for spot in spots],
        "margin": [None if spot is None or spot.margin is None else float(spot.margin) for spot in spots],
        "said": ["" if spot is None else spot.said for spot in spots],
        "target": None if target is None else float(target),
        "low": low,
        "high": high,
        "every": -(-len(points) // MOST_LABELS) or 1,
    }
    return orjson.dumps(told).decode()


def trend_legend(points: Sequence[Point], target: Decimal | None) -> str:
    """What the picture's parts mean, as far as they are in it."""
    spots = [spot for spot in _spots(points) if spot is not None]
    told = ["the band is the margin"] if any(spot.margin is not None for spot in spots) else []
    if any(spot.margin is None for spot in spots):
        told.append("hollow points have too few people for a margin")
    if target is not None:
        told.append("the dashed line is the target")
    said = ", ".join(told)
    return f"{said[:1].upper()}{said[1:]}." if said else ""


def _spots(points: Sequence[Point]) -> list[_Spot | None]:
    return [_spot(point, _x(at, len(points))) for at, point in enumerate(points)]


def _spot(point: Point, x: float) -> _Spot | None:
    nps = point.tally.nps(1) if point.tally is not None else None
    if point.tally is None or nps is None:
        return None
    said = f"{point.period.name}: NPS {with_margin(point.tally)}, {point.tally.answers:,} people"
    return _Spot(x=x, nps=nps, margin=point.tally.margin(), name=point.period.name, said=said)


def _x(at: int, many: int) -> float:
    room = WIDTH - LEFT - RIGHT
    return round(LEFT + room * (at + 0.5) / many, 1)


def _reach(spots: Sequence[_Spot | None], target: Decimal | None) -> tuple[int, int]:
    """From where to where the axis goes: what is shown, in steps of ten, and never beyond what an NPS can be."""
    shown = [
        edge
        for spot in filter(None, spots)
        for edge in (spot.nps - (spot.margin or 0), spot.nps + (spot.margin or 0))
    ]
    shown += [target] if target is not None else []
    if not shown:
        return -100, 100
    low = max(-100, math.floor(min(shown) / 10) * 10)
    high = min(100, math.ceil(max(shown) / 10) * 10)
    if high - low < 20:
        low, high = max(-100, low - 10), min(100, high + 10)
    return low, high


def _ticks(low: int, high: int) -> range:
    step = next(step for step in (5, 10, 20, 25, 50) if (high - low) / step <= 6)
    return range(-(-low // step) * step, high + 1, step)


def _runs(spots: Sequence[_Spot | None]) -> list[list[_Spot]]:
    """Neighbours that a line joins."""
    runs: list[list[_Spot]] = [[]]
    for spot in spots:
        if spot is None:
            runs.append([])
        else:
            runs[-1].append(spot)
    return [run for run in runs if run]


def _with_margins(spots: Sequence[_Spot | None]) -> list[list[_Spot]]:
    return _runs([None if spot is None or spot.margin is None else spot for spot in spots])


def _band(run: Sequence[_Spot], y: Callable[[Decimal], float]) -> str:
    if len(run) == 1:  # a period alone: its margin as a bar
        [spot] = run
        assert spot.margin is not None
        top, bottom = y(min(_MOST, spot.nps + spot.margin)), y(max(-_MOST, spot.nps - spot.margin))
        return f'<rect class="band" x="{spot.x - 5}" y="{top}" width="10" height="{round(bottom - top, 1)}"/>'
    above = [f"{spot.x},{y(min(_MOST, spot.nps + (spot.margin or 0)))}" for spot in run]
    below = [f"{spot.x},{y(max(-_MOST, spot.nps - (spot.margin or 0)))}" for spot in reversed(run)]
    return f'<polygon class="band" points="{" ".join(above + below)}"/>'


def _names(points: Sequence[Point]) -> list[str]:
    every = -(-len(points) // MOST_LABELS)
    return [
        f'<text class="tick" x="{_x(at, len(points))}" y="{HEIGHT - 8}" text-anchor="middle">'
        f"{escape(point.period.name)}</text>"
        for at, point in enumerate(points)
        if at % every == 0
    ]


# ------------------------------------------------------------ segments and scores


def segments(tally: Tally, height: int = 20) -> Markup:
    """Promoters, passives and detractors as shares of one bar."""
    n = tally.answers or 1
    parts, x = [], 0.0
    for kind, many in zip(Segment, (tally.promoters, tally.passives, tally.detractors), strict=True):
        width = round(100 * many / n, 2)
        parts.append(
            f'<rect class="{kind}" x="{round(x, 2)}%" y="0" width="{width}%" height="{height}">'
            f"<title>{many:,} {kind}s</title></rect>"
        )
        x += width
    return Markup(
        f'<svg class="segments" width="100%" height="{height}" role="img" '
        f'aria-label="{tally.promoters:,} promoters, {tally.passives:,} passives, {tally.detractors:,} detractors">'
        f"{''.join(parts)}</svg>"
    )


def scores(people: Mapping[int, int], height: int = HEIGHT) -> Markup:
    """How many gave which score: eleven bars."""
    most = max(people.values(), default=0) or 1
    room, floor = (WIDTH - LEFT - RIGHT) / 11, height - BOTTOM
    parts = []
    for score in range(11):
        many = people.get(score, 0)
        tall = round((floor - TOP - 14) * many / most, 1)
        x = round(LEFT + room * score + room * 0.12, 1)
        middle = round(x + room * 0.38, 1)
        parts.append(
            f'<rect class="{Segment.of(score)}" x="{x}" y="{round(floor - tall, 1)}" width="{round(room * 0.76, 1)}" '
            f'height="{tall}"><title>{score}: {many:,} people</title></rect>'
            f'<text class="count" x="{middle}" y="{round(floor - tall - 5, 1)}" text-anchor="middle">{many:,}</text>'
            f'<text class="tick" x="{middle}" y="{height - 8}" text-anchor="middle">{score}</text>'
        )
    return _picture(WIDTH, height, parts, "scores")


def _picture(width: int, height: int, parts: Sequence[str], kind: str) -> Markup:
    """Hidden from screen readers: they read the table beneath."""
    return Markup(
        f'<svg class="chart {kind}" viewBox="0 0 {width} {height}" aria-hidden="true" focusable="false">'
        f"{''.join(parts)}</svg>"
    )


# ------------------------------------------------------------ one person, one account


@dataclass(frozen=True)
class Moment:
    """What was given or shown from a moment on. `kind`: a segment, or nothing."""

    at: datetime
    value: float
    kind: str
    said: str


_SMALL = 130


def over_time(moments: Sequence[Moment], *, low: float, high: float, ticks: Sequence[int]) -> Markup:
    """Few values over time as a line, in their true distances; of the same day side by side."""
    first, last = moments[0].at, moments[-1].at
    span = max((last - first).total_seconds(), 1.0)
    room = WIDTH - LEFT - RIGHT - 24

    def x(at: datetime) -> float:
        return round(LEFT + 12 + room * (at - first).total_seconds() / span, 1)

    def y(value: float) -> float:
        return round(TOP + (high - value) / (high - low) * (_SMALL - TOP - BOTTOM), 1)

    parts = [
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(tick)}" y2="{y(tick)}"/>'
        f'<text class="tick" x="{LEFT - 8}" y="{y(tick) + 4}" text-anchor="end">{tick}</text>'
        for tick in ticks
    ]
    line = " ".join(f"{x(one.at)},{y(one.value)}" for one in moments)
    parts.append(f'<polyline class="line" points="{line}"/>')
    parts += [
        f'<circle class="dot {escape(one.kind)}" cx="{x(one.at)}" cy="{y(one.value)}" r="5">'
        f"<title>{one.at:%Y-%m-%d}: {escape(one.said)}</title></circle>"
        for one in moments
    ]
    parts += [
        f'<text class="tick" x="{x(at)}" y="{_SMALL - 8}" text-anchor="{anchor}">{at:%Y-%m-%d}</text>'
        for at, anchor in ((first, "start"), (last, "end"))
    ]
    return _picture(WIDTH, _SMALL, parts, "over-time")
