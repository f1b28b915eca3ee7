"""What helps somebody with a task: who may take it, which cases the customer has, where the record is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from connectors.contract import Case, Owner, Tools
from connectors.salesforce import soql
from connectors.salesforce.ids import long_id
from connectors.salesforce.library import quote
from connectors.salesforce.org import Org
from nps.errors import ConfigError

_USER, _QUEUE = "005", "00G"
_CASE_NEEDS = ("IsClosed", "CreatedDate")
_CASE_HAS = ("Subject", "Status", "ClosedDate")  # used where they can be seen
_CASES_BY = {"Contact": "ContactId", "Account": "AccountId"}


class Surroundings:
    def __init__(self, org: Org, tools: Tools) -> None:
        self._org = org
        self._tools = tools

    def owners(self, ids: Sequence[str]) -> Mapping[str, Owner]:
        asked = {full: id for id in ids if (full := long_id(id)) is not None}
        users = self._rows("User", "Id, Name, Email, IsActive", asked, _USER, "")
        queues = self._rows("Group", "Id, Name", asked, _QUEUE, "Type = 'Queue'")
        people = [_owner(asked[row["Id"]], row) for row in users]
        return {
            owner.id: owner
            for owner in (*people, *(Owner(asked[row["Id"]], str(row["Name"] or "")) for row in queues))
        }

    def _rows(
        self, object: str, select: str, asked: Mapping[str, str], prefix: str, only: str
    ) -> list[dict[str, Any]]:
        wanted = [soql.Wanted("Id", quote(id)) for id in asked if id.startswith(prefix)]
        return self._org.by_value(object, select, wanted, only, what=f"find owners among {object}")

    def owner_of(self, email: str) -> Owner | None:
        address = email.strip()
        if not address:
            return None
        wanted = [soql.Wanted("Email", quote(address))]
        rows = self._org.by_value(
            "User", "Id, Name, Email, IsActive", wanted, "IsActive = true", what="find an owner"
        )
        if len(rows) > 1:
            ids = ", ".join(sorted(str(row["Id"]) for row in rows))
            raise ConfigError(
                f"{self._tools.connection}: {len(rows)} active users share the address {address}; name one of them "
                f"by its id: {ids}"
            )
        return _owner(str(rows[0]["Id"]), rows[0]) if rows else None

    def cases(self, object: str, ids: Sequence[str], since: datetime) -> Mapping[str, Sequence[Case]]:
        by = _CASES_BY.get(object)
        asked = {full: id for id in ids if (full := long_id(id)) is not None}
        if by is None or not asked or not (fields := self._seen_of_cases(by)):
            return {}
        wanted = [soql.Wanted(by, quote(id)) for id in asked]
        recent = f"(IsClosed = false OR CreatedDate >= {quote(since)})"
        found: dict[str, list[Case]] = {}
        for row in self._org.by_value("Case", ", ".join(fields), wanted, recent, what="find cases"):
            found.setdefault(asked[row[by]], []).append(_case(row))
        for cases in found.values():
            cases.sort(key=lambda case: (case.opened_at, case.id), reverse=True)
        return found

    def _seen_of_cases(self, by: str) -> Sequence[str]:
        """The fields to read; none where too few can be seen. A task then says less, which is no reason not to give
        it."""
        try:
            columns = self._org.table("Case").columns
        except ConfigError:
            columns = {}
        if not {by, *_CASE_NEEDS} <= columns.keys():
            self._tools.notice("salesforce_cases_not_visible")
            return ()
        return ["Id", by, *_CASE_NEEDS, *(name for name in _CASE_HAS if name in columns)]

    def page(self, object: str, id: str) -> str:
        address = self._org.address
        full = long_id(id)
        return f"{address}/{full}" if address and full else ""


def _owner(id: str, row: Mapping[str, Any]) -> Owner:
    return Owner(id, str(row["Name"] or ""), row["Email"] or None, bool(row["IsActive"]))


def _case(row: Mapping[str, Any]) -> Case:
    closed = row.get("ClosedDate")
    return Case(
        id=str(row["Id"]),
        subject=str(row.get("Subject") or ""),
        status=str(row.get("Status") or ""),
        is_open=not row["IsClosed"],
        opened_at=datetime.fromisoformat(row["CreatedDate"]),
        closed_at=datetime.fromisoformat(closed) if closed else None,
    )
