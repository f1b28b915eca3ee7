"""Taking back what a run wrote, and writing it again, as a run of its own: the restoring changes (`sync.restoring`) go
through the same journal as all others, so that an undo can be interrupted, looked at and undone like any run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from connectors.contract import Clock, why_write_only
from nps.changes import Change
from nps.errors import BudgetError, ConfigError, Interrupted, LeaseLost, NpsyncError
from nps.values import Json
from store.api import Store, Unwritten
from sync.leasing import end_those_that_died, sync_lease
from sync.progress import Noted, Progress, Silent
from sync.restoring import Findings, Restored, Wanted, plan_undo
from sync.writing import WrittenUp, settle_open, write_changes

MOST_REPORTED = 1000  # fields left alone that a run's report names; the command itself tells all of them
MOST_REFUSED = 1000


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
            findings = plan_undo(place, store, lease, number, wanted, stop=stop, progress=noted)
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
