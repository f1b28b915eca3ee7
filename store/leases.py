"""Leases with fencing tokens, and the connections' memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from nps.errors import LeaseLost
from store.api import Lease
from store.database import Database, Transaction
from store.forgetting import without_forgotten
from store.owners import is_gone
from store.rows import milliseconds
from store.wrong_clocks import held_until

FREE = -(2**62)

# A holder that has surely ended, or None: no owner is equal to that.
_OVER = "l.until <= :now OR l.until > :far OR l.owner = :gone"


class Leases:
    database: Database

    def acquire(self, name: str, owner: str, *, now: datetime, seconds: float) -> Lease | None:
        with self.database.write() as tx:
            holder = _holder(tx, name)
            over = {
                "now": milliseconds(now),
                "far": held_until(now),
                "gone": holder if holder is not None and is_gone(holder) else None,
            }
            wait_for_holders(tx, name, f" AND ({_OVER})", **over)
            found = tx.rows(
                f"""INSERT INTO lease AS l (name, owner, token, until) VALUES (:name, :owner, 1, :until)
                ON CONFLICT (name) DO UPDATE
                SET owner = excluded.owner, token = l.token + 1, until = excluded.until
                WHERE {_OVER} RETURNING token""",
                name=name,
                owner=owner,
                until=_until(now, seconds),
                **over,
            )
        return Lease(name=name, owner=owner, token=found[0][0]) if found else None

    def is_free(self, name: str, *, now: datetime) -> bool:
        with self.database.read() as tx:
            held = tx.one(
                "SELECT owner FROM lease WHERE name = :name AND until > :now AND until <= :far",
                name=name,
                now=milliseconds(now),
                far=held_until(now),
            )
        return held is None or is_gone(held[0])

    def prove(self, lease: Lease) -> None:
        with self.database.read() as tx:
            tx.prove(lease, lasting=False)

    def renew(self, lease: Lease, *, now: datetime, seconds: float) -> None:
        with self.database.write() as tx:
            ours = tx.run(
                """UPDATE lease SET until = :until
                WHERE name = :name AND owner = :owner AND token = :token AND until > :free""",
                until=_until(now, seconds),
                free=FREE,
                name=lease.name,
                owner=lease.owner,
                token=lease.token,
            )
        if not ours:
            raise LeaseLost(
                f"{lease.name}: another process took over (lease {lease.token} is not current any more)."
            )

    def release(self, lease: Lease) -> None:
        """Nothing happens when it is not ours any more."""
        with self.database.write() as tx:
            wait_for_holders(
                tx,
                lease.name,
                " AND l.owner = :owner AND l.token = :token",
                owner=lease.owner,
                token=lease.token,
            )
            tx.run(
                """UPDATE lease SET until = :free, owner = ''
                WHERE name = :name AND owner = :owner AND token = :token""",
                free=FREE,
                name=lease.name,
                owner=lease.owner,
                token=lease.token,
            )

    # ------------------------------------------------------------ memory

    def recall(self, connection: str, keys: Sequence[str]) -> dict[str, str]:
        with self.database.read() as tx:
            found = tx.rows(
                "SELECT key, value FROM memory WHERE connection = :connection AND key IN LIST(:keys)",
                connection=connection,
                keys=list(keys),
            )
        return dict(found)

    def recall_below(self, connection: str, prefix: str) -> dict[str, str]:
        with self.database.read() as tx:
            found = tx.rows(
                """SELECT key, value FROM memory
                WHERE connection = :connection AND substr(key, 1, :length) = :prefix ORDER BY key""",
                connection=connection,
                length=len(prefix),
                prefix=prefix,
            )
        return dict(found)

    def memorize(self, connection: str, items: Mapping[str, str]) -> None:
        with self.database.write(durable=True) as tx:
            items = without_forgotten(tx, connection, items)
            tx.many(
                """INSERT INTO memory (connection, key, value) VALUES (?, ?, ?)
                ON CONFLICT (connection, key) DO UPDATE SET value = excluded.value""",
                [(connection, key, items[key]) for key in sorted(items)],
            )

    def forget(self, connection: str, keys: Sequence[str]) -> None:
        with self.database.write() as tx:
            tx.run(
                "DELETE FROM memory WHERE connection = :connection AND key IN LIST(:keys)",
                connection=connection,
                keys=list(keys),
            )


def wait_for_holders(tx: Transaction, name: str, which: str = "", **parameters: object) -> None:
    """Whoever has proved the lease ends its transaction first. On PostgreSQL proving it takes the weakest lock there
    is, and a change of the row takes none that keeps it off: else a renewal would wait for the transactions of the
    very run it is for, and not even find a gap between those of many hands."""
    tx.rows(f"SELECT 1 FROM lease l WHERE l.name = :name{which} FOR UPDATE OF l", name=name, **parameters)


def _until(now: datetime, seconds: float) -> int:
    return milliseconds(now) + round(seconds * 1000)


def _holder(tx: Transaction, name: str) -> str | None:
    found = tx.one("SELECT owner FROM lease WHERE name = :name", name=name)
    return None if found is None else str(found[0])
