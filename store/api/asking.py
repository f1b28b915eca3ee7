"""Invitations and their steps, and what the triggers said about each event."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from nps.asking import Decision, Invitation, InvitationState, Past, Step, Suppression
from nps.sending import SendOutcome

Judge = Callable[[Sequence[Past], Sequence[Suppression], int, int], Decision]
"""Decides about a person inside the transaction, so it must be pure and quick: past (latest first), suppressions in
force, asks to the account, messages of ours sent today (0 where no account, no cap was named)."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a trigger said about one event (or one person whose turn it was): the trail that explains. `code`: queued,
    shadow, suppressed codes of the policy, not_meant (its `where`), no_person, stale, cancelled …"""

    trigger: str
    event: int | None = None  # its number
    at: datetime
    scope: str = ""  # connection.object of the person's record
    record_id: str | None = None
    code: str
    reason: str
    invitation: str | None = None


class Claimed(msgspec.Struct, frozen=True):
    """A due step that this process may work on until `until`, and for so many `seconds` more from the moment it begins
    to send; `token` fences it."""

    step: Step
    invitation: Invitation
    token: int
    until: datetime
    seconds: float


class Invitations(Protocol):
    """Who is to be asked, when; who was; and what became of it."""

    def decide_event(
        self,
        number: int | None,
        invitations: Sequence[tuple[Invitation, Step | None]],
        verdicts: Sequence[Verdict],
        cancelled: Mapping[str, tuple[str, str]],
        *,
        now: datetime,
    ) -> list[str]:
        """Everything the triggers said about one event, in ONE durable transaction: invitations (one whose `dedupe` is
        known is left out, and so is its verdict), verdicts, cancellations (invitation → code, reason; only of what is
        still queued or shadow), and the event counts as decided. Returns the ids that were cancelled."""
        ...

    def queued_about(self, connection: str, object: str, id: str) -> list[Invitation]:
        """Invitations that wait (queued or shadow) because of an event about this subject."""
        ...

    def claim_steps(self, owner: str, *, now: datetime, limit: int, seconds: float) -> list[Claimed]:
        """Due steps, oldest first, each for one process at a time. Steps far in the future cost nothing. What a
        process held that is known to be gone, or too long, is free again, unless it was `sending`."""
        ...

    def reserve(
        self,
        claimed: Claimed,
        keys: Sequence[str],
        judge: Judge,
        *,
        way: int,
        via: str | None = None,
        message: str | None = None,
        account: str | None,
        account_since: datetime | None,
        day_began: datetime | None,
        now: datetime,
    ) -> Decision:
        """Decide again, under a lock over everybody with one of these `keys`: `judge(past, suppressions, asks to the
        account, sent today)` is called inside the transaction. Send: the step is `sending` by this `way` and `via` this
        connection (which tells whom to ask about its fate, should the process die), its message is known as
        `message` where the sender chooses that id, and the ledger holds a reservation, committed durably before this
        returns. Wait: the step is due again then. Suppress: the step is suppressed, and
        with the first one (ask) its invitation. `account_since` and `day_began` are None where no cap is set: then
        nobody waits for others of the same account or day; the ledger keeps the account all the same. The invitation's
        own sends are no asks to its account. Raises LeaseLost when the claim is not ours any more."""
        ...

    def settle_step(
        self,
        claimed: Claimed,
        outcome: SendOutcome,
        *,
        via: str,
        channel: str,
        now: datetime,
        following: Sequence[Step] = (),
        expires_at: datetime | None = None,
    ) -> None:
        """What became of a `sending` step: the reservation is used (accepted, unknown) or released, the invitation's
        state follows, `following` steps (reminders, fallbacks) are queued. FailedRetryable: queued again, due at its
        `after`. Suppressed or failed with `following` (another channel at once): the invitation waits for those.
        Raises LeaseLost when somebody else settled it."""
        ...

    def delivered(
        self,
        id: str,
        step: int,
        *,
        now: datetime,
        following: Sequence[Step] = (),
        expires_at: datetime | None = None,
    ) -> bool:
        """The channel says that the message of this step arrived, so it was sent if that was not known: then the
        `following` steps are queued, and answers are taken until `expires_at`. False when it is not known to have
        left."""
        ...

    def undelivered(
        self,
        id: str,
        step: int,
        code: str,
        reason: str,
        *,
        following: Sequence[Step] = (),
    ) -> bool:
        """The message of this step, which had left, reached nobody: the step is failed, and its send leaves the ledger,
        for a bounce starts no rest. With `following` (another channel) the invitation
        is queued again; without, and with no other accepted step, it has failed and what is queued of it is cancelled.
        False when no message of it is known to have left, or it was told before."""
        ...

    def drop_step(self, claimed: Claimed, state: InvitationState, code: str, reason: str) -> None:
        """A step that is not sent after all (stale, reopened, answered, unreadable): it is cancelled, and with the
        first one its invitation gets `state`."""
        ...

    def put_off(self, claimed: Claimed, until: datetime, code: str, reason: str) -> None:
        """Due again then; the claim is given back."""
        ...

    def due_again(self, code: str, *, now: datetime) -> int:
        """What waits for this reason is due now. How many."""
        ...

    def interrupted(self, owner: str, *, now: datetime, seconds: float) -> list[Claimed]:
        """Steps left `sending` by a process that is gone: claimed anew, so that their fate can be found out."""
        ...

    def cancel_invitations(self, ids: Sequence[str], code: str, reason: str) -> list[str]:
        """Those of them that could still be cancelled."""
        ...

    def answered(self, id: str, *, now: datetime) -> None:
        """The person answered: what is still queued of it is cancelled, the ledger holds the answer."""
        ...

    def expire(self, *, now: datetime, limit: int) -> int:
        """Up to so many invitations whose time to answer is over, in one transaction: call it until there is none.
        One of which a message is on its way is over later. How many."""
        ...

    def invitation(self, id: str) -> Invitation | None: ...

    def invitation_called(self, reference: str) -> Invitation | None:
        """The one with this `reference`; None for anything that is none."""
        ...

    def invitations(
        self,
        *,
        ids: Sequence[str] | None = None,
        trigger: str | None = None,
        state: InvitationState | None = None,
        scope: str | None = None,
        record_id: str | None = None,
        limit: int = 100,
    ) -> list[Invitation]:
        """The latest first."""
        ...

    def waiting_in(self, account: str, *, due_before: datetime) -> list[Invitation]:
        """Recurring invitations to people of this account whose ask waits and is due before then."""
        ...

    def steps_of(self, id: str) -> list[Step]: ...

    def is_sending(self, via: str) -> bool:
        """Whether a message is being handed to this connection, so that its id there is not known yet."""
        ...

    def by_message(self, via: str, message: str) -> str | None:
        """The invitation a vendor's message id belongs to."""
        ...

    def verdicts(
        self,
        *,
        trigger: str | None = None,
        scope: str | None = None,
        record_id: str | None = None,
        code: str | None = None,
        events: Sequence[int] | None = None,
        limit: int = 100,
    ) -> list[Verdict]:
        """Who was asked and who was not, and why. The latest first."""
        ...

    def funnel(self, *, since: datetime) -> dict[tuple[str, str], int]:
        """(trigger, state or verdict's code) → how many, since then."""
        ...
