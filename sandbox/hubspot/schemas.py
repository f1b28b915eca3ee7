"""An account's own objects: their schemas are made, shown and put away.

The vendor file does not tell how; this follows common knowledge, and `custom_objects: false` is an account whose
plan has none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sandbox.hubspot.account import PORTAL_ID, Account
from sandbox.hubspot.batches import Reply
from sandbox.hubspot.calls import Asked
from sandbox.hubspot.definitions import Property, from_request
from sandbox.hubspot.records import Table
from sandbox.hubspot.refusals import Refusal, invalid, not_found
from sandbox.hubspot.standard import MERGED_IDS, OWNER, RECORD_ID, ObjectType, moment
from sandbox.toy import NoSuchRecord

MOST_SCHEMAS = 10
_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*")
_FIRST_TYPE, _FIRST_LINK, _FIRST_RECORD = 4_400_001, 101, 90_000_001


def create_schema(asked: Asked) -> Reply:
    account, body = asked.account, asked.document()
    if not account.settings.custom_objects:
        raise Refusal(403, "MISSING_SCOPES", "This account has no custom objects.")
    own = [one for one in account.tables if one.kind.own]
    if len(own) >= MOST_SCHEMAS:
        raise Refusal(400, "VALIDATION_ERROR", f"At most {MOST_SCHEMAS} custom objects in an account")
    return Reply(201, _shown(account, make(account, body)))


def make(account: Account, body: Mapping[str, Any]) -> Table:
    """A Refusal for a schema that does not fit together."""
    name, labels = body.get("name"), body.get("labels") or {}
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise invalid("name is required: letters, digits and _ only")
    if not labels.get("singular") or not labels.get("plural"):
        raise invalid("labels.singular and labels.plural are required")
    if any(name.lower() == one.kind.name for one in account.tables):
        raise Refusal(409, "CONFLICT", f"Object type {name} already exists")
    group = f"{name.lower()}_information"
    told = [{"groupName": group, **one} for one in body.get("properties") or []]
    properties = [from_request(one, groups=[group], unique_so_far=0) for one in told]
    names = {one.name for one in properties}
    required = _of(body, "requiredProperties", names)
    if body.get("primaryDisplayProperty") not in names:
        raise invalid("primaryDisplayProperty must be one of the properties")
    others = [_target(account, str(one)) for one in body.get("associatedObjects") or []]
    number = sum(one.kind.own for one in account.tables)
    kind = ObjectType(
        name=name.lower(),
        singular=str(labels["singular"]).upper().replace(" ", "_"),
        type_id=f"2-{_FIRST_TYPE + number}",
        modified="hs_lastmodifieddate",
        created="hs_createdate",
        shown_by_default=("hs_createdate", "hs_lastmodifieddate", "hs_object_id"),
        properties=(*properties, *_given()),
        groups={group: str(labels["singular"])},
        read_scope="crm.objects.custom.read",
        write_scope="crm.objects.custom.write",
        schema_scope="crm.schemas.custom.write",
        required=required,
        made=True,
        own=True,
        aliases=(f"p{PORTAL_ID}_{name.lower()}", f"p_{name.lower()}"),
        labels=(str(labels["singular"]), str(labels["plural"])),
        primary=str(body["primaryDisplayProperty"]),
    )
    table = Table(kind, first_id=_FIRST_RECORD + number * 1_000_000)
    account.add_table(table)
    for place, other in enumerate(others):
        account.links.define(kind.name, other, _FIRST_LINK + number * 20 + place * 2)
    return table


def list_schemas(asked: Asked) -> Reply:
    own = [one for one in asked.account.tables if one.kind.own]
    return Reply(200, {"results": [_shown(asked.account, one) for one in own]})


def get_schema(asked: Asked) -> Reply:
    return Reply(200, _shown(asked.account, _own(asked)))


def remove_schema(asked: Asked) -> Reply:
    """Not while there are records of it."""
    table = _own(asked)
    if len(table):
        raise invalid(f"{table.kind.name} still has {len(table)} records")
    asked.account.drop_table(table)
    return Reply(204, {})


def _own(asked: Asked) -> Table:
    try:
        table = asked.account.table(asked.path["type"])
    except NoSuchRecord:
        table = None
    if table is None or not table.kind.own:
        raise not_found(f"no schema {asked.path['type']}")
    return table


def _given() -> tuple[Property, ...]:
    dates = (moment("hs_createdate", "Create date"), moment("hs_lastmodifieddate", "Last modified date"))
    return (*dates, OWNER, RECORD_ID, MERGED_IDS)


def _of(body: Mapping[str, Any], key: str, names: set[str]) -> tuple[str, ...]:
    wanted = tuple(str(one) for one in body.get(key) or ())
    if unknown := [one for one in wanted if one not in names]:
        raise invalid(f"{key}: no property {', '.join(unknown)}")
    return wanted


def _target(account: Account, told: str) -> str:
    try:
        return account.table(told).kind.name
    except NoSuchRecord:
        raise invalid(f"associatedObjects: no object {told}") from None


def _shown(account: Account, table: Table) -> dict[str, Any]:
    kind = table.kind
    singular, plural = kind.labels
    return {
        "id": kind.type_id.partition("-")[2],
        "objectTypeId": kind.type_id,
        "fullyQualifiedName": kind.aliases[0],
        "name": kind.name,
        "labels": {"singular": singular, "plural": plural},
        "primaryDisplayProperty": kind.primary,
        "requiredProperties": list(kind.required),
        "searchableProperties": [],
        "secondaryDisplayProperties": [],
        "properties": [one.as_json() for one in table.definitions.values()],
        "associations": [
            {
                "id": str(type),
                "name": f"{here}_to_{there}",
                "fromObjectTypeId": account.table(here).kind.type_id,
                "toObjectTypeId": account.table(there).kind.type_id,
            }
            for (here, there), type in account.links.types.items()
            if kind.name in (here, there)
        ],
        "archived": False,
    }
