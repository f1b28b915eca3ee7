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

_ACCOUNTS_AFTER = """
    SELECT account FROM (
        SELECT DISTINCT account FROM member WHERE sync = :sync AND account > :after
        ORDER BY account LIMIT :limit) m
    UNION
    SELECT record_id FROM (
        SELECT record_id FROM clearing WHERE sync = :roll_up AND record_id > :after
        ORDER BY record_id LIMIT :limit) c
    ORDER BY 1 LIMIT :limit"""

_BETWEEN = """
    SELECT account, record_id FROM member
    WHERE sync = :sync AND (account, record_id) > (:account, :record) AND account <= :last
    ORDER BY account, record_id LIMIT :limit"""

_ANSWERED = """
    SELECT DISTINCT record_id FROM answer_state INDEXED BY ix_answer_state_sync_record_id
    WHERE sync = :sync AND record_id > :after ORDER BY record_id LIMIT :limit"""

_COUNTING_SINCE = f"""
    SELECT DISTINCT s.record_id FROM answer_state s INDEXED BY ix_answer_state_sync_record_id
    CROSS JOIN response r
    WHERE s.sync = :sync AND s.record_id IN LIST(:records) AND r.id = s.response
    AND s.state IN ({statements.COUNTING}) AND r.answered_at >= :since"""

_NEWEST = f"""
    SELECT m.account, max(s.response) FROM member m
    CROSS JOIN answer_state s INDEXED BY ix_answer_state_sync_record_id
    WHERE m.sync = :sync AND m.account IN LIST(:accounts) AND s.sync = :sync AND s.record_id = m.record_id
    AND s.state IN ({statements.COUNTING}) GROUP BY m.account"""

_LEFT = "DELETE FROM member WHERE sync = :sync AND record_id IN LIST(:records)"


class Members:
    database: Database

    def members(self, sync: str, record_ids: Sequence[str]) -> dict[str, Member]:
        with self.database.read() as tx:
            found = tx.rows(_KNOWN, sync=sync, records=list(record_ids))
        return {row[0]: _member(row) for row in found}

    def accounts(self, sync: str, roll_up: str, after: str, limit: int) -> list[str]:
        with self.database.read() as tx:
            found = tx.rows(_ACCOUNTS_AFTER, sync=sync, roll_up=roll_up, after=after, limit=limit)
        return [row[0] for row in found]

    def count_accounts(self, sync: str) -> int:
        with self.database.read() as tx:
            return int(
                tx.rows("SELECT count(DISTINCT account) FROM member WHERE sync = :sync", sync=sync)[0][0]
            )

    def people_between(self, sync: str, first: str, last: str) -> Iterator[list[tuple[str, str]]]:
        account, record = first, ""
        while True:
            with self.database.read() as tx:
                found = tx.rows(_BETWEEN, sync=sync, account=account, record=record, last=last, limit=PAGE)
            if found:
                yield [(row[0], row[1]) for row in found]
            if len(found) < PAGE:
                return
            account, record = found[-1]

    def people_of(self, sync: str, account: str) -> list[str]:
        return [record for page in self.people_between(sync, account, account) for _, record in page]

    def newest_of_accounts(self, sync: str, accounts: Sequence[str]) -> dict[str, int]:
        with self.database.read() as tx:
            return {row[0]: row[1] for row in tx.rows(_NEWEST, sync=sync, accounts=list(accounts))}

    def move_members(self, sync: str, account: str, into: str, *, lease: Lease, roll_up: str) -> None:
        with self.database.write() as tx:
            tx.prove(lease)
            tx.run(
                "UPDATE member SET account = :into WHERE sync = :sync AND account = :account",
                sync=sync,
                account=account,
                into=into,
            )
            tx.many(statements.TO_CLEAR_AGAIN, [(roll_up, into)])

    def records_answered(self, sync: str, after: str, limit: int) -> list[str]:
        with self.database.read() as tx:
            return [row[0] for row in tx.rows(_ANSWERED, sync=sync, after=after, limit=limit)]

    def counting_since(self, sync: str, record_ids: Sequence[str], since: datetime) -> set[str]:
        its: dict[str, Any] = {"records": list(record_ids), "since": milliseconds(since)}
        with self.database.read() as tx:
            return {row[0] for row in tx.rows(_COUNTING_SINCE, sync=sync, **its)}

    def touch_accounts(self, roll_up: str, accounts: Sequence[str]) -> None:
        with self.database.write() as tx:
            tx.many(statements.TO_CLEAR_AGAIN, [(roll_up, account) for account in sorted(set(accounts))])

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
