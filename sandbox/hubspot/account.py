"""One HubSpot account in memory: its contacts, companies, who belongs where, and who may call."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sandbox.hubspot.colleagues import OWNERS
from sandbox.hubspot.definitions import in_iso
from sandbox.hubspot.links import Links
from sandbox.hubspot.listing import Lists
from sandbox.hubspot.records import Record, Table
from sandbox.hubspot.refusals import InvalidValue, invalid, values_not_valid
from sandbox.hubspot.settings import Settings
from sandbox.hubspot.standard import COMPANIES, CONTACTS
from sandbox.hubspot.standard_activities import NOTES, TASKS, finishing
from sandbox.hubspot.tickets import TICKETS, closing, furnish_tickets
from sandbox.toy import NoSuchRecord, Room
from sandbox.world import Company, Customer, World

PORTAL_ID = 4_242_424
TOKEN = "pat-na1-sandbox"
READ_ONLY_TOKEN = "pat-na1-sandbox-read-only"
SCHEMA_TOKEN = "pat-na1-sandbox-schema"  # lives for as long as somebody provisions
CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN = "sandbox-app", "sandbox-app-secret", "sandbox-refresh"
ACCESS_TOKEN_SECONDS = 1800

_OTHERS_READ = frozenset({"crm.objects.owners.read", "crm.lists.read", "crm.objects.custom.read"})
_READ = frozenset({CONTACTS.read_scope, COMPANIES.read_scope, TICKETS.read_scope, "oauth"})
_SCHEMA_READ = frozenset(
    {"crm.schemas.contacts.read", "crm.schemas.companies.read", "crm.schemas.custom.read"}
)
_WRITE = frozenset({CONTACTS.write_scope, COMPANIES.write_scope})
SCHEMA_SCOPES = frozenset({CONTACTS.schema_scope, COMPANIES.schema_scope, "crm.schemas.custom.write"})
# All but making and removing fields and objects: that is for the token that provisions.
EVERY_SCOPE = (
    _READ
    | _OTHERS_READ
    | _SCHEMA_READ
    | _WRITE
    | {"communication_preferences.read", "communication_preferences.write"}
    | {"crm.lists.write", "crm.objects.custom.write"}
)

PRIMARY, UNLABELLED = 1, 279


@dataclass
class Token:
    scopes: frozenset[str]
    expires_at: float | None = None  # None: a service key or private-app token, which lives until revoked
    revoked: bool = False

    @property
    def is_oauth(self) -> bool:
        return self.expires_at is not None


@dataclass
class Account:
    room: Room
    settings: Settings = field(default_factory=Settings)
    contacts: Table = field(default_factory=lambda: Table(CONTACTS, first_id=33_001))
    companies: Table = field(default_factory=lambda: Table(COMPANIES, first_id=7_000_001))
    tickets: Table = field(default_factory=lambda: Table(TICKETS, first_id=1_246_001))
    tasks: Table = field(default_factory=lambda: Table(TASKS, first_id=55_100_001))
    notes: Table = field(default_factory=lambda: Table(NOTES, first_id=66_200_001))
    links: Links = field(default_factory=Links)
    lists: Lists = field(default_factory=Lists)
    employers: dict[str, list[str]] = field(
        default_factory=dict
    )  # contact id → company ids, the primary first
    people_of_tickets: dict[str, list[str]] = field(default_factory=dict)  # ticket id → contact ids
    unsubscribed: set[str] = field(default_factory=set)
    tokens: dict[str, Token] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tickets.rule = closing
        self.tasks.rule = finishing
        self.tables: list[Table] = [self.contacts, self.companies, self.tickets, self.tasks, self.notes]
        self.tokens[TOKEN] = Token(EVERY_SCOPE)
        self.tokens[READ_ONLY_TOKEN] = Token(_READ | _OTHERS_READ | _SCHEMA_READ)
        self.tokens[SCHEMA_TOKEN] = Token(_READ | _SCHEMA_READ | SCHEMA_SCOPES)

    def table(self, name: str) -> Table:
        """By any name HubSpot has for the type: contacts, contact, 0-1."""
        for table in self.tables:
            kind = table.kind
            if name.lower() in (kind.name, kind.singular.lower(), kind.type_id, *kind.aliases):
                return table
        raise NoSuchRecord(f"HubSpot has no object {name}")

    def add_table(self, table: Table) -> None:
        table.remembers_before = self.settings.search_lag > 0
        self.tables.append(table)

    def drop_table(self, table: Table) -> None:
        self.tables.remove(table)
        self.links.undefine(table.kind.name)

    def record(self, table: Table, record_id: str) -> Record:
        record = table.by_id(record_id)
        if record is None:
            raise NoSuchRecord(f"no {table.kind.singular.lower()} {record_id}")
        return record

    def now(self) -> datetime:
        return self.room.clock.now()

    def apply(self, settings: Settings) -> None:
        self.settings = settings
        for table in self.tables:
            table.remembers_before = settings.search_lag > 0

    def searchable_until(self) -> datetime:
        return self.now() - timedelta(seconds=self.settings.search_lag)

    # Who belongs where

    def associate(self, contact: str, company: str, *, primary: bool = False) -> None:
        here = [one for one in self.employers.get(contact, []) if one != company]
        self.employers[contact] = [company, *here] if primary else [*here, company]

    def link(self, source: Table, id: str, target: Table, other: str) -> None:
        """A Refusal where records of these objects have nothing to do with each other."""
        pair = {source.kind.name: id, target.kind.name: other}
        if pair.keys() == {"contacts", "companies"}:
            self.associate(pair["contacts"], pair["companies"])
        elif pair.keys() == {"contacts", "tickets"}:
            people = self.people_of_tickets.setdefault(pair["tickets"], [])
            people += [one for one in [pair["contacts"]] if one not in people]
        elif self.links.type_between(source.kind.name, target.kind.name) is not None:
            self.links.put((source.kind.name, id), (target.kind.name, other))
        else:
            raise invalid(f"{source.kind.singular} to {target.kind.singular} has no association here")

    def linked(self, record: Record, source: Table, target: Table) -> list[str]:
        """Living records of the other object, by the ids they have today."""
        found = [target.by_id(one) for one in self.links.of((source.kind.name, record.id), target.kind.name)]
        return list(dict.fromkeys(one.id for one in found if one is not None))

    def linked_by(self, source: Table, type: int) -> Table | None:
        """The object an association type leads to from this one."""
        for (here, there), number in self.links.types.items():
            if here == source.kind.name and number == type:
                return self.table(there)
        return None

    def insist_on_owner(self, properties: Mapping[str, str | None]) -> None:
        """Nobody who left is given anything new."""
        gone = {owner.id for owner in OWNERS if owner.archived}
        id = properties.get("hubspot_owner_id")
        if id in gone and self.settings.archived_owner_is_error:
            message = f"Owner {id} is archived and cannot be assigned."
            raise values_not_valid([InvalidValue("hubspot_owner_id", message, "INVALID_OWNER_ID")])

    def employers_of(self, contact: Record) -> list[str]:
        """Company ids of today, the primary first."""
        kept = [self.companies.by_id(one) for one in self.employers.get(contact.id, [])]
        return list(dict.fromkeys(company.id for company in kept if company is not None))

    def contacts_of(self, ticket: Record) -> list[str]:
        found = [self.contacts.by_id(one) for one in self.people_of_tickets.get(ticket.id, [])]
        return list(dict.fromkeys(contact.id for contact in found if contact is not None))

    def companies_of(self, ticket: Record) -> list[str]:
        """Those of its contacts, the first one's primary first."""
        people = [self.contacts.records[one] for one in self.contacts_of(ticket)]
        return list(dict.fromkeys(one for person in people for one in self.employers_of(person)))

    def merge(self, table: Table, winner: str, loser: str) -> Record:
        first, second = self.record(table, winner), self.record(table, loser)
        if first is second:
            raise ValueError(f"{winner} and {loser} are one record already")
        survivor = table.merge(
            first, second, at=self.now(), keep_winner_id=self.settings.merge_keeps_winner_id
        )
        self.links.follow(table.kind.name, (first.id, second.id), survivor.id)
        self.lists.follow(table, (first.id, second.id), survivor.id)
        if table is self.contacts:
            both = [*self.employers.pop(first.id, []), *self.employers.pop(second.id, [])]
            self.employers[survivor.id] = list(dict.fromkeys(both))
        if table is self.tickets:
            people = [
                *self.people_of_tickets.pop(first.id, []),
                *self.people_of_tickets.pop(second.id, []),
            ]
            self.people_of_tickets[survivor.id] = list(dict.fromkeys(people))
        return survivor

    def unsubscribe(self, email: str) -> None:
        """From every mail of this account."""
        self.unsubscribed.add(email)
        if contact := self.contacts.by("email", email):
            self.contacts.update(contact, {"hs_email_optout": "true"}, at=self.now(), source="EMAIL")

    # Who may call

    def grant(self, scopes: Iterable[str] = EVERY_SCOPE) -> str:
        """A new OAuth access token."""
        token = secrets.token_urlsafe(48)
        self.tokens[token] = Token(frozenset(scopes), self.room.clock.time() + ACCESS_TOKEN_SECONDS)
        return token

    def is_fresh(self, token: Token) -> bool:
        return not token.revoked and (token.expires_at is None or self.room.clock.time() < token.expires_at)

    def expire_tokens(self, *, static_too: bool = False) -> int:
        """Access tokens stop working at once; static ones only when asked for (somebody revoked the key)."""
        ended = [one for one in self.tokens.values() if one.is_oauth or static_too]
        for token in ended:
            token.revoked = True
        return len(ended)


