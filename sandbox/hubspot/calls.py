"""The calls HubSpot answers, one function each: what came in → what goes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.hubspot import batches
from sandbox.hubspot.account import PORTAL_ID, Account
from sandbox.hubspot.associations import association_ids, links_shown, read_associations
from sandbox.hubspot.batches import Reply
from sandbox.hubspot.definitions import from_request
from sandbox.hubspot.gate import Gate
from sandbox.hubspot.records import Record, Table, get_or_refuse
from sandbox.hubspot.refusals import Refusal, invalid, malformed, not_found, values_not_valid
from sandbox.hubspot.search import Linked, search
from sandbox.hubspot.tickets import PIPELINES
from sandbox.toy import NoSuchRecord

LARGEST_LIST, LARGEST_LIST_WITH_HISTORY, DEFAULT_LIST = 100, 50, 10


@dataclass(frozen=True, slots=True)
class Asked:
    """One admitted request."""

    account: Account
    gate: Gate
    path: Mapping[str, str]
    query: Sequence[tuple[str, str]]
    body: Any
    version: str  # v3, v4 or a date

    def table(self, part: str = "type") -> Table:
        try:
            return self.account.table(self.path[part])
        except NoSuchRecord as unknown:
            raise Refusal(
                400, "VALIDATION_ERROR", f"Unable to infer object type from: {self.path[part]}"
            ) from unknown

    def one(self, name: str, default: str = "") -> str:
        return next((value for key, value in self.query if key == name), default)

    def many(self, name: str) -> list[str]:
        """Repeated parameters and comma lists mean the same."""
        return [part for key, value in self.query if key == name for part in value.split(",") if part]

    def document(self) -> Mapping[str, Any]:
        if not isinstance(self.body, Mapping):
            raise malformed("the body must be an object")
        return self.body


Answerer = Callable[[Asked], Reply]


def list_records(asked: Asked) -> Reply:
    table, with_history = asked.table(), asked.many("propertiesWithHistory")
    limit = _whole(asked.one("limit", str(DEFAULT_LIST)), "limit")
    most = LARGEST_LIST_WITH_HISTORY if with_history else LARGEST_LIST
    if not 0 < limit <= most:
        raise invalid(f"Invalid page size {limit}: limit must be between 1 and {most}")
    after = _whole(asked.one("after", "0"), "after")
    found = table.after(after, limit + 1, archived=asked.one("archived") == "true")
    body: dict[str, Any] = {"results": [_shown(asked, table, record) for record in found[:limit]]}
    if len(found) > limit:
        # The cursor is the last id of this page; callers must not read anything into it.
        cursor = found[limit - 1].id
        body["paging"] = {"next": {"after": cursor, "link": f"?after={cursor}"}}
    return Reply(200, body)


def get_record(asked: Asked) -> Reply:
    table = asked.table()
    archived = asked.one("archived") == "true"
    record = get_or_refuse(table, asked.path["id"], asked.one("idProperty") or None, archived=archived)
    return Reply(200, _shown(asked, table, record))


def update_record(asked: Asked) -> Reply:
    table = asked.table()
    record = get_or_refuse(table, asked.path["id"], asked.one("idProperty") or None, archived=False)
    properties = batches.text_values(asked.document().get("properties"))
    if unwritable := table.unwritable(properties):
        raise values_not_valid(unwritable)
    values = batches.checked(asked.account, table, record, properties)
    return Reply(200, batches.write(asked.account, table, record, values))


def read_batch(asked: Asked) -> Reply:
    archived = asked.one("archived") == "true"
    return batches.read_batch(
        asked.account, asked.table(), asked.document(), version=asked.version, archived=archived
    )


def update_batch(asked: Asked) -> Reply:
    return batches.update_batch(asked.account, asked.table(), asked.document(), version=asked.version)


def search_records(asked: Asked) -> Reply:
    table, body = asked.table(), asked.document()
    found = search(table, body, as_of=asked.account.searchable_until(), linked=_linked(asked.account, table))
    names = table.shown(batches.strings(body, "properties"))
    rows = [record.as_json(names, showing) for showing, record in found.hits]
    answer: dict[str, Any] = {"total": found.total, "results": rows}
    if found.next_after:
        answer["paging"] = {"next": {"after": found.next_after, "link": f"?after={found.next_after}"}}
    return Reply(200, answer)


def _linked(account: Account, table: Table) -> Linked:
    def belonging(other: str, id: str) -> frozenset[str]:
        try:
            target = account.table(other)
        except NoSuchRecord as unknown:
            raise invalid(f"no object {other}") from unknown
        record = target.by_id(id)
        if record is None:
            return frozenset()
        return frozenset(str(one["toObjectId"]) for one in links_shown(account, target, table, record))

    return belonging


def associations(asked: Asked) -> Reply:
    return read_associations(
        asked.account, asked.table("from"), asked.table("to"), asked.document(), version=asked.version
    )


def list_properties(asked: Asked) -> Reply:
    table = asked.table()
    if rule := asked.account.room.faults.take("schema_drift", text=table.kind.name):
        table.drift(**rule.detail)
    return Reply(200, {"results": [one.as_json() for one in asked.table().definitions.values()]})


def get_property(asked: Asked) -> Reply:
    definition = asked.table().definitions.get(asked.path["name"])
    if definition is None:
        raise not_found(f'Property "{asked.path["name"]}" does not exist')
    return Reply(200, definition.as_json())


def create_property(asked: Asked) -> Reply:
    return Reply(201, _define(asked, asked.document()))


def create_properties(asked: Asked) -> Reply:
    rows, errors = [], []
    for wanted in batches.inputs_of(asked.document()):
        try:
            rows.append(_define(asked, wanted))
        except Refusal as refusal:
            context = {"name": [str(wanted.get("name"))]}
            said = {"status": "error", "category": refusal.category, "message": refusal.message}
            errors.append({**said, "context": context})
    reply = batches.complete(asked.account, rows, errors, asked.version)
    return Reply(201, reply.body) if not errors else reply


def list_groups(asked: Asked) -> Reply:
    return Reply(200, {"results": [_group(name, label) for name, label in asked.table().groups.items()]})


def create_group(asked: Asked) -> Reply:
    body, groups = asked.document(), asked.table().groups
    name, label = body.get("name"), body.get("label")
    if not isinstance(name, str) or not isinstance(label, str):
        raise invalid("A property group needs a name and a label")
    if name in groups:
        raise Refusal(409, "CONFLICT", f"Property group {name} already exists")
    groups[name] = label
    return Reply(201, _group(name, label))


def account_details(asked: Asked) -> Reply:
    return Reply(
        200,
        {
            "portalId": PORTAL_ID,
            "accountType": "DEVELOPER_TEST",
            "timeZone": asked.account.settings.time_zone,
            "companyCurrency": "USD",
            "additionalCurrencies": [],
            "utcOffset": "",
            "utcOffsetMilliseconds": 0,
            "uiDomain": "app.hubspot.com",
            "dataHostingLocation": "na1",
        },
    )


def daily_usage(asked: Asked) -> Reply:
    usage = {
        "name": "private-apps-api-calls-daily",
        "usageLimit": asked.account.settings.daily,
        "currentUsage": asked.gate.spent_today(),
        "fetchStatus": "SUCCESS",
    }
    return Reply(200, {"results": [usage]})


def list_pipelines(asked: Asked) -> Reply:
    if asked.table() is not asked.account.tickets:
        return Reply(200, {"results": []})
    return Reply(200, {"results": [one.as_json(place) for place, one in enumerate(PIPELINES)]})


def unsubscribe(asked: Asked) -> Reply:
    """v3: from one type of mail; this account has only one."""
    body = asked.document()
    email = str(body.get("emailAddress", "")).lower()
    if not email or not body.get("subscriptionId"):
        raise invalid("emailAddress and subscriptionId are required")
    asked.account.unsubscribe(email)
    status = {"id": str(body["subscriptionId"]), "status": "NOT_SUBSCRIBED"}
    return Reply(200, {**status, "name": "Customer feedback", "sourceOfStatus": "SUBSCRIPTION_STATUS"})


def unsubscribe_from_all(asked: Asked) -> Reply:
    if asked.one("channel") != "EMAIL":
        raise invalid("channel must be EMAIL")
    asked.account.unsubscribe(asked.path["email"].lower())
    return Reply(200, {"status": "COMPLETE", "results": []})


def subscription_status(asked: Asked) -> Reply:
    email = asked.path["email"].lower()
    status = "NOT_SUBSCRIBED" if email in asked.account.unsubscribed else "SUBSCRIBED"
    source = "PORTAL_WIDE_STATUS" if status == "NOT_SUBSCRIBED" else "SUBSCRIPTION_STATUS"
    one = {"id": "1", "name": "Customer feedback", "status": status, "sourceOfStatus": source}
    return Reply(200, {"recipient": email, "subscriptionStatuses": [one]})


def unsubscribed_from_all(asked: Asked) -> Reply:
    """Empty results mean: not opted out."""
    email = asked.path["email"].lower()
    wide = {"wideStatusType": "PORTAL_WIDE", "status": "UNSUBSCRIBED", "channel": "EMAIL"}
    results = [{**wide, "subscriberIdString": email}] if email in asked.account.unsubscribed else []
    return Reply(200, {"status": "COMPLETE", "results": results})


def wanted_as(table: Table, names: Sequence[str]) -> bool:
    return bool({table.kind.name, table.kind.singular.lower(), table.kind.type_id} & set(names))


def _shown(asked: Asked, table: Table, record: Record) -> dict[str, Any]:
    row = record.as_json(table.shown(asked.many("properties")))
    wanted = asked.many("associations")
    if wanted:
        names = {kept.kind.name for kept in asked.account.tables if wanted_as(kept, wanted)}
        if links := association_ids(asked.account, table, record, names):
            row["associations"] = links
    return batches.with_versions(record, row, asked.many("propertiesWithHistory"))


def _define(asked: Asked, wanted: Mapping[str, Any]) -> dict[str, Any]:
    table = asked.table()
    unique = sum(one.unique and not one.hubspot_defined for one in table.definitions.values())
    definition = from_request(wanted, groups=list(table.groups), unique_so_far=unique)
    if definition.name in table.definitions:
        raise Refusal(409, "OBJECT_ALREADY_EXISTS", f'A property named "{definition.name}" already exists')
    table.define(definition)
    return definition.as_json()


def _group(name: str, label: str) -> dict[str, Any]:
    return {"name": name, "label": label, "displayOrder": -1, "archived": False}


def _whole(text: str, name: str) -> int:
    if not text.isdigit():
        raise invalid(f"{name} must be a whole number")
    return int(text)
