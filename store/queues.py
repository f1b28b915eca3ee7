"""What waits for a person, counted over the indexes of what is open."""

from __future__ import annotations

from collections.abc import Sequence

from store.api.queues import Queue
from store.database import Database
from store.tables.answers import OPEN_STATES

# The condition of the index stands word for word in the question: without it SQLite would not take the index.
_STATES = f"""
    SELECT sync, state, count(*) FROM answer_state
    WHERE sync IN LIST(:syncs) AND ({OPEN_STATES}) GROUP BY sync, state"""
_LETTERS = """
    SELECT sync, count(*) FROM dead_letter WHERE sync IN LIST(:syncs) AND status = 'open' GROUP BY sync"""
_COUNTED = ("review", "held", "waiting", "pending")


class Queues:
    database: Database

    def queues(self, syncs: Sequence[str]) -> dict[str, Queue]:
        with self.database.read() as tx:
            states = tx.rows(_STATES, syncs=list(syncs))
            letters = dict(tx.rows(_LETTERS, syncs=list(syncs)))
        counts: dict[str, dict[str, int]] = {sync: {} for sync in syncs}
        for sync, state, count in states:
            if state in _COUNTED:
                counts[sync][state] = count
        return {sync: Queue(**counts[sync], dead_letters=letters.get(sync, 0)) for sync in syncs}
