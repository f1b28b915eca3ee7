"""Batch read and batch update: a hundred records a call, and every way a part of them can fail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.hubspot.account import Account
from sandbox.hubspot.definitions import in_iso
from sandbox.hubspot.records import Record, Table, Values, unique_or_refuse
from sandbox.hubspot.refusals import InvalidValue, Refusal, invalid, malformed, values_not_valid

LARGEST_BATCH, LARGEST_WITH_HISTORY = 100, 50
API_SOURCE = "INTEGRATION"


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: Mapping[str, Any]  # nothing of it is sent with a 204


@dataclass(frozen=True, slots=True)
class Wish:
    """One input of a batch update."""

    id: str
    id_property: str | None
    trace: str | None
    properties: Mapping[str, str | None]


def read_batch(
    account: Account, table: Table, body: Mapping[str, Any], *, version: str, archived: bool
) -> Reply:
    inputs = inputs_of(body)
    ids = [text_id(one) for one in inputs]
    with_history = strings(body, "propertiesWithHistory")
    if with_history and len(ids) > LARGEST_WITH_HISTORY:
        raise invalid(
            "The maximum number of inputs supported in a batch request for property histories is "
            f"{LARGEST_WITH_HISTORY}. Received {len(ids)}."
        )
    refuse_large(ids)
    by = body.get("idProperty")
    unique = unique_or_refuse(table, str(by)) if by and by != "hs_object_id" else None
    found: dict[str, Record] = {}
    missing: list[str] = []
    for wanted in ids:
        record = (
            table.by(unique, wanted, archived=archived) if unique else table.by_id(wanted, archived=archived)
        )
        if record is None:
            missing.append(wanted)
        else:
            found[record.id] = record
    names = table.shown(strings(body, "properties"))
    rows = [with_versions(record, record.as_json(names), with_history) for record in found.values()]
    errors = [_lost(table, missing, {})] if missing else []
    return complete(account, rows, errors, version)


def with_versions(record: Record, row: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    if not names:
        return row
    row["propertiesWithHistory"] = {
        name: [
            {
                "value": version.value or "",
                "timestamp": version.at,
                "sourceType": version.source,
                "sourceId": "sandbox",
                "sourceLabel": None,
                "updatedByUserId": None,
            }
            for version in record.history(name)
        ]
        for name in names
    }
    return row


def update_batch(account: Account, table: Table, body: Mapping[str, Any], *, version: str) -> Reply:
    """All is judged before any is written: without trace ids one bad value stops the whole batch."""
    wishes = [_wish(one) for one in inputs_of(body)]
    refuse_large(wishes)
    _refuse_duplicates(wishes)
    if unwritable := table.unwritable({name for wish in wishes for name in wish.properties}):
        raise values_not_valid(unwritable)
    faults = account.room.faults
    per_record = account.settings.trace_ids and _traced(wishes) and not faults.take("all_or_nothing")
    ready: list[tuple[Record, Values]] = []
    lost: list[Wish] = []
    errors: list[dict[str, Any]] = []
    for wish in wishes:
        if wish.id_property is None and wish.id in table.merged_into:
            continue  # an absorbed record: 200, and not a word about it
        if faults and faults.take("missing_row", text=wish.id):
            continue
        record = _find(table, wish)
        if record is None:
            lost.append(wish)
            continue
        try:
            ready.append((record, checked(account, table, record, wish.properties)))
        except Refusal as refusal:
            if not per_record:
                raise
            errors.append(_refused(refusal, wish))
    rows = [write(account, table, record, values) for record, values in ready]
    if lost:
        traces = {"objectWriteTraceId": [wish.trace for wish in lost]} if per_record else {}
        errors.append(_lost(table, [wish.id for wish in lost], traces))
    return complete(account, rows, errors, version)


def checked(account: Account, table: Table, record: Record, properties: Mapping[str, str | None]) -> Values:
    """The values as they will be stored; a Refusal for the first record that cannot take them."""
    account.insist_on_owner({} if table is account.contacts else properties)
    if account.room.faults.take("invalid_record", text=record.id):
        first = next(iter(properties), "email")
        raise values_not_valid([InvalidValue(first, "A rule of this account refused it.", "INVALID_VALUE")])
    if account.settings.null_clears:
        return table.checked(record, {name: text or "" for name, text in properties.items()})
    return table.checked(record, {name: text for name, text in properties.items() if text is not None})


def write(account: Account, table: Table, record: Record, values: Values) -> dict[str, Any]:
    """Onto the record and into the request log; the row the reply shows."""
    at = account.now()
    before = {name: record.values.get(name) for name in values}
    table.update(record, values, at=at, source=API_SOURCE)
    account.room.traffic.wrote(
        "hubspot",
        table.kind.name,
        record.id,
        {name: (before[name], value) for name, value in values.items()},
        at=at.timestamp(),
    )
    return record.as_json(table.shown(values))


def complete(
    account: Account, rows: list[dict[str, Any]], errors: list[dict[str, Any]], version: str
) -> Reply:
    account.room.faults.shuffle(rows)
    now = in_iso(account.now())
    body: dict[str, Any] = {"status": "COMPLETE", "results": rows, "startedAt": now, "completedAt": now}
    if not errors:
        return Reply(200, body)
    body |= {"numErrors": len(errors), "errors": errors}
    quiet = version == "2026-09" and account.settings.quiet_partial
    quiet = quiet or account.room.faults.take("quiet_partial") is not None
    return Reply(200 if quiet else 207, body)


def inputs_of(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """A body without `inputs` is an empty batch to HubSpot, not a mistake."""
    inputs = body.get("inputs") or []
    if not isinstance(inputs, list) or not all(isinstance(one, Mapping) for one in inputs):
        raise malformed("inputs must be a list of objects")
    return inputs


def text_id(one: Mapping[str, Any]) -> str:
    wanted = one.get("id")
    if not isinstance(wanted, str):
        raise malformed("Cannot deserialize value of type java.lang.String for inputs.id")
    return wanted


def strings(body: Mapping[str, Any], key: str) -> list[str]:
    wanted = body.get(key) or []
    if not isinstance(wanted, list) or not all(isinstance(one, str) for one in wanted):
        raise malformed(f"{key} must be a list of strings")
    return wanted


def refuse_large(inputs: Sequence[object], most: int = LARGEST_BATCH) -> None:
    if len(inputs) > most:
        raise invalid(
            f"The maximum number of inputs supported in a batch request is {most}. Received {len(inputs)}."
        )


def text_values(properties: Any) -> Mapping[str, str | None]:
    if not isinstance(properties, Mapping):
        raise malformed("properties must be an object")
    for name, value in properties.items():
        if value is not None and not isinstance(value, str):
            raise malformed(f"Cannot deserialize value of type java.lang.String for properties.{name}")
    return properties


def _wish(one: Mapping[str, Any]) -> Wish:
    trace = one.get("objectWriteTraceId")
    if trace is not None and not isinstance(trace, str):
        raise malformed("objectWriteTraceId must be a string")
    return Wish(text_id(one), one.get("idProperty"), trace, text_values(one.get("properties") or {}))


def _find(table: Table, wish: Wish) -> Record | None:
    if wish.id_property in (None, "hs_object_id"):
        return table.by_id(wish.id)
    # Updating by e-mail has failed live, although the reference allows unique properties.
    if wish.id_property == "email" or not table.is_unique(str(wish.id_property)):
        raise invalid(f"Unable to perform update/upsert by non-unique {table.kind.type_id} property")
    return table.by(str(wish.id_property), wish.id)


def _traced(wishes: Sequence[Wish]) -> bool:
    traces = {wish.trace for wish in wishes}
    return None not in traces and len(traces) == len(wishes)


def _refuse_duplicates(wishes: Sequence[Wish]) -> None:
    doubled = [wanted for wanted, count in Counter(wish.id for wish in wishes).items() if count > 1]
    if doubled:
        listed = ", ".join(doubled)
        raise invalid(f"Duplicate IDs found in batch input: [{listed}]. IDs must be unique", ids=doubled)


def _refused(refusal: Refusal, wish: Wish) -> dict[str, Any]:
    return {
        "status": "error",
        "category": refusal.category,
        "message": refusal.message,
        "context": {"objectWriteTraceId": [wish.trace]},
    }


def _lost(table: Table, ids: list[str], more: Mapping[str, Any]) -> dict[str, Any]:
    """One group for all of them: `numErrors` counts groups, not records."""
    return {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "message": f"Could not get some {table.kind.singular} objects, they may be deleted or not exist. "
        "Check that ids are valid.",
        "context": {"ids": ids, **more},
    }
