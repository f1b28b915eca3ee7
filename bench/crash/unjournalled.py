"""npsync without its intent journal, to see that the harness notices: what goes out is not committed before.

For a SQLite store. Batches, outcomes and answers' states are as ever; only a kill finds nothing open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from nps.changes import Batch, Outcome
from store import journal
from store.api import Lease
from store.api.sharing import Closing
from store.journal import Journal


def install() -> None:
    settle = Journal.settle_batches
    out: list[int] = []

    def open_batches(self: Journal, run: int, count: int, *, lease: Lease) -> list[Batch]:
        with self.database.read() as tx:
            found = tx.rows(
                """SELECT id, object, api, handle, run FROM batch
                WHERE run = :run AND state = 'planned' AND id NOT IN LIST(:out) ORDER BY position LIMIT :count""",
                run=run,
                out=out,
                count=count,
            )
            out.extend(row[0] for row in found)
            return [batch for batch, _handle in journal.batches_of(tx, found)]

    def remember(self: Journal, batch: int, handle: str) -> None:
        """Forget it."""

    def settle_batches(
        self: Journal,
        run: int,
        settled: Mapping[int, Sequence[Outcome]],
        *,
        lease: Lease,
        now: datetime,
        closing: Closing | None = None,
    ) -> None:
        with self.database.write() as tx:
            tx.run("UPDATE batch SET state = 'open' WHERE id IN LIST(:ids)", ids=list(settled))
        settle(self, run, settled, lease=lease, now=now, closing=closing)

    Journal.open_batches = open_batches  # type: ignore[method-assign]
    Journal.remember = remember  # type: ignore[method-assign]
    Journal.settle_batches = settle_batches  # type: ignore[method-assign]
