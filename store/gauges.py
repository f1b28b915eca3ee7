"""Counts for those who watch npsync (`store.api.gauges`)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from nps.asking import InvitationState
from store.api import State
from store.api.gauges import Counted, Depths
from store.database import Database
from store.rows import moment
from store.statements import OPEN
from store.taking import states_by_count
from store.waiting import told

# Only the first that is under way is looked for: what began after it is counted when it has ended. One of weeks ago
# died, and its sync is none any more, which would have found that out.
_UNDER_WAY = """
    SELECT min(id) FROM run WHERE id > :after AND status = 'running'
    AND started_at > (SELECT started_at FROM run ORDER BY id DESC LIMIT 1) - :weeks"""
_WEEKS = timedelta(days=14) // timedelta(milliseconds=1)
_RUNS = """
    SELECT sync, kind, status, count(*), max(id) FROM run WHERE id > :after AND id < :before
    GROUP BY sync, kind, status"""

_PENDING = f"""
    SELECT min(response) FROM (
        SELECT min(response) AS response FROM work WHERE sync = :sync
        UNION ALL
        SELECT min(s.response) FROM answer_state s INDEXED BY ix_answer_state_open
        WHERE s.sync = :sync AND s.state = 'pending' AND {OPEN}
    ) AS oldest"""

_DEPTHS = {
    "arrivals": "SELECT count(*) FROM arrival WHERE state = 'new'",
    "events": "SELECT count(*) FROM event WHERE decided_at IS NULL",
    "messages": "SELECT count(*) FROM step WHERE state = 'queued'",
    "outbox": "SELECT count(*) FROM outbox WHERE state = 'wanted' OR state = 'open' OR state = 'unknown'",
    "actions": "SELECT count(*) FROM action WHERE state = 'wanted' OR state = 'doing'",
    "figures": "SELECT count(*) FROM ledger WHERE show_at IS NOT NULL",
}


class Gauges:
    database: Database

    def runs_counted(self, *, after: int) -> Counted:
        with self.database.read() as tx:
            under_way = tx.one(_UNDER_WAY, after=after, weeks=_WEEKS)
            before = under_way[0] if under_way is not None and under_way[0] is not None else 2**62
            found = tx.rows(_RUNS, after=after, before=before)
        counts = {(sync, kind, status): count for sync, kind, status, count, _ in found}
        return Counted(counts, max((row[4] for row in found), default=after))

    def state_counts(self, sync: str) -> dict[State, int]:
        with told(self.database, sync) as tx:
            counts = states_by_count(tx, "WHERE sync = :sync", sync=sync)
            [(in_work,)] = tx.rows("SELECT count(*) FROM work WHERE sync = :sync", sync=sync)
        counts[State.PENDING] += in_work
        return counts

    def newest_answers(self, sources: Sequence[str]) -> dict[str, datetime]:
        found = {}
        with self.database.read() as tx:
            for source in sources:
                last = tx.one(
                    "SELECT received_at FROM response WHERE source = :source ORDER BY id DESC LIMIT 1",
                    source=source,
                )
                if last is not None:
                    found[source] = moment(last[0])
        return found

    def oldest_pending(self, syncs: Sequence[str]) -> dict[str, datetime]:
        found = {}
        with self.database.read() as tx:
            for sync in syncs:
                oldest = tx.one(_PENDING, sync=sync)
                if oldest is None or oldest[0] is None:
                    continue
                received = tx.one("SELECT received_at FROM response WHERE id = :id", id=oldest[0])
                if received is not None:
                    found[sync] = moment(received[0])
        return found

    def depths(self) -> Depths:
        with self.database.read() as tx:
            return Depths(**{name: int(tx.rows(sql)[0][0]) for name, sql in _DEPTHS.items()})

    def invitation_counts(self) -> dict[InvitationState, int]:
        with self.database.read() as tx:
            found = tx.rows("SELECT state, count(*) FROM invitation GROUP BY state")
        return {InvitationState(state): count for state, count in found}
