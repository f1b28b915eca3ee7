"""Who is a person in this org beside contacts: leads, until they are converted, and person accounts, which are an
account and a contact in one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.schema import LEAD_STATUSES
from sandbox.salesforce.tables import Column, Record, Table
from sandbox.salesforce.values import Stored
from sandbox.world import Customer

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

_EVERY_LEAD, _EVERY_CONVERTED = (
    12,
    24,
)  # every so many customers wrote before they bought; every other was converted
_EVERY_SUBSCRIPTION = 10
_BOTH = ("NPS_Score", "NPS_Segment", "NPS_Last_Survey", "NPS_Comment", "NPS_Trend", "Customer_Id", "Role")
_HALVES = {  # contact → account
    **{f"{name}__c".lower(): f"{name}__pc".lower() for name in _BOTH},
    "email": "personemail",
    "mobilephone": "personmobilephone",
    "hasoptedoutofemail": "personhasoptedoutofemail",
    "firstname": "firstname",
    "lastname": "lastname",
}
_HALVES_BACK = {theirs: ours for ours, theirs in _HALVES.items()}


def _half(name: str) -> str:
    """A field somebody added to contacts is there on person accounts, as __pc."""
    if name.endswith("__pc"):
        return f"{name[:-4]}__c"
    return f"{name[:-3]}__pc" if name.endswith("__c") else ""


class People:
    def __init__(self, org: Org) -> None:
        self._org = org
        self._contacts, self._accounts = org.contacts, org.accounts
        self._leads, self._subscriptions = org.tables["Lead"], org.tables["Subscription__c"]

    # ------------------------------------------------------------ person accounts

    def other_half(self, table: Table, row: Record) -> tuple[Table, Record] | None:
        """A person account is one row seen as two objects."""
        if table not in (self._contacts, self._accounts) or not row[table.place("IsPersonAccount")]:
            return None
        if table is self._contacts:
            return self._accounts, self._accounts.rows[str(row[table.place("AccountId")])]
        return self._contacts, self._contacts.rows[str(row[table.place("PersonContactId")])]

    def shared(self, table: Table, other: Table, wanted: Mapping[Column, Stored]) -> dict[Column, Stored]:
        """What a write of the one half writes on the other."""
        pairs = _HALVES if table is self._contacts else _HALVES_BACK
        found = (
            (other.columns.get(pairs.get(n := c.field.name.lower(), _half(n))), v) for c, v in wanted.items()
        )
        return {column: value for column, value in found if column is not None}

    def is_person(self, table: Table, wanted: Mapping[Column, Stored]) -> bool:
        """An account that is given a last name is a person."""
        return table is self._accounts and wanted.get(table.columns["lastname"]) is not None

    def create_contact(self, account: str, *, by: str) -> None:
        """The other half of a person account that was just made."""
        row, columns = self._accounts.rows[account], self._accounts.columns
        kept = {column: row[column.place] for column in columns.values()}
        shared = self.shared(self._accounts, self._contacts, kept)
        own: dict[str, Stored] = {"accountid": account, "ispersonaccount": True}
        wanted = shared | {self._contacts.columns[name]: value for name, value in own.items()}
        now = self._org.now()
        contact = self._contacts.create(
            wanted, {"OwnerId": row[self._accounts.place("OwnerId")]}, now=now, by=by
        )
        flags: dict[Column, Stored] = {columns["personcontactid"]: contact, columns["ispersonaccount"]: True}
        self._accounts.write(row, flags, now=now, by=by)

    # ------------------------------------------------------------ leads

    def convert(self, id: str) -> dict[str, Any]:
        """The lead stays as it is, closed for ever; a new contact and its account go on."""
        leads, by, now = self._leads, self._org.owners[0], self._org.now()
        row = leads.row(id)
        if row[leads.place("IsConverted")]:
            raise ValueError(f"lead {id} is converted already")
        owner = {"OwnerId": row[leads.place("OwnerId")]}
        names = ("FirstName", "LastName", "Email", "Phone", "MobilePhone")
        person = {self._contacts.columns[one.lower()]: row[leads.place(one)] for one in names}
        company = {self._accounts.columns["name"]: row[leads.place("Company")]}
        account = self._accounts.create(company, owner, now=now, by=by)
        person[self._contacts.columns["accountid"]] = account
        contact = self._contacts.create(person, owner, now=now, by=by)
        self._mark(row, contact, account, now=now)
        return {"contact": contact, "account": account}

    def _mark(self, row: Record, contact: str, account: Stored, *, now: str) -> None:
        flags: dict[str, Stored] = {
            "isconverted": True,
            "converteddate": now[:10],
            "status": LEAD_STATUSES[2],
        }
        flags |= {"convertedcontactid": contact, "convertedaccountid": account}
        wanted = {self._leads.columns[name]: value for name, value in flags.items()}
        self._leads.write(row, wanted, now=now, by=self._org.owners[0])

    # ------------------------------------------------------------ the world moves in

    def arrived(self, customer: Customer, contact: str, stamps: Mapping[str, Stored]) -> None:
        """Whatever else the org has of a customer who has a contact now."""
        row = self._contacts.rows[contact]
        if row[self._contacts.place("IsPersonAccount")]:
            return
        if customer.number % _EVERY_LEAD == 0:
            self._lead(customer, row, stamps)
        if customer.number % _EVERY_SUBSCRIPTION == 0:
            self._subscription(customer, row, stamps)

    def _lead(self, customer: Customer, contact: Record, stamps: Mapping[str, Stored]) -> None:
        id = self._leads.insert(
            {
                "FirstName": customer.first_name,
                "LastName": customer.last_name,
                "Name": customer.name,
                "Company": customer.company.name if customer.company else "–",
                "Email": customer.email,
                "MobilePhone": customer.phone,
                "Status": LEAD_STATUSES[1],
                "OwnerId": contact[self._contacts.place("OwnerId")],
                **stamps,
            }
        )
        if customer.number % _EVERY_CONVERTED == 0:
            account = contact[self._contacts.place("AccountId")]
            then = str(stamps["SystemModstamp"])
            self._mark(self._leads.rows[id], str(contact[self._contacts.id]), account, now=then)

    def _subscription(self, customer: Customer, contact: Record, stamps: Mapping[str, Stored]) -> None:
        self._subscriptions.insert(
            {
                "Name": f"Subscription of {customer.name}"[:80],
                "Subscription_Key__c": f"S-{customer.number:06d}",
                "Contact__c": contact[self._contacts.id],
                "Billing_Email__c": customer.email,
                "Billing_Phone__c": customer.phone,
                "Plan__c": ("Starter", "Team", "Enterprise")[customer.number % 3],
                "OwnerId": contact[self._contacts.place("OwnerId")],
                **stamps,
            }
        )
