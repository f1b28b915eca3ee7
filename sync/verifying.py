"""Do records still show what npsync left there? A sample, or all of them, compared with the CRM in batched reads.

The reasons are those of `why` (`sync.explaining`), so the two never disagree. What somebody changed is no error: it is
counted and named, and `overwrite:` decides about it when the record is planned again.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from itertools import islice
from typing import NamedTuple

from connectors.contract import Clock, Destination, why_write_only
from nps.changes import Record
from nps.errors import ConfigError, Interrupted, LeaseLost, NpsyncError
from nps.values import Json
from store.api import State, Store
from store.past import Journalled
from sync.explaining import Seen, View, reasons
from sync.interruption import heed
from sync.leasing import end_those_that_died, sync_lease
from sync.merges import remembered
from sync.progress import Noted, Progress
from sync.story import Because

SAMPLE = 1000  # records looked at unless more are asked for
READ = 1000  # records read and compared at a time
LISTED = 10_000  # ids of written records read from the journal at a time
MOST_EXAMPLES = 1000  # of what is not as it was left; all of it is counted


class Drift(StrEnum):
    """How a record differs from what npsync left there."""

    CHANGED = "changed"  # somebody set another value
    EMPTIED = "emptied"
    RECORD_GONE = "record_gone"
    MERGED = "merged"  # into another record, which npsync did not know yet
    FIELD_GONE = "field_gone"  # from the CRM's schema, or hidden from the credential


_DRIFT = {
    Because.CHANGED: Drift.CHANGED,
    Because.EMPTIED: Drift.EMPTIED,
    Because.RECORD_GONE: Drift.RECORD_GONE,
    Because.FIELD_GONE: Drift.FIELD_GONE,
}


class Drifted(NamedTuple):
    """One field that is not as npsync left it. `into` is the survivor of a merge."""

    record_id: str
    field: str
    kind: Drift
    ours: Json = None
    live: Json = None
    into: str | None = None


@dataclass
class Compared:
    """What the comparison came to so far. `fields` counts the fields compared, `held` those that are as an undo left
    them, `in_doubt` those that show what was tried and never confirmed."""

    records: int = 0
    written: int = 0  # records this sync ever wrote
    fields: int = 0
    held: int = 0
    in_doubt: int = 0
    drift: defaultdict[str, Counter[Drift]] = field(default_factory=lambda: defaultdict(Counter))
    examples: list[Drifted] = field(default_factory=list)
    drifting: list[str] = field(default_factory=list)  # records

    @property
    def kinds(self) -> Counter[Drift]:
        total: Counter[Drift] = Counter()
        for counted in self.drift.values():
            total.update(counted)
        return total


@dataclass(frozen=True)
class Verified:
    """One verification, as the history keeps it."""

    run: int
    sync: str
    status: str  # succeeded | partial (something drifted, or it ended early) | failed
    sample: int | None  # None: all
    compared: Compared
    calls: Mapping[str, int]
    seconds: float
    problems: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Json]:
        """Values of customers are in the journal and in the CRM, not here."""
        found = self.compared
        return {
            "run": self.run,
            "sync": self.sync,
            "status": self.status,
            "sample": self.sample,
            "records_written": found.written,
            "records_checked": found.records,
            "fields_checked": found.fields,
            "records_drifted": len(found.drifting),
            "drift": {kind.value: count for kind, count in found.kinds.items()},
            "drift_by_field": {
                name: {kind.value: count for kind, count in counted.items()}
                for name, counted in found.drift.items()
            },
            "held": found.held,
            "in_doubt": found.in_doubt,
            "examples": [
                {"id": one.record_id, "field": one.field, "why": one.kind.value, "into": one.into}
                for one in found.examples[:MOST_EXAMPLES]
            ],
            "calls": dict(self.calls),
            "seconds": round(self.seconds, 3),
            "problems": list(self.problems),
        }


def verify(
    view: View,
    destination: Destination,
    store: Store,
    clock: Clock,
    owner: str,
    calls: Callable[[], Mapping[str, int]],
    *,
    sample: int | None = SAMPLE,
    stop: Callable[[], bool] = lambda: False,
    progress: Progress | None = None,
) -> Verified:
    """Compare `sample` of the records this sync wrote (None: all) with the CRM, as a run of its own. Nothing is
    written there. Raises Busy while another process has the sync: its writes would look like drift."""
    if why := why_write_only(destination):
        raise ConfigError(f"{view.connection}: {view.sync} cannot be verified: {why}")
    started, before = clock.monotonic(), dict(calls())
    with sync_lease(store, clock, view.sync, owner):
        end_those_that_died(store, view.sync, clock)
        number = store.begin_run(view.sync, "verify", now=clock.now(), facts={"sample": sample})
        noted = Noted(progress, store, number, clock)
        compared, problem = Compared(), None
        try:
            seed = f"{clock.now():%Y-%m-%d} {view.sync}"
            chosen = _chosen(store, view.sync, sample, seed, compared)
            noted.phase("verifying", sample)
            _compare(view, destination, store, chosen, compared, stop, noted)
        except LeaseLost:
            raise
        except NpsyncError as error:
            problem = error
        report = Verified(
            run=number,
            sync=view.sync,
            status=_status(compared, problem),
            sample=sample,
            compared=compared,
            calls={name: count - before.get(name, 0) for name, count in calls().items()},
            seconds=clock.monotonic() - started,
            problems=() if problem is None else (str(problem),),
        )
        store.end_run(number, report.status, now=clock.now(), report=report.as_json())
        return report


def to_plan_again(store: Store, sync: str, record_ids: Sequence[str]) -> list[int]:
    """The answers that decide these records: taken up again, they are planned over what stands there now."""
    return sorted(
        one.number
        for start in range(0, len(record_ids), READ)
        for one in store.counted(sync, record_ids[start : start + READ])
        if one.state in (State.WRITTEN, State.UNCHANGED)
    )


def _status(compared: Compared, problem: NpsyncError | None) -> str:
    if problem is not None and not isinstance(problem, Interrupted):
        return "failed"
    return "partial" if problem is not None or compared.drifting else "succeeded"


# ------------------------------------------------------------ which records


def _chosen(store: Store, sync: str, sample: int | None, seed: str, compared: Compared) -> Iterable[str]:
    """The records to look at, in the order of their ids. A sample is the same all day and another one tomorrow."""
    written = _counted(_written(store, sync), compared)
    if sample is None:
        return written
    key = seed.encode()

    def lot(record_id: str) -> bytes:
        return blake2b(record_id.encode(), key=key[:64], digest_size=8).digest()

    return sorted(heapq.nsmallest(sample, written, key=lot))


def _written(store: Store, sync: str) -> Iterator[str]:
    after = ""
    while found := store.records_written(sync, after, LISTED):
        yield from found
        after = found[-1]


def _counted(written: Iterable[str], compared: Compared) -> Iterator[str]:
    for record_id in written:
        compared.written += 1
        yield record_id


# ------------------------------------------------------------ what they show


def _compare(
    view: View,
    destination: Destination,
    store: Store,
    chosen: Iterable[str],
    compared: Compared,
    stop: Callable[[], bool],
    progress: Progress,
) -> None:
    schema = destination.describe(view.object)
    fields = [name for name in view.fields.shows if name in schema.fields]
    survivors = remembered(store, view.connection, view.object)
    ids = iter(chosen)
    while chunk := list(islice(ids, READ)):
        heed(stop)
        # Whoever was merged away is told by the survivor, which is written by now.
        asked = [id for id in chunk if id not in survivors]
        live = _by_asked(destination.get(view.object, asked, fields, {}))
        journals = _journals(view, store, asked)
        for id in asked:
            _look(view, id, live.get(id), journals.get(id, ()), compared)
        progress.advance(len(chunk))


def _by_asked(records: Iterable[Record]) -> dict[str, Record]:
    return {id: record for record in records for id in (record.id, *record.merged)}


def _journals(view: View, store: Store, ids: Sequence[str]) -> dict[str, list[Journalled]]:
    journals: dict[str, list[Journalled]] = {}
    for one in store.journal_of(ids):
        if one.connection == view.connection and one.change.object == view.object:
            journals.setdefault(one.change.record_id, []).append(one)
    return journals


def _look(
    view: View, id: str, record: Record | None, journal: Sequence[Journalled], compared: Compared
) -> None:
    compared.records += 1
    into = None if record is None or record.id == id else record.id
    seen = Seen(view.target, id, looked=True, live=None if into else record)
    drifted = False
    for one in reasons(seen, [view], journal, {}):
        if one.name not in view.fields.shows or one.because is Because.NEVER:
            continue
        compared.fields += 1
        compared.held += one.held
        compared.in_doubt += one.because is Because.IN_DOUBT
        kind = Drift.MERGED if into is not None else _DRIFT.get(one.because)
        if kind is not None:
            drifted = True
            compared.drift[one.name][kind] += 1
            if len(compared.examples) < MOST_EXAMPLES:
                compared.examples.append(Drifted(id, one.name, kind, one.ours, one.shows, into))
    if drifted:
        compared.drifting.append(id)
