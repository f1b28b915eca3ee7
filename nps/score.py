"""What a score means: strict parsing by the survey's metric, and the segment of an NPS score."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Literal

Metric = Literal["nps", "csat", "ces"]
Labelled = Literal["leading_number", "trailing_number"]

SCALES: dict[str, tuple[int, int]] = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7)}

_WHOLE = re.compile(r"[+-]?[0-9]{1,9}(?:\.0+)?", re.ASCII)
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?", re.ASCII)
_LABELLED = {
    "leading_number": re.compile(r"\s*([0-9]{1,2})(?![0-9.,])(?:\s*\D.*)?", re.ASCII | re.DOTALL),
    "trailing_number": re.compile(
        r"(?:.*[^0-9.,\s+-]\s*(?:[-–—:=(]\s*)?)?([0-9]{1,2})\s*\)?\s*", re.ASCII | re.DOTALL
    ),
}


class Segment(StrEnum):
    """Which of the three groups one person's NPS score belongs to."""

    PROMOTER = "promoter"
    PASSIVE = "passive"
    DETRACTOR = "detractor"

    @classmethod
    def of(cls, score: int) -> Segment:
        if not 0 <= score <= 10:
            raise ValueError(f"an NPS score is 0 to 10, got {score}")
        return cls.PROMOTER if score >= 9 else cls.PASSIVE if score >= 7 else cls.DETRACTOR


def segment_of(score: int | None, metric: str) -> Segment | None:
    """The segment of an NPS score. CSAT and CES have none: they never look like an NPS."""
    if score is None or metric != "nps":
        return None
    return Segment.of(score)
