"""Answers to Intercom's own surveys: read out of notifications of no documented shape, and told when it differs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from connectors.contract import Posted, Taken
from connectors.intercom.inbound import IntercomInbound, signature
from connectors.intercom.settings import IntercomSettings

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
GIVEN = int(NOW.timestamp()) - 60
SCORE = {"question_id": "5001", "question_text": "How likely?", "response": "9", "answered_at": GIVEN}
COMMENT = {"question_id": "5002", "question_text": "Why?", "response": "Œuf", "answered_at": GIVEN + 9}
STAT = {"stat_type": "completion", "content_id": "29001"}
PERSON = {"contact": {"type": "contact", "id": "c1"}}


def taken(item: dict[str, Any], topic: str = "content_stat.survey", **answers: str) -> Taken:
    given = {
        "access_token": "token",
        "hooks": {"client_secret": "secret"},
        "answers": {"score": "5001", "comment": "5002", **answers},
    }
    told = {"topic": topic, "id": "notif_1", "created_at": int(NOW.timestamp()), "data": {"item": item}}
    body = orjson.dumps(told)
    headers = {"x-hub-signature": signature("secret", body)}
    inbound = IntercomInbound(IntercomSettings.model_validate(given))
    return inbound.receive(Posted("POST", "https://nps.acme.example/hooks/chat", headers, body, NOW))


def completion(score: Any = "9", *, beside: bool = False, **more: Any) -> dict[str, Any]:
    answers = {"answers": [SCORE | {"response": score}, COMMENT], **PERSON, **more}
    return {"content_stat": STAT, **answers} if beside else {"content_stat": {**STAT, **answers}}


@pytest.mark.parametrize("beside", [False, True])
def test_a_completed_survey_is_an_answer_with_its_comment_wherever_the_keys_stand(beside: bool):
    [told] = taken(completion(beside=beside)).arrivals
    assert (told.response.score, told.response.comment, told.survey) == (9, "Œuf", "29001")
    assert told.about == {"contact": "c1"}


@pytest.mark.parametrize("beside", [False, True])
def test_the_score_alone_is_the_same_answer_before_it_is_complete(beside: bool):
    stat = {**STAT, "stat_type": "answer"}
    item = (
        {"content_stat": stat, **SCORE, **PERSON} if beside else {"content_stat": {**stat, **SCORE, **PERSON}}
    )
    [first], [whole] = taken(item).arrivals, taken(completion()).arrivals
    assert first.id == whole.id
    assert (first.response.score, first.response.comment) == (9, None)
    assert first.response.updated_at < whole.response.updated_at  # in whatever order they come


@pytest.mark.parametrize(
    ("said", "score"),
    [("0", 0), ("10", 10), (7, 7), ("11", "11"), ("9.0", "9.0"), (" 9", " 9"), ("٩", "٩"), (True, None)],
)
def test_only_a_whole_number_from_0_to_10_is_a_score(said: Any, score: Any):
    [told] = taken(completion(said)).arrivals
    assert told.response.score == score


@pytest.mark.parametrize("kind", ["receipt", "goal_success", "click", "dismissal"])
def test_that_a_survey_was_seen_is_no_answer(kind: str):
    done = taken({"content_stat": {**STAT, "stat_type": kind, **PERSON}})
    assert (done.arrivals, done.left_out, done.reply.status) == ((), (), 200)


def test_an_answer_to_another_question_waits_for_the_whole():
    stat = {**STAT, "stat_type": "answer"}
    assert taken({"content_stat": {**stat, **COMMENT, **PERSON}}).arrivals == ()


@pytest.mark.parametrize(
    ("item", "name"),
    [
        ({"stat": "answer"}, "kind"),
        ({"content_stat": {**STAT, **PERSON}}, "entries"),
        ({"content_stat": {**STAT, **PERSON, "answers": [{"question": {"id": "5001"}}]}}, "question"),
        ({"content_stat": {**STAT, "answers": [SCORE]}}, "contact"),
        ({"content_stat": {"stat_type": "completion", "answers": [SCORE], **PERSON}}, "survey"),
        ({"content_stat": {**STAT, "answers": [{**SCORE, "answered_at": None}], **PERSON}}, "answered_at"),
    ],
)
def test_a_shape_that_differs_is_said_by_the_setting_that_looks_elsewhere(item: dict[str, Any], name: str):
    done = taken(item)
    [left_out] = done.left_out
    assert (done.arrivals, left_out.code) == ((), "survey_shape")
    assert f"answers.{name} looks for" in left_out.reason


def test_a_setting_follows_intercom_to_another_shape():
    item = {
        "content_stat": {**STAT, "answers": [{**SCORE, "answered_at": None, "at": {"s": GIVEN}}], **PERSON}
    }
    [told] = taken(item, answered_at="at.s").arrivals
    assert told.response.answered_at == datetime.fromtimestamp(GIVEN, UTC)


def test_the_rating_of_a_conversation_is_satisfaction_and_never_an_answer_here():
    rated = {"type": "conversation", "id": "1", "conversation_rating": {"rating": 5}, **completion()}
    assert taken(rated, topic="conversation.rating.added").arrivals == ()


def test_a_setting_that_is_no_path_is_refused():
    with pytest.raises(ValidationError, match="no JMESPath"):
        taken(completion(), kind="a =")
