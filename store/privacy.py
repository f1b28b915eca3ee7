"""Tombstones and receipts: who was forgotten, known by keyed hashes alone, and what was done with people's data."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from nps.errors import ConfigError
from nps.forgetting import VERSION
from store.api.privacy import Receipt
from store.database import Database
from store.forgetting import check_pepper, forgotten, keep_pepper
from store.rows import from_json, json_object, milliseconds, moment, storable

_BURY = "INSERT INTO tombstone (digest, version, erased_at) VALUES (?, ?, ?) ON CONFLICT (digest) DO NOTHING"


class Privacy:
    database: Database

    def check_pepper(self) -> None:
        with self.database.read() as tx:
            check_pepper(tx)

    def bury(self, names: Sequence[str], *, now: datetime) -> int:
        with self.database.write(durable=True) as tx:
            check_pepper(tx)
            if tx.forgetting is None:
                raise ConfigError(NO_PEPPER)
            keep_pepper(tx, tx.forgetting)
            digests = sorted({tx.forgetting.digest(name) for name in names})
            return tx.many(_BURY, [(digest, VERSION, milliseconds(now)) for digest in digests])

    def buried(self, names: Sequence[str]) -> frozenset[str]:
        with self.database.read() as tx:
            return frozenset(forgotten(tx, names))

    def note_receipt(self, receipt: Receipt) -> int:
        with self.database.write(durable=True) as tx:
            found = tx.rows(
                """INSERT INTO receipt (kind, at, who, report) VALUES (:kind, :at, :who, :report) RETURNING id""",
                kind=receipt.kind,
                at=milliseconds(receipt.at),
                who=storable(receipt.who),
                report=storable(json_object(receipt.report)),
            )
        return int(found[0][0])

    def receipts(
        self, *, kind: str | None = None, person: str | None = None, limit: int = 100
    ) -> list[Receipt]:
        which = "" if kind is None else "AND kind = :kind "
        its = {} if kind is None else {"kind": kind}
        if person is not None:  # written by us, as compact JSON
            which += "AND report LIKE :person "
            its["person"] = f'%"person":"{person}"%'
        with self.database.read() as tx:
            found = tx.rows(
                f"""SELECT id, kind, at, who, report FROM receipt WHERE id > :least {which}
                ORDER BY id DESC LIMIT :limit""",
                least=0,
                limit=limit,
                **its,
            )
        return [
            Receipt(id=row[0], kind=row[1], at=moment(row[2]), who=row[3], report=from_json(row[4]))
            for row in found
        ]


NO_PEPPER = (
    "pepper: is not set, and without it nobody who was erased could be known again. Set it in the YAML, to a secret "
    "from the environment: pepper: ${NPSYNC_PEPPER} (make one: openssl rand -hex 32)"
)
