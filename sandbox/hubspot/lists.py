"""Lists of records: made by hand, filled by calls. Those that fill themselves take nobody."""

from __future__ import annotations

from typing import Any

from sandbox.hubspot.batches import Reply
from sandbox.hubspot.calls import Asked
from sandbox.hubspot.definitions import in_iso
from sandbox.hubspot.listing import SegmentList
from sandbox.hubspot.records import Table
from sandbox.hubspot.refusals import Refusal, invalid, malformed, not_found

LARGEST_CHANGE = 100_000
_PAGE, _LARGEST_PAGE = 100, 250


def create_list(asked: Asked) -> Reply:
    account, body = asked.account, asked.document()
    name, type, how = (body.get(key) for key in ("name", "objectTypeId", "processingType"))
    if not isinstance(name, str) or not name.strip():
        raise invalid("name is required")
    if how not in ("MANUAL", "SNAPSHOT", "DYNAMIC"):
        raise invalid("processingType must be MANUAL, SNAPSHOT or DYNAMIC")
    if how == "DYNAMIC" and not body.get("filterBranch"):
        raise invalid("a DYNAMIC list needs a filterBranch")
    table = next((one for one in account.tables if one.kind.type_id == type), None)
    if table is None:
        raise invalid(f"no object type {type}")
    if account.lists.by_name(name) is not None:
        raise Refusal(400, "VALIDATION_ERROR", f"The name '{name}' is already in use by another list.")
    return Reply(200, {"list": account.lists.put(name, table, how, account.now()).as_json()})


def list_by_name(asked: Asked) -> Reply:
    found = asked.account.lists.by_name(asked.path["name"])
    if found is None or found.table.kind.type_id != asked.path["object"]:
        raise not_found(f"List does not exist with name {asked.path['name']}.")
    return Reply(200, {"list": found.as_json()})


def get_list(asked: Asked) -> Reply:
    return Reply(200, {"list": _list(asked).as_json()})


def search_lists(asked: Asked) -> Reply:
    """`{"query": "nps"}`: lists whose name holds the text."""
    term = str(asked.document().get("query") or "").lower()
    found = [one.as_json() for one in asked.account.lists.all() if term in one.name.lower()]
    return Reply(200, {"lists": found, "total": len(found), "hasMore": False, "offset": len(found)})


def remove_list(asked: Asked) -> Reply:
    asked.account.lists.remove(_list(asked))
    return Reply(204, {})


def add_members(asked: Asked) -> Reply:
    return _changed(asked, add=_ids(asked.body), remove=[])


def remove_members(asked: Asked) -> Reply:
    return _changed(asked, add=[], remove=_ids(asked.body))


def change_members(asked: Asked) -> Reply:
    body = asked.document()
    return _changed(asked, add=_ids(body.get("recordIdsToAdd")), remove=_ids(body.get("recordIdsToRemove")))


def members(asked: Asked) -> Reply:
    """In the order of their ids; `after` is where the next page goes on."""
    one = _list(asked)
    limit, after = asked.one("limit", str(_PAGE)), asked.one("after", "0")
    if not limit.isdigit() or not 0 < int(limit) <= _LARGEST_PAGE or not after.isdigit():
        raise invalid(f"limit must be between 1 and {_LARGEST_PAGE}")
    ids = [id for id in one.living() if int(id) > int(after)]
    page = ids[: int(limit)]
    rows = [{"recordId": id, "membershipTimestamp": one.members[id]} for id in page]
    body: dict[str, Any] = {"results": rows, "total": len(one.living())}
    if len(ids) > len(page):
        body["paging"] = {"next": {"after": page[-1], "link": f"?after={page[-1]}"}}
    return Reply(200, body)


def lists_of_record(asked: Asked) -> Reply:
    table = next((one for one in asked.account.tables if one.kind.type_id == asked.path["object"]), None)
    record = None if table is None else table.by_id(asked.path["id"])
    if table is None or record is None:
        raise not_found()
    rows = [
        {"listId": one.id, "listVersion": 1, "lastAddedTimestamp": one.members[record.id]}
        for one in asked.account.lists.holding(table, record.id)
    ]
    return Reply(200, {"results": rows, "total": len(rows)})


def _list(asked: Asked) -> SegmentList:
    found = asked.account.lists.by_id(asked.path["list"])
    if found is None:
        raise not_found(f"List does not exist with ID {asked.path['list']}.")
    return found


def _ids(told: Any) -> list[str]:
    if not isinstance(told, list) or not all(isinstance(one, str | int) for one in told):
        raise malformed("the body must be a list of record ids")
    return list(dict.fromkeys(str(one) for one in told))


def _changed(asked: Asked, *, add: list[str], remove: list[str]) -> Reply:
    """Who is there already, and who is not to be removed, is passed over without a word."""
    account, one = asked.account, _list(asked)
    if one.how == "DYNAMIC":
        raise invalid(
            "Only lists with a processing type of MANUAL or SNAPSHOT take and lose members by a call"
        )
    if len(add) + len(remove) > LARGEST_CHANGE:
        raise invalid(f"At most {LARGEST_CHANGE} records in a call")
    known = {id: record.id for id in add if (record := one.table.by_id(id)) is not None}
    missing = [id for id in add if id not in known]
    added = [id for id in dict.fromkeys(known.values()) if id not in one.members]
    removed = [id for id in dict.fromkeys(_today(one.table, id) for id in remove) if id in one.members]
    at = account.now()
    one.change(added, removed, in_iso(at))
    for id, (before, after) in [
        *((id, (None, one.name)) for id in added),
        *((id, (one.name, None)) for id in removed),
    ]:
        fields = {f"list {one.name}": (before, after)}
        account.room.traffic.wrote("hubspot", "memberships", id, fields, at=at.timestamp())
    told = {"recordsIdsAdded": added, "recordIdsRemoved": removed, "recordIdsMissing": missing}
    return Reply(200, told)


def _today(table: Table, id: str) -> str:
    record = table.by_id(id)
    return id if record is None else record.id
