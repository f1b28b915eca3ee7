"""Anonymous programmes: who answered is dropped before anything is stored."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from datetime import datetime, time
from hashlib import sha256
from zoneinfo import ZoneInfo

import msgspec

from nps.events import Answered
from nps.responses import SurveyResponse

COMMENT = "comment"
"""Among the safe properties it stands for the comment: people write their names into it."""

_MARK = "anonymous-"
_UNREADABLE = "this answer could not be read"


@dataclass(frozen=True)
class Anonymous:
    """Which answers of one connection are anonymous, and how they are kept. `surveys` are ids in the connection's own
    words; None: all it has."""

    pepper: str = field(repr=False)
    surveys: frozenset[str] | None
    zone: ZoneInfo
    safe: frozenset[str] = frozenset()

    def covers(self, survey: str | None) -> bool:
        return self.surveys is None or survey in self.surveys

    def kept(self, response: SurveyResponse) -> SurveyResponse:
        """What is left of an answer: its score, its day, its channel, and what was declared safe. The id is a keyed
        hash, so that the same answer, read again, is the same. Doing it twice changes nothing."""
        day = datetime.combine(response.answered_at.astimezone(self.zone).date(), time(12), self.zone)
        return SurveyResponse(
            source=response.source,
            id=self._hidden(response.source, response.id),
            answered_at=day,
            survey=response.survey,
            score=response.score,
            comment=response.comment if COMMENT in self.safe else None,
            channel=response.channel,
            status=response.status,
            properties={name: value for name, value in response.properties.items() if name in self.safe},
            problem=None if response.problem is None else _UNREADABLE,
        )

    def pushed(self, arrival: Answered) -> Answered | None:
        """What is left of an anonymous answer that was pushed: that there is one, for the source to be read. None: it
        is not anonymous."""
        survey = arrival.survey if arrival.response is None else arrival.response.survey
        if not self.covers(survey):
            return None
        key = _MARK + sha256(arrival.key.encode("utf-8", "replace")).hexdigest()[:32]
        return Answered(key=key, connection=arrival.connection, at=arrival.at, survey=survey)

    def _hidden(self, source: str, id: str) -> str:
        if id.startswith(_MARK):
            return id
        text = msgspec.json.encode([_MARK, source, id])
        return _MARK + hmac.digest(self.pepper.encode(), text, sha256).hex()[:32]
