"""The journal: intents committed before anything is sent, and exactly one outcome per change afterwards.

A batch is `planned`, then `open` (that commit is on the disk before the first byte leaves), then `settled`. What a
killed process leaves behind is open, and found by `unsettled`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from nps.changes import Batch, Cause, Change, Deferred, Outcome, Rejected, Unknown, Written
from nps.retrying import PATIENCE
from store import statements
from store.api import Lease, State
from store.api.sharing import Closing
from store.closing import close_shard, prove_shard
from store.database import Database, Transaction
from store.errors import StoreError
from store.letters import Letter, park, resolve, worn_out
from store.rows import change_of, milliseconds
from store.waiting import TOLD_TOGETHER, tell


class Journal:
    database: Database
    opened: dict[int, tuple[Change, ...]]  # the changes of batches this process opened, while they are open

    def open_batches(self, run: int, count: int, *, lease: Lease) -> list[Batch]:
        with self.database.write(durable=True) as tx:
            tx.prove(lease)
            found = tx.rows(
                """SELECT id, object, api, handle, run FROM batch
                WHERE run = :run AND state = 'planned' ORDER BY position LIMIT :count""",
                run=run,
                count=count,
            )
            ids = [row[0] for row in found]
            tx.run("UPDATE batch SET state = 'open' WHERE id IN LIST(:ids)", ids=ids)
            batches = [batch for batch, _handle in batches_of(tx, found)]
        self.opened.update((batch.id, batch.changes) for batch in batches)
        return batches

    def remember(self, batch: int, handle: str) -> None:
        with self.database.write(durable=True) as tx:
            known = tx.run(
                "UPDATE batch SET handle = :handle WHERE id = :batch AND state = 'open'",
                handle=handle,
                batch=batch,
            )
            if not known:
                raise StoreError(f"store: batch {batch} is not open; its job must not be started")

    def settle_batches(
        self,
        run: int,
        settled: Mapping[int, Sequence[Outcome]],
        *,
        lease: Lease,
        now: datetime,
        closing: Closing | None = None,
    ) -> None:
        if not settled and closing is None:
            return
        ids = list(settled)
        with self.database.write(durable=True) as tx:
            tx.prove(lease)
            if closing is not None:
                prove_shard(tx, closing.shard)
            batches = tx.rows("SELECT id, run, sync, state FROM batch WHERE id IN LIST(:ids)", ids=ids)
            _all_open(ids, batches)
            changes = {id: self.opened[id] for id in ids if id in self.opened}
            left_open = [(id, its_run) for id, its_run, _sync, _state in batches if id not in changes]
            if left_open:  # by a process that was killed
                changes |= _changes(tx, left_open)
            for sync in sorted({row[2] for row in batches}):
                its = [row[0] for row in batches if row[2] == sync]
                _settle(tx, run, sync, changes, {batch: settled[batch] for batch in its}, milliseconds(now))
            tx.run(
                "UPDATE batch SET state = 'answered', settled_at = :now WHERE id IN LIST(:ids)",
                now=milliseconds(now),
                ids=ids,
            )
            for sync in sorted({row[2] for row in batches}):
                tell(tx, sync, least=TOLD_TOGETHER)
            if closing is not None:
                close_shard(tx, closing.shard, closing.outcome(()), closing.trouble)
        for id in ids:
            self.opened.pop(id, None)

    def unsettled(self, sync: str) -> list[tuple[Batch, str | None]]:
        with self.database.read() as tx:
            found = tx.rows(
                """SELECT id, object, api, handle, run FROM batch
                WHERE sync = :sync AND state = 'open' AND state <> 'settled' ORDER BY id""",
                sync=sync,
            )
            return batches_of(tx, found)


def batches_of(tx: Transaction, found: Sequence[tuple[Any, ...]]) -> list[tuple[Batch, str | None]]:
    """Batches with their changes, from rows of id, object, api, handle, run."""
    changes = _changes(tx, [(row[0], row[4]) for row in found])
    return [
        (Batch(id=id, object=object, api=api, changes=changes[id]), handle)
        for id, object, api, handle, _run in found
    ]


def _changes(tx: Transaction, batches: Sequence[tuple[int, int]]) -> dict[int, tuple[Change, ...]]:
    """The changes of batches, given as (id, run), in the order in which they are written."""
    changes: dict[int, list[Change]] = {id: [] for id, _run in batches}
    runs = sorted({run for _id, run in batches})
    for row in tx.rows(statements.BATCH_CHANGES, runs=runs, batches=list(changes)):
        changes[row[0]].append(change_of(row[1:]))
    return {id: tuple(its) for id, its in changes.items()}


def _all_open(ids: Sequence[int], batches: Sequence[tuple[Any, ...]]) -> None:
    states = {row[0]: row[3] for row in batches}
    for id in ids:
        state = states.get(id, "unknown")
        if state != "open":
            known = "settled" if state == "answered" else state
            raise StoreError(f"store: batch {id} is {known}, so it has no outcome to settle")


def _settle(
    tx: Transaction,
    run: int,
    sync: str,
    changes: Mapping[int, Sequence[Change]],
    settled: Mapping[int, Sequence[Outcome]],
    now: int,
) -> None:
    written: list[int] = []
    cleared: list[str] = []
    uncleared: list[str] = []  # refused: a dead letter keeps it
    others: list[tuple[str, str | None, str, int]] = []
    answers: list[tuple[str, str, str, str | None, str, int, int]] = []
    letters: list[Letter] = []
    worn = worn_out(tx, sync, settled)
    for batch, outcomes in settled.items():
        open_changes = {change.record_id: change for change in changes[batch]}
        for said in outcomes:
            outcome = said
            change = open_changes.pop(outcome.record_id, None)
            if change is None:
                raise StoreError(
                    f"store: an outcome of batch {batch} names a record it does not hold, or names it twice"
                )
            number, response = change.id, change.response
            if (
                change.undoes is not None
            ):  # no answer and no clearing waits for it: the journal alone says what it came to
                if type(outcome) is not Written:
                    word, code, message, _field = _unwritten(outcome)
                    others.append((word, code, message, number))
                continue
            if type(outcome) is Written:
                if response is None:
                    cleared.append(outcome.record_id)
                else:
                    written.append(response)
                continue
            if type(outcome) is Deferred and outcome.tried and (outcome.record_id, response) in worn:
                outcome = _given_up(outcome)
            word, code, message, field = _unwritten(outcome)
            others.append((word, code, message, number))
            state = State.REJECTED if type(outcome) is Rejected else State.PENDING
            if response is not None:
                answers.append((state.value, code, message, field, sync, response, response))
            if type(outcome) is Rejected:
                if response is None:
                    uncleared.append(outcome.record_id)
                letters.append((response, outcome.record_id, code, message, field, outcome.cause))
        if open_changes:
            raise StoreError(
                f"store: batch {batch} came back with {len(open_changes)} changes that have no outcome"
            )
    tx.many(statements.NOT_WRITTEN, others)
    tx.many(statements.ANSWER_NOT_WRITTEN, answers)
    if cleared or uncleared:
        tx.run(statements.CLEARED, sync=sync, records=cleared + uncleared)
    resolve(tx, sync, written, cleared)
    park(tx, sync, run, now, letters)


def _given_up(outcome: Deferred) -> Rejected:
    """Put off run after run: from now on a dead letter has it tried again, ever less often."""
    message = f"put off in {PATIENCE} runs or more: {outcome.reason}"
    return Rejected(outcome.record_id, "deferred", message, cause=Cause.TRANSIENT)


def _unwritten(outcome: Outcome) -> tuple[str, str, str, str | None]:
    """The journal's word, the code, the message and the field of an outcome that is no write."""
    match outcome:
        case Rejected(code=code, message=message, field=field, in_doubt=in_doubt):
            return "unknown" if in_doubt else "rejected", code, message, field
        case Deferred(reason=reason, tried=tried):
            return "deferred", "deferred" if tried else "unsent", reason, None
        case Unknown(reason=reason):
            return "unknown", "unknown", reason, None
        case Written():
            raise StoreError("store: a written change is none of these")
