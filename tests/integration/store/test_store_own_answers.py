"""Answers from our own page: nothing else has them, so they are on the disk when the page says thanks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from nps.responses import Cursor, Page, SurveyResponse

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def answer(score: int, comment: str | None = None, **changes: Any) -> SurveyResponse:
    return SurveyResponse(source="npsync", id="i1", answered_at=NOW, score=score, comment=comment, **changes)


def append(store: Any, *responses: SurveyResponse) -> Any:
    return store.append(
        "npsync", Page(responses, Cursor({})), [1] * len(responses), received_at=NOW, durable=True
    )


def test_the_newest_version_of_an_answer_is_read_back(store):
    append(store, answer(3))
    append(store, answer(9, "better now", updated_at=NOW))
    assert store.answer("npsync", "i1") == answer(9, "better now", updated_at=NOW)


def test_an_answer_nobody_gave_is_none(store):
    append(store, answer(3))
    assert store.answer("npsync", "i2") is None
    assert store.answer("wootric", "i1") is None
