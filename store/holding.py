"""What came in around an answer, and what people decided about held ones."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from store.api.holding import Alike, Given, HoldDecision
from store.database import Database, Transaction
from store.decisions import ask_all_again, settled_by_hand
from store.rows import from_json, milliseconds, moment, score_of

PAGE = 5_000
_HOUR = 3_600_000

# SQLite reads the tables of a CROSS JOIN in the order written: the work first, then its answers.
_HOURS = f"""
    SELECT DISTINCT r.answered_at / {_HOUR} FROM work w CROSS JOIN response r
    WHERE w.sync = :sync AND r.id = w.response AND r.source = :source ORDER BY 1"""

_WITHOUT_COMMENT = """
    SELECT r.answered_at, r.id, r.person, r.email, r.properties
    FROM response r INDEXED BY ix_response_source_answered_at
    WHERE r.source = :source AND r.answered_at >= :first AND r.answered_at <= :last
    AND (r.answered_at > :first OR r.id > :after)
    AND r.newest AND r.comment IS NULL AND r.email IS NOT NULL AND lower(r.channel) IN LIST(:channels)
    ORDER BY r.answered_at, r.id LIMIT :limit"""

# The first by the index alone: nearly nobody has more than one answer.
_SEVERAL = """
    SELECT person FROM response WHERE person IN LIST(:persons) GROUP BY person HAVING count(*) >= :most"""

_SCORES = """
    SELECT r.person, r.source, COALESCE(r.updated_at, r.answered_at), r.score, r.raw_score
    FROM response r WHERE r.person IN LIST(:persons)
    AND r.comment IS NULL AND lower(r.channel) IN LIST(:channels) ORDER BY r.id"""


class Holding:
    database: Database

    def hours_of_work(self, sync: str, source: str) -> list[int]:
        with self.database.read() as tx:
            return [row[0] for row in tx.rows(_HOURS, sync=sync, source=source)]

    def without_comment(
        self, source: str, channels: Sequence[str], first: datetime, last: datetime
    ) -> Iterator[list[Alike]]:
        begin, after = milliseconds(first), -1
        while True:
            with self.database.read() as tx:
                found = tx.rows(
                    _WITHOUT_COMMENT,
                    source=source,
                    first=begin,
                    after=after,
                    last=milliseconds(last),
                    channels=list(channels),
                    limit=PAGE,
                )
            if found:
                yield [_alike(row) for row in found]
            if len(found) < PAGE:
                return
            begin, after = found[-1][0], found[-1][1]

    def scores_of(
        self, persons: Sequence[int], channels: Sequence[str], at_least: int
    ) -> dict[int, list[Given]]:
        given: dict[int, list[Given]] = {}
        with self.database.read() as tx:
            several = [row[0] for row in tx.rows(_SEVERAL, persons=list(persons), most=at_least)]
            if not several:
                return given  # nearly always
            for person, source, at, score, raw in tx.rows(_SCORES, persons=several, channels=list(channels)):
                given.setdefault(person, []).append(Given(source, moment(at), score_of(score, raw)))
        return given

    def hold_decisions(self, answers: Collection[tuple[str, str]]) -> dict[tuple[str, str], HoldDecision]:
        with self.database.read() as tx:
            if tx.one("SELECT 1 FROM hold_decision LIMIT 1") is None:
                return {}  # nearly always
            found = tx.rows(
                """SELECT source, source_id, released, decided_at FROM hold_decision
                WHERE source IN LIST(:sources) AND source_id IN LIST(:ids)""",
                sources=sorted({source for source, _ in answers}),
                ids=sorted({id for _, id in answers}),
            )
        wanted = set(answers)
        return {
            (source, id): HoldDecision(bool(released), moment(at))
            for source, id, released, at in found
            if (source, id) in wanted
        }

    def release_held(
        self, answers: Collection[tuple[str, str]], again: Mapping[str, Sequence[int]], *, now: datetime
    ) -> None:
        with self.database.write() as tx:
            _decide(tx, answers, released=True, now=now)
            ask_all_again(tx, again)

    def forget_hold_decision(self, source: str, id: str, again: Mapping[str, Sequence[int]]) -> bool:
        with self.database.write() as tx:
            gone = tx.run(
                "DELETE FROM hold_decision WHERE source = :source AND source_id = :id", source=source, id=id
            )
            ask_all_again(tx, again if gone else {})
        return bool(gone)

    def discard_held(
        self, answers: Mapping[tuple[str, str], Mapping[str, int]], reason: str, *, now: datetime
    ) -> list[tuple[str, str, str]]:
        with self.database.write() as tx:
            _decide(tx, answers, released=False, now=now)
            return [
                (sync, *answer)
                for answer, its in answers.items()
                for sync, number in its.items()
                if settled_by_hand(tx, sync, number, "discarded", reason, ("held",))
            ]


def _decide(tx: Transaction, answers: Collection[tuple[str, str]], *, released: bool, now: datetime) -> None:
    tx.many(
        """INSERT INTO hold_decision (source, source_id, released, decided_at) VALUES (?, ?, ?, ?)
        ON CONFLICT (source, source_id)
        DO UPDATE SET released = excluded.released, decided_at = excluded.decided_at""",
        [(source, id, released, milliseconds(now)) for source, id in sorted(answers)],
    )


def _alike(row: tuple[Any, ...]) -> Alike:
    return Alike(row[2], moment(row[0]), row[3], {} if row[4] == "{}" else from_json(row[4]))
