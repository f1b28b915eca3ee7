"""Planning: states and wanted changes, chunk by chunk, and the plan cut into batches in write order.

The plan is spooled into the table that becomes the journal: a planned change is a row without a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

from nps.changes import Cause, Change
from nps.values import Json, JsonFields
from store import statements
from store.api import Lease, Membership, Settled, State, Wanted
from store.api.sharing import Closing
from store.closing import close_shard, prove_shard
from store.database import Database, Transaction
from store.errors import StoreError
from store.letters import park, resolve
from store.members import keep_members
from store.outbox import want
from store.rows import (
    PLANNED,
    change_of,
    from_json,
    maybe_milliseconds,
    milliseconds,
    planned_row,
    to_json,
)
from store.streaming import TOGETHER, streamed
from store.waiting import let_go, runs_not_abandoned, tell

_STATE_COLUMNS = (
    "sync, person, response, state, record_id, rule, code, reason, field, run, look_again, candidates"
)


class Planning:
    database: Database
    handed_out: dict[str, dict[int, int]]

    def settle(
        self,
        sync: str,
        run: int,
        *,
        lease: Lease,
        now: datetime,
        settled: Sequence[Settled],
        demoted: Mapping[int, tuple[State, str]],
        changes: Mapping[str, Change | None],
        connection: str,
        wanted: Sequence[Wanted] = (),
        whose: Membership | None = None,
        closing: Closing | None = None,
    ) -> list[JsonFields]:
        causes = {change.response for change in changes.values() if change is not None}
        numbers = [each.number for each in settled]
        handed_out = self.handed_out.get(sync, {})
        with self.database.write() as tx:
            tx.prove(lease)
            if closing is not None:
                prove_shard(tx, closing.shard)
            persons = _leave_work(tx, sync, numbers, handed_out)
            states = [_state_row(sync, persons[each.number], run, each, causes) for each in settled]
            tx.load("answer_state", _STATE_COLUMNS, sorted(states, key=itemgetter(1, 2)))
            tx.many(
                statements.DEMOTE,
                [
                    (_stored(state, number, causes), code, sync, number, number)
                    for number, (state, code) in demoted.items()
                ],
            )
            replaced: list[tuple[Any, ...]] = []
            if changes:
                records = list(changes)
                replaced = tx.rows(
                    statements.WITHDRAW_CHANGES, run=run, records=records, connection=connection
                )
                let_go(tx, sync, [response for _, response in replaced if response not in causes])
                _to_clear(tx, sync, changes)
            planned = [
                planned_row(run, connection, change, persons.get(change.response or 0))
                for change in changes.values()
                if change is not None
            ]
            tx.load("change", PLANNED, planned)
            if whose is not None:
                keep_members(tx, sync, whose, now)
            resolve(
                tx,
                sync,
                [each.number for each in settled if _needs_no_letter(each.state, each.code)]
                + [number for number, mark in demoted.items() if _needs_no_letter(*mark)],
                [
                    record
                    for record, change in changes.items()
                    if change is None or change.response is not None
                ],
            )
            park(
                tx,
                sync,
                run,
                milliseconds(now),
                [
                    (each.number, each.record_id, each.code, each.reason, each.field, each.cause)
                    for each in settled
                    if each.state is State.REJECTED
                ]
                + [
                    (
                        number,
                        None,
                        code,
                        "it counted before; today's mapping cannot show it",
                        None,
                        Cause.MAPPING,
                    )
                    for number, (state, code) in demoted.items()
                    if state is State.REJECTED
                ],
            )
            want(tx, sync, wanted, milliseconds(now))
            withdrawn = [from_json(before) for before, _ in replaced]
            if closing is not None:
                close_shard(tx, closing.shard, closing.outcome(withdrawn), closing.trouble)
        for number in numbers:
            handed_out.pop(number, None)
        return withdrawn

    def clearings(self, sync: str, after: str, limit: int) -> list[str]:
        with self.database.read() as tx:
            found = tx.rows(statements.CLEARINGS, sync=sync, after=after, limit=limit)
        return [row[0] for row in found]

    def planned(self, run: int) -> Iterator[Change]:
        for rows in streamed(
            self.database,
            "SELECT id FROM change WHERE run = :run ORDER BY rank, account, record_id, id",
            statements.CHANGES,
            run=run,
        ):
            yield from map(change_of, rows)

    def sampled(self, run: int, most: int) -> Iterator[Change]:
        for rows in streamed(
            self.database,
            statements.SAMPLED,
            statements.CHANGES,
            run=run,
            most=most,
        ):
            yield from map(change_of, rows)

    def run_changes(self, run: int) -> Iterator[tuple[Change, str]]:
        for rows in streamed(
            self.database,
            "SELECT id FROM change WHERE run = :run ORDER BY id",
            statements.CHANGES_AND_OUTCOMES,
            run=run,
        ):
            yield from ((change_of(row), row[-1]) for row in rows)

    def unplan(self, run: int, record_ids: Sequence[str], *, lease: Lease) -> None:
        with self.database.write() as tx:
            tx.prove(lease)
            for start in range(0, len(record_ids), TOGETHER):
                records = list(record_ids[start : start + TOGETHER])
                dropped = tx.rows(statements.UNPLAN, run=run, records=records)
                let_go(tx, _sync_of(tx, run), [row[0] for row in dropped])

    def cut(
        self,
        run: int,
        *,
        lease: Lease,
        api: str,
        size: int,
        first: int | None = None,
        first_api: str | None = None,
        most: int | None = None,
    ) -> int:
        with self.database.write() as tx:
            tx.prove(lease)
            sync = _sync_of(tx, run)
            kinds = tx.rows(
                """SELECT connection, object, count(*) FROM change
                WHERE run = :run AND batch IS NULL GROUP BY connection, object ORDER BY connection, object""",
                run=run,
            )
            leading = (first or 0, first_api or api)
            return sum(
                _cut(
                    tx,
                    run,
                    sync,
                    connection,
                    object,
                    count if most is None else min(count, most),
                    api=api,
                    size=size,
                    leading=leading,
                )
                for connection, object, count in kinds
            )

    def abandon(self, sync: str, *, lease: Lease) -> int:
        with self.database.write() as tx:
            tx.prove(lease)
            tell(tx, sync)
            runs = runs_not_abandoned(tx, sync)
            if not runs:
                return 0
            batches = [
                row[0]
                for row in tx.rows(
                    "SELECT id FROM batch WHERE sync = :sync AND state = 'planned' AND state <> 'settled'",
                    sync=sync,
                )
            ]
            dropped = tx.rows(
                "DELETE FROM change WHERE run IN LIST(:runs) AND batch IS NULL RETURNING response", runs=runs
            )
            if batches:
                dropped += tx.rows(
                    """DELETE FROM change WHERE batch IN LIST(:batches)
                    AND run IN (SELECT run FROM batch WHERE id IN LIST(:batches)) RETURNING response""",
                    batches=batches,
                )
                tx.run("DELETE FROM batch WHERE id IN LIST(:batches)", batches=batches)
            let_go(tx, sync, [row[0] for row in dropped])
            # The last one is looked at again next time: it may be running, and plan more.
            tx.run(
                """INSERT INTO progress (sync, abandoned_run) VALUES (:sync, :last)
                ON CONFLICT (sync) DO UPDATE SET abandoned_run = excluded.abandoned_run""",
                sync=sync,
                last=runs[-1],
            )
        return len(dropped)

    def confirmed(
        self,
        connection: str,
        object: str,
        record_ids: Sequence[str],
        live: Callable[[str], Mapping[str, Json]] | None = None,
    ) -> dict[str, dict[str, Json]]:
        with self.database.read() as tx:
            found = tx.rows(
                statements.CONFIRMED, connection=connection, object=object, records=list(record_ids)
            )
        fields: dict[str, dict[str, Json]] = {}
        for record_id, after, outcome in found:
            values = from_json(after)
            if outcome is not None:
                shown = live(record_id) if live else {}
                values = {name: value for name, value in values.items() if shown.get(name, ...) == value}
            if values:
                fields.setdefault(record_id, {}).update(values)
        return fields


def _leave_work(
    tx: Transaction, sync: str, numbers: list[int], handed_out: Mapping[int, int]
) -> dict[int, int]:
    """Take these versions out of the work; their persons. Those handed out together lie in one stretch of it; where
    each of the others lies, only its response knows."""
    persons = {number: handed_out[number] for number in numbers if number in handed_out}
    left = 0
    if persons:
        first, last = min(persons.values()), max(persons.values())
        left = tx.run(statements.LEAVE_STRETCH, sync=sync, first=first, last=last, numbers=list(persons))
    others = [number for number in numbers if number not in persons]
    if others:
        found = dict(tx.rows(statements.LEAVE_WORK, sync=sync, numbers=others))
        left += len(found)
        persons |= found
    if left != len(numbers):
        raise StoreError(
            f"store: {len(numbers)} answers of {sync} were settled, {left} of them lay in its work"
        )
    return persons


def _to_clear(tx: Transaction, sync: str, changes: Mapping[str, Change | None]) -> None:
    """What is still to be cleared, as far as this plan says it. A change that undoes another says nothing of it."""
    planned = {
        record: change for record, change in changes.items() if change is None or change.undoes is None
    }
    if tx.one("SELECT 1 FROM clearing WHERE sync = :sync LIMIT 1", sync=sync) is not None:
        tx.run(statements.CLEARED, sync=sync, records=list(planned))
    tx.many(
        statements.TO_CLEAR_AGAIN,
        [
            (sync, record)
            for record, change in sorted(planned.items())
            if change is not None and change.response is None
        ],
    )


def _stored(state: State, number: int, causes: Container[int | None]) -> str:
    """As it is kept: pending is `planned` while a change of this plan decides what becomes of it."""
    return "planned" if state is State.PENDING and number in causes else state.value


def _state_row(
    sync: str, person: int, run: int, settled: Settled, causes: Container[int | None]
) -> tuple[Any, ...]:
    return (
        sync,
        person,
        settled.number,
        _stored(settled.state, settled.number, causes),
        settled.record_id,
        settled.rule,
        settled.code,
        settled.reason,
        settled.field,
        run,
        maybe_milliseconds(settled.look_again),
        to_json(list(settled.candidates)) if settled.candidates else None,
    )


def _needs_no_letter(state: State, code: str) -> bool:
    """Whatever was refused of this answer is not what keeps it now. Of an edited one its newer version decides that."""
    return code != "edited" and state not in (State.REJECTED, State.PENDING)


def _sync_of(tx: Transaction, run: int) -> str:
    found = tx.one("SELECT sync FROM run WHERE id = :run", run=run)
    if found is None:
        raise StoreError(f"store: there is no run {run}")
    return str(found[0])


def _cut(
    tx: Transaction,
    run: int,
    sync: str,
    connection: str,
    object: str,
    count: int,
    *,
    api: str,
    size: int,
    leading: tuple[int, str],
) -> int:
    """`leading`: the changes of a first batch (0: none) and its api."""
    first, first_api = leading
    apis = [first_api] * bool(first) + [api] * -(-max(count - first, 0) // size)
    last = tx.one("SELECT max(position) FROM batch WHERE run = :run", run=run)
    position = 0 if last is None or last[0] is None else int(last[0]) + 1
    tx.load(
        "batch",
        "run, position, sync, connection, object, api, state",
        [(run, position + n, sync, connection, object, one, "planned") for n, one in enumerate(apis)],
    )
    tx.run(
        statements.CUT,
        run=run,
        connection=connection,
        object=object,
        position=position,
        first=first,
        leading=int(bool(first)),
        size=size,
        count=count,
    )
    return len(apis)
