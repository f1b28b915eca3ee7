"""What people decide about answers: whose they are, that they do not matter, that they are tried again.

A decision is stored at once, whatever else is under way, and changes no state that a run relies on: it asks for the
answers concerned to be taken up again, which the sync's next run does under its lease, in the transaction that moves
everything else into its work. So a crash between deciding and writing leaves the wish standing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from store import statements
from store.api import Link, Settled, State, Stored
from store.database import Database, Transaction
from store.rows import RESPONSE, milliseconds, moment, response_of
from store.settled import settled_of
from store.waiting import told


class Decisions:
    database: Database

    # ------------------------------------------------------------ links

    def links(self, scope: str, values: Sequence[str]) -> dict[str, str]:
        with self.database.read() as tx:
            if tx.one("SELECT 1 FROM manual_link WHERE scope = :scope LIMIT 1", scope=scope) is None:
                return {}  # nearly always
            found = tx.rows(
                "SELECT value, record_id FROM manual_link WHERE scope = :scope AND value IN LIST(:values)",
                scope=scope,
                values=list(values),
            )
        return dict(found)

    def link(self, scope: str, value: str, record_id: str, *, now: datetime) -> None:
        with self.database.write() as tx:
            _link(tx, scope, value, record_id, now)

    def decide(self, links: Sequence[Link], again: Mapping[str, Sequence[int]], *, now: datetime) -> None:
        with self.database.write() as tx:
            for one in sorted(links, key=lambda one: (one.scope, one.value)):
                _link(tx, one.scope, one.value, one.record_id, now)
            ask_all_again(tx, again)

    def unlink(self, scope: str, value: str, again: Mapping[str, Sequence[int]]) -> bool:
        with self.database.write() as tx:
            gone = tx.run(
                "DELETE FROM manual_link WHERE scope = :scope AND value = :value", scope=scope, value=value
            )
            ask_all_again(tx, again if gone else {})
        return bool(gone)

    def follow_links(self, scope: str, merged: Mapping[str, str]) -> None:
        with self.database.write() as tx:
            tx.many(
                "UPDATE manual_link SET record_id = ? WHERE scope = ? AND record_id = ?",
                [(survivor, scope, old) for old, survivor in merged.items()],
            )

    # ------------------------------------------------------------ taking up again, leaving out

    def ask_again(self, sync: str, numbers: Sequence[int]) -> None:
        with self.database.write() as tx:
            ask_again(tx, sync, numbers)

    def ignore(self, sync: str, number: int, reason: str) -> bool:
        with self.database.write() as tx:
            return settled_by_hand(tx, sync, number, "ignored", reason, ("review", "waiting", "held"))

    # ------------------------------------------------------------ looking at answers

    def undecided(
        self, sync: str, states: Sequence[State], *, limit: int = 100
    ) -> list[tuple[Stored, Settled]]:
        with self.database.read() as tx:
            found = tx.rows(
                f"""SELECT {_STORED}, {_SETTLED} FROM answer_state s INDEXED BY ix_answer_state_open
                CROSS JOIN response r WHERE s.sync = :sync AND s.state IN LIST(:states) AND {statements.OPEN}
                AND r.id = s.response ORDER BY r.answered_at DESC, r.id DESC LIMIT :limit""",
                sync=sync,
                states=[str(state) for state in states],
                limit=limit,
            )
        return [_with_state(row) for row in found]

    def answers_named(self, id: str, source: str | None = None) -> list[Stored]:
        where = "" if source is None else " AND r.source = :source"
        named = {} if source is None else {"source": source}
        with self.database.read() as tx:
            found = tx.rows(
                f"SELECT {_STORED} FROM response r WHERE r.source_id = :id AND r.newest{where} ORDER BY r.source",
                id=id,
                **named,
            )
        return [_stored(row) for row in found]

    def newest_versions(self, numbers: Sequence[int]) -> dict[int, int]:
        with self.database.read() as tx:
            return newest_of(tx, numbers)

    def persons_of(self, numbers: Sequence[int]) -> list[int]:
        with self.database.read() as tx:
            found = tx.rows(
                "SELECT DISTINCT person FROM response WHERE id IN LIST(:numbers) ORDER BY person",
                numbers=list(numbers),
            )
        return [row[0] for row in found]

    def beside(
        self, sync: str, numbers: Sequence[int], record_ids: Sequence[str], values: Sequence[str]
    ) -> list[tuple[Stored, Settled]]:
        with told(self.database, sync) as tx:
            near = tx.rows(_NEAR, sync=sync, records=list(record_ids), numbers=list(numbers))
            if values:
                near += tx.rows(_WITH_VALUES, values=list(values))
            found = tx.rows(
                f"""SELECT {_STORED}, {_SETTLED} FROM response r CROSS JOIN answer_state s
                WHERE r.id IN LIST(:near) AND r.newest AND s.sync = :sync AND s.person = r.person
                AND s.response = r.id ORDER BY r.answered_at DESC, r.id DESC""",
                sync=sync,
                near=[row[0] for row in near],
            )
        return [_with_state(row) for row in found]


def _link(tx: Transaction, scope: str, value: str, record_id: str, now: datetime) -> None:
    tx.run(
        """INSERT INTO manual_link (scope, value, record_id, linked_at)
        VALUES (:scope, :value, :record_id, :now) ON CONFLICT (scope, value)
        DO UPDATE SET record_id = excluded.record_id, linked_at = excluded.linked_at""",
        scope=scope,
        value=value,
        record_id=record_id,
        now=milliseconds(now),
    )


def newest_of(tx: Transaction, numbers: Sequence[int]) -> dict[int, int]:
    return dict(tx.rows(statements.NEWEST_OF, numbers=list(numbers)))


def ask_again(tx: Transaction, sync: str, numbers: Sequence[int]) -> None:
    ask_all_again(tx, {sync: numbers})


def ask_all_again(tx: Transaction, again: Mapping[str, Sequence[int]]) -> None:
    """All of a transaction's at once, in one order: two that wish the same would else wait for each other."""
    tx.many(
        "INSERT INTO again (sync, response) VALUES (?, ?) ON CONFLICT DO NOTHING",
        sorted((sync, number) for sync, numbers in again.items() for number in numbers),
    )


