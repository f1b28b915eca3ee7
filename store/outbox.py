"""The outbox: what is created because of an answer, exactly once.

An entry is `wanted` in the transaction that gives its answer a state, `open` on the disk before the call leaves, then
settled. What a killed process leaves behind is open.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from store.api import Lease
from store.api.outbox import GivenTask, Kind, Opening, Outgoing, Settling, Stage, Waiting, Wanted
from store.database import Database, Transaction
from store.errors import StoreError
from store.rows import maybe_milliseconds, maybe_moment, milliseconds, moment

ENTRY = (
    "o.id, o.sync, o.kind, o.slot, o.subject, o.response, o.connection, o.object, o.record_id, o.key, o.state, "
    "o.vendor_id, o.digest, o.run, o.wanted_at, o.opened_at, o.settled_at, o.closed_at, o.look_again, o.attempts, "
    "o.code, o.reason"
)

# A call that is under way, or whose fate nobody knows, is settled first. A task or an alert that was made is made: an
# edit makes no second one. A kept answer and a place on a list are brought up to date.
_AGAIN = """CASE
    WHEN outbox.state = 'open' OR outbox.state = 'unknown' THEN outbox.state
    WHEN outbox.kind = 'history' OR outbox.kind = 'list' THEN 'wanted'
    WHEN outbox.state = 'done' OR outbox.state = 'removed' THEN outbox.state
    ELSE 'wanted' END"""

# What is only looked at again remembers that it was over, and how.
_WAS = """CASE
    WHEN outbox.kind <> 'history' AND outbox.kind <> 'list' THEN ''
    WHEN outbox.state = 'removed' THEN 'removed'
    WHEN outbox.state = 'void' AND outbox.code = 'no_rule' THEN 'no_rule'
    WHEN outbox.state = 'wanted' AND (outbox.code = 'removed' OR outbox.code = 'no_rule') THEN outbox.code
    ELSE '' END"""

# Something under way is looked for where it was sent, wherever its answer belongs by now.
_WHERE_IT_IS = """CASE
    WHEN outbox.state = 'open' OR outbox.state = 'unknown' THEN outbox.record_id
    ELSE excluded.record_id END"""

_WANT = f"""
    INSERT INTO outbox (sync, kind, slot, subject, response, connection, object, record_id, key, state, wanted_at,
        attempts, code, reason)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'wanted', ?, 0, '', '')
    ON CONFLICT (sync, kind, slot, subject) DO UPDATE SET state = {_AGAIN}, response = excluded.response,
        record_id = {_WHERE_IT_IS}, wanted_at = excluded.wanted_at, look_again = NULL, code = {_WAS}, reason = ''"""

_WANT_KNOWN = f"""
    UPDATE outbox SET state = {_AGAIN}, response = COALESCE(?, response), wanted_at = ?, look_again = NULL,
        code = CASE WHEN kind = 'history' OR kind = 'list' THEN {_WAS} ELSE code END
    WHERE sync = ? AND kind = ? AND slot = ? AND subject = ?"""

# A partial index is used only where one of its own terms is part of the question.
_WANTED = """
    SELECT id FROM outbox WHERE sync = :sync AND kind = :kind AND state = 'wanted'
    AND (look_again IS NULL OR look_again <= :now) AND wanted_at >= :since ORDER BY id"""

_DOUBTFUL = """
    SELECT id FROM outbox WHERE sync = :sync AND kind = :kind AND {state} ORDER BY id"""

_OPEN = """
    UPDATE outbox SET state = 'open', digest = ?, record_id = ?, run = ?, opened_at = ?, attempts = attempts + 1
    WHERE id = ? AND state = 'wanted'"""

_OVER = (Stage.DONE, Stage.VOID, Stage.REMOVED)  # what is wanted after that begins anew

_SETTLE = """
    UPDATE outbox SET state = ?, vendor_id = ?, code = ?, reason = ?, look_again = ?,
        settled_at = CASE WHEN ? = 1 THEN settled_at ELSE ? END,
        attempts = CASE WHEN ? = 1 THEN 0 ELSE attempts - ? END, digest = CASE WHEN ? = 1 THEN digest END
    WHERE id = ? AND (state = 'open' OR state = 'unknown' OR state = 'wanted')"""


def want(tx: Transaction, sync: str, wanted: Sequence[Wanted], now: int) -> None:
    """Part of the transaction that settles the answers behind these."""
    tx.many(
        _WANT,
        [
            (
                sync,
                one.kind.value,
                one.slot,
                one.subject,
                one.response,
                one.connection,
                one.object,
                one.record_id,
                one.key,
                now,
            )
            for one in wanted
            if not one.known_only
        ],
    )
    tx.many(
        _WANT_KNOWN,
        [
            (one.response, now, sync, one.kind.value, one.slot, one.subject)
            for one in wanted
            if one.known_only
        ],
    )


class Outbox:
    database: Database

    def wanted_entries(
        self, sync: str, kind: Kind, *, now: datetime, since: datetime | None = None
    ) -> list[int]:
        with self.database.read() as tx:
            found = tx.rows(
                _WANTED,
                sync=sync,
                kind=kind.value,
                now=milliseconds(now),
                since=0 if since is None else milliseconds(since),
            )
        return [row[0] for row in found]

    def doubtful_entries(self, sync: str, kind: Kind) -> list[int]:
        with self.database.read() as tx:
            found = [
                row[0]
                for state in ("state = 'open'", "state = 'unknown'")
                for row in tx.rows(_DOUBTFUL.format(state=state), sync=sync, kind=kind.value)
            ]
        return sorted(found)

    def entries(self, ids: Sequence[int]) -> list[Outgoing]:
        with self.database.read() as tx:
            found = tx.rows(
                f"SELECT {ENTRY} FROM outbox o WHERE o.id IN LIST(:ids) ORDER BY o.id", ids=list(ids)
            )
        return [outgoing_of(row) for row in found]

    def entries_of(self, sync: str, kind: Kind, slot: str, subjects: Sequence[str]) -> dict[str, Outgoing]:
        with self.database.read() as tx:
            found = tx.rows(
                f"""SELECT {ENTRY} FROM outbox o
                WHERE o.sync = :sync AND o.kind = :kind AND o.slot = :slot AND o.subject IN LIST(:subjects)""",
                sync=sync,
                kind=kind.value,
                slot=slot,
                subjects=list(subjects),
            )
        return {entry.subject: entry for entry in map(outgoing_of, found)}

    def entries_about(self, numbers: Sequence[int], record_ids: Sequence[str]) -> list[Outgoing]:
        with self.database.read() as tx:
            found = tx.rows(
                f"""SELECT {ENTRY} FROM outbox o WHERE o.record_id IN LIST(:records)
                UNION
                SELECT {ENTRY} FROM outbox o WHERE o.response IN LIST(:numbers)
                ORDER BY 1""",
                records=list(record_ids),
                numbers=list(numbers),
            )
        return [outgoing_of(row) for row in found]

    def entries_like(
        self,
        *,
        sync: str | None = None,
        kind: Kind | None = None,
        stage: Stage | None = None,
        run: int | None = None,
        limit: int = 100,
    ) -> list[Outgoing]:
        wanted = {"sync": sync, "kind": kind and kind.value, "state": stage and stage.value, "run": run}
        given = {name: value for name, value in wanted.items() if value is not None}
        where = " AND ".join(f"o.{name} = :{name}" for name in given)
        with self.database.read() as tx:
            found = tx.rows(
                f"SELECT {ENTRY} FROM outbox o{where and f' WHERE {where}'} ORDER BY o.id DESC LIMIT :limit",
                limit=limit,
                **given,
            )
        return [outgoing_of(row) for row in found]

    def waiting_entries(self, *, sync: str | None = None, kind: Kind | None = None) -> Waiting:
        wanted = {"sync": sync, "kind": kind and kind.value}
        given = {name: value for name, value in wanted.items() if value is not None}
        where = " AND ".join(["o.state = 'wanted'", *(f"o.{name} = :{name}" for name in given)])
        with self.database.read() as tx:
            [(count,)] = tx.rows(f"SELECT count(*) FROM outbox o WHERE {where}", **given)
            last = tx.rows(
                f"""SELECT o.reason FROM outbox o WHERE {where} AND o.reason <> ''
                ORDER BY o.settled_at DESC, o.id DESC LIMIT 1""",
                **given,
            )
        return Waiting(count, last[0][0] if last else "")

    def open_entries(
        self, run: int, opening: Sequence[Opening], *, lease: Lease, now: datetime
    ) -> frozenset[int]:
        if not opening:
            return frozenset()
        with self.database.write(durable=True) as tx:
            tx.prove(lease)
            touched = tx.many(
                _OPEN, [(one.digest, one.record_id, run, milliseconds(now), one.id) for one in opening]
            )
            discarded = _discarded(tx, [one.id for one in opening], but=touched)
            if touched + len(discarded) != len(opening):
                raise StoreError(
                    f"store: of {len(opening)} entries to send {touched} were wanted; nothing may be sent twice"
                )
        return frozenset(one.id for one in opening) - discarded

    def settle_entries(
        self, settling: Sequence[Settling], *, lease: Lease, now: datetime, durable: bool = False
    ) -> None:
        if not settling:
            return
        with self.database.write(durable=durable) as tx:
            tx.prove(lease)
            touched = tx.many(
                _SETTLE,
                [
                    (
                        one.stage.value,
                        one.vendor_id,
                        one.code,
                        one.reason,
                        maybe_milliseconds(one.look_again),
                        int(one.as_before),
                        milliseconds(now),
                        int(one.stage in _OVER),
                        int(not one.tried),
                        int(one.stage is Stage.DONE),
                        one.id,
                    )
                    for one in settling
                ],
            )
            discarded = _discarded(tx, [one.id for one in settling], but=touched)
            if touched + len(discarded) != len(settling):
                raise StoreError(
                    f"store: {len(settling)} entries were settled, {touched} of them were unsettled"
                )

    def drop_entries(self, ids: Sequence[int], *, lease: Lease) -> None:
        if not ids:
            return
        with self.database.write() as tx:
            tx.prove(lease)
            tx.run(
                """DELETE FROM outbox
                WHERE id IN LIST(:ids) AND state = 'wanted' AND vendor_id IS NULL AND opened_at IS NULL""",
                ids=list(ids),
            )

    def retry_entries(self, ids: Sequence[int], *, now: datetime) -> list[int]:
        with self.database.write(durable=True) as tx:
            found = tx.rows(
                """UPDATE outbox SET state = 'wanted', wanted_at = :now, look_again = NULL, attempts = 0,
                    code = 'retried', reason = ''
                WHERE id IN LIST(:ids) AND (state = 'rejected' OR (state = 'unknown' AND kind = 'alert'))
                RETURNING id""",
                ids=list(ids),
                now=milliseconds(now),
            )
        return sorted(row[0] for row in found)

    def discard_entries(self, ids: Sequence[int], reason: str, *, now: datetime) -> list[int]:
        with self.database.write(durable=True) as tx:
            found = tx.rows(
                """UPDATE outbox SET state = 'void', settled_at = :now, look_again = NULL, code = 'discarded',
                    reason = :reason
                WHERE id IN LIST(:ids) AND (state = 'rejected' OR state = 'unknown' OR state = 'wanted')
                RETURNING id""",
                ids=list(ids),
                now=milliseconds(now),
                reason=reason,
            )
        return sorted(row[0] for row in found)

    def given_tasks(
        self, syncs: Sequence[str], *, since: datetime | None = None, still_open: bool = False
    ) -> list[GivenTask]:
        with self.database.read() as tx:
            found = tx.rows(
                f"""SELECT id, sync, subject, connection, record_id, vendor_id, settled_at, closed_at FROM outbox
                WHERE sync IN LIST(:syncs) AND kind = 'task' AND state = 'done' AND vendor_id IS NOT NULL
                AND settled_at >= :since{" AND closed_at IS NULL" if still_open else ""} ORDER BY id""",
                syncs=list(syncs),
                since=0 if since is None else milliseconds(since),
            )
        return [
            GivenTask(
                id=row[0],
                sync=row[1],
                subject=row[2],
                connection=row[3],
                record_id=row[4],
                vendor_id=row[5],
                given_at=moment(row[6]),
                closed_at=maybe_moment(row[7]),
            )
            for row in found
        ]

    def close_tasks(self, closed: Sequence[tuple[int, datetime]], *, lease: Lease) -> None:
        with self.database.write() as tx:
            tx.prove(lease)
            tx.many(
                "UPDATE outbox SET closed_at = ? WHERE id = ? AND state = 'done' AND closed_at IS NULL",
                [(milliseconds(at), id) for id, at in closed],
            )

    def lose_tasks(self, ids: Sequence[int], reason: str, *, lease: Lease, now: datetime) -> None:
        with self.database.write() as tx:
            tx.prove(lease)
            tx.run(
                """UPDATE outbox SET state = 'removed', settled_at = :now, code = 'gone', reason = :reason
                WHERE id IN LIST(:ids) AND state = 'done'""",
                ids=list(ids),
                reason=reason,
                now=milliseconds(now),
            )


def _discarded(tx: Transaction, ids: Sequence[int], *, but: int) -> frozenset[int]:
    """Those of these that a person discarded, unless so many are all of them."""
    if but == len(ids):
        return frozenset()  # nearly always
    found = tx.rows(
        "SELECT id FROM outbox WHERE id IN LIST(:ids) AND state = 'void' AND code = 'discarded'",
        ids=list(ids),
    )
    return frozenset(row[0] for row in found)


def outgoing_of(row: tuple[Any, ...]) -> Outgoing:
    return Outgoing(
        id=row[0],
        sync=row[1],
        kind=Kind(row[2]),
        slot=row[3],
        subject=row[4],
        response=row[5],
        connection=row[6],
        object=row[7],
        record_id=row[8],
        key=row[9],
        stage=Stage(row[10]),
        vendor_id=row[11],
        digest=row[12],
        run=row[13],
        wanted_at=moment(row[14]),
        opened_at=maybe_moment(row[15]),
        settled_at=maybe_moment(row[16]),
        closed_at=maybe_moment(row[17]),
        look_again=maybe_moment(row[18]),
        attempts=row[19],
        code=row[20],
        reason=row[21],
    )
