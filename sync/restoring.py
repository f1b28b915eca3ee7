"""What taking a run back would restore: found over the journal and the live records, field by field.

A field is restored where it still shows what the run left there and whatever we wrote to it since has been taken back
itself; everything else is told with its reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from itertools import islice
from typing import NamedTuple

from connectors.contract import Destination
from nps.changes import Change, Record
from nps.errors import ConfigError
from nps.forgetting import person_name
from nps.schema import ObjectSchema
from nps.values import Json
from nps.writes import Steps, Write, steps
from store.api import Counted, Lease, Restoring, RunRow, State, Store
from sync.interruption import heed
from sync.job import Job, rolled_up_sync
from sync.progress import Progress
from sync.shown_now import Shown, shown_now

CHUNK = 1000  # changes taken back in one transaction


class Why(StrEnum):
    """Why a field is left alone."""

    CHANGED = "changed"  # somebody changed it since
    WRITTEN_SINCE = "written_since"  # a later run of ours wrote it
    SHOWN_NOW = "shown_now"  # the answer that decides now shows it too, beside what a later run wrote of it
    GONE = "gone"
    MERGED = "merged"
    NO_FIELD = "no_field"
    READ_ONLY = "read_only"
    ERASED = "erased"  # whose it is was to be forgotten since: nothing is written about them any more
    EXPIRED = "expired"  # what the field showed before is not kept any more (retention.before_values)
    # Nothing is left to do:
    UNDONE = "undone"  # an earlier undo took it back
    SET_BACK = "set_back"  # somebody set it back by hand


NOTHING_TO_DO = (Why.UNDONE, Why.SET_BACK)


class Left(NamedTuple):
    """A field that is left alone. `live` is what it shows (changed), `run` the run concerned, `into` the survivor."""

    record_id: str
    key: str
    field: str
    why: Why
    live: Json = None
    run: int | None = None
    into: str | None = None

    @property
    def is_conflict(self) -> bool:
        return self.why not in NOTHING_TO_DO


@dataclass(frozen=True)
class Wanted:
    """What a person asked to take back: a run's writes, or those of some records or fields."""

    run: int
    redo: bool = False  # the run was itself an undo
    latest: bool = False  # only what no later undo took back once more
    records: tuple[str, ...] = ()
    fields: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Restored:
    """A place of `sync.job.Place`: the records that the run wrote."""

    name: str
    connection: str
    object: str
    destination: Destination
    job: Job | None = None
    """What shows these records' answers today; None where nothing does: the sync left the YAML, or writes elsewhere."""


class _Answer(NamedTuple):
    """What an undo holds on to: a field stays as it put it while one of these decides."""

    number: int
    state: State


@dataclass
class Findings:
    """What the plan of an undo came to. `changes` counts records, `fields` their fields."""

    changes: int = 0
    fields: int = 0
    left: list[Left] = field(default_factory=list)

    @property
    def conflicts(self) -> list[Left]:
        return [one for one in self.left if one.is_conflict]


def left_or_restored(
    change: Change,
    name: str,
    writes: Sequence[Write],
    record: Record | None,
    schema: ObjectSchema,
    *,
    only_latest: bool = False,
) -> Left | None:
    """Why this field of a change cannot be taken back; None when it can. `record` is the live one."""

    def left(why: Why, **facts: object) -> Left:
        return Left(change.record_id, change.key, name, why, **facts)  # type: ignore[arg-type]

    way = steps(writes, name)
    if (by := taken_back(way, change, only_latest=only_latest)) is not None:
        return left(Why.UNDONE, run=by.run)
    if not way.leads_here(change.id):
        return left(Why.WRITTEN_SINCE, run=way.last.run if way.last else None)
    if name not in change.before:
        return left(Why.EXPIRED)
    if record is None:
        return left(Why.GONE)
    if record.id != change.record_id:
        return left(Why.MERGED, into=record.id)
    known = schema.fields.get(name)
    if known is None:
        return left(Why.NO_FIELD)
    live = record.fields.get(name)
    if live != change.after[name]:
        return left(Why.SET_BACK if live == change.before.get(name) else Why.CHANGED, live=live)
    if not known.writable:
        return left(Why.READ_ONLY)
    return None


def taken_back(way: Steps, change: Change, *, only_latest: bool) -> Write | None:
    """The write that took this field of a change back already."""
    latest = way.newest[way.turns[change.id].origin.id].by
    if only_latest and latest.id != change.id:
        return latest
    return None if way.leads_here(change.id) else way.taken_back_by(change.id)


def _restoring(
    change: Change, names: Sequence[str], writes: Sequence[Write], answers: Sequence[_Answer]
) -> Restoring:
    """The change that restores these fields, and the `answers` of the record that are no newer than this undo."""
    turn = steps(writes, names[0]).turns[change.id]
    caused_by = turn.origin.response
    holds: tuple[int, ...] = ()
    if not turn.back:
        holds = tuple(
            sorted(
                one.number
                for one in answers
                # What was overtaken before the undone answer came is what it gave way to: that may show again.
                if caused_by is None or one.number > caused_by or one.state is not State.SUPERSEDED
            )
        )
    taken_back = Change(
        object=change.object,
        record_id=change.record_id,
        key=change.key,
        before={name: change.after[name] for name in names},
        after={name: change.before.get(name) for name in names},
        account=change.account,
        undoes=change.id,
    )
    return Restoring(taken_back, holds)


