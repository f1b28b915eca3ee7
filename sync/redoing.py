"""Which runs are taken back to write again what was undone, and whether anything is left to take back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

from nps.changes import Change
from nps.writes import Write, steps
from store.api import Store
from sync.restoring import CHUNK, Wanted, taken_back


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
        not confirmed or taken_back(steps(writes, name), change, only_latest=wanted.latest) is None
        for name in change.after
        if not wanted.fields or name in wanted.fields
    )
