"""API tokens: their hashes, what they are for, and when they were used last."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from store.api import TokenRow
from store.database import Database
from store.rows import maybe_moment, milliseconds, moment

_ROW = "id, name, scopes, created_at, used_at, revoked_at, expires_at"

_ADD = """
    INSERT INTO api_token (name, digest, scopes, created_at, used_at, revoked_at, expires_at)
    VALUES (:name, :digest, :scopes, :now, NULL, NULL, :expires) ON CONFLICT DO NOTHING"""


class Tokens:
    database: Database

    def add_token(
        self,
        name: str,
        digest: str,
        scopes: Sequence[str],
        *,
        now: datetime,
        expires_at: datetime | None = None,
    ) -> bool:
        with self.database.write(durable=True) as tx:
            added = tx.run(
                _ADD,
                name=name,
                digest=digest,
                scopes=" ".join(scopes),
                now=milliseconds(now),
                expires=None if expires_at is None else milliseconds(expires_at),
            )
        return bool(added)

    def token(self, digest: str) -> TokenRow | None:
        with self.database.read() as tx:
            found = tx.one(
                f"SELECT {_ROW} FROM api_token WHERE digest = :digest AND revoked_at IS NULL", digest=digest
            )
        return None if found is None else _token(found)

    def tokens(self) -> list[TokenRow]:
        with self.database.read() as tx:
            return [_token(row) for row in tx.rows(f"SELECT {_ROW} FROM api_token ORDER BY id DESC")]

    def token_used(self, number: int, *, now: datetime) -> None:
        with self.database.write() as tx:
            tx.run(
                "UPDATE api_token SET used_at = :now WHERE id = :number", number=number, now=milliseconds(now)
            )

    def revoke_token(self, name: str, *, now: datetime) -> bool:
        with self.database.write(durable=True) as tx:
            revoked = tx.run(
                "UPDATE api_token SET revoked_at = :now WHERE name = :name AND revoked_at IS NULL",
                name=name,
                now=milliseconds(now),
            )
        return bool(revoked)


def _token(row: tuple[Any, ...]) -> TokenRow:
    return TokenRow(
        number=row[0],
        name=row[1],
        scopes=tuple(row[2].split()),
        created_at=moment(row[3]),
        used_at=maybe_moment(row[4]),
        revoked_at=maybe_moment(row[5]),
        expires_at=maybe_moment(row[6]),
    )
