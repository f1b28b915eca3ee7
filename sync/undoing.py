"""Taking back what a run wrote, and writing it again: a plan over the journal and the live records, then a run.

A field is restored where it still shows what the run left there and whatever we wrote to it since has been taken back
itself; everything else is told with its reason. The restoring changes go through the same journal as all others, so
that an undo can be interrupted, looked at and undone like any run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from itertools import islice
from typing import NamedTuple

from connectors.contract import Clock, Destination, why_write_only
from nps.changes import Change, Record
from nps.errors import BudgetError, ConfigError, LeaseLost, NpsyncError
from nps.schema import ObjectSchema
from nps.values import Json
from nps.writes import Steps, Write, steps
from store.api import Counted, Lease, Restoring, State, Store, Unwritten
from sync.interruption import Interrupted, heed
from sync.job import Job, rolled_up_sync
from sync.leasing import end_those_that_died, sync_lease
from sync.progress import Noted, Progress, Silent
from sync.shown_now import Shown, shown_now
from sync.writing import WrittenUp, settle_open, write_changes

CHUNK = 1000  # changes taken back in one transaction
MOST_REPORTED = 1000  # fields left alone that a run's report names; the command itself tells all of them
MOST_REFUSED = 1000


class Why(StrEnum):
    """Why a field is left alone."""

    CHANGED = "changed"  # somebody changed it since
    WRITTEN_SINCE = "written_since"  # a later run of ours wrote it
    SHOWN_NOW = "shown_now"  # the answer that decides now shows it too, beside what a later run wrote of it
    GONE = "gone"
    MERGED = "merged"
    NO_FIELD = "no_field"
    READ_ONLY = "read_only"
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


@dataclass(frozen=True)
class UndoPlan:
    """Spooled in the store it was made in. Read `changes` before that store is gone."""

    wanted: Wanted
    sync: str
    findings: Findings
    changes: Callable[[], Iterator[Change]]
    cost: Mapping[str, int]


@dataclass(frozen=True)
class UndoReport:
    """An undo as the history keeps it. `undoes` is the run it took back."""

    run: int
    sync: str
    undoes: int
    redo: bool
    status: str  # succeeded | partial | failed
    findings: Findings
    object: str
    written: int
    fields: int
    refused: Sequence[Unwritten]
    calls: Mapping[str, int]
    seconds: float
    problems: tuple[str, ...]

    def as_json(self) -> dict[str, Json]:
        """Values of customers, and messages of vendors that may quote them, are in the journal, not here."""
        conflicts = self.findings.conflicts
        return {
            "run": self.run,
            "sync": self.sync,
            "status": self.status,
            "undoes": self.undoes,
            "writes": {self.object: self.written},
            "fields_restored": self.fields,
            "left_alone": len(conflicts),
            "left": dict(Counter(one.why.value for one in self.findings.left)),
            "conflicts": [
                {"id": one.record_id, "field": one.field, "why": one.why.value, "run": one.run}
                for one in conflicts[:MOST_REPORTED]
            ],
            "not_written": len(self.refused),
            "refused": [
                {"id": one.change.record_id, "outcome": one.outcome, "code": one.code}
                for one in self.refused[:MOST_REPORTED]
            ],
            "calls": dict(self.calls),
            "seconds": round(self.seconds, 3),
            "problems": list(self.problems),
        }


# ------------------------------------------------------------ the plan


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
    if (by := _taken_back(way, change, only_latest=only_latest)) is not None:
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


def _taken_back(way: Steps, change: Change, *, only_latest: bool) -> Write | None:
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
    clock: Clock,
    *,
    stop: Callable[[], bool],
    progress: Progress,
) -> Findings:
    """Spool the changes that take back `wanted` as the plan of `run`. Raises ConfigError for a field nobody wrote."""
    schema = place.destination.describe(place.object)
    found = Findings()
    seen: set[str] = set()
    written = store.written_by(wanted.run, records=wanted.records or None, maybe=True)
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
        for change in changes:
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


# ------------------------------------------------------------ the run


def preview_undo(
    place: Restored,
    overlay: Store,
    clock: Clock,
    owner: str,
    wanted: Wanted,
    progress: Progress | None = None,
) -> UndoPlan:
    """What an undo would restore, found out in an overlay of the store, so that nothing is left behind anywhere."""
    _refuse_write_only(place)
    with sync_lease(overlay, clock, f"plan/{place.name}", owner) as lease:
        number = overlay.begin_run(place.name, "plan", now=clock.now(), facts={})
        settle_open(place, overlay, lease, number, clock, read_only=True)
        findings = plan_undo(
            place,
            overlay,
            lease,
            number,
            wanted,
            clock,
            stop=lambda: False,
            progress=progress or Silent(),
        )
    calls = 0
    if findings.changes:
        calls = place.destination.ways(place.object, findings.changes)[0].cost(findings.changes)
    return UndoPlan(wanted, place.name, findings, lambda: overlay.planned(number), {place.connection: calls})


def undo(
    place: Restored,
    store: Store,
    clock: Clock,
    owner: str,
    calls: Callable[[], Mapping[str, int]],
    wanted: Wanted,
    *,
    stop: Callable[[], bool] = lambda: False,
    progress: Progress | None = None,
) -> UndoReport:
    """Plan anew and restore, as a run of its own. Raises Busy, LeaseLost and ConfigError as a run does."""
    _refuse_write_only(place)
    started, before = clock.monotonic(), dict(calls())
    with sync_lease(store, clock, place.name, owner) as lease:
        end_those_that_died(store, place.name, clock)
        number = store.begin_run(
            place.name, "redo" if wanted.redo else "undo", now=clock.now(), facts=_facts(wanted)
        )
        noted = Noted(progress, store, number, clock)
        findings, written, problem = Findings(), WrittenUp(), None
        try:
            settle_open(place, store, lease, number, clock, read_only=False)
            noted.phase("planning", None)
            findings = plan_undo(place, store, lease, number, wanted, clock, stop=stop, progress=noted)
            if findings.changes:
                noted.phase("writing", findings.changes)
                write_changes(
                    place,
                    store,
                    lease,
                    number,
                    clock,
                    written,
                    changes=findings.changes,
                    canary=0,
                    stop=stop,
                    progress=noted,
                )
            problem = written.problem
        except LeaseLost:
            raise
        except ConfigError as error:
            store.end_run(number, "failed", now=clock.now(), report={"problems": [str(error)]})
            raise
        except NpsyncError as error:
            problem = error
        if isinstance(problem, Interrupted):
            all_written = bool(findings.changes) and written.outcomes["written"] == findings.changes
            word = "redo" if wanted.redo else "undo"
            problem = None if all_written else Interrupted(f"the {word} was asked to stop")
        report = UndoReport(
            run=number,
            sync=place.name,
            undoes=wanted.run,
            redo=wanted.redo,
            status=_status(findings, written, problem),
            findings=findings,
            object=place.object,
            written=written.outcomes["written"],
            fields=_fields_written(store, number, findings, written),
            refused=store.unwritten(number, limit=MOST_REFUSED),
            calls={name: count - before.get(name, 0) for name, count in calls().items()},
            seconds=clock.monotonic() - started,
            problems=() if problem is None else (str(problem),),
        )
        store.end_run(number, report.status, now=clock.now(), report=report.as_json())
        return report


def _refuse_write_only(place: Restored) -> None:
    """A value is only taken back where it still shows, which somebody has to see."""
    if why := why_write_only(place.destination):
        raise ConfigError(
            f"{place.connection}: nothing was undone, for nobody can see whether the values still show: {why} "
            f"What was written is in the journal: npsync runs"
        )


def _facts(wanted: Wanted) -> dict[str, Json]:
    return {"undoes": wanted.run, "records": [*wanted.records], "fields": [*sorted(wanted.fields)]}


def _status(findings: Findings, written: WrittenUp, problem: NpsyncError | None) -> str:
    if problem is not None and not isinstance(problem, BudgetError | Interrupted):
        return "failed"
    if problem is not None or written.unwritten or findings.conflicts:
        return "partial"
    return "succeeded"


def _fields_written(store: Store, run: int, findings: Findings, written: WrittenUp) -> int:
    if written.outcomes["written"] == findings.changes:
        return findings.fields
    return sum(len(change.after) for change in store.written_by(run))


# ------------------------------------------------------------ which runs


def to_redo(store: Store, wanted: Wanted) -> list[Wanted]:
    """What writes again what was undone: the run named if it is an undo, else the undos of it, the last one first."""
    named = store.run(wanted.run)
    if named is not None and named.kind == "undo":
        return [replace(wanted, redo=True)]
    undos = sorted(_undos_of(store, wanted.run), reverse=True)
    return [replace(wanted, run=run, redo=True, latest=True) for run in undos]


def _undos_of(store: Store, run: int) -> set[int]:
    """The undos of a run, and those of the runs that had written it again."""
    undos = set(store.undone_by(run))
    again = {one for undo in undos for one in store.undone_by(undo)}
    return undos.union(*(_undos_of(store, one) for one in again))


def stands(store: Store, wanted: Wanted) -> bool:
    """Whether the journal leaves something to take back: not each of these fields was taken back already."""
    for place in store.wrote(wanted.run):
        written = store.written_by(wanted.run, records=wanted.records or None, maybe=True)
        while changes := list(islice(written, CHUNK)):
            ids = [change.record_id for change in changes]
            writes = store.writes(place.connection, place.object, ids, lambda _: {})
            if any(_stands(change, writes.get(change.record_id, []), wanted) for change in changes):
                return True
    return False


def _stands(change: Change, writes: Sequence[Write], wanted: Wanted) -> bool:
    confirmed = any(one.id == change.id for one in writes)  # else the record has to be looked at
    return any(
        not confirmed or _taken_back(steps(writes, name), change, only_latest=wanted.latest) is None
        for name in change.after
        if not wanted.fields or name in wanted.fields
    )
