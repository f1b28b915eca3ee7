"""Whose turn it is when not everybody of an account may be asked: whoever was asked longest ago, or never."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from nps.asking import Invitation
from nps.policy import ContactPolicy
from store.api.ledger import Ledger
from triggers.desk import Desk

SOON = timedelta(days=1)  # who waits for something else for longer holds nobody up
_NEVER = datetime.min.replace(tzinfo=UTC)


def ahead_of(desk: Desk, invitation: Invitation, account: str | None, now: datetime) -> int:
    """How many others of the account wait for their turn as well and come first. Events ask when they happen, so
    only recurring asks give way to each other."""
    if not invitation.recurring or account is None or desk.policy.per_account is None:
        return 0
    waiting = [
        one for one in desk.store.waiting_in(account, due_before=now + SOON) if one.id != invitation.id
    ]
    last: dict[tuple[str, str], datetime] = {}
    for scope in {_scope(one) for one in (*waiting, invitation)}:
        ids = [one.record_id for one in (*waiting, invitation) if _scope(one) == scope]
        last |= {(scope, id): at for id, at in desk.store.last_asked(scope, ids).items()}

    def place(one: Invitation) -> tuple[datetime, datetime, str]:
        return last.get((_scope(one), one.record_id), _NEVER), one.created_at, one.id

    return sum(place(one) < place(invitation) for one in waiting)


def free_at(
    store: Ledger, policy: ContactPolicy, account: str | None, at: datetime, now: datetime
) -> datetime | None:
    """When the account has room again for one ask, where it has none at that moment."""
    cap = policy.per_account
    if cap is None or account is None:
        return None
    ends = store.account_ends(account, per=cap.per, at=at, now=now)
    return ends[len(ends) - cap.at_most] if len(ends) >= cap.at_most else None


def _scope(one: Invitation) -> str:
    return f"{one.connection}.{one.object}"
