"""The calls that say what belongs to what: at creation, later, and for reading."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.hubspot import batches
from sandbox.hubspot.account import Account
from sandbox.hubspot.associations import links_shown, types_between
from sandbox.hubspot.batches import Reply
from sandbox.hubspot.calls import Asked
from sandbox.hubspot.records import Table, get_or_refuse
from sandbox.hubspot.refusals import invalid, malformed

LARGEST_CREATE = 2_000

End = tuple[Table, str]  # where an association leads


def ends(account: Account, table: Table, wanted: Any) -> list[End]:
    """`associations` of a new record; the type says of which object the other one is."""
    if not isinstance(wanted, list):
        raise malformed("associations must be a list")
    found: list[End] = []
    for one in wanted:
        id, types = _told(one)
        for type in types:
            other = account.linked_by(table, type)
            if other is None:
                raise invalid(f"Association type {type} does not start at {table.kind.singular}")
            record = other.by_id(id)
            if record is None:
                raise invalid(f"{other.kind.singular}={id} is not valid")
            found.append((other, record.id))
    return found


def _told(one: Any) -> tuple[str, list[int]]:
    to = one.get("to") if isinstance(one, Mapping) else None
    id = to.get("id") if isinstance(to, Mapping) else None
    types = one.get("types") if isinstance(one, Mapping) else None
    if not isinstance(id, str | int) or not isinstance(types, list) or not types:
        raise malformed("an association needs to.id and types")
    numbers = []
    for type in types:
        category = type.get("associationCategory")
        if category not in ("HUBSPOT_DEFINED", "USER_DEFINED", "INTEGRATOR_DEFINED"):
            raise malformed(f"no association category {category}")
        if not isinstance(type.get("associationTypeId"), int):
            raise malformed("associationTypeId must be a number")
        numbers.append(type["associationTypeId"])
    return str(id), numbers


def link_by_default(asked: Asked) -> Reply:
    account, source, target = asked.account, asked.table("from"), asked.table("to")
    one = get_or_refuse(source, asked.path["id"], None, archived=False)
    other = get_or_refuse(target, asked.path["other"], None, archived=False)
    account.link(source, one.id, target, other.id)
    row = {"from": {"id": one.id}, "to": {"id": other.id}, "associationSpec": _spec(account, source, target)}
    return batches.complete(account, [row], [], asked.version)


def link(asked: Asked) -> Reply:
    """`{"inputs": [{"from": {"id"}, "to": {"id"}, "types": […]}]}`"""
    account, source, target = asked.account, asked.table("from"), asked.table("to")
    inputs = batches.inputs_of(asked.document())
    batches.refuse_large(inputs, LARGEST_CREATE)
    rows, errors = [], []
    for one in inputs:
        ids = [str((one.get(end) or {}).get("id")) for end in ("from", "to")]
        here, there = source.by_id(ids[0]), target.by_id(ids[1])
        if here is None or there is None:
            context = {"fromObjectId": [ids[0]], "toObjectId": [ids[1]]}
            said = {"status": "error", "category": "OBJECT_NOT_FOUND", "context": context}
            errors.append({**said, "message": "One of the records does not exist."})
            continue
        account.link(source, here.id, target, there.id)
        told = {"fromObjectTypeId": source.kind.type_id, "toObjectTypeId": target.kind.type_id, "labels": []}
        rows.append({**told, "fromObjectId": int(here.id), "toObjectId": int(there.id)})
    reply = batches.complete(account, rows, errors, asked.version)
    # 201 of the numbered version, 200 of the dated ones.
    return Reply(201, reply.body) if not errors and asked.version == "v4" else reply


def links_of_one(asked: Asked) -> Reply:
    account, source, target = asked.account, asked.table("from"), asked.table("to")
    record = get_or_refuse(source, asked.path["id"], None, archived=False)
    return Reply(200, {"results": links_shown(account, source, target, record)})


def labels(asked: Asked) -> Reply:
    types = types_between(asked.account, asked.table("from"), asked.table("to"))
    category = asked.account.links.category
    rows = [{"category": category(one), "typeId": one, "label": label} for one, label in types]
    return Reply(200, {"results": rows})


def _spec(account: Account, source: Table, target: Table) -> dict[str, Any]:
    type = types_between(account, source, target)[-1][0]
    return {"associationCategory": account.links.category(type), "associationTypeId": type}
