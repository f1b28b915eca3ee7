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
}


def read_associations(
    account: Account, source: Table, target: Table, body: Mapping[str, Any], *, version: str
) -> Reply:
    pair = source.kind.name, target.kind.name
    if pair not in _TYPES:
        raise invalid(f"{source.kind.singular} to {target.kind.singular} has no association here")
    inputs = inputs_of(body)
    refuse_large(inputs, LARGEST_READ)
    links = _contacts_by_company(account) if source is account.companies else None
    rows, errors = [], []
    for one in inputs:
        record = source.by_id(text_id(one))
        found = [] if record is None else _links(account, pair, record, links)
        if found:
            rows.append(_row(account, text_id(one), found, one.get("after"), _TYPES[pair]))
        elif account.settings.unassociated_is_error:
            errors.append(_none(source, target, text_id(one)))
    return complete(account, rows, errors, version)


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
    return found


def _links(
    account: Account,
    pair: tuple[str, str],
    record: Record,
    by_company: Mapping[str, list[Link]] | None,
) -> list[Link]:
    match pair:
        case ("companies", _):
            return (by_company or {}).get(record.id, [])
        case ("tickets", "contacts"):
            others = account.contacts_of(record)
        case ("tickets", _):
            others = account.companies_of(record)
        case _:
            others = account.employers_of(record)
    return [(other, place == 0) for place, other in enumerate(others)]


def _contacts_by_company(account: Account) -> dict[str, list[Link]]:
    found: dict[str, list[Link]] = {}
    for contact in account.contacts.living():
        for place, company in enumerate(account.employers_of(contact)):
            found.setdefault(company, []).append((contact.id, place == 0))
    return found


def _row(
    account: Account, source: str, links: list[Link], after: Any, types: tuple[int | None, int]
) -> dict[str, Any]:
    size = account.settings.association_page
    start = int(after) if after else 0
    page = links[start : start + size]
    row: dict[str, Any] = {
        "from": {"id": source},
        "to": [_to(account, other, primary, types) for other, primary in page],
    }
    if start + size < len(links):
        row["paging"] = {"next": {"after": str(start + size), "link": "?after=" + str(start + size)}}
    return row


def _to(account: Account, other: str, primary: bool, types: tuple[int | None, int]) -> dict[str, Any]:
    first, plain = types
    told = [{"category": "HUBSPOT_DEFINED", "typeId": plain, "label": None}]
    if primary and first is not None:
        told.insert(0, {"category": "HUBSPOT_DEFINED", "typeId": first, "label": "Primary"})
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
