"""A batch update as HubSpot takes it, and what its answers say of each record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from connectors.hubspot.replies import Refusal, refusal
from nps.changes import Cause, Change, Deferred, Outcome, Record, Rejected, Written
from nps.values import Json

UPDATE_BATCH = 100


class Input(msgspec.Struct, frozen=True):
    """One record of a batch update."""

    id: str
    trace: str
    properties: Mapping[str, str]


def inputs(changes: Sequence[Change]) -> list[Input]:
    """One input per record (HubSpot refuses a batch that names one twice), each with its own trace id, so
    HubSpot answers per record."""
    wanted: dict[str, dict[str, str]] = {}
    for change in changes:
        wanted.setdefault(change.record_id, {}).update(
            {name: property_text(value) for name, value in change.after.items()}
        )
    return [Input(id, f"npsync-{number}", texts) for number, (id, texts) in enumerate(wanted.items())]


def body(group: Sequence[Input]) -> dict[str, Json]:
    return {
        "inputs": [
            {"id": one.id, "objectWriteTraceId": one.trace, "properties": dict(one.properties)}
            for one in group
        ]
    }


def property_text(value: Json) -> str:
    """A canonical value as HubSpot takes it: always text, and the empty text clears."""
    match value:
        case str():
            return value
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case _:
            raise TypeError(f"a property holds text, not {type(value).__name__}: encode it with `canonical`")


# ---------------------------------------------------------------- what an answer says


class Answer(msgspec.Struct, frozen=True):
    """A 200 or 207, read per record."""

    settled: Mapping[str, Outcome]
    silent: tuple[Input, ...]  # neither written nor refused: merged or deleted?
    refusals: tuple[Refusal, ...]


def answer(group: Sequence[Input], said: Mapping[str, Any]) -> Answer:
    """Pair every input with what HubSpot said about it; what it said nothing about stays open."""
    refusals = tuple(refusal(error) for error in said.get("errors") or () if isinstance(error, Mapping))
    by_trace = {trace: one for one in refusals for trace in one.traces}
    by_id = {id: one for one in refusals for id in one.ids}
    written = {str(row.get("id")) for row in said.get("results") or ()}
    settled: dict[str, Outcome] = {}
    silent = []
    for one in group:
        if reason := by_trace.get(one.trace) or by_id.get(one.id):
            settled[one.id] = rejected(one, reason)
        elif one.id in written:
            settled[one.id] = Written(one.id)
        else:
            silent.append(one)
    return Answer(settled, tuple(silent), refusals)


def rejected(one: Input, reason: Refusal) -> Rejected:
    return Rejected(one.id, reason.code, reason.message, reason.field, reason.cause)


def reread(silent: Sequence[Input], records: Sequence[Record]) -> dict[str, Outcome]:
    """What became of records the answer left out, judged by what they show now.

    A record merged away is not written under its survivor's id: nobody compared the survivor's values yet.
    The next run finds the survivor and plans anew.
    """
    now = {id: record for record in records for id in (record.id, *record.merged)}
    return {one.id: _reread(one, now.get(one.id)) for one in silent}


def _reread(one: Input, record: Record | None) -> Outcome:
    if record is None:
        deleted = "the record was deleted or archived after it was read"
        return Rejected(one.id, "OBJECT_NOT_FOUND", deleted, cause=Cause.GONE)
    if all(property_text(record.fields.get(name)) == text for name, text in one.properties.items()):
        return Written(one.id)
    if record.id != one.id:
        return Deferred(one.id, f"the record was merged into {record.id}; the next run plans it there")
    silence = "HubSpot's answer did not mention this record, and it is unchanged"
    return Rejected(one.id, "NOT_MENTIONED", silence, cause=Cause.TRANSIENT)
