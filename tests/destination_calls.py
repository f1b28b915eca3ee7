"""Calls of a destination as its promises make them: by the row that says how its fields are named."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from destination_table import DestinationRow

from connectors.contract import Destination, Lookup
from nps.changes import Batch, Change, Outcome, Record
from nps.values import Json

AddPerson = Callable[..., str]


def nothing_to_remember(handle: str) -> None:
    """`remember`, where the test does not care."""


def change(
    row: DestinationRow, record_id: str, before: Mapping[str, Json] | None = None, **after: Json
) -> Change:
    """`before`: what the record shows, where it is not empty; a destination may refuse to overwrite anything else."""
    fields = {getattr(row, name): value for name, value in after.items()}
    shown = {name: (before or {}).get(name) for name in fields}
    return Change(id=1, object=row.object, record_id=record_id, before=shown, after=fields)


def write(crm: Destination, row: DestinationRow, *changes: Change) -> list[Outcome]:
    way = crm.ways(row.object, len(changes))[0]
    batch = Batch(1, row.object, way.api, changes)
    return list(crm.write(batch, nothing_to_remember))


def live(crm: Destination, row: DestinationRow, record_id: str) -> Mapping[str, Json]:
    names = [row.score, row.segment, row.date, row.comment]
    [record] = crm.get(row.object, [record_id], names, {})
    return record.fields


def found(crm: Destination, row: DestinationRow, lookup: Lookup, fields: Sequence[str] = ()) -> list[Record]:
    return [hit.record for hit in crm.find(row.object, [lookup], fields, {})]


def by_email(row: DestinationRow, *values: str) -> Lookup:
    return Lookup(row.email, "email", values)
