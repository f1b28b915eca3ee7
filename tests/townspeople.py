"""A small town in the sandbox: people whom all three vendors know, and what they answer when asked."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox_process import RunningSandbox

_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Person:
    """One person; an id is None where that vendor does not know them."""

    email: str | None
    external_id: str | None
    end_user: str
    contact: str | None  # in Salesforce
    lead: str | None  # in HubSpot


@dataclass(frozen=True)
class Town:
    sandbox: RunningSandbox
    people: list[Person] = field(default_factory=list)

    def person(
        self,
        name: str = "ann",
        *,
        email: str | None = None,
        external_id: str | None = None,
        in_crm: bool = True,
    ) -> Person:
        """Somebody new, with an e-mail of their own unless one is given."""
        number = next(_NUMBERS)
        address = email or f"{name}{number}@town.example"
        end_user = self._add("wootric", "end_users", {"email": address, "external_id": external_id})
        contact = lead = None
        if in_crm:
            contact = self.contact(address, external_id)
            lead = self.lead(address)
        person = Person(address, external_id, end_user, contact, lead)
        self.people.append(person)
        return person

    def contact(self, email: str | None, external_id: str | None = None) -> str:
        return self._add(
            "salesforce", "Contact", {"LastName": "Adler", "Email": email, "Customer_Id__c": external_id}
        )

    def lead(self, email: str) -> str:
        return self._add("hubspot", "contacts", {"email": email, "lastname": "Adler"})

    def answers(self, person: Person, score: int, text: str | None = None, *, days_ago: float = 1) -> str:
        """The answer's id."""
        given = {
            "end_user_id": int(person.end_user),
            "score": score,
            "text": text,
            "created_at": ago(days_ago),
        }
        return self._add("wootric", "responses", given)

    def edits(self, answer: str, **fields: Any) -> None:
        self.sandbox.control("PATCH", f"/wootric/responses/{answer}", fields)

    def withdraws(self, answer: str) -> None:
        self.edits(answer, excluded_from_calculations=True)

    def in_salesforce(self, person: Person) -> dict[str, Any]:
        """The contact's row, as Salesforce shows it."""
        row: dict[str, Any] = self.sandbox.control("GET", f"/salesforce/Contact/{person.contact}")
        return row

    def in_hubspot(self, person: Person) -> dict[str, Any]:
        row: dict[str, Any] = self.sandbox.control("GET", f"/hubspot/contacts/{person.lead}")
        return row

    def somebody_sets(self, person: Person, **fields: Any) -> None:
        """A colleague edits the Salesforce contact by hand."""
        self.sandbox.control("PATCH", f"/salesforce/Contact/{person.contact}", fields)

    def somebody_sets_in_hubspot(self, person: Person, **fields: Any) -> None:
        self.sandbox.control("PATCH", f"/hubspot/contacts/{person.lead}", fields)

    def _add(self, vendor: str, object: str, fields: dict[str, Any]) -> str:
        known = {name: value for name, value in fields.items() if value is not None}
        added: dict[str, str] = self.sandbox.control("POST", f"/{vendor}/{object}", known)
        return added["id"]


def ago(days: float) -> str:
    moment = datetime.now(UTC) - timedelta(days=days)
    return moment.replace(microsecond=0).isoformat()
