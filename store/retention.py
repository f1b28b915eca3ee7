"""What was kept for its time is put away, so many rows at a time: nobody waits long for a write in between.

Answers become counts only where nothing is under way about them. Whoever was newest stays newest: what arrives is never
older than what was put away (`store.inbox`).
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from nps.responses import COMMENTED
from store.counts import count_months
from store.database import Database, Transaction
from store.rows import milliseconds
from store.taking import TAKING_UP

_COMMENTS = """
    SELECT id FROM response WHERE answered_at < :before AND comment IS NOT NULL ORDER BY id LIMIT :limit"""

# Of an answer all versions go together. One that lies in the work, or whose change is not written yet, stays until
# it is.
_ANSWERS = """
    SELECT r.source, r.source_id, r.id FROM response r
    WHERE r.newest AND r.answered_at < :before{which}
    AND NOT EXISTS (
        SELECT 1 FROM response o WHERE o.source = r.source AND o.source_id = r.source_id AND (
            EXISTS (SELECT 1 FROM watermark m WHERE m.source = o.source AND m.response < o.id)
            OR EXISTS (
                SELECT 1 FROM watermark m CROSS JOIN work w
                WHERE m.source = o.source AND w.sync = m.sync AND w.person = o.person AND w.response = o.id)
            OR EXISTS (
                SELECT 1 FROM watermark m CROSS JOIN answer_state s
                WHERE m.source = o.source AND s.sync = m.sync AND s.person = o.person AND s.response = o.id
                AND s.state IN ('pending', 'planned'))))
    ORDER BY r.id LIMIT :limit"""

_VERSIONS = "SELECT id, person FROM response WHERE source = :source AND source_id IN LIST(:ids)"

_EXPIRED = """
    SELECT c.id FROM change c JOIN batch b ON b.id = c.batch
    WHERE b.state = 'settled' AND b.settled_at < :before AND c.before <> '{}' ORDER BY c.id LIMIT :limit"""

_ON = """
    SELECT DISTINCT sync, record_id FROM answer_state
    WHERE sync IN LIST(:syncs) AND person IN LIST(:persons) AND response IN LIST(:numbers) AND record_id IS NOT NULL"""

_NOBODYS = """
    DELETE FROM member WHERE sync = ? AND record_id = ?
    AND NOT EXISTS (SELECT 1 FROM answer_state s WHERE s.sync = member.sync AND s.record_id = member.record_id)
    AND NOT EXISTS (SELECT 1 FROM work w WHERE w.sync = member.sync AND w.record_id = member.record_id)"""

_DECIDED = "decided_at < :before AND occurred_at < :before"
_OVER = "('answered', 'cancelled', 'suppressed', 'expired', 'failed', 'shadow')"

# That there was one stays: programs write none, and an answer that is judged again must not look like theirs.
_EXPIRE_COMMENTS = """
    UPDATE response SET comment = NULL, properties = CASE WHEN properties = '{}' THEN :alone
        ELSE substr(properties, 1, length(properties) - 1) || :added END
    WHERE id IN LIST(:ids)"""
_COMMENTED = f'"{COMMENTED}":true}}'


class Retention:
    database: Database

    def expire_comments(self, *, before: datetime, limit: int) -> int:
        with self.database.read() as tx:  # the long look for them holds up no write
            found = [row[0] for row in tx.rows(_COMMENTS, before=milliseconds(before), limit=limit)]
        with self.database.write() as tx:
            # The digest stays: the same answer, read again, is a repetition and brings nothing back.
            return tx.run(_EXPIRE_COMMENTS, ids=found, alone=f"{{{_COMMENTED}", added=f",{_COMMENTED}")

    def expire_answers(self, *, before: datetime, zone: ZoneInfo, limit: int) -> int:
        """How many answers became counts."""
        its = {"before": milliseconds(before), "limit": limit}
        with self.database.read() as tx:  # the long look for them holds up no write
            found = tx.rows(_ANSWERS.format(which=""), **its)
        if not found:
            return 0
        with self.database.write() as tx:
            # A run may have taken one up since, a page brought a new version: nobody does so from here on.
            self.database.lock_names(tx, [TAKING_UP])
            for source in sorted({row[0] for row in found}):
                self.database.lock_inbox(tx, source)
            still = _ANSWERS.format(which=" AND r.id IN LIST(:numbers)")
            found = tx.rows(still, **its, numbers=[row[2] for row in found])
            for source in sorted({row[0] for row in found}):
                ids = [row[1] for row in found if row[0] == source]
                versions = tx.rows(_VERSIONS, source=source, ids=ids)
                count_months(tx, [row[0] for row in versions], zone)
                _forget_answers(tx, versions)
                tx.run(
                    "DELETE FROM hold_decision WHERE source = :source AND source_id IN LIST(:ids)",
                    source=source,
                    ids=ids,
                )
        return len(found)

    def expire_before_values(self, *, before: datetime, limit: int) -> int:
        """What records showed before a write; `undo` then says so. The value npsync wrote stays: by it a colleague's
        edit is told from our own."""
        with self.database.read() as tx:
            found = [row[0] for row in tx.rows(_EXPIRED, before=milliseconds(before), limit=limit)]
        with self.database.write() as tx:
            return tx.run("UPDATE change SET before = '{}', key = '' WHERE id IN LIST(:ids)", ids=found)

    def expire_asking(self, *, before: datetime, limit: int) -> int:
        """Events that were decided, what was said about them, and invitations that are over. The ledger stays: it is
        who was asked when."""
        its = {"before": milliseconds(before), "limit": limit}
        with self.database.write() as tx:
            # Others may hold one; it goes in the next round.
            invitations = [
                row[0]
                for row in tx.rows(
                    f"""SELECT i.id FROM invitation i WHERE i.created_at < :before AND i.state IN {_OVER}
                    ORDER BY i.created_at, i.id LIMIT :limit FOR UPDATE OF i SKIP LOCKED""",
                    **its,
                )
            ]
            tx.run("DELETE FROM step WHERE invitation IN LIST(:ids)", ids=invitations)
            gone = tx.run("DELETE FROM invitation WHERE id IN LIST(:ids)", ids=invitations)
            for table, which in (("event", _DECIDED), ("verdict", "at < :before")):
                ids = [row[0] for row in tx.rows(f"SELECT id FROM {table} WHERE {which} LIMIT :limit", **its)]
                gone += tx.run(f"DELETE FROM {table} WHERE id IN LIST(:ids)", ids=ids)
        return gone

    def expire_receipts(self, *, before: datetime) -> int:
        with self.database.write() as tx:
            return tx.run("DELETE FROM receipt WHERE at < :before", before=milliseconds(before))


def _forget_answers(tx: Transaction, versions: list[tuple[int, int]]) -> None:
    its = {"numbers": [row[0] for row in versions]}
    persons = {"persons": sorted({row[1] for row in versions}), **its}
    syncs = [row[0] for row in tx.rows("SELECT DISTINCT sync FROM watermark ORDER BY sync")]
    records = [tuple(row) for row in tx.rows(_ON, syncs=syncs, **persons)]
    tx.run("DELETE FROM again WHERE response IN LIST(:numbers)", **its)  # first, as who leaves out an answer
    tx.run(
        """DELETE FROM answer_state
        WHERE sync IN LIST(:syncs) AND person IN LIST(:persons) AND response IN LIST(:numbers)""",
        syncs=syncs,
        **persons,
    )
    for table, number in (("dead_letter", "response"), ("response", "id")):
        tx.run(f"DELETE FROM {table} WHERE {number} IN LIST(:numbers)", **its)
    tx.many(_NOBODYS, records)
