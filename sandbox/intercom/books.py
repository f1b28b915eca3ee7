"""The workspace's contacts, companies and conversations, in the shapes the API shows."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from datetime import timedelta
from functools import cached_property
from typing import Any

from sandbox.intercom.attributes import Attributes
from sandbox.intercom.companies import Companies, intercom_id
from sandbox.intercom.words import APP_ID
from sandbox.toy import NoSuchRecord, Room, Row
from sandbox.world import Ugly

_MOST_CONVERSATIONS = 1_000
_EVERY_LEAD = (
    30  # every so many users wrote from the website before they signed up, and that lead is still there
)
ADMIN = "394051"


class Books:
    """Loaded when somebody first looks: most sandboxes never need an Intercom."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._numbers = itertools.count(1)
        self.merged_into: dict[str, str] = {}  # external id of a contact that is gone → the contact it became
        self.became: dict[str, str] = {}  # and its own id → that contact
        self.attributes = Attributes()
        self.companies = Companies(room)

    def now(self) -> int:
        return int(self._room.clock.time())

    @property
    def how_many_contacts(self) -> int:
        """Without loading them: the start page counts."""
        return len(self.contacts) if "contacts" in vars(self) else self._room.world.size

    @property
    def how_many_conversations(self) -> int:
        if "conversations" in vars(self):
            return len(self.conversations)
        return len(_chosen(self._room.world.size))

    @cached_property
    def contacts(self) -> dict[str, Row]:
        born = int((self._room.world.until - timedelta(days=self._room.world.days + 30)).timestamp())
        rows: dict[str, Row] = {}
        for customer in self._room.world.customers():
            id = _user_id(customer.number)
            company = customer.company.name if customer.company else None
            known: dict[str, Any] = {
                "email": customer.email,
                "phone": customer.phone,
                "name": customer.name,
                "unsubscribed": customer.opted_out,
                "custom": {"company_name": company, "role": customer.role},
                "companies": [intercom_id(customer.company.number)] if customer.company else [],
            }
            rows[id] = contact(id, born, external_id=customer.external_id, **known)
            if customer.ugly is Ugly.TWINS:
                twin = f"6762f2{customer.number:018x}"
                rows[twin] = contact(twin, born, external_id=f"T-{customer.number:06d}", **known)
            if customer.email and customer.number % _EVERY_LEAD == 0:
                lead = f"6762f3{customer.number:018x}"
                rows[lead] = contact(lead, born, role="lead", email=customer.email, name=customer.name)
        return rows

    @cached_property
    def conversations(self) -> dict[str, Row]:
        """One for every eighth contact, at most a thousand; most of them closed."""
        rng = random.Random(f"{self._room.world.seed}-conversations")
        people = [self.contacts.get(_user_id(one.number)) for one in self._room.world.customers()]
        until = int(self._room.world.until.timestamp())
        rows: dict[str, Row] = {}
        for number, person in enumerate((people[place] for place in _chosen(len(people))), start=1):
            opened = until - rng.randrange(3_600, 60 * 86_400)
            if person is None:  # removed before anybody looked at conversations
                continue
            row = conversation(str(1_911_149_000 + number), opened, person)
            closed = opened + rng.randrange(1_800, 4 * 86_400)
            if number % 4 and closed < until:
                close(row, closed)
            rows[row["id"]] = row
        return rows

    def contact(self, id: str) -> Row:
        if id not in self.contacts:
            raise NoSuchRecord(f"no contact {id}")
        return self.contacts[id]

    def conversation(self, id: str) -> Row:
        if id not in self.conversations:
            raise NoSuchRecord(f"no conversation {id}")
        return self.conversations[id]

    def by_external_id(self, external_id: str) -> Row | None:
        """Of users only, also where a lead was given one."""
        users = (one for one in self.contacts.values() if one["role"] == "user")
        return next((one for one in users if one["external_id"] == external_id), None)

    def add_contact(self, fields: Row) -> Row:
        id = f"6762f1{next(self._numbers):018x}"
        known = {"email", "phone", "name", "external_id", "role", "custom", "companies"}
        if unknown := fields.keys() - known:
            raise ValueError(f"no field {', '.join(sorted(unknown))}; there are: {', '.join(sorted(known))}")
        self.contacts[id] = contact(id, self.now(), **fields)
        return self.contacts[id]

    def add_conversation(self, fields: Row) -> Row:
        people = [self.contact(one) for one in fields["contacts"]]
        id = str(1_911_149_000 + len(self.conversations) + 1)
        row = conversation(id, self.now(), *people)
        self.conversations[id] = row
        return row

    def merge(self, winner: str, loser: str) -> Row:
        """The loser disappears from search and read; its external id leads on."""
        kept, gone = self.contact(winner), self.contact(loser)
        if kept is gone:
            raise ValueError("a contact cannot be merged with itself")
        conversations = self.conversations  # the loser's, too
        del self.contacts[loser]
        if gone["external_id"]:
            self.merged_into[gone["external_id"]] = winner
        self.became[loser] = winner
        self.merged_into = {of: winner if at == loser else at for of, at in self.merged_into.items()}
        self.became = {of: winner if at == loser else at for of, at in self.became.items()}
        for row in conversations.values():
            for person in row["contacts"]["contacts"]:
                if person["id"] == loser:
                    person |= {"id": winner, "external_id": kept["external_id"]}
        kept["updated_at"] = self.now()
        return kept

    def kept(self, object: str) -> dict[str, Row]:
        """The rows of one object, by id."""
        match object:
            case "contacts":
                return self.contacts
            case "conversations":
                return self.conversations
            case "companies":
                return self.companies.rows
            case _:
                return self.attributes.rows

    def all(self, object: str) -> Iterator[Row]:
        return iter(list(self.kept(object).values()))


