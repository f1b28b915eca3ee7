"""What templates may say: figures in words and pictures."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from nps.figures import ENOUGH, Tally
from nps.score import Segment
from npsync.reports import wording
from npsync.web.dashboard import charts


def why_no_margin(tally: Tally) -> str:
    """For a title: why a number stands alone."""
    if not tally.answers:
        return "nobody answered"
    return f"below {ENOUGH} people the NPS jumps with every answer" if tally.answers < ENOUGH else ""


def exact(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M} {zone.key}"


def ago(at: datetime, now: datetime) -> str:
    """A time as people say it."""
    minutes = max(0, int((now - at).total_seconds() // 60))
    for size, name in (
        (60 * 24 * 365, "year"),
        (60 * 24 * 30, "month"),
        (60 * 24, "day"),
        (60, "hour"),
        (1, "minute"),
    ):
        if minutes >= size:
            many = minutes // size
            return f"{many} {name}{'' if many == 1 else 's'} ago"
    return "just now"


GLOBALS: dict[str, Any] = {
    "with_margin": wording.with_margin,
    "change_text": wording.change_text,
    "verdict": wording.verdict,
    "percent": wording.percent,
    "people": wording.people,
    "aim": wording.aim,
    "at_risk_text": wording.at_risk_text,
    "movement_text": wording.movement_text,
    "portfolio_text": wording.portfolio_text,
    "loop_text": wording.loop_text,
    "counts_only_text": wording.counts_only_text,
    "why_no_margin": why_no_margin,
    "exact": exact,
    "ago": ago,
    "trend": charts.trend,
    "segment_bar": charts.segments,
    "score_bars": charts.scores,
    "Segment": Segment,
    "segment_of": Segment.of,
    "segment_named": Segment,
    "enough": ENOUGH,
}
