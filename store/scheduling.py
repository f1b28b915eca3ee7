"""The clock's memory: due times, what was done about each of them, pauses, and who ticks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from store.api.scheduling import Due, Serving, Tick
from store.api.sharing import Enlisting
from store.database import Database
from store.rows import maybe_milliseconds, maybe_moment, milliseconds, moment
from store.spans import during_sql

_DUE = "SELECT sync, due_at, paused, paused_at, paused_by, spread FROM schedule"
_AT_THE_LATEST = "CASE WHEN due_at < :due_at THEN due_at ELSE :due_at END"
_TICK = "id, sync, due_at, outcome, noted_at, owner, next_at, ended_at, died"


class Scheduling:
    database: Database

    def due(self, syncs: Sequence[str]) -> dict[str, Due]:
        with self.database.read() as tx:
            found = tx.rows(f"{_DUE} WHERE sync IN LIST(:syncs)", syncs=list(syncs))
        return {row[0]: _due(row) for row in found}

    def schedule(self, sync: str, due_at: datetime) -> None:
        with self.database.write() as tx:
            tx.run(
                """INSERT INTO schedule (sync, due_at, paused) VALUES (:sync, :due_at, FALSE)
                ON CONFLICT (sync) DO UPDATE SET due_at = excluded.due_at, spread = 0""",
                sync=sync,
                due_at=milliseconds(due_at),
            )

    def hasten(self, sync: str, due_at: datetime) -> None:
        with self.database.write() as tx:
            tx.run(
                f"UPDATE schedule SET due_at = {_AT_THE_LATEST}, spread = 0 WHERE sync = :sync",
                sync=sync,
                due_at=milliseconds(due_at),
            )

    def schedule_first(self, sync: str, due_at: datetime) -> datetime:
        if known := self.due([sync]):  # all but once in a lifetime, so that nobody waits to write
            return known[sync].due_at
        with self.database.write() as tx:
            tx.run(
                """INSERT INTO schedule (sync, due_at, paused) VALUES (:sync, :due_at, FALSE)
                ON CONFLICT (sync) DO NOTHING""",
                sync=sync,
                due_at=milliseconds(due_at),
            )
        return self.due([sync])[sync].due_at

    def claim_due(self, sync: str, due_at: datetime, next_due: datetime) -> bool:
        with self.database.write() as tx:
            return bool(
                tx.run(
                    """UPDATE schedule SET due_at = :next, spread = 0
                    WHERE sync = :sync AND due_at = :due_at AND NOT paused""",
                    sync=sync,
                    due_at=milliseconds(due_at),
                    next=milliseconds(next_due),
                )
            )

    # ------------------------------------------------------------ ticks

    def take_tick(
        self,
        sync: str,
        due_at: datetime,
        next_due: datetime,
        outcome: str,
        owner: str,
        *,
        now: datetime,
        paused: bool = False,
        spread: timedelta = timedelta(0),
        next_at: datetime | None = None,
    ) -> int | None:
        with self.database.write() as tx:
            taken = tx.run(
                """UPDATE schedule SET due_at = :next, spread = :spread
                WHERE sync = :sync AND due_at = :due_at AND paused = :paused""",
                sync=sync,
                paused=paused,
                due_at=milliseconds(due_at),
                next=milliseconds(next_due),
                spread=spread // timedelta(milliseconds=1),
            )
            if not taken:
                return None
            return int(
                tx.rows(
                    """INSERT INTO tick (sync, due_at, outcome, noted_at, owner, next_at, ended_at)
                    VALUES (:sync, :due_at, :outcome, :now, :owner, :next, :ended) RETURNING id""",
                    sync=sync,
                    due_at=milliseconds(due_at),
                    outcome=outcome,
                    now=milliseconds(now),
                    owner=owner,
                    next=milliseconds(next_at or next_due),
                    ended=milliseconds(now) if outcome.startswith("skipped") else None,
                )[0][0]
            )

    def end_tick(self, number: int, *, now: datetime, outcome: str | None = None) -> None:
        with self.database.write() as tx:
            tx.run(
                """UPDATE tick SET ended_at = COALESCE(ended_at, :now), outcome = COALESCE(:outcome, outcome),
                    died = FALSE
                WHERE id = :number""",
                now=milliseconds(now),
                outcome=outcome,
                number=number,
            )

    def return_tick(
        self, number: int, *, now: datetime, died: bool = False, again_at: datetime | None = None
    ) -> bool:
        with self.database.write() as tx:
            found = tx.rows(
                """UPDATE tick SET ended_at = :now, outcome = 'handed_back', died = :died
                WHERE id = :number AND ended_at IS NULL
                RETURNING sync, due_at""",
                now=milliseconds(now),
                died=died,
                number=number,
            )
            for sync, due_at in found:
                tx.run(
                    "UPDATE schedule SET due_at = :due_at, spread = 0 WHERE sync = :sync AND due_at > :due_at",
                    sync=sync,
                    due_at=due_at if again_at is None else milliseconds(again_at),
                )
            return bool(found)

    def hand_tick(self, number: int, owner: str | None, *, enlist: Enlisting | None = None) -> None:
        with self.database.write() as tx:
            tx.run("UPDATE tick SET owner = :owner WHERE id = :number", owner=owner, number=number)
            if enlist is not None:
                enlist(tx.connection.connection.driver_connection)

    def open_ticks(self) -> list[Tick]:
        with self.database.read() as tx:
            found = tx.rows(f"SELECT {_TICK} FROM tick WHERE ended_at IS NULL ORDER BY id")
        return [_tick(row) for row in found]

    def ticks(
        self,
        syncs: Sequence[str],
        *,
        since: datetime | None = None,
        during: tuple[datetime, datetime] | None = None,
        before: int | None = None,
        limit: int | None = None,
    ) -> list[Tick]:
        later = "" if since is None else "AND noted_at >= :since"
        later += "" if before is None else " AND id < :before"
        which, times = during_sql("tick", "noted_at", during)
        later += "".join(f" AND {one}" for one in which)
        few = "" if limit is None else "LIMIT :limit"
        given = {"since": maybe_milliseconds(since), "before": before, "limit": limit, **times}
        with self.database.read() as tx:
            found = tx.rows(
                f"SELECT {_TICK} FROM tick WHERE sync IN LIST(:syncs) {later} ORDER BY id DESC {few}",
                syncs=list(syncs),
                **{name: value for name, value in given.items() if value is not None},
            )
        return [_tick(row) for row in found]

    def latest_ticks(self, syncs: Sequence[str]) -> dict[str, Tick]:
        with self.database.read() as tx:
            latest = [
                tx.one(f"SELECT {_TICK} FROM tick WHERE sync = :sync ORDER BY id DESC LIMIT 1", sync=sync)
                for sync in syncs
            ]
        return {row[1]: _tick(row) for row in latest if row is not None}

    def expire_ticks(self, *, before: datetime, limit: int) -> int:
        with self.database.write() as tx:
            return tx.run(
                """DELETE FROM tick WHERE id IN (
                    SELECT t.id FROM tick t WHERE t.noted_at < :before AND t.ended_at IS NOT NULL
                    AND EXISTS (SELECT 1 FROM tick later WHERE later.sync = t.sync AND later.id > t.id)
                    ORDER BY t.id LIMIT :limit)""",
                before=milliseconds(before),
                limit=limit,
            )

    # ------------------------------------------------------------ pauses

    def pause(self, sync: str, who: str, *, due_at: datetime, now: datetime) -> bool:
        with self.database.write() as tx:
            return bool(
                tx.run(
                    """INSERT INTO schedule (sync, due_at, paused, paused_at, paused_by)
                    VALUES (:sync, :due_at, TRUE, :now, :who)
                    ON CONFLICT (sync) DO UPDATE
                    SET paused = TRUE, paused_at = excluded.paused_at, paused_by = excluded.paused_by
                    WHERE NOT schedule.paused""",
                    sync=sync,
                    due_at=milliseconds(due_at),
                    now=milliseconds(now),
                    who=who,
                )
            )

    def unpause(self, sync: str, *, due_at: datetime | None = None) -> bool:
        with self.database.write() as tx:
            return bool(
                tx.run(
                    f"""UPDATE schedule SET paused = FALSE, paused_at = NULL, paused_by = NULL,
                        spread = CASE WHEN :due_at IS NULL THEN spread ELSE 0 END,
                        due_at = CASE WHEN :due_at IS NULL THEN due_at ELSE {_AT_THE_LATEST} END
                    WHERE sync = :sync AND paused""".replace(":due_at", "CAST(:due_at AS BIGINT)"),
                    sync=sync,
                    due_at=maybe_milliseconds(due_at),
                )
            )

    def paused(self) -> dict[str, Due]:
        with self.database.read() as tx:
            found = tx.rows(f"{_DUE} WHERE paused ORDER BY sync")
        return {row[0]: _due(row) for row in found}

    # ------------------------------------------------------------ who ticks

    def note_serving(self, one: Serving) -> None:
        with self.database.write() as tx:
            tx.run(
                """INSERT INTO serving (owner, kind, began_at, seen_at, config_at, mark, problem)
                VALUES (:owner, :kind, :began_at, :seen_at, :config_at, :mark, :problem)
                ON CONFLICT (owner) DO UPDATE SET seen_at = excluded.seen_at, config_at = excluded.config_at,
                    mark = excluded.mark, problem = excluded.problem""",
                owner=one.owner,
                kind=one.kind,
                began_at=milliseconds(one.began_at),
                seen_at=milliseconds(one.seen_at),
                config_at=milliseconds(one.config_at),
                mark=one.mark,
                problem=one.problem,
            )

    def serving(self) -> list[Serving]:
        with self.database.read() as tx:
            found = tx.rows(
                "SELECT owner, kind, began_at, seen_at, config_at, mark, problem FROM serving ORDER BY began_at, owner"
            )
        return [
            Serving(
                owner=row[0],
                kind=row[1],
                began_at=moment(row[2]),
                seen_at=moment(row[3]),
                config_at=moment(row[4]),
                mark=row[5],
                problem=row[6],
            )
            for row in found
        ]

    def end_serving(self, owner: str, *, before: datetime) -> None:
        with self.database.write() as tx:
            tx.run(
                "DELETE FROM serving WHERE owner = :owner OR seen_at < :before",
                owner=owner,
                before=milliseconds(before),
            )


def _due(row: tuple[Any, ...]) -> Due:
    return Due(
        sync=row[0],
        due_at=moment(row[1]),
        paused=bool(row[2]),
        paused_at=maybe_moment(row[3]),
        paused_by=row[4],
        spread=timedelta(milliseconds=row[5]),
    )


def _tick(row: tuple[Any, ...]) -> Tick:
    return Tick(
        number=row[0],
        sync=row[1],
        due_at=moment(row[2]),
        outcome=row[3],
        noted_at=moment(row[4]),
        owner=row[5],
        next_at=maybe_moment(row[6]),
        ended_at=maybe_moment(row[7]),
        died=bool(row[8]),
    )
