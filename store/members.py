"""The members of a sync: written while planning, in the transaction that gives their answers a state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from store import statements
from store.api import Lease
from store.api.members import Member, Membership
from store.database import Database, Transaction
from store.rows import from_json, json_object, milliseconds

PAGE = 2_000

_KNOWN = """
    SELECT record_id, account, traits FROM member WHERE sync = :sync AND record_id IN LIST(:records)"""

_ACCOUNTS = "SELECT record_id, account FROM member WHERE sync = :sync AND record_id IN LIST(:records)"

_KEEP = """
    INSERT INTO member (sync, record_id, account, traits, seen_at) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (sync, record_id) DO UPDATE
    SET account = excluded.account, traits = excluded.traits, seen_at = excluded.seen_at"""

_LEFT = "DELETE FROM member WHERE sync = :sync AND record_id IN LIST(:records)"

_PAGE = """
    SELECT record_id, account, traits FROM member WHERE sync = :sync AND record_id > :after
    ORDER BY record_id LIMIT :limit"""


class Members:
    database: Database

    def members(self, sync: str, record_ids: Sequence[str]) -> dict[str, Member]:
        with self.database.read() as tx:
            found = tx.rows(_KNOWN, sync=sync, records=list(record_ids))
        return {row[0]: _member(row) for row in found}

    def all_members(self, sync: str) -> Iterator[list[Member]]:
        after = ""
        while True:
            with self.database.read() as tx:
                found = tx.rows(_PAGE, sync=sync, after=after, limit=PAGE)
            if not found:
                return
            yield [_member(row) for row in found]
            after = found[-1][0]

    def note_members(self, sync: str, whose: Membership, *, lease: Lease, now: datetime) -> None:
        with self.database.write() as tx:
            tx.prove(lease)
            keep_members(tx, sync, whose, now)


def keep_members(tx: Transaction, sync: str, whose: Membership, now: datetime) -> None:
    """Remember whose the records are, and which accounts have to be looked at because of it: those they belong to and
    those they belonged to."""
    known = dict(tx.rows(_ACCOUNTS, sync=sync, records=list(whose.members)))
    left = [record_id for record_id, member in whose.members.items() if member is None and record_id in known]
    if left:
        tx.run(_LEFT, sync=sync, records=left)
    members = [member for _, member in sorted(whose.members.items()) if member is not None]
    seen_at = milliseconds(now)
    tx.many(_KEEP, [(sync, one.record_id, one.account, json_object(one.traits), seen_at) for one in members])
    if whose.roll_up is not None:
        touched = {*known.values(), *(one.account for one in members)}
        accounts = sorted(account for account in touched if account is not None)
        tx.many(statements.TO_CLEAR_AGAIN, [(whose.roll_up, account) for account in accounts])


def _member(row: tuple[Any, ...]) -> Member:
    return Member(record_id=row[0], account=row[1], traits=from_json(row[2]))
