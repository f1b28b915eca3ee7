"""Answers that wait for their change to be written, and how they learn what became of it.

Their state is kept as `planned` and shown as pending. Writing does not touch it: when a batch is answered, the journal
knows, and the states are brought up to it for many batches at once, at the latest before somebody asks for them. For
they lie in the order of persons and are written in the order of records: one by one, each would cost a page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from store import statements
from store.database import Database, Transaction

TOLD_TOGETHER = 2_000  # batches: each time the states are gone through once, for so many are all over them
_AT_ONCE = 10_000


@contextmanager
def told(database: Database, sync: str) -> Iterator[Transaction]:
    """A transaction that reads states, after they learned what was written."""
    with database.read() as tx:
        if _answered(tx, sync) == 0:
            yield tx
            return
    with database.write() as tx:
        tell(tx, sync)
        yield tx


def tell(tx: Transaction, sync: str, *, least: int = 1) -> None:
    """The states of written answers, once there are so many answered batches."""
    if _answered(tx, sync) < least:
        return
    # Settled first, and only these are told: a run may answer more of them between the two statements.
    settled = tx.rows(statements.SETTLE_ANSWERED, sync=sync)
    tx.run(statements.ANSWERS_WRITTEN, sync=sync, batches=[row[0] for row in settled])


def _answered(tx: Transaction, sync: str) -> int:
    return int(tx.rows(f"SELECT count(*) FROM batch WHERE {statements.ANSWERED}", sync=sync)[0][0])


def let_go(tx: Transaction, sync: str, answers: Sequence[int | None]) -> None:
    """Their changes will not be written after all: they are pending, for the next run to take up."""
    numbers = [number for number in answers if number is not None]
    for start in range(0, len(numbers), _AT_ONCE):
        tx.run(statements.LET_GO, sync=sync, numbers=numbers[start : start + _AT_ONCE])


def let_go_of_unwritten(tx: Transaction, sync: str) -> None:
    """Whatever waits for a change that was planned or opened and has no outcome."""
    found = tx.rows(statements.UNWRITTEN, sync=sync, runs=runs_not_abandoned(tx, sync))
    let_go(tx, sync, [row[0] for row in found])


def runs_not_abandoned(tx: Transaction, sync: str) -> list[int]:
    """The runs of a sync that may have left something planned."""
    seen = tx.one("SELECT abandoned_run FROM progress WHERE sync = :sync", sync=sync)
    since = 0 if seen is None or seen[0] is None else int(seen[0])
    found = tx.rows(
        "SELECT id FROM run WHERE sync = :sync AND id >= :since ORDER BY id", sync=sync, since=since
    )
    return [row[0] for row in found]
