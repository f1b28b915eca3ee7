"""A step that is sent: decided under the lock and reserved before anything leaves, settled with what became of it.

The reservation in the ledger is committed together with `sending`, and is used or released together with the outcome.
So there is no moment at which a message may have left and the ledger does not say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from nps.asking import (
    Decision,
    Invitation,
    InvitationState,
    Past,
    PastKind,
    Send,
    Step,
    StepState,
    Suppress,
    Wait,
)
from nps.sending import (
    Accepted,
    FailedPermanent,
    FailedRetryable,
    FateUnknown,
    SendOutcome,
    SuppressedByVendor,
)
from store.api import Claimed, Judge, LedgerEntry
from store.asked import NEW_STEP, step_row
from store.claims import prove, put_off
from store.database import Database, Transaction
from store.ledger import hold, judged, let_go, locked, use
from store.rows import maybe_milliseconds, milliseconds, storable

AGAIN_AFTER = timedelta(minutes=1)  # where neither the vendor nor the caller says when to try again

# The claim begins anew: it was made for many steps, and this one may be the last of them.
_SENDING = """
    UPDATE step SET state = 'sending', way = :way, via = :via, message = :message, attempts = attempts + 1,
        free_at = :until WHERE id = :number"""

_SETTLED = """
    UPDATE step SET state = :state, message = COALESCE(:message, message), via = :via, channel = :channel, code = :code,
        reason = :reason, owner = NULL WHERE id = :number"""

_INVITATION = """
    UPDATE invitation SET state = :state, code = :code, reason = :reason, via = COALESCE(:via, via),
        sent_at = COALESCE(sent_at, :sent_at), expires_at = COALESCE(:expires_at, expires_at) WHERE id = :id"""

_OTHERS = """
    SELECT DISTINCT state FROM step WHERE invitation = :id AND id <> :but
    AND (state = 'queued' OR state = 'sending' OR state = 'accepted' OR state = 'unknown')"""

_OPEN = (InvitationState.QUEUED, InvitationState.SENT, InvitationState.UNKNOWN)


class Sending:
    database: Database

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
        number = claimed.step.number
        with self.database.write(durable=True) as tx:
            self.database.lock_names(tx, locked(keys, None if account_since is None else account, day_began))
            invitation = prove(tx, claimed, StepState.QUEUED)
            decision = judged(
                tx,
                keys,
                judge,
                account=account,
                account_since=account_since,
                day_began=day_began,
                now=now,
                but=invitation.id,
            )
            if isinstance(decision, Send):
                hold(tx, _reservation(claimed, keys, account, now), now)
                until = now + timedelta(seconds=claimed.seconds)
                tx.run(_SENDING, way=way, via=via, message=message, until=milliseconds(until), number=number)
            elif isinstance(decision, Wait):
                put_off(tx, number, decision.until, decision.code, decision.reason)
            else:
                _not_sent(tx, claimed, invitation, decision)
        return decision

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
        number, dedupe = claimed.step.number, reservation(claimed.step.number)
        with self.database.write(durable=True) as tx:
            invitation = prove(tx, claimed, StepState.SENDING)
            if isinstance(outcome, FailedRetryable) and invitation.state in _OPEN:
                let_go(tx, dedupe)
                tx.run(
                    "UPDATE step SET state = 'queued', attempts = attempts - :untried WHERE id = :number",
                    untried=0 if outcome.tried else 1,
                    number=number,
                )
                put_off(tx, number, outcome.after or now + AGAIN_AFTER, outcome.code, outcome.reason)
                return
            left = isinstance(outcome, Accepted | FateUnknown)
            if left:
                use(tx, dedupe, source=via, channel=channel, now=now)
            else:
                let_go(tx, dedupe)
            code, reason = _words(outcome)
            tx.run(
                _SETTLED,
                state=_step_state(outcome).value,
                message=outcome.message if isinstance(outcome, Accepted | FateUnknown) else None,
                via=via,
                channel=channel,
                code=code,
                reason=storable(reason),
                number=number,
            )
            if invitation.state in _OPEN:
                queue(tx, following)
                state = _state_after(tx, invitation, outcome, claimed.step.number)
                kept = state is invitation.state
                tx.run(
                    _INVITATION,
                    state=state.value,
                    code=invitation.code if kept else code,
                    reason=invitation.reason if kept else storable(reason),
                    via=via if left else None,
                    sent_at=milliseconds(now) if isinstance(outcome, Accepted) else None,
                    expires_at=maybe_milliseconds(expires_at),
                    id=invitation.id,
                )

    def drop_step(self, claimed: Claimed, state: InvitationState, code: str, reason: str) -> None:
        with self.database.write() as tx:
            invitation = prove(tx, claimed, StepState.QUEUED)
            _close(tx, claimed.step.number, StepState.CANCELLED, code, reason)
            _end_if_unsent(tx, invitation, claimed.step.number, state, code, reason)


def reservation(step: int) -> str:
    """The ledger's name of a step's send."""
    return f"step/{step}"


def queue(tx: Transaction, steps: Sequence[Step]) -> None:
    tx.load("step", NEW_STEP, [step_row(step) for step in steps])


def _reservation(claimed: Claimed, keys: Sequence[str], account: str | None, now: datetime) -> LedgerEntry:
    invitation = claimed.invitation
    past = Past(
        at=now,
        what=PastKind.RESERVED,
        survey=invitation.survey,
        metric=invitation.metric,
        kind=invitation.kind,
        invitation=invitation.id,
    )
    return LedgerEntry(dedupe=reservation(claimed.step.number), keys=tuple(keys), past=past, account=account)


def _not_sent(tx: Transaction, claimed: Claimed, invitation: Invitation, no: Suppress) -> None:
    number = claimed.step.number
    _close(tx, number, StepState.SUPPRESSED, no.code, no.reason)
    _end_if_unsent(tx, invitation, number, InvitationState.SUPPRESSED, no.code, no.reason)


def _close(tx: Transaction, number: int, state: StepState, code: str, reason: str) -> None:
    tx.run(
        "UPDATE step SET state = :state, code = :code, reason = :reason, owner = NULL WHERE id = :number",
        state=state.value,
        code=code,
        reason=storable(reason),
        number=number,
    )


def _end_if_unsent(
    tx: Transaction, invitation: Invitation, number: int, ended: InvitationState, code: str, reason: str
) -> None:
    """An invitation of which nothing was sent ends with its last step."""
    if invitation.state in _OPEN and _without(tx, invitation, number, ended) is ended:
        tx.run(
            "UPDATE invitation SET state = :state, code = :code, reason = :reason WHERE id = :id",
            state=ended.value,
            code=code,
            reason=storable(reason),
            id=invitation.id,
        )


def _without(tx: Transaction, invitation: Invitation, number: int, ended: InvitationState) -> InvitationState:
    """The state of an open invitation without this step: what its others bear out, else `ended`."""
    others = {row[0] for row in tx.rows(_OTHERS, id=invitation.id, but=number)}
    waits = not others.isdisjoint(("queued", "sending"))
    if waits and invitation.state is InvitationState.QUEUED:
        return InvitationState.QUEUED
    if "accepted" in others:
        return InvitationState.SENT
    if "unknown" in others:
        return InvitationState.UNKNOWN
    return invitation.state if waits else ended


def _step_state(outcome: SendOutcome) -> StepState:
    match outcome:
        case Accepted():
            return StepState.ACCEPTED
        case FateUnknown():
            return StepState.UNKNOWN
        case SuppressedByVendor():
            return StepState.SUPPRESSED
        case _:
            return StepState.FAILED


def _words(outcome: SendOutcome) -> tuple[str, str]:
    match outcome:
        case Accepted():
            return "", ""
        case FateUnknown(reason=reason):
            return "unknown", reason
        case SuppressedByVendor(code=code, reason=reason):
            return code, reason
        case FailedPermanent(code=code, reason=reason) | FailedRetryable(code=code, reason=reason):
            return code, reason


def _state_after(
    tx: Transaction, invitation: Invitation, outcome: SendOutcome, number: int
) -> InvitationState:
    """Once something was sent, what becomes of a reminder changes nothing about that."""
    match outcome:
        case Accepted():
            return InvitationState.SENT
        case FateUnknown() if invitation.state is InvitationState.QUEUED:
            return InvitationState.UNKNOWN
        case FateUnknown():
            return invitation.state
        case SuppressedByVendor():
            return _without(tx, invitation, number, InvitationState.SUPPRESSED)
        case _:
            return _without(tx, invitation, number, InvitationState.FAILED)
