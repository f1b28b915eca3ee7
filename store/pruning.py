"""What served its time leaves the store, so many rows at a time: nobody waits long for a write in between."""

from __future__ import annotations

from datetime import datetime

from store.database import Database
from store.ledger import forget
from store.rows import milliseconds

_ARRIVALS = """
    SELECT id FROM arrival WHERE state <> 'new' AND settled_at < :before ORDER BY id LIMIT :limit"""

_VOID = """
    SELECT l.id FROM ledger l WHERE l.what = 'reserved' AND l.until < :before ORDER BY l.id LIMIT :limit"""


class Pruning:
    database: Database

    def prune_arrivals(self, *, before: datetime, limit: int) -> int:
        with self.database.read() as tx:  # the long look for them holds up no write
            found = [row[0] for row in tx.rows(_ARRIVALS, before=milliseconds(before), limit=limit)]
        with self.database.write() as tx:
            return tx.run("DELETE FROM arrival WHERE id IN LIST(:ids) AND state <> 'new'", ids=found)

    def prune_reservations(self, *, before: datetime, limit: int) -> int:
        at = milliseconds(before)
        with self.database.read() as tx:
            found = [row[0] for row in tx.rows(_VOID, before=at, limit=limit)]
        with self.database.write() as tx:
            # One that was used or renewed since is no void one any more.
            still = tx.rows(
                """SELECT l.id FROM ledger l WHERE l.id IN LIST(:ids) AND l.what = 'reserved' AND l.until < :before
                ORDER BY l.id FOR UPDATE OF l""",
                ids=found,
                before=at,
            )
            forget(tx, [row[0] for row in still])
        return len(found)
