"""An account's picture: the score of each of its people over time, and the NPS that it showed meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup, escape

from npsync.web.dashboard.charts import Moment

WIDTH, HEIGHT = 720, 210
LEFT, RIGHT, TOP, BOTTOM = 44, 60, 14, 28
_SCORES, _NPS = (0, 7, 9), (-100, -50, 0, 50, 100)


@dataclass(frozen=True)
class _Frame:
    """From when to when, and where that is in the picture."""

    first: datetime
    last: datetime

    def x(self, at: datetime) -> float:
        span = max((self.last - self.first).total_seconds(), 1.0)
        return round(LEFT + 12 + (WIDTH - LEFT - RIGHT - 24) * (at - self.first).total_seconds() / span, 1)


def _y(value: float, low: float, high: float) -> float:
    return round(TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM), 1)


def account_chart(people: Sequence[Moment], shown: Sequence[Moment], now: datetime) -> Markup | None:
    """Dots are people, by the scale at the left; hollow ones count no more. The line is the NPS, by the scale at the
    right: it holds until the next one. None where there is nothing to compare with anything."""
    if len(people) + len(shown) < 2:
        return None
    moments = [one.at for one in (*people, *shown)]
    frame = _Frame(min(moments), max(now, *moments) if shown else max(moments))
    parts = [*_axes(bool(shown)), *_line(frame, shown), *_dots(frame, people), *_dates(frame)]
    return Markup(
        f'<svg class="chart account-chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="chart-name '
        f'chart-told" focusable="false"><title id="chart-name">Scores of its people over time</title>'
        f'<desc id="chart-told">{escape(_told(people, shown))}</desc>{"".join(parts)}</svg>'
    )


def _told(people: Sequence[Moment], shown: Sequence[Moment]) -> str:
    """The picture in words."""
    told = []
    if people:
        scores = [one.value for one in people]
        said = f"{len(people)} people scored" if len(people) > 1 else "One person scored"
        reach = f"{min(scores):g} to {max(scores):g}" if min(scores) < max(scores) else f"{scores[0]:g}"
        told.append(
            f"{said} {reach}, from {min(one.at for one in people):%Y-%m-%d} to "
            f"{max(one.at for one in people):%Y-%m-%d}."
        )
    if shown:
        first, last = shown[0], shown[-1]
        told.append(
            f"The NPS it showed went from {first.said} on {first.at:%Y-%m-%d} to {last.said} on {last.at:%Y-%m-%d}."
            if len(shown) > 1
            else f"It showed an NPS of {first.said} on {first.at:%Y-%m-%d}."
        )
    return " ".join(told)


def _axes(with_nps: bool) -> Iterator[str]:
    for score in _SCORES:
        y = _y(score, 0, 10)
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>'
        yield f'<text class="tick" x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{score}</text>'
    for nps in _NPS if with_nps else ():
        yield f'<text class="tick" x="{WIDTH - RIGHT + 8}" y="{_y(nps, -100, 100) + 4}">{nps}</text>'


def _line(frame: _Frame, shown: Sequence[Moment]) -> Iterator[str]:
    if not shown:
        return
    corners: list[str] = []
    for one in shown:
        y = _y(one.value, -100, 100)
        if corners:
            corners.append(f"{frame.x(one.at)},{corners[-1].partition(',')[2]}")
        corners.append(f"{frame.x(one.at)},{y}")
    corners.append(f"{frame.x(frame.last)},{corners[-1].partition(',')[2]}")
    yield f'<polyline class="line" points="{" ".join(corners)}"/>'
    for one in shown:
        yield (
            f'<circle class="dot" cx="{frame.x(one.at)}" cy="{_y(one.value, -100, 100)}" r="3">'
            f"<title>{one.at:%Y-%m-%d}: NPS {escape(one.said)}</title></circle>"
        )


def _dots(frame: _Frame, people: Sequence[Moment]) -> Iterator[str]:
    for one in people:
        yield (
            f'<circle class="person {escape(one.kind)}" cx="{frame.x(one.at)}" cy="{_y(one.value, 0, 10)}" r="5">'
            f"<title>{one.at:%Y-%m-%d}: {escape(one.said)}</title></circle>"
        )


def _dates(frame: _Frame) -> Iterator[str]:
    for at, anchor in ((frame.first, "start"), (frame.last, "end")):
        yield (
            f'<text class="tick" x="{frame.x(at)}" y="{HEIGHT - 8}" text-anchor="{anchor}">{at:%Y-%m-%d}</text>'
        )
