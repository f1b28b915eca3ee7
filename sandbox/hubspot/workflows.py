"""Workflows: they wait for a property and then send a survey mail by themselves, or call a webhook."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import orjson

from sandbox.deliveries import HOUR, MINUTE, Channel, Heard, Manner, Post
from sandbox.hubspot import signatures
from sandbox.hubspot.account import CLIENT_SECRET, PORTAL_ID, Account
from sandbox.hubspot.records import Happening, Record, Table
from sandbox.toy import Row

_REMEMBERED = 10_000


def _three_days_of_gaps() -> Iterator[float]:
    gap, waited = MINUTE, 0.0
    while waited + gap <= 72 * HOUR:
        yield gap
        waited += gap
        gap = min(2 * gap, 8 * HOUR)


def _again(heard: Heard) -> bool:
    """A 4xx is final, except 429."""
    return heard.status == 429 or not 400 <= heard.status < 500


def _pause(heard: Heard) -> float | None:
    """Here Retry-After is in milliseconds."""
    said = heard.headers.get("Retry-After", "")
    return int(said) / 1000 if heard.status == 429 and said.isdigit() else None


_MANNER = Manner(gaps=tuple(_three_days_of_gaps()), timeout=30, tries_again=_again, pause=_pause)


@dataclass(frozen=True)
class Webhook:
    """The action "Send a webhook". A body's values name properties (`contact.email` for a ticket's contact), or are
    {"static": …}; without a body all properties go. Auth is an API key or a v2 signature, as its author chose."""

    url: str
    method: str = "POST"
    body: Mapping[str, Any] | None = None
    api_key: Mapping[str, str] = field(default_factory=dict)  # {"name", "value", "in": header|query}
    signature: bool = False
    secret: str = CLIENT_SECRET
    signed_url: str | None = None


@dataclass(frozen=True)
class Workflow:
    """Enrols a record when `property` becomes `value` (None: when it becomes known)."""

    name: str
    table: Table
    property: str
    value: str | None
    reenroll: bool
    webhook: Webhook | None
    channel: Channel | None

    def enrols(self, happening: Happening) -> bool:
        if happening.table is not self.table or happening.name != self.property:
            return False
        return happening.value is not None if self.value is None else happening.value == self.value


class Workflows:
    def __init__(self, account: Account) -> None:
        self._account = account
        self._workflows: dict[str, Workflow] = {}
        self._enrolled: set[tuple[str, str]] = set()
        self._numbers = itertools.count(1)
        self.sent: deque[Row] = deque(maxlen=_REMEMBERED)

    def set(self, given: Row) -> Row:
        """{name, object, property, value, reenroll, webhook: {url, method, body, api_key, signature, secret,
        signed_url}}: without a webhook it sends its survey mail; {name, property: null} ends it"""
        name, room = str(given.get("name", "survey")), self._account.room
        room.deliveries.close("hubspot", name)
        self._workflows.pop(name, None)
        self._enrolled = {one for one in self._enrolled if one[0] != name}
        if given.get("property") is not None:
            table = self._account.table(given.get("object", "contacts"))
            if given["property"] not in table.definitions:
                raise ValueError(f"no property {given['property']} on {table.kind.name}")
            webhook = Webhook(**given["webhook"]) if given.get("webhook") else None
            self._workflows[name] = Workflow(
                name,
                table,
                given["property"],
                given.get("value"),
                bool(given.get("reenroll", True)),
                webhook,
                self._channel(name, table, webhook) if webhook else None,
            )
        for table in self._account.tables:
            wanted = any(one.table is table for one in self._workflows.values())
            if (self._tell in table.watchers) is not wanted:
                (table.watchers.append if wanted else table.watchers.remove)(self._tell)
        return {"workflows": list(self._workflows)}

    def _channel(self, name: str, table: Table, webhook: Webhook) -> Channel:
        def make(items: Sequence[Any], attempt: int) -> Post:
            return self._post(table, webhook, str(items[0]))

        return self._account.room.deliveries.channel("hubspot", name, webhook.url, make, _MANNER)

    def _tell(self, happening: Happening) -> None:
        for workflow in self._workflows.values():
            if not workflow.enrols(happening):
                continue
            if not workflow.reenroll and (workflow.name, happening.id) in self._enrolled:
                continue
            self._enrolled.add((workflow.name, happening.id))
            if workflow.channel is not None:
                workflow.channel.put(happening.id)
            else:
                self._send(workflow, happening)

    # ------------------------------------------------------------ its own mail

    def _send(self, workflow: Workflow, happening: Happening) -> None:
        record = self._account.record(workflow.table, happening.id)
        person = self._person(workflow.table, record)
        email = person.values.get("email") if person else None
        opted_out = person is not None and person.values.get("hs_email_optout") == "true"
        reason = None if email and not opted_out else "unsubscribed" if opted_out else "no e-mail address"
        self.sent.append(
            {
                "id": str(next(self._numbers)),
                "at": happening.at.isoformat(),
                "workflow": workflow.name,
                "object": workflow.table.kind.name,
                "record": record.id,
                "contact": person.id if person else None,
                "email": email,
                "value": happening.value,
                "state": "suppressed" if reason else "sent",
                "reason": reason,
            }
        )

    def _person(self, table: Table, record: Record) -> Record | None:
        if table is self._account.contacts:
            return record
        people = self._account.contacts_of(record) if table is self._account.tickets else []
        return self._account.contacts.by_id(people[0]) if people else None

    # ------------------------------------------------------------ "Send a webhook"

    def _post(self, table: Table, webhook: Webhook, record_id: str) -> Post:
        record = self._account.record(table, record_id)
        told = self._body(table, webhook, record)
        url, body, headers = webhook.url, b"", {}
        key = webhook.api_key
        query = {} if webhook.method == "POST" else dict(told)
        if key and key.get("in") == "query":
            query[key["name"]] = key["value"]
        elif key:
            headers[key["name"]] = key["value"]
        if query:
            url += ("&" if "?" in url else "?") + urlencode(
                {name: value or "" for name, value in query.items()}
            )
        if webhook.method == "POST":
            body = orjson.dumps(told)
            headers["Content-Type"] = "application/json"
        if webhook.signature:
            signed = webhook.signed_url or url
            headers["X-HubSpot-Signature"] = signatures.v2(webhook.secret, webhook.method, signed, body)
            headers["X-HubSpot-Signature-Version"] = "v2"
        return Post(url, body, headers, webhook.method)

    def _body(self, table: Table, webhook: Webhook, record: Record) -> dict[str, Any]:
        if webhook.body is not None:
            return {name: self._value(table, record, wanted) for name, wanted in webhook.body.items()}
        values = {name: {"value": value} for name, value in record.values.items()}
        if table is self._account.contacts:
            return {"vid": int(record.id), "portal-id": PORTAL_ID, "properties": values}
        return {"objectId": int(record.id), "portalId": PORTAL_ID, "properties": values}

    def _value(self, table: Table, record: Record, wanted: Any) -> Any:
        if isinstance(wanted, Mapping):
            return wanted["static"]
        name = str(wanted)
        if not name.startswith("contact."):
            return record.values.get(name)
        person = self._person(table, record)
        return person.values.get(name.removeprefix("contact.")) if person else None
