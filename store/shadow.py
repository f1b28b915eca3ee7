"""Which sends of ours the records of their people do not show yet (`contact_policy.ledger_field`)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from store.api import Unshown
from store.database import Database
from store.rows import milliseconds, moment

_UNSHOWN = """
    SELECT l.id, i.connection, i.object, i.record_id, l.at FROM ledger l JOIN invitation i ON i.id = l.invitation
    WHERE l.show_at <= :now AND l.show_at IS NOT NULL ORDER BY l.show_at, l.id LIMIT :limit"""


class Shadow:
    database: Database

    def unshown(self, limit: int, *, now: datetime) -> list[Unshown]:
        with self.database.read() as tx:
            found = tx.rows(_UNSHOWN, now=milliseconds(now), limit=limit)
        return [Unshown(row[0], row[1], row[2], row[3], moment(row[4])) for row in found]

    def shown(self, numbers: Sequence[int]) -> None:
        if numbers:
            with self.database.write() as tx:
                tx.run("UPDATE ledger SET show_at = NULL WHERE id IN LIST(:numbers)", numbers=list(numbers))

    def show_later(self, numbers: Sequence[int], at: datetime) -> None:
        if numbers:
            with self.database.write() as tx:
                tx.run(
                    "UPDATE ledger SET show_at = :at WHERE id IN LIST(:numbers)",
                    at=milliseconds(at),
                    numbers=list(numbers),
                )
