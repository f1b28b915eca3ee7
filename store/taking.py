"""Taking up: which versions a sync settles next, and what is known about those it settled.

A version has a state or lies in the work, never both, and every version up to the watermark has one of them: so
`balance` can prove that nothing was lost. Taking up therefore *moves*: a version that had a state loses it, and its
work remembers the record it was matched to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

from store import statements
from store.api import Counted, Lease, Settled, State, Taken
from store.database import Database, Transaction
from store.decisions import take_asked
from store.forgetting import forgotten_answers
from store.letters import ask_for_due
from store.rows import milliseconds, moment, response_of, score_of
from store.settled import STATE, settled_of
from store.waiting import let_go_of_unwritten, tell, told

_EARLIEST = -(2**62)

TAKING_UP = "taking up"  # the lock of those who move answers into the work, and of who puts others away


class Taking:
    database: Database
    handed_out: dict[str, dict[int, int]]  # of a sync's work, what is out to be settled: version → its person

    def take_up(
        self,
        sync: str,
        sources: Sequence[str],
        *,
        lease: Lease,
        now: datetime,
        recheck: bool = False,
        everything: bool = False,
        expired_before: datetime | None = None,
    ) -> int:
        its: dict[str, Any] = {"sync": sync, "sources": list(sources)}
        self.handed_out.pop(sync, None)
        with self.database.write() as tx:
            tx.prove(lease)
            self.database.lock_names(tx, [TAKING_UP], together=True)
            tell(tx, sync)
            let_go_of_unwritten(tx, sync)
            ask_for_due(tx, sync, now)
            take_asked(
                tx, sync, sources
            )  # first, as who leaves out an answer takes back the wish for it first
            tx.run(statements.MOVE_PENDING, **its)
            if recheck:
                tx.run(statements.MOVE_UNMATCHED, **its)
            else:
                tx.run(statements.MOVE_DUE, **its, now=milliseconds(now))
            tx.run(statements.LEAVE_STATES, sync=sync)
            if everything:
                tx.run(statements.MOVE_ALL, **its)
            elif expired_before is not None:
                since = _looked_through(tx, sync)
                span = {"since": since, "before": milliseconds(expired_before)}
                tx.run(statements.MOVE_EXPIRED, **its, **span)
                tx.run(statements.LEAVE_STATES, sync=sync)
                tx.run(statements.MOVE_EXPIRED_FUTURE, **its, **span)
            if expired_before is not None:
                _remember_cutoff(tx, sync, milliseconds(expired_before))
            tx.run(statements.LEAVE_STATES, sync=sync)
            for source in sources:
                _take_new(tx, sync, source)
            return _count(tx, "SELECT count(*) FROM work WHERE sync = :sync", sync=sync)

    def work(
        self, sync: str, after: tuple[int, int] | None, limit: int, *, persons: Sequence[int] | None = None
    ) -> tuple[list[Taken], tuple[int, int] | None]:
        parameters: dict[str, Any] = {"sync": sync, "limit": limit}
        narrowed = ""
        if persons is not None:
            narrowed = " AND w.person IN LIST(:persons)"
            parameters["persons"] = list(persons)
        where = narrowed
        if after is not None:
            where += " AND (w.person, w.response) > (:person, :number)"
            parameters |= {"person": after[0], "number": after[1]}
        with self.database.read() as tx:
            found = tx.rows(statements.WORK.format(where=where), **parameters)
            more = len(found) == limit
            if more:  # the last person's other versions
                rest = " AND w.person = :person AND w.response > :number"
                parameters |= {"person": found[-1][0], "number": found[-1][1], "limit": 2**62}
                found += tx.rows(statements.WORK.format(where=narrowed + rest), **parameters)
            edits = [row[1] for row in found if row[4] > 1]
            earlier = _earlier(tx, sync, edits) if edits else {}
        if found and persons is None:
            self.handed_out.setdefault(sync, {}).update((row[1], row[0]) for row in found)
        taken = [_taken(row, earlier) for row in found]
        return taken, (found[-1][0], found[-1][1]) if more else None

    def lying(self, sync: str, record_ids: Sequence[str]) -> list[Taken]:
        where = " AND w.record_id IN LIST(:records)"
        with self.database.read() as tx:
            found = tx.rows(
                statements.WORK.format(where=where), sync=sync, records=list(record_ids), limit=2**62
            )
        return [_taken(row, {}) for row in found]

    def persons(self, sync: str, who: str) -> list[int]:
        with self.database.read() as tx:
            found = tx.rows(statements.PERSONS, sync=sync, who=who, folded=who.lower())
        return [row[0] for row in found]

    def scored(self, sync: str, *, at_most: int, limit: int) -> list[int]:
        with self.database.read() as tx:
            found = tx.rows(statements.SCORED, sync=sync, most=at_most, limit=limit)
        return [row[0] for row in found]

    def counted(
        self, sync: str, record_ids: Sequence[str], *, since: datetime | None = None
    ) -> list[Counted]:
        its: dict[str, Any] = {"sync": sync, "records": list(record_ids)}
        sql = statements.COUNTED
        if since is not None:
            sql, its["since"] = statements.COUNTED_SINCE, milliseconds(since)
        with told(self.database, sync) as tx:
            found = tx.rows(sql, **its)
            gone = forgotten_answers(tx, [row[0] for row in found])
        return [
            Counted(
                number=row[0],
                record_id=row[1],
                source=row[2],
                id=row[3],
                answered_at=moment(row[4]),
                received_at=moment(row[5]),
                score=score_of(row[6], row[7]),
                state=STATE[row[8]],
            )
            for row in found
            if row[0] not in gone
        ]

    def states(self, sync: str, numbers: Sequence[int]) -> dict[int, Settled]:
        with told(self.database, sync) as tx:
            found = tx.rows(statements.STATES, sync=sync, numbers=list(numbers))
        return {row[0]: settled_of(row) for row in found}

    def matched_before(self, sync: str, numbers: Sequence[int]) -> dict[int, set[str]]:
        found: dict[int, set[str]] = {}
        with self.database.read() as tx:
            for number, record_id in tx.rows(statements.MATCHED_BEFORE, sync=sync, numbers=list(numbers)):
                found.setdefault(number, set()).add(record_id)
        return found

    def left_open(self, sync: str, run: int, state: State, *, limit: int = 100) -> list[Settled]:
        with told(self.database, sync) as tx:
            found = tx.rows(statements.LEFT_OPEN, sync=sync, run=run, state=state.value, limit=limit)
            if state is State.PENDING:
                found += tx.rows(statements.LEFT_PLANNED, sync=sync, runs=[run], limit=limit)
        return [settled_of(row) for row in sorted(found, key=itemgetter(0))[:limit]]

    # ------------------------------------------------------------ conservation

    def run_states(self, sync: str, run: int) -> dict[State, int]:
        with told(self.database, sync) as tx:
            counts = states_by_count(tx, "WHERE sync = :sync AND run = :run", sync=sync, run=run)
            counts[State.PENDING] += _count(tx, "SELECT count(*) FROM work WHERE sync = :sync", sync=sync)
        return counts

    def deciding(self, sync: str) -> int:
        with told(self.database, sync) as tx:
            counts = states_by_count(tx, "WHERE sync = :sync", sync=sync)
        return counts[State.WRITTEN] + counts[State.UNCHANGED]

    def balance(self, sync: str, sources: Sequence[str]) -> tuple[int, int]:
        with self.database.read() as tx:
            marks = tx.rows("SELECT source, response FROM watermark WHERE sync = :sync", sync=sync)
            versions = sum(
                _count(
                    tx,
                    "SELECT count(*) FROM response WHERE source = :source AND id <= :top",
                    source=source,
                    top=top,
                )
                for source, top in marks
                if source in sources
            )
            if all(source in sources for source, _top in marks):
                accounted = sum(
                    _count(tx, f"SELECT count(*) FROM {table} WHERE sync = :sync", sync=sync)
                    for table in ("answer_state", "work")
                )
            else:  # a source was taken out of the sync: what it left behind is not asked about
                accounted = sum(
                    _count(
                        tx,
                        f"""SELECT count(*) FROM {table} t JOIN response r ON r.id = t.response
                        WHERE t.sync = :sync AND r.source IN LIST(:sources)""",
                        sync=sync,
                        sources=list(sources),
                    )
                    for table in ("answer_state", "work")
                )
        return versions, accounted


def _count(tx: Transaction, sql: str, **parameters: Any) -> int:
    found = tx.one(sql, **parameters)
    return int(found[0]) if found else 0


def states_by_count(tx: Transaction, where: str, **parameters: Any) -> dict[State, int]:
    """How many are in each state. Not by GROUP BY, which would sort a million rows."""
    counted = ", ".join(f"count(*) FILTER (WHERE state = '{word}')" for word in STATE)
    found = tx.rows(f"SELECT {counted} FROM answer_state {where}", **parameters)[0]
    counts = dict.fromkeys(State, 0)
    for state, count in zip(STATE.values(), found, strict=True):
        counts[state] += int(count)
    return counts


def _looked_through(tx: Transaction, sync: str) -> int:
    """The cut-off of the run before: what was older then has been looked at."""
    found = tx.one("SELECT expired_before FROM progress WHERE sync = :sync", sync=sync)
    return _EARLIEST if found is None or found[0] is None else int(found[0])


def _remember_cutoff(tx: Transaction, sync: str, before: int) -> None:
    tx.run(
        """INSERT INTO progress (sync, expired_before) VALUES (:sync, :before)
        ON CONFLICT (sync) DO UPDATE SET expired_before = excluded.expired_before""",
        sync=sync,
        before=before,
    )


def _take_new(tx: Transaction, sync: str, source: str) -> None:
    mark = tx.one(
        "SELECT response FROM watermark WHERE sync = :sync AND source = :source", sync=sync, source=source
    )
    above = 0 if mark is None else int(mark[0])
    newest = tx.one("SELECT max(id) FROM response WHERE source = :source", source=source)
    top = above if newest is None or newest[0] is None else max(above, int(newest[0]))
    if top > above:
        tx.run(statements.TAKE_NEW, sync=sync, source=source, above=above, top=top)
    if top > above or mark is None:
        tx.run(statements.SET_WATERMARK, sync=sync, source=source, top=top)


def taken_of(tx: Transaction, sync: str, where: str, **parameters: Any) -> list[Taken]:
    """All of the work that `where` narrows it to."""
    found = tx.rows(statements.WORK.format(where=where), sync=sync, limit=2**62, **parameters)
    edits = [row[1] for row in found if row[4] > 1]
    earlier = _earlier(tx, sync, edits) if edits else {}
    return [_taken(row, earlier) for row in found]


def _earlier(tx: Transaction, sync: str, numbers: list[int]) -> Mapping[int, tuple[int, ...]]:
    earlier: dict[int, tuple[int, ...]] = {}
    for number, older in tx.rows(statements.EARLIER, sync=sync, numbers=numbers):
        earlier[number] = (*earlier.get(number, ()), older)
    return earlier


def _taken(row: tuple[Any, ...], earlier: Mapping[int, tuple[int, ...]]) -> Taken:
    return Taken(
        number=row[1],
        response=response_of(row[6:]),
        newest=bool(row[2]),
        received_at=moment(row[3]),
        earlier=earlier.get(row[1], ()),
        matched=row[5] or None,
        again=row[5] is not None,
        person=row[0],
    )
