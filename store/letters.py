"""Dead letters: answers and records that could not be written as they are, kept until a person or a later run settles
them. One answer has at most one open letter per sync: a new one closes the one before as `retried`."""

from __future__ import annotations

from collections.abc import Sequence

from store import statements
from store.database import Transaction

# response, record, code, reason, field, cause
Letter = tuple[int | None, str | None, str, str, str | None, str]


def park(tx: Transaction, sync: str, run: int, now: int, letters: Sequence[Letter]) -> None:
    if not letters:
        return
    _close(
        tx,
        sync,
        "retried",
        [letter[0] for letter in letters],
        [letter[1] for letter in letters if letter[0] is None],
    )
    tx.load(
        "dead_letter",
        "sync, run, response, record_id, code, reason, field, cause, created_at, status, attempts",
        [(sync, run, *letter, now, "open", 0) for letter in letters],
    )


def resolve(
    tx: Transaction, sync: str, responses: Sequence[int | None], cleared: Sequence[str | None] = ()
) -> None:
    """These answers went through after all, and these records could be cleared."""
    _close(tx, sync, "resolved", responses, cleared)


def _close(
    tx: Transaction, sync: str, status: str, responses: Sequence[int | None], records: Sequence[str | None]
) -> None:
    numbers = [number for number in responses if number is not None]
    if not (numbers or records):
        return
    if tx.one("SELECT 1 FROM dead_letter WHERE sync = :sync AND status = 'open' LIMIT 1", sync=sync) is None:
        return  # nearly always
    if numbers:
        tx.run(statements.RESOLVE, status=status, sync=sync, numbers=numbers)
    if records:
        tx.run(
            """UPDATE dead_letter SET status = :status WHERE sync = :sync AND status = 'open'
            AND response IS NULL AND record_id IN LIST(:records)""",
            status=status,
            sync=sync,
            records=[record for record in records if record is not None],
        )
