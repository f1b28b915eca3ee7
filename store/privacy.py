"""Tombstones and receipts: who was forgotten, known by keyed hashes alone, and what was done with people's data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from nps.errors import ConfigError
from nps.forgetting import VERSION
from nps.values import Json
from store.acting import note_audit
from store.api.privacy import Receipt
from store.database import Database, Transaction
from store.forgetting import check_pepper, forgotten, forgotten_answers, keep_pepper
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

    def forgotten_answers(self, numbers: Sequence[int]) -> frozenset[int]:
        with self.database.read() as tx:
            return forgotten_answers(tx, numbers)

    def forgotten_on(self, names: Sequence[str]) -> Mapping[str, datetime]:
        with self.database.read() as tx:
            return {name: moment(at) for name, at in forgotten(tx, names).items()}

    def publish(self, survey: str, places: Mapping[str, Sequence[str]], least: int, *, now: datetime) -> bool:
        with self.database.write(durable=True) as tx:
            self.database.lock_names(tx, [f"published\0{survey}"])
            for source in sorted(
                places
            ):  # whose answers are being stored: their numbers may be below others'
                self.database.lock_inbox(tx, source)
            before = _published(tx, survey)
            new, last = 0, before
            for source, ids in places.items():
                narrowed = "" if not ids else "AND survey IN LIST(:ids)"
                its = {"source": source, "before": before} | ({"ids": list(ids)} if ids else {})
                [(count, latest)] = tx.rows(
                    f"""SELECT count(*), max(id) FROM response
                    WHERE source = :source AND id > :before AND newest AND status = 'complete' {narrowed}""",
                    **its,
                )
                new, last = new + count, max(last, latest or 0)
            if new < least:
                return False
            tx.run(
                """INSERT INTO published (survey, response, answers, published_at)
                VALUES (:survey, :last, :new, :now) ON CONFLICT (survey) DO UPDATE
                SET response = excluded.response, answers = published.answers + excluded.answers,
                    published_at = excluded.published_at""",
                survey=survey,
                last=last,
                new=new,
                now=milliseconds(now),
            )
        return True

    def published(self, survey: str) -> int:
        with self.database.read() as tx:
            return _published(tx, survey)

    def note_receipt(self, receipt: Receipt, *, what: str = "", about: str = "") -> int:
        with self.database.write(durable=True) as tx:
            if what:
                note_audit(tx, receipt.who, what, about, _without_people(receipt.report), receipt.at)
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


def _published(tx: Transaction, survey: str) -> int:
    found = tx.one("SELECT response FROM published WHERE survey = :survey", survey=survey)
    return 0 if found is None else int(found[0])


NO_PEPPER = (
    "pepper: is not set, and without it nobody who was erased could be known again. Set it in the YAML, to a secret "
    "from the environment: pepper: ${NPSYNC_PEPPER} (make one: openssl rand -hex 32)"
)


def _without_people(report: Mapping[str, Json]) -> dict[str, Json]:
    """What a page notes of a look; whom it was at stays with the receipt."""
    return {name: report[name] for name in ("page", "people") if name in report}
