"""What of some records is ours: the values we wrote last, and what an undo has taken back since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from nps.changes import Record
from nps.values import Json
from nps.writes import START, Write, steps
from store.api import Store
from sync.deciding import Undone
from sync.job import Place


class Ours(NamedTuple):
    """Per record and field. Without an undo, which is nearly always, `undone` is empty."""

    values: dict[str, dict[str, Json]]
    undone: dict[str, dict[str, Undone]]


def ours_in(
    place: Place,
    store: Store,
    record_ids: Iterable[str],
    old_ids: Mapping[str, str],
    records: Mapping[str, Record],
) -> Ours:
    """What we know we left in these records, also under the ids of records merged into them (`old_ids`)."""

    def shown(record_id: str) -> Mapping[str, Json]:
        return records[old_ids.get(record_id, record_id)].fields

    asked = [*record_ids, *old_ids]
    values = store.confirmed(place.connection, place.object, asked, shown)
    undone: dict[str, dict[str, Undone]] = {}
    for record_id, writes in store.undone(place.connection, place.object, asked, shown).items():
        undone[record_id] = _taken_back(writes, values[record_id])
    for old, new in old_ids.items():
        _follow(old, new, records[new].fields, values, undone)
    return Ours(values, undone)


def _taken_back(writes: list[Write], values: dict[str, Json]) -> dict[str, Undone]:
    """The record's fields that an undo concerns. `values` become what counts as ours: after an undo that is what an
    earlier write of ours had left, and without one what the undo put back, so that a change since is noticed."""
    undone: dict[str, Undone] = {}
    for name in {name for write in writes if write.undoes is not None for name in write.after}:
        way = steps(writes, name)
        if way.place != START:
            values[name] = way.ours
        if way.held or way.place == START:
            undone[name] = Undone(way.held, ours=way.place != START)
    return undone


def _follow(
    old: str,
    new: str,
    live: Mapping[str, Json],
    values: dict[str, dict[str, Json]],
    undone: dict[str, dict[str, Undone]],
) -> None:
    """A record was merged into another: what the survivor shows of it is ours too, and holds follow their answers."""
    mine = values.setdefault(new, {})
    theirs = undone.get(old, {})
    for name, value in values.get(old, {}).items():
        inherited = name not in mine or live.get(name) == value
        if inherited:
            mine[name] = value
        one, other = undone.get(new, {}).get(name), theirs.get(name)
        if one is not None or other is not None:
            deciding = other if inherited else one
            undone.setdefault(new, {})[name] = Undone(
                (one.held if one else frozenset()) | (other.held if other else frozenset()),
                ours=deciding is None or deciding.ours,
            )
