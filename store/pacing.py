"""The pace of connections: one small row each, changed by one process at a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from store.database import Database, Transaction
from store.rows import milliseconds

T = TypeVar("T")


class Paces:
    database: Database

    def change_pace(
        self, name: str, change: Callable[[bytes | None, int], tuple[bytes, T]], *, now: datetime | None
    ) -> T:
        with self.database.write() as tx:
            if tx.postgres:
                tx.rows("SELECT set_config('synchronous_commit', 'off', true)")
            self.database.lock_names(tx, [f"pace/{name}"])
            known = tx.one("SELECT state FROM pace WHERE name = :name", name=name)
            # Only now, when it is our turn: what was waited for is over.
            moment = _database_time(tx) if now is None else milliseconds(now)
            state, answer = change(None if known is None else known[0].encode(), moment)
            tx.run(
                """INSERT INTO pace (name, state) VALUES (:name, :state)
                ON CONFLICT (name) DO UPDATE SET state = excluded.state""",
                name=name,
                state=state.decode(),
            )
        return answer

    def paces_of(self, connection: str) -> dict[str, bytes]:
        with self.database.read() as tx:
            found = tx.rows("SELECT name, state FROM pace ORDER BY name")  # one for each limiter there is
        return {name: state.encode() for name, state in found if name.partition("/")[0] == connection}


def _database_time(tx: Transaction) -> int:
    if not tx.postgres:
        return milliseconds(datetime.now(UTC))
    found = tx.one("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint")
    assert found is not None
    return int(found[0])