def take_asked(tx: Transaction, sync: str, sources: Sequence[str]) -> None:
    """Move what was asked for into the work. What lies there, or was never taken up, needs no asking."""
    asked = [row[0] for row in tx.rows("DELETE FROM again WHERE sync = :sync RETURNING response", sync=sync)]
    if not asked:
        return  # nearly always
    tx.run(statements.MOVE_ASKED, sync=sync, sources=list(sources), numbers=asked)
    tx.run(statements.LEAVE_STATES, sync=sync)


def settled_by_hand(
    tx: Transaction, sync: str, number: int, code: str, reason: str, states: Sequence[str]
) -> bool:
    """Take an answer out for good. False when it is in none of `states`: a run has taken it up."""
    its: dict[str, Any] = {"sync": sync, "number": number, "states": list(states)}
    # The wish first: a run that takes it up at this moment has it by now, and then the answer; or it comes after us.
    tx.run(
        f"""DELETE FROM again WHERE sync = :sync AND response = :number
        AND EXISTS (SELECT 1 FROM answer_state WHERE {_IN_STATES})""",
        **its,
    )
    return bool(
        tx.run(
            f"""UPDATE answer_state SET state = 'excluded', code = :code, reason = :reason, field = NULL,
                look_again = NULL, candidates = NULL WHERE {_IN_STATES}""",
            **its,
            code=code,
            reason=reason,
        )
    )


_IN_STATES = """
    answer_state.sync = :sync AND answer_state.response = :number AND answer_state.state IN LIST(:states)
    AND answer_state.person = (SELECT person FROM response WHERE id = :number)"""

_NEAR = """
    SELECT s.response FROM answer_state s INDEXED BY ix_answer_state_sync_record_id
    WHERE s.sync = :sync AND s.record_id IN LIST(:records)
    UNION SELECT s.response FROM response r CROSS JOIN answer_state s
    WHERE r.id IN LIST(:numbers) AND s.sync = :sync AND s.person = r.person"""

# A scan of the inbox: it has no index by key, which every answer would pay for and only people's questions would use.
_WITH_VALUES = """
    SELECT id FROM response
    WHERE external_id IN LIST(:values) OR lower(email) IN LIST(:values) OR phone IN LIST(:values)"""

_STORED = f"r.id, r.person, r.received_at, {RESPONSE}"
_RESPONSE_ENDS = 3 + len(RESPONSE.split(","))
_SETTLED = "s.response, s.state, s.record_id, s.rule, s.code, s.reason, s.look_again, s.field, s.candidates"


def _stored(row: tuple[Any, ...]) -> Stored:
    return Stored(
        number=row[0],
        person=row[1],
        received_at=moment(row[2]),
        response=response_of(row[3:_RESPONSE_ENDS]),
    )


def _with_state(row: tuple[Any, ...]) -> tuple[Stored, Settled]:
    return _stored(row), settled_of(row[_RESPONSE_ENDS:])