def furnish(account: Account, world: World) -> None:
    """Put the world's customers into an empty account."""
    born = world.until - timedelta(days=world.days + 30)
    companies: dict[Company, str] = {}
    for customer in world.customers():
        if not customer.in_hubspot:
            continue
        contact = account.contacts.create(
            {
                "email": customer.email.lower() if customer.email else None,
                "firstname": customer.first_name,
                "lastname": customer.last_name,
                "mobilephone": customer.phone,
                "company": customer.company.name if customer.company else None,
                "customer_id": customer.external_id,
                "hs_email_optout": "true" if customer.opted_out else None,
                "hubspot_owner_id": _owner_of(customer.number),
                "time_zone": customer.time_zone,
                "sms_consent": "true" if customer.takes_texts else None,
            },
            at=born,
        )
        if customer.opted_out and customer.email:
            account.unsubscribed.add(customer.email.lower())
        for company in _employers(customer, world):
            if company not in companies:
                named: dict[str, str | None] = {"name": company.name, "domain": company.domain}
                named |= {
                    "billing_email": f"billing@{company.domain}",
                    "customer_id": f"A-{company.number:06d}",
                    **_facts(company),
                }
                companies[company] = account.companies.create(named, at=born).id
            account.associate(contact.id, companies[company])
    furnish_tickets(account, world)
    _furnish_tasks(account, world)


