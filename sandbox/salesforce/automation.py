"""What the org tells the outside when a record changes: Flows that call out, and Outbound Messages."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import orjson

from sandbox.deliveries import HOUR, MINUTE, Channel, Heard, Manner, Post
from sandbox.salesforce.ids import record_id
from sandbox.salesforce.org import ORG_ID, Org
from sandbox.salesforce.tables import Record, Table
from sandbox.salesforce.values import Stored
from sandbox.toy import NoSuchRecord, Row

VENDOR = "salesforce"
# The asynchronous path tries again four times; after that only polling finds what was missed.
FLOW = Manner(gaps=(15 * MINUTE, 30 * MINUTE, 60 * MINUTE, 120 * MINUTE), timeout=10)
_CASE_CLOSED = {
    "event": "case_closed",
    "orgId": "{!$Organization.Id}",
    "caseId": "{!$Record.Id}",
    "caseNumber": "{!$Record.CaseNumber}",
    "contactId": "{!$Record.ContactId}",
    "email": "{!$Record.ContactEmail}",
    "accountId": "{!$Record.AccountId}",
    "closedAt": "{!$Record.ClosedDate}",
}
_MERGE = re.compile(r"\{!\$(Record|Organization)\.(\w+)\}")


@dataclass(frozen=True)
class Condition:
    """The entry condition: `field` becomes `to`. Met only by a change that was not met before."""

    object: str = "Case"
    field: str = "IsClosed"
    to: Any = True
    on_create: bool = False

    def met(self, table: Table, row: Record, before: Record | None) -> bool:
        if table.name.lower() != self.object.lower():
            return False
        place = table.place(self.field)
        if row[place] != self.to:
            return False
        return self.on_create if before is None else before[place] != self.to


@dataclass(frozen=True)
class Flow:
    """`{!$Record.…}` in the body is replaced by the record as it was when the flow began."""

    name: str
    url: str
    when: Condition = Condition()
    body: Mapping[str, Any] = field(default_factory=lambda: _CASE_CLOSED)
    headers: Mapping[str, str] = field(default_factory=dict)  # of the Named Credential
    hmac: Mapping[str, str] = field(default_factory=dict)  # {"header", "secret"}: HEX(HMAC-SHA256(body))
    id_length: int = 18

    def post(self, items: Sequence[Any], attempt: int) -> Post:
        body = orjson.dumps(items[0])
        headers = {"Content-Type": "application/json", **self.headers}
        if self.hmac:
            headers[self.hmac["header"]] = hex_hmac(self.hmac["secret"], body)
        return Post(self.url, body, headers)


@dataclass(frozen=True)
class OutboundMessage:
    """SOAP notifications, up to a hundred in one message, with the values of the moment of sending."""

    name: str
    url: str
    fields: tuple[str, ...] = ("Id", "CaseNumber", "ContactId", "ClosedDate")
    when: Condition = Condition()
    org_id: str = ORG_ID
    id_length: int = 18
    nil: bool = False  # empty fields are sent as xsi:nil, not left out
    most: int = 100
    action: str = ""


def hex_hmac(secret: str, body: bytes) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class Automation:
    def __init__(self, org: Org) -> None:
        self._org = org
        self._deliveries = org.room.deliveries
        self._flows: dict[str, tuple[Flow, Channel]] = {}
        self._messages: dict[str, tuple[OutboundMessage, Channel]] = {}
        self._notifications = itertools.count(1)

    # ------------------------------------------------------------ what control sets up

    def callout(self, given: Row) -> Row:
        """{name, url, headers, hmac, body, when} makes the flow; {name, url: null} removes it."""
        wanted = {"name": "case-closed", **given}
        if wanted.get("url") is None:
            self._flows.pop(wanted["name"], None)
            self._deliveries.close(VENDOR, wanted["name"])
        else:
            flow = Flow(**{**wanted, "when": self._condition(wanted)})
            channel = self._deliveries.channel(VENDOR, flow.name, flow.url, flow.post, FLOW)
            self._flows[flow.name] = flow, channel
        self._watch()
        return {"flows": list(self._flows)}

    def outbound_message(self, given: Row) -> Row:
        """{name, url, fields, when, org_id, id_length, nil, most}; {name, url: null} removes it."""
        wanted = {"name": "case-closed-message", **given}
        if wanted.get("url") is None:
            self._messages.pop(wanted["name"], None)
            self._deliveries.close(VENDOR, wanted["name"])
        else:
            action = record_id("04k", len(self._messages) + 1)
            settings = {**wanted, "when": self._condition(wanted), "action": action}
            message = OutboundMessage(**{**settings, "fields": self._fields(settings)})
            if not 1 <= message.most <= 100:
                raise ValueError("an outbound message carries 1 to 100 notifications")

            def make(items: Sequence[Any], attempt: int) -> Post:
                return self._soap(message, items)

            channel = self._deliveries.channel(
                VENDOR, message.name, message.url, make, _SOAP_MANNER, most=message.most
            )
            self._messages[message.name] = message, channel
        self._watch()
        return {"outbound_messages": list(self._messages)}

    def _condition(self, wanted: Row) -> Condition:
        condition = Condition(**wanted.get("when", {}))
        table = self._org.table(condition.object)
        if table is None or condition.field.lower() not in table.columns:
            raise NoSuchRecord(f"no field {condition.field} of {condition.object}")
        return condition

    def _fields(self, settings: Row) -> tuple[str, ...]:
        """As the object spells them."""
        names = tuple(settings.get("fields", OutboundMessage.fields))
        columns = self._org.tables[settings["when"].object].columns
        for name in names:
            if name.lower() not in columns:
                raise NoSuchRecord(f"no field {name} of {settings['when'].object}")
        return tuple(columns[name.lower()].field.name for name in names)

    def _watch(self) -> None:
        """A record's old values are only kept while something wants to compare with them."""
        if self._saved in self._org.watchers:
            self._org.watchers.remove(self._saved)
        if self._flows or self._messages:
            self._org.watchers.append(self._saved)

    # ------------------------------------------------------------ what a saved record starts

    def _saved(self, table: Table, row: Record, before: Record | None) -> None:
        for flow, channel in self._flows.values():
            if flow.when.met(table, row, before):
                channel.put(self._filled(flow, table, row))
        for message, channel in self._messages.values():
            if message.when.met(table, row, before):
                channel.put((record_id("04l", next(self._notifications)), str(row[table.id])))

    def _filled(self, flow: Flow, table: Table, row: Record) -> dict[str, Any]:
        def fill(value: Any) -> Any:
            if not isinstance(value, str):
                return value
            if whole := _MERGE.fullmatch(value):
                return self._merge_field(flow, table, row, whole)
            return _MERGE.sub(lambda found: str(self._merge_field(flow, table, row, found) or ""), value)

        return {name: fill(value) for name, value in flow.body.items()}

    def _merge_field(self, flow: Flow, table: Table, row: Record, found: re.Match[str]) -> Any:
        if found[1] == "Organization":
            return ORG_ID[: flow.id_length]
        column = table.columns.get(found[2].lower())
        if column is None:
            raise ValueError(f"the flow {flow.name} names {found[2]}, which {table.name} does not have")
        value = row[column.place]
        if column.field.type in ("id", "reference") and isinstance(value, str):
            return value[: flow.id_length]
        return _second(value) if column.field.type == "datetime" else value

    # ------------------------------------------------------------ SOAP

    def _soap(self, message: OutboundMessage, items: Sequence[tuple[str, str]]) -> Post:
        table = self._org.tables[message.when.object]
        told = "".join(self._notification(message, table, *item) for item in items)
        length = message.id_length
        body = (
            '<?xml version="1.0" encoding="UTF-8"?>'
            '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
            'xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
            '<soapenv:Body><notifications xmlns="http://soap.sforce.com/2005/09/outbound">'
            f"<OrganizationId>{message.org_id[:length]}</OrganizationId>"
            f"<ActionId>{message.action[:length]}</ActionId>"
            '<SessionId xsi:nil="true"/>'
            "<EnterpriseUrl>https://acme.my.salesforce.com/services/Soap/c/64.0/00DHs000000000A</EnterpriseUrl>"
            "<PartnerUrl>https://acme.my.salesforce.com/services/Soap/u/64.0/00DHs000000000A</PartnerUrl>"
            f"{told}</notifications></soapenv:Body></soapenv:Envelope>"
        )
        headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""'}
        return Post(message.url, body.encode(), headers)

    def _notification(self, message: OutboundMessage, table: Table, id: str, record: str) -> str:
        row = table.rows[record]
        names = dict.fromkeys(("Id", *message.fields))
        told = "".join(self._element(message, table, row, name) for name in names)
        return (
            f"<Notification><Id>{id[: message.id_length]}</Id>"
            f'<sObject xsi:type="sf:{table.name}" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">{told}</sObject>'
            "</Notification>"
        )

    def _element(self, message: OutboundMessage, table: Table, row: Record, name: str) -> str:
        column = table.columns[name.lower()]
        value, tag = row[column.place], f"sf:{column.field.name}"
        if value is None:
            return f'<{tag} xsi:nil="true"/>' if message.nil else ""
        if column.field.type in ("id", "reference"):
            value = str(value)[: message.id_length]
        return f"<{tag}>{escape(_in_xml(column.field.type, value))}</{tag}>"


def _second(value: Stored) -> str | None:
    """2026-01-02T03:04:05Z"""
    return f"{value[:19]}Z" if isinstance(value, str) else None


def _in_xml(type: str, value: Stored) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{str(value)[:23]}Z" if type == "datetime" else str(value)


def acknowledged(heard: Heard) -> bool:
    """Only 200 with `<Ack>true</Ack>` ends it; any other answer is a failure."""
    if heard.status != 200:
        return False
    try:
        reply = ElementTree.fromstring(heard.body)
    except ElementTree.ParseError:
        return False
    acks = [node.text for node in reply.iter("{http://soap.sforce.com/2005/09/outbound}Ack")]
    return [ack.strip().lower() for ack in acks if ack] == ["true"]


def _a_day_of_gaps() -> Iterator[float]:
    """Twice as long each time, never more than two hours, for a day."""
    gap, waited = MINUTE, 0.0
    while waited + gap <= 24 * HOUR:
        yield gap
        waited += gap
        gap = min(2 * gap, 2 * HOUR)


_SOAP_MANNER = Manner(gaps=tuple(_a_day_of_gaps()), timeout=10, taken=acknowledged)
