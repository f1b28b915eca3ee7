"""Support cases: how they close and reopen, their history, and the ones the org starts with."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.schema import CASE_STATUSES
from sandbox.salesforce.tables import Record
from sandbox.salesforce.values import Stored, shown_datetime
from sandbox.world import World

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

_TRACKED = ("Status", "Priority", "ContactId")
_MOST = 1_000
_SUBJECTS = (
    "Import stops after 500 rows",
    "Cannot sign in since Monday",
    "Invoice shows the wrong seat count",
    "Report is empty for one team",
    "How do I add a second calendar?",
    "API answers 502 at night",
    "Please move us to the EU data centre",
)


class Cases:
    """What the vendor does to a case by itself, whoever writes it."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self.table, self._history = org.tables["Case"], org.tables["CaseHistory"]
        self._contacts = org.contacts
        for number, (name, closed) in enumerate(CASE_STATUSES.items()):
            status: dict[str, Stored] = {"ApiName": name, "MasterLabel": name, "IsClosed": closed}
            status |= {"SortOrder": float(number + 1), "IsDefault": number == 0}
            org.tables["CaseStatus"].insert(status)

    def created(self, row: Record) -> None:
        """The account and the address come from the contact; a case may be born closed."""
        if self._get(row, "IsClosed"):
            self._put(row, "IsClosedOnCreate", True)
        if self._get(row, "AccountId") is None and (contact := self._contact(row)):
            self._put(row, "AccountId", contact[self._contacts.place("AccountId")])
        self.follow_contact(row)
        self._note(row, "created", None, None, str(self._get(row, "CreatedDate")))

    def changed(self, row: Record, before: Record) -> None:
        """Its history; nothing of it for a write that was taken back."""
        for name in _TRACKED:
            place = self.table.place(name)
            if row[place] != before[place]:
                field = "Contact" if name == "ContactId" else name
                self._note(row, field, before[place], row[place], str(self._get(row, "SystemModstamp")))

    def contact_changed(self, contact: Record) -> None:
        """ContactEmail is the contact's e-mail of today; no case is modified by that."""
        index = self.table.indexes[self.table.place("ContactId")]
        for id in index.find(str(contact[self._contacts.id])):
            self.follow_contact(self.table.rows[id])

    def follow_contact(self, row: Record) -> None:
        contact = self._contact(row)
        self._put(row, "ContactEmail", contact[self._contacts.place("Email")] if contact else None)

    def load(self, world: World) -> None:
        """A case for every eighth contact, at most a thousand: closed, open, without a contact, merged."""
        rng = random.Random(f"{world.seed}-cases")
        before: str | None = None
        for number, contact in enumerate(self._some_contacts(), start=1):
            id = self._one(world.until, rng, contact, number)
            if number % 12 == 0 and before is not None:
                self._merged(id, into=before)
            before = id

    # ------------------------------------------------------------ inside

    def _some_contacts(self) -> Iterator[Record]:
        live = list(self._contacts.live())
        step = max(8, len(live) // _MOST)
        yield from live[step // 2 :: step]

    def _one(self, until: datetime, rng: random.Random, contact: Record, number: int) -> str:
        opened = until - timedelta(seconds=rng.randrange(3_600, 60 * 86_400))
        closed = opened + timedelta(seconds=rng.randrange(1_800, 4 * 86_400))
        is_closed = number % 4 != 0 and closed < until
        status = rng.choice([name for name, ends in CASE_STATUSES.items() if ends == is_closed])
        owner = self._org.owners[number % len(self._org.owners)]
        email = contact[self._contacts.place("Email")]
        from_the_web = number % 7 == 0 and email is not None
        moments = {"opened": shown_datetime(opened), "closed": shown_datetime(closed)}
        stamp = moments["closed" if is_closed else "opened"]
        fields: dict[str, Stored] = {
            "CaseNumber": f"{number:08d}",
            "Subject": rng.choice(_SUBJECTS),
            "Status": status,
            "Priority": rng.choice(("High", "Medium", "Medium", "Low")),
            "Origin": "Web" if from_the_web else rng.choice(("Email", "Phone")),
            "IsClosed": is_closed,
            "ClosedDate": moments["closed"] if is_closed else None,
            "OwnerId": owner,
            "ContactId": None if from_the_web else contact[self._contacts.id],
            "AccountId": None if from_the_web else contact[self._contacts.place("AccountId")],
            "ContactEmail": None if from_the_web else email,
            "SuppliedEmail": email if from_the_web else None,
            "CreatedDate": moments["opened"],
            "LastModifiedDate": stamp,
            "SystemModstamp": stamp,
            "LastModifiedById": owner,
        }
        id = self.table.insert(fields)
        row = self.table.rows[id]
        self._note(row, "created", None, None, moments["opened"])
        if is_closed:
            self._note(row, "Status", "New", status, moments["closed"])
        return id

    def _merged(self, loser: str, *, into: str) -> None:
        row = self.table.rows[loser]
        self.table.delete(row, now=str(self._get(row, "SystemModstamp")), into=into)

    def _contact(self, row: Record) -> Record | None:
        return self._contacts.rows.get(str(self._get(row, "ContactId")))

    def _note(self, row: Record, field: str, old: Stored, new: Stored, at: str) -> None:
        self._history.insert(
            {"CaseId": row[self.table.id], "Field": field, "OldValue": old, "NewValue": new}
            | {"CreatedDate": at, "CreatedById": self._get(row, "LastModifiedById"), "SystemModstamp": at}
            | {"LastModifiedDate": at, "LastModifiedById": self._get(row, "LastModifiedById")}
        )

    def _get(self, row: Record, name: str) -> Any:
        return row[self.table.place(name)]

    def _put(self, row: Record, name: str, value: Stored) -> None:
        row[self.table.place(name)] = value
