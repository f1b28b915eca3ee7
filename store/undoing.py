"""What an undo asks of the journal: what a run wrote, what became of it since, and who took it back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from nps.changes import Change
from nps.writes import Write
from store.api import Lease, Live, Restoring, Unwritten, Wrote
from store.database import Database, Transaction
from store.rows import CHANGE, PLANNED, change_of, from_json, planned_row, to_json
from store.statements import CHANGES
from store.streaming import streamed

_ANSWERED = "b.id = c.batch AND b.state IN ('answered', 'settled')"
_CONFIRMED = f"{_ANSWERED} AND c.outcome IS NULL"
_MAYBE_WRITTEN = f"{_ANSWERED} AND (c.outcome IS NULL OR c.outcome = 'unknown')"

_WROTE = f"""
    SELECT c.connection, c.object, count(*) FROM change c CROSS JOIN batch b
    WHERE c.run = :run AND {_MAYBE_WRITTEN} GROUP BY c.connection, c.object ORDER BY c.connection, c.object"""

_WRITTEN_BY = """
    SELECT c.id FROM change c{index} CROSS JOIN batch b
    WHERE c.run = :run AND {which} ORDER BY c.id"""
_OF_RECORDS = " INDEXED BY ix_change_record_id"

_WRITES = f"""
    SELECT c.record_id, c.id, c.run, c.before, c.after, c.response, c.undoes, c.holds, c.outcome
    FROM change c INDEXED BY ix_change_record_id CROSS JOIN batch b
    WHERE c.record_id IN LIST(:records) AND c.connection = :connection AND c.object = :object AND {_MAYBE_WRITTEN}
    ORDER BY c.id"""

_TOUCHED_BY_UNDO = """
    SELECT DISTINCT record_id FROM change INDEXED BY ix_change_record_id
    WHERE record_id IN LIST(:records) AND connection = :connection AND object = :object AND undoes IS NOT NULL"""

_UNDONE_BY = """
    SELECT DISTINCT u.run FROM change c CROSS JOIN change u
    WHERE c.run = :run AND u.undoes = c.id AND u.undoes IS NOT NULL ORDER BY u.run"""

_UNWRITTEN = f"""
    SELECT {CHANGE}, c.outcome, c.code, c.message FROM change c
    WHERE c.run = :run AND c.outcome IS NOT NULL ORDER BY c.id LIMIT :limit"""


class Undoing:
    database: Database

    def wrote(self, run: int) -> list[Wrote]:
        with self.database.read() as tx:
            return [Wrote(*row) for row in tx.rows(_WROTE, run=run)]

    def written_by(
        self, run: int, *, records: Sequence[str] | None = None, maybe: bool = False
    ) -> Iterator[Change]:
        which, index = _MAYBE_WRITTEN if maybe else _CONFIRMED, ""
        given: dict[str, Any] = {"run": run}
        if records is not None:
            which, index = f"{which} AND c.record_id IN LIST(:records)", _OF_RECORDS
            given["records"] = list(records)
        numbers = _WRITTEN_BY.format(index=index, which=which)
        for rows in streamed(self.database, numbers, CHANGES, **given):
            yield from map(change_of, rows)

    def writes(
        self, connection: str, object: str, record_ids: Sequence[str], live: Live
    ) -> dict[str, list[Write]]:
        with self.database.read() as tx:
            return _writes(tx, connection, object, record_ids, live)

    def undone(
        self, connection: str, object: str, record_ids: Sequence[str], live: Live
    ) -> dict[str, list[Write]]:
        with self.database.read() as tx:
            if tx.one("SELECT 1 FROM change WHERE undoes IS NOT NULL LIMIT 1") is None:
                return {}  # nearly always
            touched = tx.rows(
                _TOUCHED_BY_UNDO, connection=connection, object=object, records=list(record_ids)
            )
            return _writes(tx, connection, object, [row[0] for row in touched], live)

    def plan_restoring(
        self, run: int, restoring: Sequence[Restoring], *, lease: Lease, connection: str
    ) -> None:
        rows = [
            (*planned_row(run, connection, one.change, None), to_json(one.holds) if one.holds else None)
            for one in restoring
        ]
        with self.database.write() as tx:
            tx.prove(lease)
            tx.load("change", f"{PLANNED}, holds", rows)

    def undone_by(self, run: int) -> list[int]:
        with self.database.read() as tx:
            return [row[0] for row in tx.rows(_UNDONE_BY, run=run)]

    def unwritten(self, run: int, *, limit: int = 100) -> list[Unwritten]:
        with self.database.read() as tx:
            found = tx.rows(_UNWRITTEN, run=run, limit=limit)
        return [Unwritten(change_of(row), *row[-3:]) for row in found]


def _writes(
    tx: Transaction, connection: str, object: str, record_ids: Sequence[str], live: Live
) -> dict[str, list[Write]]:
    found: dict[str, list[Write]] = {}
    if not record_ids:
        return found
    rows = tx.rows(_WRITES, connection=connection, object=object, records=list(record_ids))
    for record_id, id, run, before, after, response, undoes, holds, outcome in rows:
        values = from_json(after)
        if outcome is not None:
            shown, undone = live(record_id), _undone_fields(rows, id)
            values = {
                name: value
                for name, value in values.items()
                if name in undone or shown.get(name, ...) == value
            }
        if values:
            write = Write(
                id=id,
                run=run,
                before=from_json(before),
                after=values,
                response=response,
                undoes=undoes,
                holds=() if holds is None else tuple(from_json(holds)),
            )
            found.setdefault(record_id, []).append(write)
    return found


def _undone_fields(rows: Sequence[tuple[Any, ...]], number: int) -> set[str]:
    """Fields of a change that another one took back: it must have been written for that."""
    return {name for row in rows if row[6] == number for name in from_json(row[4])}
