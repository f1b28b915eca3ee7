"""Answers to our own invitations: whose record they belong to, and what happened that made us ask.

An answer names its invitation by a property, whichever tool it was given in. Nearly no answer of most sources does, so
nothing is looked up for those.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from nps.asking import INVITATION, Invitation, InvitationState
from nps.responses import ResponseStatus, SurveyResponse
from nps.values import Json
from store.api import Store

_NOTHING: Mapping[str, Json] = {}


class Invited:
    """The invitations behind answers, each read once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, Invitation | None] = {}

    def learn(self, responses: Iterable[SurveyResponse]) -> None:
        """Read the invitations of all of these together."""
        named = {id for one in responses if one.properties and (id := _named(one)) is not None}
        if missing := sorted(named - self._known.keys()):
            found = {one.id: one for one in self._store.invitations(ids=missing, limit=len(missing))}
            self._known |= {id: found.get(id) for id in missing}

    def of(self, response: SurveyResponse) -> Invitation | None:
        """The invitation it answers; None for an answer nobody asked for, or to one that is not ours."""
        if not response.properties or (id := _named(response)) is None:
            return None
        if id not in self._known:
            self.learn([response])
        return self._known[id]

    def event(self, response: SurveyResponse) -> Mapping[str, Json]:
        """`event.*` of this answer."""
        invitation = self.of(response)
        return _NOTHING if invitation is None else invitation.event


def close_answered(store: Store, responses: Iterable[SurveyResponse]) -> None:
    """Invitations whose answer came back through a survey tool are answered: no reminder follows. A tool may keep the
    invitation with the person and hand it back with a later answer too, so it has to lie within its time."""
    named = {id: one for one in responses if one.properties and (id := _named(one)) is not None}
    if not named:
        return
    for invitation in store.invitations(ids=sorted(named), limit=len(named)):
        answer = named[invitation.id]
        if invitation.state is not InvitationState.SENT or answer.status is not ResponseStatus.COMPLETE:
            continue
        began, ends = invitation.sent_at, invitation.expires_at
        if began is not None and began <= answer.answered_at <= (ends or answer.answered_at):
            store.answered(invitation.id, now=answer.answered_at)


def _named(response: SurveyResponse) -> str | None:
    id = response.properties.get(INVITATION)
    return id if isinstance(id, str) and id else None
