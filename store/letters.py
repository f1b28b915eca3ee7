"""Dead letters: answers and records that could not be written as they are, kept until a person or a later run settles
them. One answer has at most one open letter per sync: a new one closes the one before as `retried`.

A retry changes no state: it asks the sync's next run to take the answer up again (`store.decisions`), under that run's
lease. So nothing is done beside a run that is under way, and a process that dies in between has lost nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from nps.changes import Cause, Deferred, Outcome
from nps.retrying import PATIENCE, next_try
from store import statements
from store.api import Asked, DeadLetterRow, Tried
from store.database import Database, Transaction
from store.decisions import ask_again, ask_all_again, newest_of, settled_by_hand
from store.rows import from_json, moment

# response, record, code, reason, field, cause
Letter = tuple[int | None, str | None, str, str, str | None, str]
LETTER = "id, sync, run, response, record_id, code, reason, field, created_at, status, cause, attempts"

_ITS = ", ".join(f"n.{name}" for name in LETTER.split(", "))
_LATER = f"""
    SELECT {_ITS}, l.id FROM dead_letter l CROSS JOIN response r CROSS JOIN response o CROSS JOIN dead_letter n
    WHERE l.id IN LIST(:ids) AND r.id = l.response AND o.source = r.source AND o.source_id = r.source_id
    AND n.sync = l.sync AND n.status = 'open' AND n.response = o.id AND n.id > l.id
    UNION ALL
    SELECT {_ITS}, l.id FROM dead_letter l CROSS JOIN dead_letter n
    WHERE l.id IN LIST(:ids) AND l.response IS NULL AND n.sync = l.sync AND n.status = 'open'
    AND n.response IS NULL AND n.record_id = l.record_id AND n.id > l.id"""


class Letters:
    database: Database

    def dead_letters(
        self,
        *,
        sync: str | None = None,
        run: int | None = None,
        ids: Sequence[int] | None = None,
        status: str | None = None,
        cause: Cause | None = None,
        code: str | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> list[DeadLetterRow]:
        asked = {"sync": sync, "run": run, "status": status, "cause": cause, "code": code}
        narrowed: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
        where = "".join(f" AND {name} = :{name}" for name in narrowed)
        if ids is not None:
            where += " AND id IN LIST(:ids)"
            narrowed["ids"] = list(ids)
        if before is not None:
            where, narrowed["before"] = f"{where} AND id < :before", before
        with self.database.read() as tx:
            found = tx.rows(
                f"SELECT {LETTER} FROM dead_letter WHERE id > 0{where} ORDER BY id DESC LIMIT :limit",
                **narrowed,
                limit=limit,
            )
        return [letter_of(row) for row in found]

    def letters_beside(self, letter: int) -> list[DeadLetterRow]:
        with self.database.read() as tx:
            found = tx.rows(
                f"""SELECT {LETTER} FROM dead_letter WHERE sync = (SELECT sync FROM dead_letter WHERE id = :id)
                AND (response IN (SELECT o.id FROM dead_letter l JOIN response r ON r.id = l.response
                        JOIN response o ON o.source = r.source AND o.source_id = r.source_id WHERE l.id = :id)
                    OR (response IS NULL AND record_id =
                        (SELECT record_id FROM dead_letter WHERE id = :id AND response IS NULL)))
                ORDER BY id""",
                id=letter,
            )
        return [letter_of(row) for row in found]

    def later_letters(self, ids: Sequence[int]) -> dict[int, DeadLetterRow]:
        with self.database.read() as tx:
            found = tx.rows(_LATER, ids=list(ids))
        return {row[-1]: letter_of(row) for row in found}

    def tried(self, sync: str, number: int | None, record_id: str | None) -> list[Tried]:
        with self.database.read() as tx:
            found = tx.rows(
                """SELECT c.run, b.settled_at, COALESCE(c.outcome, 'written'), COALESCE(c.code, ''),
                    COALESCE(c.message, ''), c.after
                FROM change c INDEXED BY ix_change_record_id CROSS JOIN batch b
                WHERE c.record_id = :record AND COALESCE(c.response, 0) = :number AND c.undoes IS NULL
                AND b.id = c.batch AND b.sync = :sync AND b.state IN ('answered', 'settled') ORDER BY c.id""",
                record=record_id,
                number=number or 0,
                sync=sync,
            )
        return [Tried(row[0], moment(row[1]), row[2], row[3], row[4], from_json(row[5])) for row in found]

    def retry_letters(self, ids: Sequence[int]) -> dict[str, Asked]:
        with self.database.write() as tx:
            found = tx.rows(
                """SELECT sync, response, record_id FROM dead_letter
                WHERE id IN LIST(:ids) AND status = 'open' ORDER BY id""",
                ids=list(ids),
            )
            newest = newest_of(tx, [row[1] for row in found if row[1] is not None])
            asked: dict[str, Asked] = {}
            for sync in sorted({row[0] for row in found}):
                answers = [newest[row[1]] for row in found if row[0] == sync and row[1] is not None]
                records = [
                    row[2] for row in found if row[0] == sync and row[1] is None and row[2] is not None
                ]
                asked[sync] = Asked(tuple(dict.fromkeys(answers)), tuple(dict.fromkeys(records)))
            ask_all_again(tx, {sync: its.answers for sync, its in asked.items()})
            records_too = ((sync, record) for sync, its in asked.items() for record in its.records)
            tx.many(statements.TO_CLEAR_AGAIN, sorted(records_too))
        return asked

    def discard_letters(self, ids: Sequence[int], reason: str) -> list[int]:
        with self.database.write() as tx:
            found = tx.rows(
                "SELECT id, sync, response, reason FROM dead_letter WHERE id IN LIST(:ids) AND status = 'open'",
                ids=list(ids),
            )
            done = []
            for letter, sync, response, why in found:
                if response is None:
                    tx.run(
                        "UPDATE dead_letter SET reason = :reason WHERE id = :letter",
                        reason=f"{why} ({reason})",
                        letter=letter,
                    )
                elif not settled_by_hand(tx, sync, response, "discarded", reason, ("rejected",)):
                    continue  # it is being tried at this moment
                done.append(letter)
            tx.run("UPDATE dead_letter SET status = 'discarded' WHERE id IN LIST(:done)", done=done)
        return sorted(done)


def park(tx: Transaction, sync: str, run: int, now: int, letters: Sequence[Letter]) -> None:
    if not letters:
        return
    answers = [letter[0] for letter in letters]
    records = [letter[1] for letter in letters if letter[0] is None]
    attempts = _attempts(tx, sync, answers, records)
    _close(tx, sync, "retried", answers, records)
    tx.load(
        "dead_letter",
        "sync, run, response, record_id, code, reason, field, cause, created_at, status, attempts",
        [(sync, run, *letter, now, "open", attempts.get(_subject(letter), 0)) for letter in letters],
    )


def _subject(letter: Letter) -> int | str | None:
    """What a letter is about: an answer, or a record that could not be cleared."""
    return letter[1] if letter[0] is None else letter[0]


def _attempts(
    tx: Transaction, sync: str, answers: Sequence[int | None], records: Sequence[str | None]
) -> dict[int | str | None, int]:
    """How often each of them has been tried again with this one; an edited answer begins anew."""
    if not _any_open(tx, sync):
        return {}
    found = tx.rows(
        """SELECT response, record_id, attempts FROM dead_letter WHERE sync = :sync AND status = 'open'
        AND (response IN LIST(:answers) OR (response IS NULL AND record_id IN LIST(:records)))""",
        sync=sync,
        answers=[one for one in answers if one is not None],
        records=[one for one in records if one is not None],
    )
    return {record if response is None else response: count + 1 for response, record, count in found}


def resolve(
    tx: Transaction, sync: str, responses: Iterable[int | None], cleared: Iterable[str | None] = ()
) -> None:
    """These answers went another way, and in these records nothing is to be cleared any more."""
    _close(tx, sync, "resolved", list(responses), list(cleared))


def _close(
    tx: Transaction, sync: str, status: str, responses: Sequence[int | None], records: Sequence[str | None]
) -> None:
    numbers = [number for number in responses if number is not None]
    if not (numbers or records) or not _any_open(tx, sync):
        return
    if numbers:
        tx.run(statements.RESOLVE, status=status, sync=sync, numbers=numbers)
    if records:
        tx.run(
            """UPDATE dead_letter SET status = :status WHERE sync = :sync AND status = 'open'
            AND response IS NULL AND record_id IN LIST(:records)""",
            status=status,
            sync=sync,
            records=[record for record in records if record is not None],
        )


def _any_open(tx: Transaction, sync: str) -> bool:
    """Nearly never."""
    one = tx.one("SELECT 1 FROM dead_letter WHERE sync = :sync AND status = 'open' LIMIT 1", sync=sync)
    return one is not None


def ask_for_due(tx: Transaction, sync: str, now: datetime) -> None:
    """Letters of a passing cause whose time has come are tried again by themselves."""
    found = tx.rows(
        """SELECT response, record_id, created_at, attempts FROM dead_letter
        WHERE sync = :sync AND status = 'open' AND cause = 'transient'""",
        sync=sync,
    )
    due = [row for row in found if _is_due(row[3], row[2], now)]
    if due:
        newest = newest_of(tx, [row[0] for row in due if row[0] is not None])
        ask_again(tx, sync, list(newest.values()))
        tx.many(statements.TO_CLEAR_AGAIN, sorted({(sync, row[1]) for row in due if row[0] is None}))


def _is_due(attempts: int, created_at: int, now: datetime) -> bool:
    due = next_try(attempts, moment(created_at))
    return due is not None and due <= now


def worn_out(
    tx: Transaction, sync: str, settled: Mapping[int, Sequence[Outcome]]
) -> set[tuple[str, int | None]]:
    """The (record, answer) pairs among these outcomes that the vendor now puts off once too often in a row."""
    deferred = {
        outcome.record_id
        for outcomes in settled.values()
        for outcome in outcomes
        if type(outcome) is Deferred and outcome.tried
    }
    if not deferred:
        return set()  # nearly always
    in_a_row: dict[tuple[str, int | None], int] = {}
    ended: set[tuple[str, int | None]] = set()
    for record, response, outcome, code in tx.rows(
        statements.TRIED_BEFORE, sync=sync, records=sorted(deferred)
    ):
        pair = (record, response)
        if code == "deferred":
            in_a_row[pair] = in_a_row.get(pair, 0) + (pair not in ended)
        elif outcome is None or outcome == "rejected":
            ended.add(pair)
    return {pair for pair, count in in_a_row.items() if count + 1 >= PATIENCE}


def letter_of(row: tuple[Any, ...]) -> DeadLetterRow:
    return DeadLetterRow(
        id=row[0],
        sync=row[1],
        run=row[2],
        response=row[3],
        record_id=row[4],
        code=row[5],
        reason=row[6],
        field=row[7],
        created_at=moment(row[8]),
        status=row[9],
        cause=Cause(row[10]),
        attempts=row[11],
    )
