"""Invitations: who is to be asked and when, what the triggers said, and what people and channels did since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from nps.asking import (
    Invitation,
    InvitationState,
    Past,
    PastKind,
    Step,
    StepState,
    decided_at,
    person_keys,
    reference_of,
)
from store.api import LedgerEntry, Verdict
from store.asked import INVITATION, STEP, invitation_of, invitation_row, step_of
from store.database import Database, Transaction
from store.events import decided
from store.forgetting import forgotten
from store.ledger import hold, keys_of_invitation, let_go
from store.rows import maybe_milliseconds, milliseconds, moment, storable
from store.sending import queue, reservation

_MARKS = ", ".join("?" * len(INVITATION.split(", ")))
_INVITE = f"INSERT INTO invitation ({INVITATION}) VALUES ({_MARKS}) ON CONFLICT (dedupe) DO NOTHING"

VERDICT = "trigger, event, at, scope, record_id, code, reason, invitation"

_CANCELLABLE = """
    SELECT i.id FROM invitation i WHERE i.id IN LIST(:ids) AND (i.state = 'queued' OR i.state = 'shadow')
    ORDER BY i.id FOR UPDATE OF i"""

# A message that is on its way can neither be cancelled nor expire: its outcome decides.
_ON_ITS_WAY = "SELECT DISTINCT invitation FROM step WHERE invitation IN LIST(:ids) AND state = 'sending'"

# Others may hold one; it is over in the next round still.
_OVER = """
    SELECT i.id FROM invitation i WHERE i.state = 'sent' AND i.expires_at <= :now
    AND NOT EXISTS (SELECT 1 FROM step s WHERE s.invitation = i.id AND s.state = 'sending')
    ORDER BY i.expires_at, i.id LIMIT :limit FOR UPDATE OF i SKIP LOCKED"""

_END = "UPDATE invitation SET state = ?, code = ?, reason = ? WHERE id = ?"

_CANCEL_STEPS = """
    UPDATE step SET state = 'cancelled', code = :code, reason = :reason, owner = NULL
    WHERE invitation = :id AND state = 'queued'"""

_LEFT = f"""
    SELECT {STEP} FROM step
    WHERE invitation = :id AND (state = 'accepted' OR state = 'unknown'){{which}} ORDER BY id LIMIT 1"""

_OPEN = (InvitationState.SENT, InvitationState.UNKNOWN, InvitationState.QUEUED)

_FUNNEL = """
    SELECT trigger, state, count(*) FROM invitation WHERE created_at >= :since GROUP BY trigger, state
    UNION ALL
    SELECT trigger, code, count(*) FROM verdict
    WHERE at >= :since AND invitation IS NULL GROUP BY trigger, code"""


class Invitations:
    database: Database

    def decide_event(
        self,
        number: int | None,
        invitations: Sequence[tuple[Invitation, Step | None]],
        verdicts: Sequence[Verdict],
        cancelled: Mapping[str, tuple[str, str]],
        *,
        now: datetime,
    ) -> list[str]:
        at = milliseconds(now)
        ordered = sorted(invitations, key=lambda pair: pair[0].dedupe)
        with self.database.write(durable=True) as tx:
            if number is not None and not decided(tx, number, at):
                return []  # another process was quicker, and said the same
            gone = forgotten(tx, [*(_whose(one) for one, _ in ordered), *filter(None, map(_about, verdicts))])
            ordered = [pair for pair in ordered if _whose(pair[0]) not in gone]
            tx.many(_INVITE, [invitation_row(one) for one, _ in ordered])
            ids = [one.id for one, _ in ordered]
            new = {row[0] for row in tx.rows("SELECT id FROM invitation WHERE id IN LIST(:ids)", ids=ids)}
            queue(tx, [step for one, step in ordered if step is not None and one.id in new])
            said = [one for one in verdicts if one.invitation is None or one.invitation in new]
            # About somebody who was forgotten only the word is kept, for the counts.
            told = [replace(one, scope="", record_id=None) if _about(one) in gone else one for one in said]
            tx.load("verdict", VERDICT, [_verdict_row(one) for one in told])
            return _cancel(tx, cancelled)

    def cancel_invitations(self, ids: Sequence[str], code: str, reason: str) -> list[str]:
        with self.database.write(durable=True) as tx:
            return _cancel(tx, dict.fromkeys(ids, (code, reason)))

    # ------------------------------------------------------------ what people and channels did

    def answered(self, id: str, *, now: datetime) -> None:
        with self.database.write(durable=True) as tx:
            one = _locked(tx, id)
            if one is None or one.state in (InvitationState.ANSWERED, InvitationState.SHADOW):
                return
            tx.run(
                "UPDATE invitation SET state = 'answered', answered_at = :now, code = '', reason = '' WHERE id = :id",
                now=milliseconds(now),
                id=id,
            )
            tx.run(_CANCEL_STEPS, id=id, code="answered", reason="the person answered")
            record = person_keys(connection=one.connection, object=one.object, record_id=one.record_id)
            hold(tx, _answer(one, (*record, *keys_of_invitation(tx, id)), now), now)

    def delivered(
        self,
        id: str,
        step: int,
        *,
        now: datetime,
        following: Sequence[Step] = (),
        expires_at: datetime | None = None,
    ) -> bool:
        with self.database.write(durable=True) as tx:
            one, left = _locked(tx, id), _left(tx, id, step)
            if one is None or left is None:
                return False
            tx.run(
                """UPDATE step SET state = 'accepted', delivered_at = COALESCE(delivered_at, :now)
                WHERE id = :number""",
                now=milliseconds(now),
                number=step,
            )
            if left.state is StepState.UNKNOWN and one.state in _OPEN:
                queue(tx, following)
            if one.state is InvitationState.UNKNOWN:
                tx.run(
                    """UPDATE invitation SET state = 'sent', code = '', reason = '', sent_at = COALESCE(sent_at, :now),
                        expires_at = COALESCE(expires_at, :expires_at)
                    WHERE id = :id""",
                    now=milliseconds(now),
                    expires_at=maybe_milliseconds(expires_at),
                    id=id,
                )
        return True

    def undelivered(
        self,
        id: str,
        step: int,
        code: str,
        reason: str,
        *,
        following: Sequence[Step] = (),
    ) -> bool:
        with self.database.write(durable=True) as tx:
            one = _locked(tx, id)
            if one is None or _left(tx, id, step) is None:
                return False
            tx.run(
                "UPDATE step SET state = 'failed', code = :code, reason = :reason WHERE id = :number",
                code=code,
                reason=storable(reason),
                number=step,
            )
            let_go(tx, reservation(step), what="send")
            if one.state not in _OPEN:
                return True
            if following:
                queue(tx, following)
                tx.many(_END, [("queued", code, storable(reason), id)])
            elif _left(tx, id) is None and not tx.rows(_ON_ITS_WAY, ids=[id]):
                tx.many(_END, [("failed", code, storable(reason), id)])
                tx.run(_CANCEL_STEPS, id=id, code=code, reason=storable(reason))
        return True

    def expire(self, *, now: datetime, limit: int) -> int:
        with self.database.write() as tx:
            ids = [row[0] for row in tx.rows(_OVER, now=milliseconds(now), limit=limit)]
            reason = "not answered in time"
            tx.many(_END, [("expired", "expired", reason, id) for id in ids])
            for id in ids:
                tx.run(_CANCEL_STEPS, id=id, code="expired", reason=reason)
        return len(ids)

    # ------------------------------------------------------------ looking

    def queued_about(self, connection: str, object: str, id: str) -> list[Invitation]:
        with self.database.read() as tx:
            found = tx.rows(
                f"""SELECT {INVITATION} FROM invitation
                WHERE event_connection = :connection AND subject_object = :object AND subject = :id
                AND subject IS NOT NULL AND (state = 'queued' OR state = 'shadow') ORDER BY created_at, id""",
                connection=connection,
                object=object,
                id=id,
            )
        return [invitation_of(row) for row in found]

    def invitation(self, id: str) -> Invitation | None:
        with self.database.read() as tx:
            found = tx.one(f"SELECT {INVITATION} FROM invitation WHERE id = :id", id=id)
        return None if found is None else invitation_of(found)

    def invitation_called(self, reference: str) -> Invitation | None:
        at = decided_at(reference)
        if at is None:
            return None
        with self.database.read() as tx:
            of_then = tx.rows("SELECT id FROM invitation WHERE created_at = :at", at=milliseconds(at))
        id = next((id for (id,) in of_then if reference_of(id, at) == reference), None)
        return None if id is None else self.invitation(id)

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
        connection, _, object = (None, "", None) if scope is None else scope.rpartition(".")
        where, given = _narrowed(
            trigger=trigger,
            state=None if state is None else state.value,
            connection=connection,
            object=object,
            record_id=record_id,
        )
        if ids is not None:
            where, given = f"{where} AND id IN LIST(:ids)", given | {"ids": list(ids)}
        with self.database.read() as tx:
            found = tx.rows(
                f"""SELECT {INVITATION} FROM invitation WHERE {where}
                ORDER BY created_at DESC, id DESC LIMIT :limit""",
                **given,
                limit=limit,
            )
        return [invitation_of(row) for row in found]

    def waiting_in(self, account: str, *, due_before: datetime) -> list[Invitation]:
        with self.database.read() as tx:
            found = tx.rows(
                f"""SELECT {INVITATION} FROM invitation i
                WHERE i.account = :account AND i.account IS NOT NULL AND i.state = 'queued' AND i.recurring
                AND EXISTS (SELECT 1 FROM step s WHERE s.invitation = i.id AND s.kind = 'ask'
                    AND s.state = 'queued' AND s.due_at < :before)
                ORDER BY i.id""",
                account=account,
                before=milliseconds(due_before),
            )
        return [invitation_of(row) for row in found]

    def steps_of(self, id: str) -> list[Step]:
        with self.database.read() as tx:
            found = tx.rows(f"SELECT {STEP} FROM step WHERE invitation = :id ORDER BY id", id=id)
        return [step_of(row) for row in found]

    def by_message(self, via: str, message: str) -> str | None:
        with self.database.read() as tx:
            found = tx.one(
                """SELECT invitation FROM step WHERE via = :via AND message = :message AND message IS NOT NULL
                ORDER BY id DESC LIMIT 1""",
                via=via,
                message=message,
            )
        return None if found is None else str(found[0])

    def is_sending(self, via: str) -> bool:
        with self.database.read() as tx:
            return bool(
                tx.rows(
                    "SELECT 1 FROM step WHERE owner IS NOT NULL AND state = 'sending' AND via = :via LIMIT 1",
                    via=via,
                )
            )

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
        where, given = _narrowed(trigger=trigger, scope=scope, record_id=record_id, code=code)
        if events is not None:
            where, given = f"{where} AND event IN LIST(:events)", given | {"events": list(events)}
        with self.database.read() as tx:
            found = tx.rows(
                f"SELECT {VERDICT} FROM verdict WHERE {where} ORDER BY id DESC LIMIT :limit",
                **given,
                limit=limit,
            )
        return [verdict_of(row) for row in found]

    def funnel(self, *, since: datetime) -> dict[tuple[str, str], int]:
        counted: dict[tuple[str, str], int] = {}
        with self.database.read() as tx:
            for trigger, word, count in tx.rows(_FUNNEL, since=milliseconds(since)):
                counted[trigger, word] = counted.get((trigger, word), 0) + count
        return counted


def _locked(tx: Transaction, id: str) -> Invitation | None:
    found = tx.one(f"SELECT {INVITATION} FROM invitation i WHERE i.id = :id FOR UPDATE OF i", id=id)
    return None if found is None else invitation_of(found)


def _left(tx: Transaction, id: str, step: int | None = None) -> Step | None:
    """This step, if its message left; any whose message did, where none is named."""
    if step is None:
        found = tx.one(_LEFT.format(which=""), id=id)
    else:
        found = tx.one(_LEFT.format(which=" AND id = :step"), id=id, step=step)
    return None if found is None else step_of(found)


def _cancel(tx: Transaction, cancelled: Mapping[str, tuple[str, str]]) -> list[str]:
    if not cancelled:
        return []
    waiting = [row[0] for row in tx.rows(_CANCELLABLE, ids=sorted(cancelled))]
    ids = _without_sending(tx, waiting)
    for id in ids:
        code, reason = cancelled[id]
        tx.many(_END, [(InvitationState.CANCELLED.value, code, storable(reason), id)])
        tx.run(_CANCEL_STEPS, id=id, code=code, reason=storable(reason))
    return ids


def _without_sending(tx: Transaction, ids: Sequence[str]) -> list[str]:
    busy = {row[0] for row in tx.rows(_ON_ITS_WAY, ids=list(ids))}
    return [id for id in ids if id not in busy]


def _answer(one: Invitation, keys: Iterable[str], now: datetime) -> LedgerEntry:
    past = Past(
        at=now,
        what=PastKind.ANSWER,
        survey=one.survey,
        metric=one.metric,
        kind=one.kind,
        source=one.via or "",
        invitation=one.id,
    )
    return LedgerEntry(
        dedupe=f"answer/{one.id}", keys=tuple(dict.fromkeys(keys)), past=past, account=one.account
    )


def _narrowed(**columns: str | None) -> tuple[str, dict[str, Any]]:
    given = {name: value for name, value in columns.items() if value is not None}
    return " AND ".join(["1 = 1", *(f"{name} = :{name}" for name in given)]), given


def _whose(invitation: Invitation) -> str:
    [name] = person_keys(
        connection=invitation.connection, object=invitation.object, record_id=invitation.record_id
    )
    return name


def _about(verdict: Verdict) -> str | None:
    return None if verdict.record_id is None else f"record:{verdict.scope}/{verdict.record_id}"


def _verdict_row(one: Verdict) -> tuple[Any, ...]:
    return (
        one.trigger,
        one.event,
        milliseconds(one.at),
        one.scope,
        one.record_id,
        one.code,
        storable(one.reason),
        one.invitation,
    )


def verdict_of(row: tuple[Any, ...]) -> Verdict:
    return Verdict(
        trigger=row[0],
        event=row[1],
        at=moment(row[2]),
        scope=row[3],
        record_id=row[4],
        code=row[5],
        reason=row[6],
        invitation=row[7],
    )
