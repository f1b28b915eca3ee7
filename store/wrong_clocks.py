"""What a clock that was far ahead has noted stands still until that time comes, unless somebody sees that it cannot be
meant: nobody holds anything for longer than HELD_AT_MOST, nor puts it off for longer than PUT_OFF_AT_MOST."""

from __future__ import annotations

from datetime import datetime, timedelta

from store.database import Database
from store.rows import milliseconds

HELD_AT_MOST = timedelta(hours=1)  # leases and claims are of minutes, and renewed
PUT_OFF_AT_MOST = timedelta(days=3)  # a retry comes within a day, or when the vendor's day has turned

_PUT_OFF = {
    "answers": ("answer_state", "look_again", "state = 'waiting'"),
    "events": ("arrival", "again_at", "state = 'new'"),
    "follow_ups": ("outbox", "look_again", "state = 'wanted'"),
    "messages": (
        "step",
        "free_at",
        "state = 'queued' AND owner IS NULL AND code IN ('stopped', 'paused', 'closed', 'unread')",
    ),
    "dates": ("ledger", "show_at", "show_at IS NOT NULL"),
}


def held_until(now: datetime) -> int:
    """The latest moment until which anything can be held."""
    return milliseconds(now + HELD_AT_MOST)


class WrongClocks:
    database: Database

    def put_right(self, *, now: datetime) -> dict[str, int]:
        counts = {}
        for what, (table, column, where) in _PUT_OFF.items():
            late = f"FROM {table} WHERE {where} AND {column} > :far"
            far = milliseconds(now + PUT_OFF_AT_MOST)
            with self.database.read() as tx:
                if tx.one(f"SELECT 1 {late} LIMIT 1", far=far) is None:
                    continue  # nearly always
            with self.database.write() as tx:
                counts[what] = tx.run(
                    f"UPDATE {table} SET {column} = :now WHERE {where} AND {column} > :far",
                    now=milliseconds(now),
                    far=far,
                )
        return counts
