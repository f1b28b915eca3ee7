"""What the vendor does to tasks and campaign members by itself, whoever writes them, and what it refuses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sandbox.salesforce.errors import RecordError
from sandbox.salesforce.lookups import Keeper, Wanted, after, insist_on
from sandbox.salesforce.schema_loop import CLOSED_TASKS
from sandbox.salesforce.tables import Column, Record
from sandbox.salesforce.values import Stored

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org


def keepers(org: Org) -> dict[str, Keeper]:
    return {
        "Task": Tasks(org),
        "Campaign": Campaigns(org),
        "CampaignMember": Members(org),
        "NPS_Response__c": Numbered(org, "NPS_Response__c", "R-{:06d}"),
    }


class Tasks(Keeper):
    # The words are those of the vendor's own list; its documentation at hand only guesses them.
    inactive_owner = "OPERATION_WITH_INACTIVE_OWNER"

    def __init__(self, org: Org) -> None:
        self._org = org
        self._table = org.tables["Task"]

    def defaults(self, by: str) -> Mapping[str, Stored]:
        return {
            "OwnerId": by,
            "Status": "Not Started",
            "Priority": "Normal",
            "TaskSubtype": "Task",
            "CreatedById": by,
        }

    def check(self, wanted: Wanted, row: Record | None) -> None:
        for column, value in wanted.items():
            if column.field.name in ("WhoId", "WhatId") and value is not None:
                insist_on(self._org, column, str(value))
            elif column.field.name == "OwnerId" and value is not None:
                self._insist_on_owner(column, str(value))
        who, what = (after(self._table, wanted, row, name) for name in ("WhoId", "WhatId"))
        if who is not None and what is not None and str(who) in self._org.tables["Lead"].rows:
            raise RecordError(
                "FIELD_INTEGRITY_EXCEPTION",
                "Related To ID: a lead's task is related to nothing else",
                "WhatId",
            )

    def saved(self, row: Record) -> None:
        """Closed is what its status says; the account is that of whatever the task is about."""
        closed = row[self._table.place("Status")] in CLOSED_TASKS
        if closed != row[self._table.place("IsClosed")]:
            row[self._table.place("IsClosed")] = closed
            row[self._table.place("CompletedDateTime")] = self._org.now() if closed else None
        self._table.put(row, "AccountId", self._account(row))

    def _account(self, row: Record) -> Stored:
        what, who = (row[self._table.place(name)] for name in ("WhatId", "WhoId"))
        if what in self._org.accounts.rows:
            return what
        found = self._org.existing(str(what))
        for name in ("AccountId", "Account__c"):
            if found is not None and name.lower() in found[0].columns:
                return found[1][found[0].place(name)]
        contact = self._org.contacts.rows.get(str(who))
        return None if contact is None else contact[self._org.contacts.place("AccountId")]

    def _insist_on_owner(self, column: Column, id: str) -> None:
        table, row = insist_on(self._org, column, id)
        if table is self._org.users and not row[table.place("IsActive")]:
            raise RecordError(
                self.inactive_owner,
                f"operation performed with inactive user [{id}] as owner of task",
                "OwnerId",
            )
        if table is not self._org.users and row[table.place("Type")] != "Queue":
            raise RecordError("INVALID_CROSS_REFERENCE_KEY", "Assigned To ID: not a queue", "OwnerId")


class Members(Keeper):
    """People of a campaign: each once, with a status that the campaign has."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._table = org.tables["CampaignMember"]
        self._statuses = org.tables["CampaignMemberStatus"]

    def defaults(self, by: str) -> Mapping[str, Stored]:
        return {"CreatedById": by}

    def check(self, wanted: Wanted, row: Record | None) -> None:
        for column, value in wanted.items():
            if column.field.to and value is not None:
                insist_on(self._org, column, str(value))
        told = {
            name: after(self._table, wanted, row, name)
            for name in ("CampaignId", "ContactId", "LeadId", "Status")
        }
        if told["CampaignId"] is None:
            return  # the table says which required field is missing
        if (told["ContactId"] is None) == (told["LeadId"] is None):
            raise RecordError("REQUIRED_FIELD_MISSING", "Required fields are missing: [ContactId or LeadId]")
        labels = {
            str(one[self._statuses.place("Label")]) for one in self._of_campaign(str(told["CampaignId"]))
        }
        if told["Status"] is not None and told["Status"] not in labels:
            raise RecordError(
                "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
                f"Status: bad value for restricted picklist field: {told['Status']}",
                "Status",
            )
        if row is None and self._is_member(told):
            raise RecordError("DUPLICATE_VALUE", "Already a campaign member.")

    def saved(self, row: Record) -> None:
        campaign = str(row[self._table.place("CampaignId")])
        known = {str(one[self._statuses.place("Label")]): one for one in self._of_campaign(campaign)}
        if row[self._table.place("Status")] is None:
            default = next((n for n, one in known.items() if one[self._statuses.place("IsDefault")]), None)
            row[self._table.place("Status")] = default
        status = known.get(str(row[self._table.place("Status")]))
        responded = status is not None and status[self._statuses.place("HasResponded")]
        row[self._table.place("HasResponded")] = bool(responded)

    def _of_campaign(self, campaign: str) -> list[Record]:
        return self._statuses.pointing("CampaignId", campaign)

    def _is_member(self, told: Mapping[str, Stored]) -> bool:
        name = "ContactId" if told["ContactId"] is not None else "LeadId"
        place = self._table.place("CampaignId")
        there = self._table.pointing(name, str(told[name]))
        return any(row[place] == told["CampaignId"] for row in there)


class Campaigns(Keeper):
    """A new campaign has two statuses for its members."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._table = org.tables["Campaign"]
        self._statuses = org.tables["CampaignMemberStatus"]

    def defaults(self, by: str) -> Mapping[str, Stored]:
        return {"OwnerId": by}

    def saved(self, row: Record) -> None:
        campaign = str(row[self._table.id])
        if self._statuses.pointing("CampaignId", campaign):
            return
        stamps = {
            name: row[self._table.place(name)]
            for name in ("CreatedDate", "LastModifiedDate", "SystemModstamp")
        }
        for number, (label, responded) in enumerate((("Sent", False), ("Responded", True)), start=1):
            fields: dict[str, Stored] = {"CampaignId": campaign, "Label": label, "SortOrder": float(number)}
            fields |= {"IsDefault": number == 1, "HasResponded": responded, **stamps}
            self._statuses.insert(fields)


class Numbered(Keeper):
    """Records whose name is a running number; the people they point to must exist."""

    def __init__(self, org: Org, object: str, form: str) -> None:
        self._org = org
        self._table = org.tables[object]
        self._form = form  # "R-{:06d}"

    def defaults(self, by: str) -> Mapping[str, Stored]:
        return {"OwnerId": by, "Name": self._form.format(len(self._table.rows) + 1)}

    def check(self, wanted: Wanted, row: Record | None) -> None:
        for column, value in wanted.items():
            if column.field.to and value is not None:
                insist_on(self._org, column, str(value))
