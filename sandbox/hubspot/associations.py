"""Which company a contact belongs to, and which contacts a company has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.hubspot.account import PRIMARY, UNLABELLED, Account
from sandbox.hubspot.batches import Reply, complete, inputs_of, refuse_large, text_id
from sandbox.hubspot.records import Record, Table
from sandbox.hubspot.refusals import invalid

LARGEST_READ = 1_000

Link = tuple[str, bool]  # the other record's id, and whether it is the primary
# The ids of the association types: of the primary (where there is one), and of any.
_TYPES: Mapping[tuple[str, str], tuple[int | None, int]] = {
    ("contacts", "companies"): (PRIMARY, UNLABELLED),
    ("companies", "contacts"): (2, 280),
    ("tickets", "contacts"): (None, 16),
    ("tickets", "companies"): (26, 339),
    ("contacts", "tickets"): (None, 15),
    ("companies", "tickets"): (25, 340),
}


def read_associations(
    account: Account, source: Table, target: Table, body: Mapping[str, Any], *, version: str
) -> Reply:
    pair = source.kind.name, target.kind.name
    if not types_between(account, source, target):
        raise invalid(f"{source.kind.singular} to {target.kind.singular} has no association here")
    inputs = inputs_of(body)
    refuse_large(inputs, LARGEST_READ)
    links = _contacts_by_company(account) if source is account.companies else None
    rows, errors = [], []
    for one in inputs:
        record = source.by_id(text_id(one))
        found = [] if record is None else _links(account, pair, record, links)
        if found:
            rows.append(_row(account, text_id(one), found, one.get("after"), (source, target)))
        elif account.settings.unassociated_is_error:
            errors.append(_none(source, target, text_id(one)))
    return complete(account, rows, errors, version)


def types_between(account: Account, source: Table, target: Table) -> list[tuple[int, str | None]]:
    """Type ids with their labels; of the primary first, where there is one; none where there is no association."""
    pair = source.kind.name, target.kind.name
    if pair in _TYPES:
        first, plain = _TYPES[pair]
        return [*([(first, "Primary")] if first is not None else []), (plain, None)]
    type = account.links.type_between(*pair)
    return [] if type is None else [(type, None)]


def links_shown(account: Account, source: Table, target: Table, record: Record) -> list[dict[str, Any]]:
    """Everything of the other object that belongs to this record."""
    if not types_between(account, source, target):
        raise invalid(f"{source.kind.singular} to {target.kind.singular} has no association here")
    by_company = _contacts_by_company(account) if source is account.companies else None
    found = _links(account, (source.kind.name, target.kind.name), record, by_company)
    return [_to(account, other, primary, (source, target)) for other, primary in found]


def association_ids(account: Account, table: Table, record: Record, targets: set[str]) -> dict[str, Any]:
    """What `associations=companies` adds to a record in lists and single reads; nothing where there is none."""
    found = {}
    for source, target in _TYPES:
        if source != table.kind.name or target not in targets or source == "companies":
            continue
        word = f"{table.kind.singular.lower()}_to_{account.table(target).kind.singular.lower()}"
        results = []
        for other, primary in _links(account, (source, target), record, None):
            if primary and _TYPES[source, target][0] is not None:
                results.append({"id": other, "type": word})
                results.append({"id": other, "type": f"{word}_unlabeled"})
            elif _TYPES[source, target][0] is not None:
                results.append({"id": other, "type": f"{word}_unlabeled"})
            else:
                results.append({"id": other, "type": word})
        if results:
            found[target] = {"results": results}
    for target in targets - {pair[1] for pair in _TYPES if pair[0] == table.kind.name}:
        end = account.table(target)
        word = f"{table.kind.singular.lower()}_to_{end.kind.singular.lower()}"
        if others := account.linked(record, table, end):
            found[target] = {"results": [{"id": one, "type": word} for one in others]}
    return found


def _links(
    account: Account,
    pair: tuple[str, str],
    record: Record,
    by_company: Mapping[str, list[Link]] | None,
) -> list[Link]:
    match pair:
        case ("companies", "contacts"):
            return (by_company or {}).get(record.id, [])
        case ("tickets", "contacts"):
            others = account.contacts_of(record)
        case ("tickets", "companies"):
            others = account.companies_of(record)
        case ("contacts", "companies"):
            others = account.employers_of(record)
        case ("contacts", "tickets"):
            others = [one.id for one in account.tickets.living() if record.id in account.contacts_of(one)]
        case ("companies", "tickets"):
            others = [one.id for one in account.tickets.living() if record.id in account.companies_of(one)]
        case (source, target):
            others = account.linked(record, account.table(source), account.table(target))
    return [(other, place == 0) for place, other in enumerate(others)]


def _contacts_by_company(account: Account) -> dict[str, list[Link]]:
    found: dict[str, list[Link]] = {}
    for contact in account.contacts.living():
        for place, company in enumerate(account.employers_of(contact)):
            found.setdefault(company, []).append((contact.id, place == 0))
    return found


def _row(
    account: Account, source: str, links: list[Link], after: Any, pair: tuple[Table, Table]
) -> dict[str, Any]:
    size = account.settings.association_page
    start = int(after) if after else 0
    page = links[start : start + size]
    row: dict[str, Any] = {
        "from": {"id": source},
        "to": [_to(account, other, primary, pair) for other, primary in page],
    }
    if start + size < len(links):
        row["paging"] = {"next": {"after": str(start + size), "link": "?after=" + str(start + size)}}
    return row


def _to(account: Account, other: str, primary: bool, pair: tuple[Table, Table]) -> dict[str, Any]:
    told = [
        {"category": account.links.category(type), "typeId": type, "label": label}
        for type, label in types_between(account, *pair)
        if primary or label is None
    ]
    return {
        "toObjectId": int(other) if account.settings.numeric_association_ids else other,
        "associationTypes": told,
    }


def _none(source: Table, target: Table, record_id: str) -> dict[str, Any]:
    here, there = source.kind.singular.lower(), target.kind.singular.lower()
    return {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
        "message": f"No {there} is associated with {here} {record_id}.",
        "context": {"fromObjectId": [record_id], "fromObjectType": [here]},
    }
