"""Showing on CRM records what npsync knows of their people, in fields that are npsync's own.

It is no change of a sync: what is shown there is read a moment before, only what differs is written, and no undo takes
it back.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

from connectors.contract import Destination
from nps.changes import Batch, Change, Outcome, Rejected, Written
from nps.errors import ConfigError
from nps.schema import FieldSchema
from nps.values import Value

Wanted = Callable[[Sequence[str], FieldSchema, Value], Value]
"""What one record is to show: by the ids it was asked for under, its field, and what it shows now."""

_CUT = "…"


def written(
    destination: Destination, object: str, name: str, ids: Collection[str], wanted: Wanted
) -> dict[str, str]:
    """Make the field `name` of these records show what is wanted. Id → why it was not written. A record that is gone
    has nothing to show; a merged one's survivor shows it."""
    known = destination.describe(object).fields.get(name)
    if known is None:
        raise ConfigError(f"{object} has no field {name}, or it is not visible: contact_policy")
    canonical, typed = destination.canonical(object, name), destination.typed(object, name)
    asked_by: dict[str, list[str]] = {}
    changes = []
    for record in destination.get(object, sorted(ids), [name], {}):
        asked_by[record.id] = [id for id in (record.id, *record.merged) if id in ids]
        before = record.fields.get(name)
        shown = typed(before)
        value = wanted(asked_by[record.id], known, shown)
        if value is not shown and (after := canonical(value)) != before:
            changes.append(
                Change(object=object, record_id=record.id, before={name: before}, after={name: after})
            )
    refused: dict[str, str] = {}
    for outcome in _outcomes(destination, object, changes):
        if not isinstance(outcome, Written):
            why = outcome.message if isinstance(outcome, Rejected) else outcome.reason
            refused |= dict.fromkeys(asked_by[outcome.record_id], why)
    return refused


def is_shown(text: str, by: Value) -> bool:
    """Whether a field shows this text, or all of it that it can hold."""
    shown = by if isinstance(by, str) else ""
    return shown == text or (shown.endswith(_CUT) and text.startswith(shown.removesuffix(_CUT)))


def shortened(text: str, length: int | None) -> str | None:
    """What a field of this length can hold of it; None for nothing."""
    if length is not None and len(text) > length:
        return text[: length - len(_CUT)].rstrip() + _CUT
    return text or None


def _outcomes(destination: Destination, object: str, changes: Sequence[Change]) -> Iterator[Outcome]:
    start = 0
    while start < len(changes):
        way = destination.ways(object, len(changes) - start)[0]
        some = tuple(changes[start : start + way.batch])
        yield from destination.write(Batch(0, object, way.api, some), lambda handle: None)
        start += len(some)
