"""What people wrote, and what of all that was taken up waits for somebody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from store.api.remarks import Remark, Undone
from store.api.tallying import Counting
from store.database import Database
from store.questions import Question
from store.rows import moment
from store.statements import OPEN

# {record}: of the first sync that knows
_REMARKS = """
    SELECT id, source, source_id, at, score, comment, record, sync, who FROM answer
    WHERE id < :before AND score >= :low AND score <= :high ORDER BY id DESC LIMIT :limit"""

_UNDONE = f"""
    SELECT s.state, count(*) FROM answer_state s INDEXED BY ix_answer_state_open
    WHERE s.sync = :sync AND s.state IN ('review', 'held', 'rejected', 'waiting') AND {OPEN} GROUP BY s.state
    """


class Remarks:
    database: Database

    def remarks(self, what: Counting, *, before: int | None = None, limit: int) -> list[Remark]:
        with self.database.read() as tx:
            found = Question(tx, what).remarks(_REMARKS, before=before or 2**62, limit=limit)
        return [_remark(row, what.syncs) for row in found]

    def left_to_people(self, syncs: Sequence[str]) -> list[Undone]:
        with self.database.read() as tx:
            return [
                Undone(sync, state, many)
                for sync in syncs
                for state, many in sorted(tx.rows(_UNDONE, sync=sync))
            ]


def _remark(row: tuple[Any, ...], syncs: Sequence[str]) -> Remark:
    return Remark(
        number=row[0],
        source=row[1],
        id=row[2],
        at=moment(row[3]),
        score=row[4],
        text=row[5],
        record_id=row[6],
        sync=syncs[row[7]] if row[7] is not None else None,
        who=row[8],
    )
