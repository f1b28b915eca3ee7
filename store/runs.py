"""The history of runs, and the calls they made."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from nps.values import Json
from store.api import Progress, RunRow
from store.database import Database
from store.errors import StoreError
from store.rows import from_json, json_object, maybe_moment, milliseconds, moment

_RUNS = "SELECT id, sync, kind, status, started_at, ended_at, report FROM run"
_PROGRESS = "SELECT run, phase, done, total, noted_at FROM under_way"


class Runs:
    database: Database

    def begin_run(self, sync: str, kind: str, *, now: datetime, facts: Mapping[str, Json]) -> int:
        with self.database.write() as tx:
            return int(
                tx.rows(
                    """INSERT INTO run (sync, kind, status, started_at, facts, report)
                    VALUES (:sync, :kind, 'running', :now, :facts, '{}') RETURNING id""",
                    sync=sync,
                    kind=kind,
                    now=milliseconds(now),
                    facts=json_object(facts),
                )[0][0]
            )

    def end_run(self, run: int, status: str, *, now: datetime, report: Mapping[str, Json]) -> None:
        with self.database.write() as tx:
            known = tx.run(
                "UPDATE run SET status = :status, ended_at = :now, report = :report WHERE id = :run",
                status=status,
                now=milliseconds(now),
                report=json_object(report),
                run=run,
            )
            if not known:
                raise StoreError(f"store: there is no run {run}")
            tx.run("DELETE FROM under_way WHERE run = :run", run=run)

    def note_progress(self, run: int, phase: str, done: int, total: int | None, *, now: datetime) -> None:
        with self.database.write() as tx:
            tx.run(
                """INSERT INTO under_way (run, phase, done, total, noted_at)
                SELECT id, CAST(:phase AS VARCHAR), :done, :total, :now FROM run WHERE id = :run AND status = 'running'
                ON CONFLICT (run) DO UPDATE SET phase = excluded.phase, done = excluded.done,
                    total = excluded.total, noted_at = excluded.noted_at""",
                run=run,
                phase=phase,
                done=done,
                total=total,
                now=milliseconds(now),
            )

    def progress_of(self, run: int) -> Progress | None:
        with self.database.read() as tx:
            found = tx.one(f"{_PROGRESS} WHERE run = :run", run=run)
        return None if found is None else _progress(found)

    def progress(self) -> dict[int, Progress]:
        with self.database.read() as tx:
            found = tx.rows(_PROGRESS)
        return {row[0]: _progress(row) for row in found}

    def runs(
        self,
        *,
        sync: str | None = None,
        kind: str | None = None,
        status: str | None = None,
        since: datetime | None = None,
        before: int | None = None,
        limit: int = 20,
    ) -> list[RunRow]:
        asked = {"sync": sync, "kind": kind, "status": status}
        narrowed: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
        where = "".join(f" AND {name} = :{name}" for name in narrowed)
        if since is not None:
            where, narrowed["since"] = f"{where} AND started_at >= :since", milliseconds(since)
        if before is not None:
            where, narrowed["before"] = f"{where} AND id < :before", before
        with self.database.read() as tx:
            found = tx.rows(
                f"{_RUNS} WHERE id > 0{where} ORDER BY id DESC LIMIT :limit", **narrowed, limit=limit
            )
        return [_run(row) for row in found]

    def run(self, number: int) -> RunRow | None:
        with self.database.read() as tx:
            found = tx.one(f"{_RUNS} WHERE id = :number", number=number)
        return None if found is None else _run(found)

    def count_calls(self, connection: str, day: str, count: int) -> int:
        with self.database.write() as tx:
            return int(
                tx.rows(
                    """INSERT INTO calls (connection, day, count) VALUES (:connection, :day, :count)
                    ON CONFLICT (connection, day) DO UPDATE SET count = calls.count + excluded.count
                    RETURNING count""",
                    connection=connection,
                    day=day,
                    count=count,
                )[0][0]
            )

    def calls_since(self, day: str) -> dict[tuple[str, str], int]:
        with self.database.read() as tx:
            found = tx.rows("SELECT connection, day, count FROM calls WHERE day >= :day", day=day)
        return {(connection, day): count for connection, day, count in found}


def _run(row: tuple[Any, ...]) -> RunRow:
    return RunRow(
        id=row[0],
        sync=row[1],
        kind=row[2],
        status=row[3],
        started_at=moment(row[4]),
        ended_at=maybe_moment(row[5]),
        report=from_json(row[6]),
    )


def _progress(row: tuple[Any, ...]) -> Progress:
    return Progress(run=row[0], phase=row[1], done=row[2], total=row[3], noted_at=moment(row[4]))
