"""What a score means: strict parsing by the survey's metric, and the segment of an NPS score."""

from __future__ import annotations

import math
import re
from enum import StrEnum
from functools import cache
from typing import Literal

from nps.errors import RejectedError

Labelled = Literal["leading_number", "trailing_number"]

SCALES: dict[str, tuple[int, int]] = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7)}

DETRACTORS_UP_TO = 6

_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?", re.ASCII)
# "10 - Extremely likely", "Extremely likely (10)". "9/10" and "9.5" are not whole answers: neither pattern
# takes a part.
_IN_TEXT: dict[str, re.Pattern[str]] = {
    "leading_number": re.compile(r"\A([0-9]+)(?![0-9]|[.,][0-9]|\s*/)", re.ASCII),
    "trailing_number": re.compile(r"(?<![0-9])(?<![0-9][.,])(?<!/)(?<!/ )([0-9]+)[^\w.,/]*\Z", re.ASCII),
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
        return cls.PROMOTER if score >= 9 else cls.PASSIVE if score > DETRACTORS_UP_TO else cls.DETRACTOR


@cache  # a handful of scores, asked for with every answer
def segment_of(score: int | None, metric: str) -> Segment | None:
    """The segment of an NPS score. CSAT and CES have none: they never look like an NPS."""
    if score is None or metric != "nps":
        return None
    return Segment.of(score)


def parse_score(raw: object, metric: str, labelled: Labelled | None = None) -> int:
    """The whole number a person gave: 9, 9.0 and "9" are 9; nothing is clamped, rounded or rescaled.

    Text with words in it ("Extremely likely - 10") is read only where the survey declares how (`labelled`).
    Raises RejectedError: score_missing, score_not_a_number, score_not_whole, score_out_of_range.
    """
    low, high = SCALES[metric]
    if type(raw) is int and low <= raw <= high:
        return raw
    number = _number(raw, labelled)
    if isinstance(number, float) and not number.is_integer():
        code = "score_not_whole" if math.isfinite(number) else "score_not_a_number"
        raise _refused(code, f"the score is not a whole number: {number:g}")
    if not low <= number <= high:
        raise _refused("score_out_of_range", f"the score is not between {low} and {high} ({metric})")
    return int(number)


def _number(raw: object, labelled: Labelled | None) -> int | float:
    """The number that was given, whatever its size."""
    if raw is None or (isinstance(raw, str) and not raw.strip()):
        raise _refused("score_missing", "the answer has no score")
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        return raw
    if not isinstance(raw, str):
        raise _refused("score_not_a_number", f"the score is not a number but of type {type(raw).__name__}")
    text = raw.strip()
    if _NUMBER.fullmatch(text):
        return float(text)
    if labelled and (found := _IN_TEXT[labelled].search(text)):
        return float(found[1])
    hint = "" if labelled else "; if the survey's scores are labelled text, declare how to read them"
    raise _refused("score_not_a_number", f"the score is not a number{hint}")


def _refused(code: str, message: str) -> RejectedError:
    return RejectedError(message, code=code, field="score")