def _furnish_tasks(account: Account, world: World) -> None:
    """What colleagues noted down themselves, before any answer came."""
    for number, contact in enumerate(list(account.contacts.living())[::30]):
        task = account.tasks.create(
            {
                "hs_timestamp": in_iso(world.until + timedelta(days=number % 14)),
                "hs_task_subject": ("Renewal call", "Send the new price list")[number % 2],
                "hs_task_priority": "MEDIUM",
                "hs_task_type": "TODO",
                "hubspot_owner_id": contact.values.get("hubspot_owner_id"),
            },
            at=world.until - timedelta(days=30),
        )
        account.link(account.tasks, task.id, account.contacts, contact.id)


def _employers(customer: Customer, world: World) -> list[Company]:
    """Mostly one; every tenth contact belongs to a second company too, a few belong to none."""
    if customer.company is None or customer.number % 25 == 0:
        return []
    if customer.number % 10 == 0:
        return [customer.company, world.company(customer.number % max(1, world.size // 8))]
    return [customer.company]


_ACTIVE = tuple(owner.id for owner in OWNERS if not owner.archived)
_LEFT = tuple(owner.id for owner in OWNERS if owner.archived)


def _owner_of(customer: int) -> str:
    """Every fifteenth contact is still owned by somebody who left."""
    return _LEFT[0] if customer % 15 == 7 else _ACTIVE[customer % len(_ACTIVE)]


def _facts(company: Company) -> dict[str, str | None]:
    """What reports weigh and group by; some never told their revenue."""
    number = company.number
    return {
        "annualrevenue": None if number % 9 == 4 else str(50_000 * (1 + number * 7 % 40)),
        "type": ("CUSTOMER", "CUSTOMER", "CUSTOMER", "PARTNER")[number % 4],
        "plan": ("Starter", "Team", "Team", "Enterprise")[number % 4],
        "product_line": ("Analytics", "Payments", "Support")[number % 3],
        "hubspot_owner_id": _ACTIVE[number % len(_ACTIVE)],
    }
