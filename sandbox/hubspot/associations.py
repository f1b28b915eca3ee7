"""Which company a contact belongs to, and which contacts a company has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.hubspot.account import PRIMARY, UNLABELLED, Account
from sandbox.hubspot.batches import Reply, complete, inputs_of, refuse_large, text_id
from sandbox.hubspot.records import Record, Table
from sandbox.hubspot.refusals import invalid

LARGEST_READ = 1_000
_COMPANY_TO_CONTACT, _COMPANY_TO_CONTACT_PRIMARY = 280, 2

Link = tuple[str, bool]  # the other record's id, and whether it is the primary


def read_associations(
    account: Account, source: Table, target: Table, body: Mapping[str, Any], *, version: str
) -> Reply:
    if source is target:
        raise invalid(f"{source.kind.singular} to {target.kind.singular} has no association here")
    inputs = inputs_of(body)
    refuse_large(inputs, LARGEST_READ)
    links = _contacts_by_company(account) if source is account.companies else None
    rows, errors = [], []
    for one in inputs:
        record = source.by_id(text_id(one))
        found = [] if record is None else _links(account, record, links)
        if found:
            rows.append(_row(account, text_id(one), found, one.get("after"), backwards=links is not None))
        elif account.settings.unassociated_is_error:
            errors.append(_none(source, target, text_id(one)))
    return complete(account, rows, errors, version)


def association_ids(account: Account, record: Record) -> dict[str, Any] | None:
    """What `associations=companies` adds to a contact in lists and single reads."""
    links = _links(account, record, None)
    if not links:
        return None
    results = []
    for company, primary in links:
        if primary:
            results.append({"id": company, "type": "contact_to_company"})
        results.append({"id": company, "type": "contact_to_company_unlabeled"})
    return {"companies": {"results": results}}


def _links(account: Account, record: Record, by_company: Mapping[str, list[Link]] | None) -> list[Link]:
    if by_company is not None:
        return by_company.get(record.id, [])
    return [(company, place == 0) for place, company in enumerate(account.employers_of(record))]


def _contacts_by_company(account: Account) -> dict[str, list[Link]]:
    found: dict[str, list[Link]] = {}
    for contact in account.contacts.living():
        for place, company in enumerate(account.employers_of(contact)):
            found.setdefault(company, []).append((contact.id, place == 0))
    return found


def _row(account: Account, source: str, links: list[Link], after: Any, *, backwards: bool) -> dict[str, Any]:
    size = account.settings.association_page
    start = int(after) if after else 0
    page = links[start : start + size]
    row: dict[str, Any] = {
        "from": {"id": source},
        "to": [_to(account, other, primary, backwards=backwards) for other, primary in page],
    }
    if start + size < len(links):
        row["paging"] = {"next": {"after": str(start + size), "link": "?after=" + str(start + size)}}
    return row


def _to(account: Account, other: str, primary: bool, *, backwards: bool) -> dict[str, Any]:
    plain, first = (_COMPANY_TO_CONTACT, _COMPANY_TO_CONTACT_PRIMARY) if backwards else (UNLABELLED, PRIMARY)
    types = [{"category": "HUBSPOT_DEFINED", "typeId": plain, "label": None}]
    if primary:
        types.insert(0, {"category": "HUBSPOT_DEFINED", "typeId": first, "label": "Primary"})
    return {
        "toObjectId": int(other) if account.settings.numeric_association_ids else other,
        "associationTypes": types,
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
