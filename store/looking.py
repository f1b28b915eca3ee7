"""What one run did, page by page (`store.api.looking`)."""

from __future__ import annotations

from store.api import Settled, State, Stored
from store.api.looking import Journaled
from store.database import Database
from store.rows import CHANGE, RESPONSE, change_of, moment, response_of
from store.settled import settled_of
from store.statements import LEFT_PLANNED, OPEN
from store.waiting import told

_LAST = 2**62
REACH = 5_000  # answers looked at for one page of those that are settled: no index leads from a run to them

_OUTCOME = """COALESCE(
    c.outcome, CASE WHEN b.state IN ('answered', 'settled') THEN 'written' ELSE b.state END, 'planned')"""
_JOURNAL = f"""
    SELECT {CHANGE}, {_OUTCOME}, COALESCE(c.code, ''), COALESCE(c.message, '')
    FROM change c LEFT JOIN batch b ON b.id = c.batch
    WHERE c.run = :run AND c.id > :after{{which}} ORDER BY c.id LIMIT :limit"""
_CHANGE_ENDS = len(CHANGE.split(","))

_SETTLED = "s.response, s.state, s.record_id, s.rule, s.code, s.reason, s.look_again, s.field, s.candidates"
_STORED = f"r.id, r.person, r.received_at, {RESPONSE}"
_ENDS = 3 + len(RESPONSE.split(","))
_LEFT_OPEN = f"""
    SELECT {_SETTLED} FROM answer_state s INDEXED BY ix_answer_state_open
    WHERE s.sync = :sync AND s.state = :state AND {OPEN} AND s.run = :run AND s.response < :before
    ORDER BY s.response DESC LIMIT :limit"""
_SETTLED_BY = f"""
    SELECT {_SETTLED} FROM response r CROSS JOIN answer_state s
    WHERE r.id < :before AND r.id >= :lowest AND s.sync = :sync AND s.person = r.person AND s.response = r.id
    AND s.run = :run AND s.state = :state ORDER BY r.id DESC LIMIT :limit"""

# Numbers are given in order of arrival: halved, until one is left.
_MIDDLE = "(low + high + 1) / 2"
_ARRIVED_IN_TIME = f"""COALESCE((
    SELECT r.received_at FROM response r WHERE r.id <= {_MIDDLE} ORDER BY r.id DESC LIMIT 1), 0) <= :ended_at"""
_ARRIVED_BY = f"""
    WITH RECURSIVE half (low, high) AS (
        SELECT CAST(0 AS BIGINT), CAST(COALESCE(max(id), 0) AS BIGINT) FROM response
        UNION ALL
        SELECT CASE WHEN {_ARRIVED_IN_TIME} THEN {_MIDDLE} ELSE low END,
            CASE WHEN {_ARRIVED_IN_TIME} THEN high ELSE {_MIDDLE} - 1 END
        FROM half WHERE low < high)
    SELECT low FROM half WHERE low = high"""

# Until the transaction ends. PostgreSQL knows how few answers a run settled, not that they lie together, and would
# look through the states of all answers.
_ONE_BY_ONE = """
    SELECT set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
        set_config('enable_mergejoin', 'off', true), set_config('enable_bitmapscan', 'off', true)"""


class Looking:
    database: Database

    def journal_page(
        self,
        run: int,
        *,
        outcome: str | None = None,
        record: str | None = None,
        field: str | None = None,
        after: int = 0,
        limit: int = 50,
    ) -> list[Journaled]:
        which, given = "", {}
        if outcome is not None:
            which, given["outcome"] = which + f" AND {_OUTCOME} = :outcome", outcome
        if record is not None:
            which, given["record"] = which + " AND c.record_id = :record", record
        if field is not None:
            which, given["field"] = which + " AND c.after LIKE :field ESCAPE '!'", _named(field)
        with self.database.read() as tx:
            found = tx.rows(_JOURNAL.format(which=which), run=run, after=after, limit=limit, **given)
        return [
            Journaled(
                number=row[0],
                change=change_of(row),
                outcome=row[_CHANGE_ENDS],
                code=row[_CHANGE_ENDS + 1],
                message=row[_CHANGE_ENDS + 2],
            )
            for row in found
        ]

    def run_answers(
        self, run: int, state: State, *, before: int | None = None, limit: int = 50
    ) -> tuple[list[tuple[Stored, Settled]], int | None]:
        above = before or _LAST
        with self.database.read() as tx:
            known = tx.one("SELECT sync, ended_at FROM run WHERE id = :run", run=run)
        if known is None:
            return [], None
        sync, ended_at = known
        its = {"sync": sync, "run": run, "state": state.value, "limit": limit + 1}
        with told(self.database, sync) as tx:
            if state in (State.WRITTEN, State.UNCHANGED, State.SUPERSEDED, State.EXCLUDED):
                above = min(above, self._above(ended_at))
                lowest = above - REACH
                if tx.postgres:
                    tx.rows(_ONE_BY_ONE)
                settled = tx.rows(_SETTLED_BY, **its, before=above, lowest=lowest)
                on = lowest if lowest > 1 else None
            else:
                settled = tx.rows(_LEFT_OPEN, **its, before=above)
                if state is State.PENDING:
                    planned = tx.rows(LEFT_PLANNED, sync=sync, runs=[run], limit=REACH)
                    settled = sorted([*settled, *(row for row in planned if row[0] < above)], reverse=True)
                on = None
            if len(settled) > limit:
                settled, on = settled[:limit], settled[limit - 1][0]
            answers = tx.rows(
                f"SELECT {_STORED} FROM response r WHERE r.id IN LIST(:numbers)",
                numbers=[row[0] for row in settled],
            )
        stored = {
            row[0]: Stored(row[0], row[1], moment(row[2]), response_of(row[3:_ENDS])) for row in answers
        }
        return [(stored[row[0]], settled_of(row)) for row in settled if row[0] in stored], on

    def _above(self, ended_at: int | None) -> int:
        """Just above the last answer that had arrived when the run ended."""
        with self.database.read() as tx:
            [(last,)] = tx.rows(_ARRIVED_BY, ended_at=_LAST if ended_at is None else ended_at)
        return int(last) + 1


def _named(field: str) -> str:
    """What the JSON of a change to this field holds."""
    escaped = field.replace("!", "!!").replace("%", "!%").replace("_", "!_")
    return f'%"{escaped}":%'
