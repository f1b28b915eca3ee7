"""The history of one person and one record: who answered what, what became of it in every sync, what was written.

Read only, also where other rooms would first bring the states up to the journal: looking never waits for a run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from store import statements
from store.api import DeadLetterRow, Settled, State
from store.database import Database, Transaction
from store.letters import LETTER, letter_of
from store.past import Fate, Journalled, Linked, Version, Who
from store.rows import CHANGE, RESPONSE, change_of, from_json, moment, response_of
from store.settled import settled_of

MOST_ANSWERS = 1000  # of one key: a mailbox of a whole company may have many more; the newest are told

# ------------------------------------------------------------ statements

# A scan of the inbox: it has no index by address, which every answer would pay for and only this question would use.
_BY_KEY = """
    SELECT r.id FROM response r
    WHERE lower(r.email) = :email OR r.email = :text OR r.external_id = :text OR r.source_id = :text
        OR r.phone IN LIST(:phones)
    ORDER BY r.id DESC LIMIT :limit"""

# {which}: by keys that have an index. Of the sources first their names, each found by one look into the index.
_KNOWN_BY = "SELECT r.id FROM response r WHERE {which} ORDER BY r.id DESC LIMIT :limit"
_OF_PERSON = "r.person IN LIST(:persons)"
_OF_ID = "r.external_id = :text AND r.external_id IS NOT NULL"
_OF_PHONE = "r.phone IN LIST(:phones) AND r.phone IS NOT NULL"
_NAMED = "r.source IN LIST(:sources) AND r.source_id = :text"
_SOURCES = """
    WITH RECURSIVE found(source) AS (
        SELECT min(source) FROM response
        UNION ALL
        SELECT (SELECT min(r.source) FROM response r WHERE r.source > found.source) FROM found WHERE source IS NOT NULL)
    SELECT source FROM found WHERE source IS NOT NULL"""

_BY_NAME = "SELECT r.id FROM response r WHERE r.source = :source AND r.source_id = :id"

# {table}: answer_state, work
_OF_PERSONS = """
    SELECT s.response FROM {table} s
    WHERE s.sync IN LIST(:syncs) AND s.person IN LIST(:persons)
    ORDER BY s.response DESC LIMIT :limit"""

_ON_RECORDS = """
    SELECT s.response FROM answer_state s INDEXED BY ix_answer_state_sync_record_id
    WHERE s.sync IN LIST(:syncs) AND s.record_id IN LIST(:records)
    UNION
    SELECT w.response FROM work w WHERE w.sync IN LIST(:syncs) AND w.record_id IN LIST(:records)"""

_IN_REVIEW = f"""
    SELECT s.response, s.candidates FROM answer_state s INDEXED BY ix_answer_state_open
    WHERE s.sync = :sync AND s.state = 'review' AND {statements.OPEN} AND s.candidates IS NOT NULL"""

_VERSIONS = f"""
    SELECT DISTINCT o.id, o.version, o.newest, o.person, o.received_at, {RESPONSE.replace("r.", "o.")}
    FROM response r JOIN response o ON o.source = r.source AND o.source_id = r.source_id
    WHERE r.id IN LIST(:numbers) ORDER BY o.id"""

# `planned` is brought up to date by the next run; until then the journal knows better.
_FATES = """
    SELECT s.response, CASE WHEN s.state = 'planned' AND EXISTS (
            SELECT 1 FROM change c JOIN batch b ON b.id = c.batch
            WHERE c.record_id = s.record_id AND c.response = s.response AND c.outcome IS NULL
            AND b.state IN ('answered', 'settled') AND b.sync = s.sync
            AND c.id = (SELECT max(n.id) FROM change n WHERE n.record_id = s.record_id AND n.response = s.response))
        THEN 'written' ELSE s.state END,
        s.record_id, s.rule, s.code, s.reason, s.look_again, s.field, s.candidates, s.sync, s.run
    FROM response r CROSS JOIN answer_state s
    WHERE r.id IN LIST(:numbers) AND s.sync IN LIST(:syncs) AND s.person = r.person AND s.response = r.id"""

_LYING = """
    SELECT w.response, w.record_id, w.sync FROM response r CROSS JOIN work w
    WHERE r.id IN LIST(:numbers) AND w.sync IN LIST(:syncs) AND w.person = r.person AND w.response = r.id"""

_JOURNAL = f"""
    SELECT {CHANGE}, c.connection, c.run, k.sync, k.kind,
        COALESCE(c.outcome, CASE WHEN b.state IN ('answered', 'settled') THEN 'written' ELSE b.state END, 'planned'),
        c.code, c.message, COALESCE(b.settled_at, k.started_at)
    FROM change c INDEXED BY ix_change_record_id
    CROSS JOIN run k
    LEFT JOIN batch b ON b.id = c.batch
    WHERE c.record_id IN LIST(:records) AND k.id = c.run ORDER BY c.id"""

_RECORDS_WRITTEN = """
    SELECT DISTINCT c.record_id FROM change c INDEXED BY ix_change_record_id CROSS JOIN batch b
    WHERE c.record_id > :after AND c.outcome IS NULL
    AND b.id = c.batch AND b.sync = :sync AND b.state IN ('answered', 'settled')
    ORDER BY c.record_id LIMIT :limit"""

_LETTERS = f"""
    SELECT {LETTER} FROM dead_letter
    WHERE response IN LIST(:numbers) OR record_id IN LIST(:records) ORDER BY id"""

_LINKS = """
    SELECT scope, value, record_id, linked_at FROM manual_link
    WHERE value IN LIST(:values) OR record_id IN LIST(:records) ORDER BY linked_at"""


class History:
    database: Database

    def answers_by_key(self, who: Who, *, thorough: bool = True) -> list[int]:
        source, colon, id = who.text.partition(":")
        with self.database.read() as tx:
            named = tx.rows(_BY_NAME, source=source, id=id) if colon else []
            if named:
                found = named
            elif thorough or ("@" in who.text and who.email is None):
                found = tx.rows(
                    _BY_KEY,
                    text=who.text,
                    email=who.email or who.text.lower(),
                    phones=list(who.phones),
                    limit=MOST_ANSWERS,
                )
            else:
                found = _known_by(tx, who)
            numbers = [row[0] for row in found]
        return sorted({*numbers, *self.answers_of_persons(who.persons)})

    def answers_of_persons(self, persons: Sequence[int]) -> list[int]:
        with self.database.read() as tx:
            its = {"syncs": _syncs(tx), "persons": list(persons), "limit": MOST_ANSWERS}
            found = [
                row[0]
                for table in ("answer_state", "work")
                for row in tx.rows(_OF_PERSONS.format(table=table), **its)
            ]
        return sorted(set(found))

    def answers_on_records(self, record_ids: Sequence[str]) -> list[int]:
        wanted = set(record_ids)
        with self.database.read() as tx:
            syncs = _syncs(tx)
            found = {row[0] for row in tx.rows(_ON_RECORDS, syncs=syncs, records=list(record_ids))}
            for sync in syncs:
                for number, candidates in tx.rows(_IN_REVIEW, sync=sync):
                    if not wanted.isdisjoint(from_json(candidates)):
                        found.add(number)
        return sorted(found)

    def versions(self, numbers: Sequence[int]) -> dict[int, Version]:
        with self.database.read() as tx:
            found = tx.rows(_VERSIONS, numbers=list(numbers))
        return {row[0]: _version(row) for row in found}

    def fates(self, numbers: Sequence[int]) -> list[Fate]:
        with self.database.read() as tx:
            its = {"syncs": _syncs(tx), "numbers": list(numbers)}
            settled = tx.rows(_FATES, **its)
            lying = tx.rows(_LYING, **its)
        return [_fate(row) for row in settled] + [_lies(row) for row in lying]

    def journal_of(self, record_ids: Sequence[str]) -> list[Journalled]:
        with self.database.read() as tx:
            return [_journalled(row) for row in tx.rows(_JOURNAL, records=list(record_ids))]

    def records_written(self, sync: str, after: str, limit: int) -> list[str]:
        with self.database.read() as tx:
            return [row[0] for row in tx.rows(_RECORDS_WRITTEN, sync=sync, after=after, limit=limit)]

    def letters_about(self, numbers: Sequence[int], record_ids: Sequence[str]) -> list[DeadLetterRow]:
        with self.database.read() as tx:
            found = tx.rows(_LETTERS, numbers=list(numbers), records=list(record_ids))
        return [letter_of(row) for row in found]

    def links_of(self, values: Sequence[str], record_ids: Sequence[str]) -> list[Linked]:
        with self.database.read() as tx:
            found = tx.rows(_LINKS, values=list(values), records=list(record_ids))
        return [Linked(row[0], row[1], row[2], moment(row[3])) for row in found]


def _known_by(tx: Transaction, who: Who) -> list[tuple[Any, ...]]:
    """By everything that has an index. Whose strongest key is an address is known by its person's number."""
    sources = [row[0] for row in tx.rows(_SOURCES)]
    asked: list[tuple[str, dict[str, Any]]] = [
        (_OF_PERSON, {"persons": list(who.persons)}),
        (_OF_ID, {"text": who.text}),
        (_OF_PHONE, {"phones": list(who.phones)}),
        (_NAMED, {"sources": sources, "text": who.text}),
    ]
    return [
        row
        for which, its in asked
        for row in tx.rows(_KNOWN_BY.format(which=which), limit=MOST_ANSWERS, **its)
    ]


def _syncs(tx: Transaction) -> list[str]:
    """Every sync that ever took something up, also those that left the YAML."""
    return [row[0] for row in tx.rows("SELECT DISTINCT sync FROM watermark ORDER BY sync")]


def _version(row: tuple[Any, ...]) -> Version:
    return Version(
        number=row[0],
        version=row[1],
        newest=bool(row[2]),
        person=row[3],
        received_at=moment(row[4]),
        response=response_of(row[5:]),
    )


def _fate(row: tuple[Any, ...]) -> Fate:
    return Fate(sync=row[9], run=row[10], settled=settled_of(row))


def _lies(row: tuple[Any, ...]) -> Fate:
    settled = Settled(
        number=row[0],
        state=State.PENDING,
        record_id=row[1] or None,
        code="taken_up",
        reason="taken up and not settled yet",
    )
    return Fate(sync=row[2], run=None, settled=settled)


def _journalled(row: tuple[Any, ...]) -> Journalled:
    connection, run, sync, kind, outcome, code, message, at = row[-8:]
    return Journalled(
        change=change_of(row),
        connection=connection,
        run=run,
        sync=sync,
        kind=kind,
        outcome=outcome,
        code=code or "",
        message=message or "",
        at=moment(at),
    )