def plan_undo(
    place: Restored,
    store: Store,
    lease: Lease,
    run: int,
    wanted: Wanted,
    *,
    stop: Callable[[], bool],
    progress: Progress,
) -> Findings:
    """Spool the changes that take back `wanted` as the plan of `run`. Raises ConfigError for a field nobody wrote."""
    schema = place.destination.describe(place.object)
    found = Findings()
    seen: set[str] = set()
    written = store.written_by(wanted.run, records=wanted.records or None, maybe=True)
    origin = store.run(wanted.run)
    while changes := list(islice(written, CHUNK)):
        heed(stop)
        seen.update(name for change in changes for name in change.after)
        records = _live(place, schema, changes, wanted)
        ids = [change.record_id for change in changes]
        writes = store.writes(place.connection, place.object, ids, partial(_shown, records))
        counted = _counted(place, store, ids)
        answers = _answers(place, store, ids, counted)
        asks = place.job if not wanted.redo else None
        shown = {} if asks is None else shown_now(asks, store, changes, counted, writes)
        restoring: list[Restoring] = []
        erased = _erased_since(place, store, ids, origin)
        for change in changes:
            if change.record_id in erased:
                asked = [name for name in change.after if not wanted.fields or name in wanted.fields]
                found.left += [Left(change.record_id, change.key, name, Why.ERASED) for name in asked]
                continue
            history, record = writes.get(change.record_id, []), records.get(change.record_id)
            names = _restorable(change, history, record, schema, wanted, found, shown.get(change.record_id))
            if names:
                restoring.append(_restoring(change, names, history, answers.get(change.record_id, ())))
                found.changes += 1
                found.fields += len(names)
        store.plan_restoring(run, restoring, lease=lease, connection=place.connection)
        progress.advance(len(changes))
    unknown = sorted(wanted.fields - seen)
    if seen and unknown and not wanted.latest:
        raise ConfigError(
            f"run {wanted.run} wrote no field {', '.join(unknown)}; it wrote {', '.join(sorted(seen))}"
        )
    return found


def _erased_since(
    place: Restored, store: Store, record_ids: Sequence[str], run: RunRow | None
) -> frozenset[str]:
    """Those whose erasure was begun after this run. Where it was broken off half-way the journal still tells of them:
    what it would put back on their records is what they asked to have forgotten."""
    names = {person_name(place.connection, id): id for id in record_ids}
    forgotten = store.forgotten_on(sorted(names))
    return frozenset(names[name] for name, at in forgotten.items() if run is None or at >= run.started_at)


def _restorable(
    change: Change,
    writes: Sequence[Write],
    record: Record | None,
    schema: ObjectSchema,
    wanted: Wanted,
    found: Findings,
    shown: Shown | None,
) -> list[str]:
    """The fields of a change that can be taken back; the others are added to what is left alone. A change of which
    nobody knows whether it was written counts as far as the record shows it."""
    arrived = next((one for one in writes if one.id == change.id), None)
    restorable: list[str] = []
    for name in arrived.after if arrived is not None else ():
        if wanted.fields and name not in wanted.fields:
            continue
        why = left_or_restored(change, name, writes, record, schema, only_latest=wanted.latest)
        if why is None and shown is not None and _shows(shown, change, name, steps(writes, name)):
            why = Left(change.record_id, change.key, name, Why.SHOWN_NOW, change.after[name], shown.run)
        if why is None:
            restorable.append(name)
        else:
            found.left.append(why)
    return restorable


def _shows(shown: Shown, change: Change, name: str, way: Steps) -> bool:
    """Whether a field says the same as the answer that decides now, which is another one than is taken back."""
    turn = way.turns[change.id]
    other = not turn.back and turn.origin.response != shown.answer
    return other and name in shown.wanted and shown.wanted[name] == change.after[name]


def _shown(records: Mapping[str, Record], record_id: str) -> Mapping[str, Json]:
    record = records.get(record_id)
    return {} if record is None else record.fields


def _counted(place: Restored, store: Store, record_ids: Sequence[str]) -> dict[str, list[Counted]]:
    """The answers that count for these records now."""
    found: dict[str, list[Counted]] = {}
    if rolled_up_sync(place.name) is None:
        for one in store.counted(place.name, record_ids):
            found.setdefault(one.record_id, []).append(one)
    return found


def _answers(
    place: Restored, store: Store, record_ids: Sequence[str], counted: Mapping[str, Sequence[Counted]]
) -> dict[str, list[_Answer]]:
    """The same, as an undo holds on to them; of an account the latest that counts for anybody in it."""
    if (sync := rolled_up_sync(place.name)) is not None:
        newest = store.newest_of_accounts(sync, record_ids)
        return {id: [_Answer(newest.get(id, 0), State.WRITTEN)] for id in record_ids}
    return {id: [_Answer(one.number, one.state) for one in some] for id, some in counted.items()}


def _live(
    place: Restored, schema: ObjectSchema, changes: Sequence[Change], wanted: Wanted
) -> dict[str, Record]:
    """The records as they are, by the ids they were written under."""
    names = {
        name for change in changes for name in change.after if not wanted.fields or name in wanted.fields
    }
    fields = sorted(name for name in names if name in schema.fields)
    found = place.destination.get(place.object, [change.record_id for change in changes], fields, {})
    return {id: record for record in found for id in (record.id, *record.merged)}