def _user_id(number: int) -> str:
    return f"6762f0{number:018x}"


def _chosen(people: int) -> range:
    step = max(8, people // _MOST_CONVERSATIONS)
    return range(step // 2, people, step)


def contact(
    id: str,
    at: int,
    *,
    email: str | None = None,
    phone: str | None = None,
    name: str | None = None,
    external_id: str | None = None,
    role: str = "user",
    unsubscribed: bool = False,
    custom: dict[str, Any] | None = None,
    companies: list[str] | None = None,
) -> Row:
    return {
        "type": "contact",
        "id": id,
        "workspace_id": APP_ID,
        "external_id": external_id,
        "role": role,
        "email": email,
        "phone": phone,
        "name": name,
        "owner_id": None,
        "has_hard_bounced": False,
        "marked_email_as_spam": False,
        "unsubscribed_from_emails": unsubscribed,
        "created_at": at,
        "updated_at": at,
        "last_seen_at": None,
        "companies": {"type": "list", "data": [{"type": "company", "id": one} for one in companies or ()]},
        "custom_attributes": dict(custom or {}),
    }


def conversation(id: str, at: int, *people: Row) -> Row:
    return {
        "type": "conversation",
        "id": id,
        "created_at": at,
        "updated_at": at,
        "title": None,
        "state": "open",
        "open": True,
        "read": True,
        "priority": "not_priority",
        "admin_assignee_id": int(ADMIN),
        "source": {
            "type": "conversation",
            "delivered_as": "customer_initiated",
            "author": {"type": "user", "id": people[0]["id"] if people else None},
        },
        "contacts": {
            "type": "contact.list",
            "contacts": [
                {"type": "contact", "id": one["id"], "external_id": one["external_id"]} for one in people
            ],
        },
        "statistics": {
            "type": "conversation_statistics",
            "first_close_at": None,
            "last_close_at": None,
            "count_reopens": 0,
        },
        "conversation_rating": None,
    }


def close(row: Row, at: int) -> None:
    row |= {"state": "closed", "open": False, "updated_at": at}
    row["statistics"]["first_close_at"] = row["statistics"]["first_close_at"] or at
    row["statistics"]["last_close_at"] = at


def reopen(row: Row, at: int) -> None:
    row |= {"state": "open", "open": True, "updated_at": at}
    row["statistics"]["count_reopens"] += 1
