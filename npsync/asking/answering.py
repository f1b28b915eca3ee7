"""What a link of ours leads to, and how an answer given there gets into the inbox.

Nothing here knows HTTP. Looking at a link changes nothing, however often and by whomever it is done.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections import OrderedDict, deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from connectors.contract import Clock
from nps.asking import INVITATION, Invitation, InvitationState, StepState
from nps.keys import person_number
from nps.responses import Cursor, Page, SurveyResponse
from nps.surveys import OWN_PAGE, SurveySpec
from nps.suspicion import SUSPICION, Rule
from nps.values import Json
from npsync.config import Config
from npsync.logs import notice
from store.api import Store

LONGEST_COMMENT = 5_000  # characters
UNLESS_SAID = timedelta(days=30)  # how long an answer is taken where the invitation does not say
REMEMBERED_CLICKS = 64
REMEMBERED_LINKS = 10_000

LINK = re.compile(r"[A-Za-z0-9_-]{16,64}")
_UNDER_WAY = (StepState.SENDING, StepState.ACCEPTED, StepState.UNKNOWN)


class Closed(StrEnum):
    """Why a link takes no answer."""

    UNKNOWN = "unknown"  # no such invitation, or one that was never sent
    OVER = "over"
    ANSWERED = "answered"  # and too late to change it


@dataclass(frozen=True)
class Open:
    """A question that may be answered until then. `invitation` is None for a look at the wording."""

    survey: SurveySpec
    name: str
    invitation: Invitation | None = None
    until: datetime | None = None
    again: bool = False  # it has been answered before


class Kept(Protocol):
    """Where answers are kept: what a `Site` is, and a process without a web may be."""

    @property
    def config(self) -> Config: ...

    @property
    def store(self) -> Store: ...

    @property
    def clock(self) -> Clock: ...


class AnswerDesk:
    """Takes answers for one site. Thread-safe."""

    def __init__(self, site: Kept) -> None:
        self._site, self._store, self._config = site, site.store, site.config
        self._turn = threading.Lock()
        self._clicks: OrderedDict[str, deque[tuple[datetime, int]]] = OrderedDict()

    def look(self, id: str) -> Open | Closed:
        """What is behind this link now."""
        invitation = self._store.invitation(id) if LINK.fullmatch(id) else None
        if invitation is None:
            return Closed.UNKNOWN
        if invitation.sent_at is None and invitation.answered_at is None and not self._left(id):
            return Closed.UNKNOWN
        survey = self._config.surveys.get(invitation.survey)
        if survey is None or not survey.ask:
            notice("survey_not_in_yaml", survey=invitation.survey)
            return Closed.OVER
        now = self._site.clock.now()
        if invitation.answered_at is not None:
            until = invitation.answered_at + survey.edit_window
            return (
                Open(survey, invitation.survey, invitation, until, again=True)
                if now < until
                else Closed.ANSWERED
            )
        until = invitation.expires_at or (
            (invitation.sent_at or invitation.due_at) + (survey.expires or UNLESS_SAID)
        )
        if invitation.state is InvitationState.EXPIRED or now >= until:
            return Closed.OVER
        return Open(survey, invitation.survey, invitation, until)

    def _left(self, id: str) -> bool:
        """Whether a message of it may be in somebody's hands although its outcome is not settled yet."""
        return any(step.state in _UNDER_WAY for step in self._store.steps_of(id))

    def take(self, found: Open, score: int, comment: str | None) -> datetime:
        """Store the answer, durably; a comment that is None or empty leaves an earlier one as it is. The same answer
        again changes nothing. Returns until when it may be changed."""
        now = self._site.clock.now()
        if found.invitation is None:
            return now + found.survey.edit_window
        invitation = found.invitation
        with self._turn:  # of two equal answers at the same moment one is the repetition
            before = self._store.answer(OWN_PAGE, invitation.id)
            said = tidied(comment or "") or (None if before is None else before.comment)
            if before is None or (before.score, before.comment) != (score, said):
                response = self._response(found, invitation, before, score, said, now)
                person = person_number(response, self._config.phone_region)
                # The inbox first: what a crash leaves undone after it is a reminder that will not be sent to somebody
                # who has answered, for the ledger looks into the inbox, too.
                self._store.append(
                    OWN_PAGE, Page((response,), Cursor({})), [person], received_at=now, durable=True
                )
            if invitation.answered_at is None:
                self._store.answered(invitation.id, now=now)
        return (invitation.answered_at or now) + found.survey.edit_window

    def _response(
        self,
        found: Open,
        invitation: Invitation,
        before: SurveyResponse | None,
        score: int,
        said: str | None,
        now: datetime,
    ) -> SurveyResponse:
        names = dict(name.partition(":")[::2] for name in self._store.keys_of(invitation.id))
        properties: dict[str, Json] = {INVITATION: invitation.id}
        if said is None and (rule := self._suspicion(found.survey, invitation, now)) is not None:
            properties[SUSPICION] = rule.value
        return SurveyResponse(
            source=OWN_PAGE,
            id=invitation.id,
            answered_at=now if before is None else before.answered_at,
            updated_at=None if before is None else now,
            survey=invitation.survey,
            score=score,
            comment=said,
            email=names.get("email"),
            phone=names.get("phone"),
            external_id=names.get("id"),
            channel=self._channel(invitation),
            invited_at=invitation.sent_at,
            properties=properties,
        )

    def _channel(self, invitation: Invitation) -> str | None:
        connection = self._config.connections.get(invitation.via or "")
        how = connection.connector.sends(connection.settings) if connection is not None else None
        return None if how is None else how.channel.value

    # ------------------------------------------------------------ robots

    def clicked(self, id: str, score: int) -> None:
        """A link with this score was opened. It is a signal and no answer: programs that look for harm open all links
        of a mail. It is kept in this process only, for a minute's judgement."""
        now = self._site.clock.now()
        with self._turn:
            clicks = self._clicks.pop(id, None) or deque(maxlen=REMEMBERED_CLICKS)
            clicks.append((now, score))
            self._clicks[id] = clicks
            while len(self._clicks) > REMEMBERED_LINKS:
                self._clicks.popitem(last=False)

    def _suspicion(self, survey: SurveySpec, invitation: Invitation, now: datetime) -> Rule | None:
        """What a program does and a person does not; called by `take`, which holds the turn."""
        if (several := survey.hold.several_scores) is not None:
            since = now - timedelta(seconds=several.seconds)
            scores = {score for at, score in self._clicks.get(invitation.id, ()) if at >= since}
            if len(scores) >= several.scores:
                return Rule.SEVERAL_SCORES
        soon, sent_at = survey.hold.too_soon, invitation.sent_at
        if soon is not None and sent_at is not None and now - sent_at < timedelta(seconds=soon.seconds):
            return Rule.TOO_SOON
        return None


def tidied(comment: str) -> str:
    """A comment as it is kept: ordinary line ends, nothing that cannot be seen or stored."""
    lines = comment.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(
        sign for sign in lines if sign in "\n\t" or unicodedata.category(sign) not in ("Cc", "Cs")
    ).strip()
