"""Whether anything is sent at all, and taking one invitation back."""

from __future__ import annotations

from nps.asking import Invitation, InvitationState
from nps.errors import ConfigError
from npsync.deciding.deciders import LONGEST_REASON, Decider, Decision
from triggers import ledger

_SENDS = "sends"


def stop(decider: Decider, reason: str) -> bool:
    """Nobody is asked any more, in any process and over restarts, until somebody resumes. False when sends are stopped
    already."""
    why = reason.strip()[:LONGEST_REASON]
    done = ledger.stop(decider.store, by=decider.who, why=why, now=decider.now)
    if done:
        decider.note(Decision.STOP, _SENDS)
    return done


def resume(decider: Decider) -> bool:
    """What became too late meanwhile is not sent. False when sends were not stopped."""
    done = ledger.resume(decider.store)
    if done:
        decider.note(Decision.RESUME, _SENDS)
    return done


def accept_empty_ledger(decider: Decider, reason: str) -> None:
    """People may be asked although nothing is known of who was asked before."""
    why = reason.strip()[:LONGEST_REASON]
    ledger.accept_empty(decider.store, by=decider.who, why=why, now=decider.now)
    decider.note(Decision.ACCEPT_EMPTY_LEDGER, "ledger")


def cancel(decider: Decider, one: Invitation, reason: str) -> Invitation:
    """Nobody is asked by it; once is as good as twice. Raises ConfigError where it is too late."""
    why = decider.signed(Decision.CANCEL, reason)
    done = decider.store.cancel_invitations([one.id], "by_hand", why, now=decider.now)
    after = decider.store.invitation(one.id) or one
    if after.state is not InvitationState.CANCELLED:
        how = "on its way" if after.state is InvitationState.QUEUED else after.state
        raise ConfigError(f"the invitation is {how} and can be cancelled no more")
    if done:
        about = f"{one.connection}/{one.object}/{one.record_id}"
        decider.note(Decision.CANCEL, about, {"survey": one.survey, "invitation": one.reference})
    return after
