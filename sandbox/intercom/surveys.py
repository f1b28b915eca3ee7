"""Intercom's own surveys: nothing reads them over the API, so all that is told of an answer is its notification."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.toy import Row

TOPIC = "content_stat.survey"
SURVEY = "29001"
SCORE, COMMENT = ("5001", "How likely are you to recommend us?"), ("5002", "Why?")
Tell = Callable[[str, Row], None]


class Surveys:
    """Where the keys of an answer stand is not documented: `inside` content_stat, or `beside` it."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._numbers = itertools.count(1)

    def answer(self, contact: Row, given: Row, now: int, *, nesting: str, whole_contact: bool) -> list[Row]:
        """An `answer` for each question, and a `completion` with all of them, unless somebody left before the end."""
        told = [
            {"question_id": id, "question_text": text, "response": str(given[name]), "answered_at": now}
            for name, (id, text) in (("score", SCORE), ("comment", COMMENT))
            if given.get(name) is not None
        ]
        told_of = _person(contact, whole=whole_contact)
        sent = [self._item("answer", one, told_of, given, nesting) for one in told]
        if given.get("finished", True):
            answers = {"answers": told, "completed_at": now}
            sent.append(self._item("completion", answers, told_of, given, nesting))
        return sent

    def other(self, kind: str, contact: Row, given: Row, *, nesting: str, whole_contact: bool) -> list[Row]:
        """What is no answer: receipt, click, dismissal, goal_success."""
        return [self._item(kind, {}, _person(contact, whole=whole_contact), given, nesting)]

    def _item(self, kind: str, more: Mapping[str, Any], person: Row, given: Row, nesting: str) -> Row:
        stat: Row = {
            "type": "content_stat",
            "id": f"cs_{next(self._numbers):08d}",
            "stat_type": kind,
            "content_type": "survey",
            "content_id": str(given.get("survey", SURVEY)),
        }
        known = {**more, "contact": person}
        inside = nesting == "inside"
        item = {"content_stat": {**stat, **known}} if inside else {"content_stat": stat, **known}
        self._tell(TOPIC, item)
        return item


def _person(contact: Row, *, whole: bool) -> Row:
    names = ("id", "external_id", "email", "phone", "name", "role") if whole else ("id",)
    return {"type": "contact", **{name: contact[name] for name in names}}
