"""Answers and persons with defaults: a test names only what matters to it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from nps.responses import SurveyResponse
from nps.standing import Standing

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def answer(score: Any = 9, **rest: Any) -> SurveyResponse:
    return SurveyResponse(**{"source": "mail", "id": "a1", "answered_at": NOON, "score": score} | rest)


def standing(score: int = 9, **rest: Any) -> Standing:
    """A person; `comment`, `answered_at`, `properties` … go to the answer, the rest to the standing."""
    of_answer = {k: rest.pop(k) for k in list(rest) if k in SurveyResponse.__struct_fields__}
    return Standing(
        **{"response": answer(score, **of_answer), "score": score, "survey": "relationship"} | rest
    )
