"""Names of people whose records may not show why they are not asked (`contact_policy.reason_field`).

Noted in the transaction that suppresses somebody or lifts it, so that a process that dies after it forgets nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from store.api import ReasonDue
from store.database import Database, Transaction
from store.forgetting import forgotten
from store.rows import milliseconds, storable

_NOTE = """
    INSERT INTO reason_due (key, due_at, times) VALUES (?, ?, 1)
    ON CONFLICT (key) DO UPDATE SET due_at = excluded.due_at, times = reason_due.times + 1"""

_DUE = "SELECT key, times FROM reason_due WHERE due_at <= :now ORDER BY due_at, key LIMIT :limit"


class Reasons:
    database: Database

    def note_reasons(self, keys: Iterable[str], *, now: datetime) -> None:
        if ordered := sorted(set(keys)):
            with self.database.write() as tx:
                note_reasons(tx, ordered, milliseconds(now))

    def reasons_due(self, limit: int, *, now: datetime) -> list[ReasonDue]:
        with self.database.read() as tx:
            return [ReasonDue(*row) for row in tx.rows(_DUE, now=milliseconds(now), limit=limit)]

    def reasons_shown(self, due: Sequence[ReasonDue]) -> None:
        with self.database.write() as tx:
            for one in _in_order(due):
                tx.run("DELETE FROM reason_due WHERE key = :key AND times = :times", **_which(one))

    def show_reasons_later(self, due: Sequence[ReasonDue], at: datetime) -> None:
        with self.database.write() as tx:
            for one in _in_order(due):
                tx.run(
                    "UPDATE reason_due SET due_at = :at WHERE key = :key AND times = :times",
                    at=milliseconds(at),
                    **_which(one),
                )


def note_reasons(tx: Transaction, keys: Sequence[str], now: int) -> None:
    gone = forgotten(tx, keys)
    tx.many(_NOTE, [(storable(key), now) for key in keys if key not in gone])


def _in_order(due: Sequence[ReasonDue]) -> list[ReasonDue]:
    """As rows are noted: whoever locks several takes them in one order, or two would wait for each other."""
    return sorted(due, key=lambda one: one.key)


def _which(one: ReasonDue) -> dict[str, str | int]:
    return {"key": one.key, "times": one.times}
