"""The toy org: its tables filled from the world, and what happens to its records."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.salesforce.activities import keepers
from sandbox.salesforce.cases import Cases
from sandbox.salesforce.errors import RecordError
from sandbox.salesforce.furnish import account_facts, furnish, owner_of
from sandbox.salesforce.people import People
from sandbox.salesforce.permissions import furnish_permissions, permission_keepers
from sandbox.salesforce.schema import STANDARD, ObjectType
from sandbox.salesforce.schema_loop import LOOP
from sandbox.salesforce.schema_setup import SETUP
from sandbox.salesforce.sight import Sight
from sandbox.salesforce.tables import Column, Record, Table
from sandbox.salesforce.values import Stored, from_json, shown_datetime
from sandbox.toy import NoSuchRecord, Room
from sandbox.world import Company, Customer, Ugly, World

FieldsWritten = Mapping[str, tuple[Any, Any]]  # name → (old, new)
Watcher = Callable[[Table, Record, Record | None], None]  # the row now, and as it was (None: it is new)

ORG_ID = "00DHs0000000001MAA"
_TIERS = (*["Standard"] * 6, *["Growth"] * 3, "Strategic")


class Org:
    def __init__(self, room: Room) -> None:
        self.room = room
        self.tables = {type.name: Table(type) for type in (*STANDARD, *LOOP, *SETUP)}
        self.contacts, self.accounts = self.tables["Contact"], self.tables["Account"]
        self.users, self.cases = self.tables["User"], self.tables["Case"]
        self._by_name = {name.lower(): table for name, table in self.tables.items()}
        self._second = (0, "")
        self.flows: dict[
            str, Mapping[str, Any]
        ] = {}  # object → what a record-triggered flow sets on every save
        self._held: list[tuple[Table, str, FieldsWritten]] | None = None  # counted only once all went well
        self.watchers: list[Watcher] = []  # record-triggered automation, told once all went well
        self._news: list[tuple[Table, Record, Record | None]] = []
        self.people = People(self)
        self.sight = Sight(self)
        for table in self.tables.values():
            table.sight = self.sight
        self.keepers = keepers(self) | permission_keepers(self)
        self._load(room.world)
        self.desk = Cases(self)
        self.desk.load(room.world)

    def table(self, name: str) -> Table | None:
        return self._by_name.get(name.lower())

    def add_table(self, type: ObjectType) -> Table:
        table = self.tables[type.name] = self._by_name[type.name.lower()] = Table(type)
        table.sight = self.sight
        return table

    def drop_table(self, name: str) -> None:
        del self.tables[name], self._by_name[name.lower()]
        self.keepers.pop(name, None)

    def existing(self, id: str) -> tuple[Table, Record] | None:
        """The record of any object that has this id."""
        table = next((one for one in self.tables.values() if id.startswith(one.type.prefix)), None)
        return None if table is None or id not in table.rows else (table, table.rows[id])

    def now(self) -> str:
        """This second: the vendor's times have no finer grain."""
        second = int(self.room.clock.time())
        if second != self._second[0]:
            self._second = second, shown_datetime(datetime.fromtimestamp(second, UTC))
        return self._second[1]

    # ------------------------------------------------------------ what happens to records

    def update(self, table: Table, row: Record, wanted: Mapping[Column, Stored], *, by: str) -> None:
        """What the API does; it is counted as a write."""
        self._check(table, wanted, row)
        old = {column: row[column.place] for column in wanted}
        self._change(table, row, wanted, by=by)
        self._count(table, str(row[table.id]), {c.field.name: (old[c], row[c.place]) for c in wanted})
        if flow := self.flows.get(table.name):
            changed = table.stored(flow, from_json, id=str(row[table.id]))
            self._change(table, row, changed, by=self.owners[0])

    def create(self, table: Table, wanted: Mapping[Column, Stored], *, by: str, count: bool = True) -> str:
        defaults: dict[str, Stored] = {"OwnerId": self.owners[0]} if "ownerid" in table.columns else {}
        if table is self.cases:
            defaults["CaseNumber"] = f"{len(table.rows) + 1:08d}"
        self._check(table, wanted, None)
        if (keeper := self.keepers.get(table.name)) is not None:
            defaults |= keeper.defaults(by)
        person = self.people.is_person(table, wanted)
        if person:
            defaults["Name"] = None  # made of the two names
        id = table.create(wanted, defaults, now=self.now(), by=by)
        if person:
            self.people.create_contact(id, by=by)
        if table is self.cases:
            self.desk.created(table.rows[id])
        if keeper is not None:
            keeper.saved(table.rows[id])
        self._tell(table, table.rows[id], None)
        if count:
            self._count(table, id, {column.field.name: (None, value) for column, value in wanted.items()})
        return id

    def hold(self) -> None:
        """Until `settle`, writes are not counted: they may be taken back."""
        self._held = []

    def settle(self, *, happened: bool) -> None:
        held, self._held = self._held or [], None
        news, self._news = self._news, []
        for table, id, fields in held if happened else ():
            self._count(table, id, fields)
        for table, row, before in news if happened else ():
            self._tell(table, row, before)

    def restore(self, table: Table, row: Record, before: Record) -> None:
        """Take a write back (allOrNone)."""
        table.write(
            row,
            {column: before[column.place] for column in table.columns.values()},
            now=str(before[table.place("SystemModstamp")]),
            by=str(before[table.place("LastModifiedById")]),
        )

    def change(self, object: str, id: str, fields: Mapping[str, Any]) -> None:
        """What a person does on the screen."""
        table = self._table(object)
        row = table.row(id)
        try:
            wanted = table.stored(fields, from_json, id=str(row[table.id]))
            self._check(table, wanted, row)
        except RecordError as problem:
            raise ValueError(f"{problem.code}: {problem.message}") from None
        self._change(table, row, wanted, by=self.owners[0])

    def add(self, object: str, fields: Mapping[str, Any]) -> str:
        table = self._table(object)
        try:
            wanted = table.stored(fields, from_json)
            return self.create(table, wanted, by=self.owners[0], count=False)
        except RecordError as problem:
            raise ValueError(f"{problem.code}: {problem.message}") from None

    def bounce_email(self, contact: str) -> None:
        """The vendor's own mail server heard that the address does not exist."""
        columns, row = self.contacts.columns, self.contacts.row(contact)
        flags: dict[Column, Stored] = {columns["isemailbounced"]: True}
        flags[columns["emailbounceddate"]] = self.now()
        self._change(self.contacts, row, flags, by=self.owners[0])

    def remove(self, object: str, id: str) -> None:
        table = self._table(object)
        row = table.row(id)
        if (other := self.people.other_half(table, row)) is not None:
            other[0].delete(other[1], now=self.now())
        table.delete(row, now=self.now())

    def delete(self, table: Table, row: Record) -> None:
        """What the API does; raises RecordError."""
        if (keeper := self.keepers.get(table.name)) is not None:
            keeper.deleting(row)
        table.delete(row, now=self.now())

    def merge(self, object: str, winner: str, loser: str) -> None:
        """The loser is deleted and points to the winner; its children move."""
        table = self._table(object)
        keeps, goes = table.row(winner), table.row(loser)
        if keeps is goes:
            raise ValueError("a record cannot be merged with itself")
        halves = [self.people.other_half(table, row) for row in (keeps, goes)]
        if halves[0] is not None and halves[1] is not None:
            contacts, survivor = halves[0]
            contacts.delete(halves[1][1], now=self.now(), into=str(survivor[contacts.id]))
        kept_id, gone_id = str(keeps[table.id]), str(goes[table.id])
        table.delete(goes, now=self.now(), into=kept_id)
        table.write(keeps, {}, now=self.now(), by=self.owners[0])
        for child in self.tables.values():
            for column in child.columns.values():
                if object not in column.field.targets or column.field.name in (
                    "MasterRecordId",
                    "PersonContactId",
                ):
                    continue
                for row in child.rows.values():
                    if row[column.place] == gone_id:
                        child.write(row, {column: kept_id}, now=self.now(), by=self.owners[0])

    def _table(self, object: str) -> Table:
        table = self.table(object)
        if table is None:
            raise NoSuchRecord(f"no object {object}")
        return table

    def _change(self, table: Table, row: Record, wanted: Mapping[Column, Stored], *, by: str) -> None:
        before = list(row) if self.watchers or table is self.cases else None
        table.write(row, wanted, now=self.now(), by=by)
        if (keeper := self.keepers.get(table.name)) is not None:
            keeper.saved(row)
        if table is self.contacts:
            self.desk.contact_changed(row)
        elif table is self.cases:
            self.desk.follow_contact(row)
        if before is not None:
            self._tell(table, row, before)
        other = self.people.other_half(table, row)
        if other is not None:
            shared = self.people.shared(table, other[0], wanted)
            other[0].write(other[1], shared, now=self.now(), by=by)

    def _check(self, table: Table, wanted: Mapping[Column, Stored], row: Record | None) -> None:
        if (keeper := self.keepers.get(table.name)) is not None:
            keeper.check(wanted, row)

    def _tell(self, table: Table, row: Record, before: Record | None) -> None:
        if self._held is not None:
            self._news.append((table, row, before))
            return
        if table is self.cases and before is not None:
            self.desk.changed(row, before)
        for watcher in self.watchers:
            watcher(table, row, before)

    def _count(self, table: Table, id: str, fields: FieldsWritten) -> None:
        if self._held is not None:
            self._held.append((table, id, fields))
            return
        self.room.traffic.wrote("salesforce", table.name, id, fields, at=self.room.clock.time())

    # ------------------------------------------------------------ the world moves in

    def _load(self, world: World) -> None:
        then = shown_datetime(world.until - timedelta(days=400))
        stamps: dict[str, Stored] = {"CreatedDate": then, "LastModifiedDate": then, "SystemModstamp": then}
        self.integration_user = self._user("npsync Integration", "npsync@acme.example", stamps)
        people = ("Alex Morgan", "Priya Shah", "Tom Becker", "Lena Fuchs")
        self.owners = [self._user(name, f"{name.split()[0].lower()}@acme.example", stamps) for name in people]
        gone = ("Nora Winter", "Omar Haddad")
        self.left = [
            self._user(name, f"{name.split()[0].lower()}@acme.example", stamps, active=False) for name in gone
        ]
        self.administrator = self._user("Ada Setup", "admin@acme.example", stamps)
        stamps["LastModifiedById"] = self.owners[0]
        accounts: dict[int, str] = {}
        for customer in world.customers():
            if customer.salesforce_contacts:
                self.people.arrived(customer, self._contact(customer, accounts, stamps), stamps)
        furnish(self, world.until, stamps)
        furnish_permissions(self, stamps)

    def _user(self, name: str, email: str, stamps: Mapping[str, Stored], *, active: bool = True) -> str:
        return self.users.insert(
            {"Username": email, "Name": name, "Email": email, "IsActive": active, **stamps}
        )

    def _contact(self, customer: Customer, accounts: dict[int, str], stamps: Mapping[str, Stored]) -> str:
        person = customer.ugly is Ugly.PERSON_ACCOUNT
        owner = owner_of(self, customer.number)
        if person:
            account: str | None = self._person_account(customer, owner, stamps)
        else:
            account = self._account(customer.company, accounts, stamps) if customer.company else None
        fields: dict[str, Stored] = {
            "FirstName": customer.first_name,
            "LastName": customer.last_name,
            "Name": customer.name,
            "Email": customer.email,
            "Phone": customer.phone if customer.number % 2 else _american(customer.phone),
            "MobilePhone": customer.phone,
            "AccountId": account,
            "OwnerId": owner,
            "HasOptedOutOfEmail": customer.opted_out,
            "IsPersonAccount": person,
            "Customer_Id__c": customer.external_id,
            "Role__c": customer.role,
            "Survey_Consent__c": not customer.opted_out,
            "SMS_Consent__c": customer.takes_texts,
            "Active_User__c": customer.uses_the_product,
            "Onboarding__c": "In progress" if customer.number % 20 == 0 else "Done",
            "Time_Zone__c": customer.time_zone,
            **stamps,
        }
        id = self.contacts.insert(fields)
        if person:
            column = self.accounts.columns["personcontactid"]
            row = self.accounts.rows[str(account)]
            self.accounts.write(row, {column: id}, now=str(stamps["SystemModstamp"]), by=owner)
        for twin in range(1, customer.salesforce_contacts):
            self.contacts.insert(
                {**fields, "Customer_Id__c": None, "FirstName": f"{customer.first_name} ({twin + 1})"}
                | {"Name": f"{customer.first_name} ({twin + 1}) {customer.last_name}"}
            )
        return id

    def _account(self, company: Company, accounts: dict[int, str], stamps: Mapping[str, Stored]) -> str:
        if company.number not in accounts:
            accounts[company.number] = self.accounts.insert(
                {
                    "Name": company.name,
                    "OwnerId": self.owners[company.number % len(self.owners)],
                    "Website": f"https://{company.domain}",
                    "Tier__c": _TIERS[company.number % len(_TIERS)],
                    "Account_Key__c": f"A-{company.number:06d}",
                    **account_facts(company),
                    **stamps,
                }
            )
        return accounts[company.number]

    def _person_account(self, customer: Customer, owner: str, stamps: Mapping[str, Stored]) -> str:
        return self.accounts.insert(
            {
                "Name": customer.name,
                "FirstName": customer.first_name,
                "LastName": customer.last_name,
                "OwnerId": owner,
                "IsPersonAccount": True,
                "PersonEmail": customer.email,
                "PersonMobilePhone": customer.phone,
                "PersonHasOptedOutOfEmail": customer.opted_out,
                "Customer_Id__pc": customer.external_id,
                "Role__pc": customer.role,
                **stamps,
            }
        )


def _american(phone: str) -> str:
    return f"({phone[2:5]}) {phone[5:8]}-{phone[8:]}"
