"""Making records and putting them away: one, a hundred, by a unique property, and for ever."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from sandbox.hubspot import batches, linking
from sandbox.hubspot.account import Account
from sandbox.hubspot.batches import Reply
from sandbox.hubspot.calls import Asked
from sandbox.hubspot.records import Table, Values, get_or_refuse, unique_or_refuse
from sandbox.hubspot.refusals import InvalidValue, Refusal, invalid, malformed, values_not_valid


def create_record(asked: Asked) -> Reply:
    account, table, body = asked.account, _table(asked), asked.document()
    values, ends = _judged(account, table, body)
    return Reply(201, _made(account, table, values, ends))


def create_batch(asked: Asked) -> Reply:
    """All is judged before any is made; with trace ids, each stands for itself."""
    account, table = asked.account, _table(asked)
    inputs = batches.inputs_of(asked.document())
    batches.refuse_large(inputs)
    traced = _traced(account, inputs)
    rows, errors = [], []
    ready: list[tuple[Values, list[linking.End], Any]] = []
    for one in inputs:
        if account.room.faults.take("missing_row", text=_text(table, one)):
            continue
        try:
            ready.append((*_judged(account, table, one), one.get("objectWriteTraceId")))
        except Refusal as refusal:
            if not traced:
                raise
            errors.append(_refused(refusal, one))
    for values, ends, trace in ready:
        told = {"objectWriteTraceId": trace} if account.settings.echoes_trace_ids and trace else {}
        try:
            rows.append(_made(account, table, values, ends) | told)
        except Refusal as refusal:  # two of one batch with the same unique value
            errors.append({"status": "error", "category": refusal.category, "message": refusal.message})
    reply = batches.complete(account, rows, errors, asked.version)
    return Reply(201, reply.body) if not errors else reply


def upsert_batch(asked: Asked) -> Reply:
    """By a unique property; the rows say which are `new`."""
    account, table = asked.account, _table(asked)
    inputs = batches.inputs_of(asked.document())
    batches.refuse_large(inputs)
    keys = [(str(one.get("idProperty")), batches.text_id(one)) for one in inputs]
    if doubled := [key for (_, key), count in Counter(keys).items() if count > 1]:
        listed = ", ".join(doubled)
        raise invalid(f"Duplicate IDs found in batch input: [{listed}]. IDs must be unique", ids=doubled)
    traced = _traced(account, inputs)
    rows, errors = [], []
    for one, (name, key) in zip(inputs, keys, strict=True):
        if account.room.faults.take("missing_row", text=key):
            continue
        try:
            rows.append(_upserted(account, table, unique_or_refuse(table, name), key, one))
        except Refusal as refusal:
            if not traced:
                raise
            errors.append(_refused(refusal, one))
    return batches.complete(account, rows, errors, asked.version)


def archive_record(asked: Asked) -> Reply:
    """Into the recycle bin; what is there already is no mistake."""
    _archive(asked.account, _table(asked), asked.path["id"])
    return Reply(204, {})


def archive_batch(asked: Asked) -> Reply:
    inputs = batches.inputs_of(asked.document())
    batches.refuse_large(inputs)
    table = _table(asked)
    for id in [batches.text_id(one) for one in inputs]:
        _archive(asked.account, table, id)
    return Reply(204, {})


def forget_record(asked: Asked) -> Reply:
    """`{"objectId", "idProperty"}`: for ever, for privacy's sake."""
    account, table, body = asked.account, _table(asked), asked.document()
    id = body.get("objectId")
    if not isinstance(id, str):
        raise malformed("objectId must be a string")
    record = get_or_refuse(table, id, body.get("idProperty"), archived=False)
    account.links.drop((table.kind.name, record.id))
    account.lists.forget(table, record.id)
    table.forget(record.id, at=account.now())
    return Reply(204, {})


def _table(asked: Asked) -> Table:
    """Customers and tickets are made by people here, so that nobody makes them by mistake."""
    table = asked.table()
    if not table.kind.made:
        raise Refusal(405, "", "the method is not allowed here")
    return table


def _archive(account: Account, table: Table, id: str) -> None:
    record = table.by_id(id)
    if record is not None:
        table.archive(record, at=account.now())


def _upserted(account: Account, table: Table, name: str, key: str, one: Mapping[str, Any]) -> dict[str, Any]:
    record = table.by(name, key)
    properties = {**batches.text_values(one.get("properties") or {}), name: key}
    if record is None:
        values, ends = _judged(account, table, {**one, "properties": properties})
        return {**_made(account, table, values, ends), "new": True}
    if unwritable := table.unwritable(properties):
        raise values_not_valid(unwritable)
    values = batches.checked(account, table, record, properties)
    return {**batches.write(account, table, record, values), "new": False}


def _judged(account: Account, table: Table, body: Mapping[str, Any]) -> tuple[Values, list[linking.End]]:
    """The values as they will be stored, and what the new record will belong to."""
    properties = batches.text_values(body.get("properties") or {})
    if unwritable := table.unwritable(properties):
        raise values_not_valid(unwritable)
    if missing := [name for name in table.kind.required if not properties.get(name)]:
        raise invalid(
            f"Error creating {table.kind.singular}. Some required properties were not set.",
            properties=missing,
        )
    if account.room.faults.take("invalid_record", text=_text(table, body)):
        first = next(iter(properties), table.kind.modified)
        raise values_not_valid([InvalidValue(first, "A rule of this account refused it.", "INVALID_VALUE")])
    account.insist_on_owner(properties)
    values = table.checked(None, {name: text for name, text in properties.items() if text is not None})
    return values, linking.ends(account, table, body.get("associations") or [])


def _made(account: Account, table: Table, values: Values, ends: list[linking.End]) -> dict[str, Any]:
    table.checked(None, {name: text for name, text in values.items() if text is not None})
    at = account.now()
    record = table.create(values, at=at)
    for other, id in ends:
        account.link(table, record.id, other, id)
    account.room.traffic.wrote(
        "hubspot",
        table.kind.name,
        record.id,
        {name: (None, value) for name, value in values.items()},
        at=at.timestamp(),
    )
    row = record.as_json(table.shown(values))
    if ends:
        row["associations"] = _ids(table, ends)
    return row


def _ids(table: Table, ends: list[linking.End]) -> dict[str, Any]:
    """What the new record belongs to comes back as ids alone."""
    found: dict[str, Any] = {}
    for other, id in ends:
        word = f"{table.kind.singular.lower()}_to_{other.kind.singular.lower()}"
        found.setdefault(other.kind.name, {"results": []})["results"].append({"id": id, "type": word})
    return found


def _text(table: Table, body: Mapping[str, Any]) -> str:
    """By what a fault may pick a record that has no id yet: its object, and what it is called."""
    properties = body.get("properties")
    told = " ".join(str(value) for value in properties.values()) if isinstance(properties, Mapping) else ""
    return f"{table.kind.name}/{body.get('id', '')} {told}"


def _traced(account: Account, inputs: list[Mapping[str, Any]]) -> bool:
    traces = {one.get("objectWriteTraceId") for one in inputs}
    honoured = account.settings.trace_ids and None not in traces and len(traces) == len(inputs)
    return honoured and not account.room.faults.take("all_or_nothing")


def _refused(refusal: Refusal, one: Mapping[str, Any]) -> dict[str, Any]:
    context = {**refusal.context, "objectWriteTraceId": [one.get("objectWriteTraceId")]}
    return {
        "status": "error",
        "category": refusal.category,
        "message": refusal.message,
        "context": context,
    }
