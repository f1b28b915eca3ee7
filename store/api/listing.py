"""What waits for people and what was asked of customers, page by page: each answers from an index, however much is
stored. `before` is where the page before this one ended."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

import msgspec

from nps.asking import Invitation, InvitationState, Step, Suppression, SuppressionReason
from nps.changes import Cause
from store.api.asking import Verdict
from store.api.outbox import Outgoing
from store.api.values import DeadLetterRow, Settled, State, Stored

if TYPE_CHECKING:
    from store.past import Linked


class Pattern(msgspec.Struct, frozen=True):
    """Answers of a sync that wait for one and the same reason."""

    sync: str
    state: State
    code: str
    answers: int


class LetterGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Open dead letters that one act settles; `latest` is the last that came."""

    sync: str
    cause: Cause
    code: str
    letters: int
    latest: DeadLetterRow


class NotAsked(msgspec.Struct, frozen=True):
    """A trigger's no, and its number among the verdicts."""

    number: int
    verdict: Verdict


class Coming(msgspec.Struct, frozen=True, kw_only=True):
    """A message that is to be sent; free to be worked on from `at`."""

    at: datetime
    step: Step
    invitation: Invitation


class InForce(msgspec.Struct, frozen=True):
    """A suppression that nobody lifted, and its number."""

    number: int
    suppression: Suppression


class HeldDecision(msgspec.Struct, frozen=True, kw_only=True):
    """What a person decided about an answer that was held."""

    source: str
    id: str
    released: bool
    decided_at: datetime


class Listing(Protocol):
    """Looks only."""

    def patterns(self, syncs: Sequence[str], states: Collection[State]) -> list[Pattern]:
        """Why answers wait, the most frequent first."""
        ...

    def waiting_page(
        self,
        syncs: Sequence[str],
        states: Collection[State],
        *,
        code: str | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> list[tuple[Stored, Mapping[str, Settled]]]:
        """Answers in one of these states, by sync; the latest to arrive first, those with a smaller number than
        `before`."""
        ...

    def left_out(
        self, syncs: Sequence[str], *, limit: int = 50, offset: int = 0
    ) -> list[tuple[Stored, Mapping[str, Settled]]]:
        """Answers that people left out of one of these syncs, by sync; the latest to arrive first. Not what was taken
        back and waits for a run."""
        ...

    def answers_page(
        self, *, source: str | None = None, before: int | None = None, limit: int = 50
    ) -> list[Stored]:
        """The newest version of every answer, the latest to arrive first."""
        ...

    def letter_groups(self, *, sync: str | None = None) -> list[LetterGroup]:
        """Open letters by sync, cause and code, the most letters first."""
        ...

    def refused_page(
        self, *, sync: str | None = None, before: int | None = None, limit: int = 50
    ) -> list[Outgoing]:
        """What was to follow answers and was refused, or may not have arrived; the latest first."""
        ...

    def count_refused(self) -> int: ...

    def late_tasks(self, *, given_before: datetime, limit: int = 50, offset: int = 0) -> list[Outgoing]:
        """Tasks that were given before then and that nobody has closed, the oldest first."""
        ...

    def count_late_tasks(self, *, given_before: datetime) -> int: ...

    def manual_links(self, *, limit: int = 50, offset: int = 0) -> list[Linked]:
        """What people decided about whose answers are, the latest first."""
        ...

    def held_decisions(self, *, limit: int = 50, offset: int = 0) -> list[HeldDecision]:
        """What people decided about held answers, the latest first."""
        ...

    def not_asked_page(
        self,
        *,
        since: datetime,
        trigger: str | None = None,
        code: str | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> list[NotAsked]:
        """The latest first."""
        ...

    def invitations_page(
        self,
        *,
        trigger: str | None = None,
        state: InvitationState | None = None,
        before: tuple[datetime, str] | None = None,
        limit: int = 50,
    ) -> list[Invitation]:
        """The latest decided first; `before`: (created_at, id)."""
        ...

    def coming_page(self, *, after: tuple[datetime, int] | None = None, limit: int = 50) -> list[Coming]:
        """What is due next first; `after`: (at, the step's number)."""
        ...

    def count_coming(self, *, until: datetime | None = None) -> int:
        """How many messages are to be sent (until then)."""
        ...

    def suppressed_counts(self) -> dict[SuppressionReason, int]:
        """Under how many names of people a suppression is in force."""
        ...

    def suppressions_page(
        self, *, reason: SuppressionReason | None = None, before: int | None = None, limit: int = 50
    ) -> list[InForce]:
        """Those in force, the latest noted first."""
        ...
