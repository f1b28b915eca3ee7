"""What a notification of topic content_stat.survey says: one answer, or all of a completed survey. Pure.

Where its keys stand is not documented, so every one is a path of the settings, and what is not there is said.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.contract import LeftOut
from connectors.declared.expressions import NotForThis, compiled
from connectors.intercom.settings import Answers
from nps.events import Answered
from nps.responses import SurveyResponse

TOPIC = "content_stat.survey"
CONTACT = "contact"

# Notifications come in any order: the whole replaces its parts, and none of them the whole.
_WHOLE = timedelta(milliseconds=1)
_ANSWER, _COMPLETION = "answer", "completion"
_OTHER = frozenset({"receipt", "goal_success", "click", "dismissal"})
_ZERO_TO_TEN = re.compile(r"[0-9]|10", re.ASCII)


class _Elsewhere(Exception):
    """A value is not where the settings look for it."""


def answered(item: Mapping[str, Any], how: Answers, key: str, at: datetime) -> Answered | LeftOut | None:
    """None for what tells no score: a survey was seen, dismissed, or another question answered."""
    try:
        return _answered(item, how, key, at)
    except _Elsewhere as missing:
        reason = f"a survey's notification does not hold what answers.{missing} looks for; see how Intercom nests it"
        return LeftOut("survey_shape", reason)


def _answered(item: Mapping[str, Any], how: Answers, key: str, at: datetime) -> Answered | None:
    kind = _found(how.kind, item)
    if kind in _OTHER:
        return None
    if kind not in (_ANSWER, _COMPLETION):
        raise _Elsewhere("kind")
    entries = _entries(item, how) if kind == _COMPLETION else [_found(how.entry, item)]
    said = {str(_found(how.question, each)): each for each in entries}
    if set(said) == {"None"}:
        raise _Elsewhere("question")
    scored = said.get(how.score)
    if scored is None:
        return None
    contact, survey = _text(_found(how.contact, item)), _text(_found(how.survey, item))
    moment = _moment(_found(how.answered_at, scored))
    for name, value in (("contact", contact), ("survey", survey), ("answered_at", moment)):
        if value is None:
            raise _Elsewhere(name)
    assert moment is not None
    # The same in each notification of one answer, whether it tells of one question or of all.
    id = f"{contact}/{survey}/{how.score}/{int(moment.timestamp())}"
    comment = said.get(how.comment or "")
    response = SurveyResponse(
        source="",
        id=id,
        answered_at=moment,
        updated_at=moment if kind == _ANSWER else max(_moments(entries, how), default=moment) + _WHOLE,
        survey=survey,
        score=_score(_found(how.response, scored)),
        comment=None if comment is None else _text(_found(how.response, comment)),
    )
    return Answered(key=key, at=at, id=id, survey=survey, response=response, about={CONTACT: str(contact)})


def _entries(item: Mapping[str, Any], how: Answers) -> Sequence[Any]:
    entries = _found(how.entries, item)
    if not isinstance(entries, list):
        raise _Elsewhere("entries")
    return entries


def _moments(entries: Sequence[Any], how: Answers) -> list[datetime]:
    found = (_moment(_found(how.answered_at, each)) for each in entries)
    return [moment for moment in found if moment is not None]


def _score(value: Any) -> int | str | None:
    """A text that is a whole number from 0 to 10 is that number; anything else is for the survey's metric to refuse."""
    if isinstance(value, str) and _ZERO_TO_TEN.fullmatch(value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return _text(value)


def _found(path: str, value: Any) -> Any:
    try:
        return compiled(path)(value)
    except NotForThis:
        return None


def _text(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value) or None


def _moment(value: Any) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 32_503_680_000:
        return None
    return datetime.fromtimestamp(value, UTC)
