"""What waits for a person, counted over the indexes of what is open."""

from __future__ import annotations

from collections.abc import Sequence

from store.api.queues import Queue
from store.database import Database

# One look at each part of the index of what is open, which is named by the states it leaves out.
_STATES = """
    SELECT sync, state, count(*) FROM answer_state
    WHERE sync IN LIST(:syncs) AND state IN ('review', 'held', 'waiting', 'pending')
    AND state <> 'written' AND state <> 'unchanged' AND state <> 'superseded' AND state <> 'excluded'
    AND state <> 'planned' GROUP BY sync, state"""
_LETTERS = """
    SELECT sync, count(*) FROM dead_letter WHERE sync IN LIST(:syncs) AND status = 'open' GROUP BY sync"""


class Queues:
    database: Database

    def queues(self, syncs: Sequence[str]) -> dict[str, Queue]:
        with self.database.read() as tx:
            states = tx.rows(_STATES, syncs=list(syncs))
            letters = dict(tx.rows(_LETTERS, syncs=list(syncs)))
        counts: dict[str, dict[str, int]] = {sync: {} for sync in syncs}
        for sync, state, count in states:
            counts[sync][state] = count
        return {sync: Queue(**counts[sync], dead_letters=letters.get(sync, 0)) for sync in syncs}
