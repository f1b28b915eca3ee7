"""Claims of steps: each is one process's until it is settled, the process is gone or its time is over.

`token` counts the claims of a step; whoever works on one proves that his is still the last. A step that is `sending`
is never claimed like the others: it may have left, so it comes back through `interrupted`, for its fate to be found
out. Where a transaction changes both, it locks the invitation first and then its steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from nps.asking import Invitation, StepState
from nps.errors import LeaseLost
from store.api import Claimed
from store.asked import INVITATION, STEP, invitation_of, step_of
from store.database import Database, Transaction
from store.owners import is_gone
from store.rows import milliseconds, moment, storable
from store.wrong_clocks import held_until

# Chosen once, before the first is claimed: a subquery in the WHERE PostgreSQL may run again for each row it looks at,
# and each run would pass over what the ones before have claimed and take `:limit` more.
_CLAIM = f"""
    WITH due AS MATERIALIZED (
        SELECT s.id FROM step s WHERE s.state = 'queued' AND s.free_at <= :now
        ORDER BY s.free_at, s.id LIMIT :limit FOR UPDATE OF s SKIP LOCKED)
    UPDATE step SET owner = :owner, token = token + 1, free_at = :until WHERE id IN (SELECT id FROM due)
    RETURNING {STEP}, token"""

# What its holder has died with, or a clock that was wrong holds for years.
_FREE = """
    UPDATE step SET owner = NULL, token = token + 1, free_at = due_at WHERE id IN (
        SELECT s.id FROM step s WHERE s.owner = :owner AND s.owner IS NOT NULL AND s.state = 'queued'
        AND s.free_at > :far FOR UPDATE OF s SKIP LOCKED)"""

_INTERRUPTED = f"""
    UPDATE step SET owner = :owner, token = token + 1, free_at = :until WHERE id IN (
        SELECT s.id FROM step s INDEXED BY ix_step_held WHERE s.owner IS NOT NULL AND s.state = 'sending'
        AND (s.owner IN LIST(:gone) OR s.free_at <= :now OR s.free_at > :far) ORDER BY s.id FOR UPDATE OF s SKIP LOCKED)
    RETURNING {STEP}, token"""

_INVITATIONS = f"SELECT {INVITATION} FROM invitation WHERE id IN LIST(:ids)"

_PUT_OFF = """
    UPDATE step SET due_at = :until, free_at = :until, owner = NULL, token = token + 1, code = :code, reason = :reason
    WHERE id = :number"""


_EVER = -(2**62)


class Claims:
    database: Database

    def claim_steps(self, owner: str, *, now: datetime, limit: int, seconds: float) -> list[Claimed]:
        until = _until(now, seconds)
        with self.database.write() as tx:
            for holder in _holders(tx):
                tx.run(_FREE, owner=holder, far=_EVER if is_gone(holder) else held_until(now))
            found = tx.rows(_CLAIM, owner=owner, now=milliseconds(now), until=until, limit=limit)
            return _claimed(tx, found, until, seconds)

    def interrupted(self, owner: str, *, now: datetime, seconds: float) -> list[Claimed]:
        until = _until(now, seconds)
        with self.database.write(durable=True) as tx:
            found = tx.rows(
                _INTERRUPTED,
                owner=owner,
                gone=[holder for holder in _holders(tx) if is_gone(holder)],
                now=milliseconds(now),
                far=held_until(now),
                until=until,
            )
            return _claimed(tx, found, until, seconds)

    def put_off(self, claimed: Claimed, until: datetime, code: str, reason: str) -> None:
        with self.database.write() as tx:
            prove(tx, claimed, StepState.QUEUED)
            put_off(tx, claimed.step.number, until, code, reason)

    def due_again(self, code: str, *, now: datetime) -> int:
        with self.database.write() as tx:
            return tx.run(
                """UPDATE step SET due_at = :now, free_at = :now
                WHERE id IN (SELECT s.id FROM step s WHERE s.state = 'queued' AND s.owner IS NULL
                    AND s.free_at > :now AND s.code = :code ORDER BY s.id FOR UPDATE OF s)""",
                now=milliseconds(now),
                code=code,
            )


def prove(tx: Transaction, claimed: Claimed, state: StepState) -> Invitation:
    """The claim is still ours and the step as it should be. The invitation as it is now, locked like its step."""
    [invitation] = tx.rows(
        f"SELECT {INVITATION} FROM invitation i WHERE i.id = :id FOR UPDATE OF i", id=claimed.invitation.id
    )
    found = tx.one(
        "SELECT s.token, s.state FROM step s WHERE s.id = :number FOR UPDATE OF s",
        number=claimed.step.number,
    )
    if found != (claimed.token, state.value):
        raise LeaseLost(
            f"invitation {claimed.invitation.id}: its step {claimed.step.number} was taken over, cancelled or settled "
            f"by somebody else (claim {claimed.token} is not current any more)."
        )
    return invitation_of(invitation)


def put_off(tx: Transaction, number: int, until: datetime, code: str, reason: str) -> None:
    tx.run(_PUT_OFF, until=milliseconds(until), code=code, reason=storable(reason), number=number)


def _holders(tx: Transaction) -> list[str]:
    return sorted(row[0] for row in tx.rows("SELECT DISTINCT owner FROM step WHERE owner IS NOT NULL"))


def _claimed(tx: Transaction, found: Sequence[tuple[Any, ...]], until: int, seconds: float) -> list[Claimed]:
    rows = tx.rows(_INVITATIONS, ids=sorted({row[1] for row in found}))
    invitations = {row[0]: invitation_of(row) for row in rows}
    claimed = [
        Claimed(step, invitations[step.invitation], row[-1], moment(until), seconds)
        for row in found
        for step in [step_of(row)]
    ]
    return sorted(claimed, key=lambda one: (one.step.due_at, one.step.number))


def _until(now: datetime, seconds: float) -> int:
    return milliseconds(now) + round(seconds * 1000)
