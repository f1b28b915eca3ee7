"""Whether anything is sent at all, what is known of who was asked before, and taking one invitation back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nps.asking import Invitation, InvitationState
from nps.errors import ConfigError
from npsync.asking import elsewhere
from npsync.asking.elsewhere import Imported
from npsync.deciding.deciders import LONGEST_REASON, Decider, Decision
from triggers import ledger
from triggers.people import Registry

_SENDS, _LEDGER = "sends", "ledger"


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
    decider.note(Decision.ACCEPT_EMPTY_LEDGER, _LEDGER)


def rebuild_ledger(decider: Decider, registries: Sequence[Registry], field: str) -> tuple[int, int]:
    """Enter what this field of everybody's record says of when they were asked. (people read, entries that are new)."""
    read, new = ledger.rebuild(registries, field, decider.store, by=decider.who, now=decider.now)
    decider.note(Decision.REBUILD, _LEDGER, {"read": read, "new": new})
    return read, new


def import_sends(decider: Decider, file: Path) -> Imported:
    """Enter what other tools sent. Raises ConfigError for a file that is none."""
    done = elsewhere.import_sends(decider.config, decider.store, file, decider.now)
    decider.note(Decision.IMPORT, _SENDS, {"new": done.new, "known": done.known, "refused": done.refused})
    return done


def cancel(decider: Decider, one: Invitation, reason: str) -> Invitation:
    """Nobody is asked by it; once is as good as twice. Raises ConfigError where it is too late."""
    why = decider.signed(Decision.CANCEL, reason)
    done = decider.store.cancel_invitations([one.id], "by_hand", why)
    after = decider.store.invitation(one.id) or one
    if after.state is not InvitationState.CANCELLED:
        how = "on its way" if after.state is InvitationState.QUEUED else after.state
        raise ConfigError(f"the invitation is {how} and can be cancelled no more")
    if done:
        about = f"{one.connection}/{one.object}/{one.record_id}"
        decider.note(Decision.CANCEL, about, {"survey": one.survey, "invitation": one.reference})
    return after
