"""The toy HubSpot as the sandbox sees it: its web application, and the handles control and pages use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from starlette.responses import Response
from starlette.types import ASGIApp

from sandbox import deliveries
from sandbox.faults import Fault
from sandbox.hubspot import app
from sandbox.hubspot.account import (
    CLIENT_ID,
    CLIENT_SECRET,
    EVERY_SCOPE,
    READ_ONLY_TOKEN,
    REFRESH_TOKEN,
    SCHEMA_TOKEN,
    TOKEN,
    Account,
    Token,
    furnish,
)
from sandbox.hubspot.associations import links_shown, types_between
from sandbox.hubspot.definitions import from_request
from sandbox.hubspot.faces import FACES
from sandbox.hubspot.gate import Gate
from sandbox.hubspot.listing import SegmentList
from sandbox.hubspot.preparing import prepare, strip
from sandbox.hubspot.records import Record, Table, Values
from sandbox.hubspot.refusals import Refusal, rate_limited
from sandbox.hubspot.tickets import stage_for
from sandbox.hubspot.webhooks import Webhooks
from sandbox.hubspot.workflows import Workflows
from sandbox.knobs import Knob, turn
from sandbox.toy import NoSuchRecord, Room, Row

_MESSAGES = {
    423: ("LOCKED", "Too many requests at once; the account is locked for a moment."),
    477: ("MIGRATION_IN_PROGRESS", "This account is being moved to another data centre."),
    503: ("SERVICE_UNAVAILABLE", "The service is not available."),
    504: ("TIMEOUT", "The service took too long."),
}


class Portal:
    """What `--limit hubspot.burst=…` and the command `set` may change is in settings.py.

    Its own fault kinds: expired_token, quota_spent (until midnight), schema_drift (detail: object, field, change),
    invalid_record, all_or_nothing (trace ids are not honoured), quiet_partial (200 for what is a 207), missing_row; and
    those of what it sends out (deliveries.py). The object "sent" is what workflows mailed by themselves.
    """

    faces = FACES
    fault_kinds = frozenset(
        {"expired_token", "quota_spent", "schema_drift", "invalid_record", "all_or_nothing"}
        | {"quiet_partial", "missing_row"}
        | deliveries.FAULT_KINDS
    )

    def __init__(self, room: Room) -> None:
        self._account = Account(room)
        self._account.apply(self._account.settings.changed(room.limits))
        self._gate = Gate(self._account)
        self.app: ASGIApp = app.build(self._account, self._gate)
        furnish(self._account, room.world)
        prepare(self._account, room.world.until)
        self._webhooks, self._workflows = Webhooks(self._account), Workflows(self._account)
        self._commands: dict[str, Knob] = {
            "set": self._set,
            "expire_tokens": self._expire_tokens,
            "add_token": self._add_token,
            "forget": self._forget,
            "restore": self._restore,
            "define_property": self._define,
            "remove_property": self._remove_property,
            "associate": self._associate,
            "history": self._history,
            "use_calls": self._use_calls,
            "close_ticket": self._close_ticket,
            "reopen_ticket": self._reopen_ticket,
            "webhooks": self._webhooks.set,
            "workflow": self._workflows.set,
            "strip": lambda _: {"gone": strip(self._account)},
        }

    def env(self, url: str) -> dict[str, str]:
        return {
            "HUBSPOT_URL": url,
            "HUBSPOT_TOKEN": TOKEN,
            "HUBSPOT_READ_ONLY_TOKEN": READ_ONLY_TOKEN,
            "HUBSPOT_SCHEMA_TOKEN": SCHEMA_TOKEN,
            "HUBSPOT_CLIENT_ID": CLIENT_ID,
            "HUBSPOT_CLIENT_SECRET": CLIENT_SECRET,
            "HUBSPOT_REFRESH_TOKEN": REFRESH_TOKEN,
        }

    def refusal(self, fault: Fault) -> Response:
        """`detail: {"policy": "DAILY"}` picks which limit a 429 names."""
        headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
        if fault.status == 429:
            policy = str(fault.detail.get("policy", "TEN_SECONDLY_ROLLING"))
            return app.refused(rate_limited(policy, headers))
        category, message = _MESSAGES.get(fault.status, ("INTERNAL_ERROR", "internal error"))
        return app.refused(Refusal(fault.status, category, message, headers=headers))

    def objects(self) -> Mapping[str, int]:
        tables = {table.kind.name: len(table) for table in self._account.tables}
        return {**tables, "lists": len(self._account.lists.all()), "sent": len(self._workflows.sent)}

    def rows(self, object: str) -> Iterator[Row]:
        if object == "sent":
            return iter(list(self._workflows.sent))
        if object == "lists":
            return iter([_list_row(one) for one in self._account.lists.all()])
        table = self._account.table(object)
        return (_row(table, record) for record in list(table.living()))

    def row(self, object: str, id: str) -> Row:
        """An absorbed id shows the survivor, whose "id" differs."""
        if object == "lists":
            one = self._account.lists.by_id(id)
            if one is None:
                raise NoSuchRecord(f"no list {id}")
            return _list_row(one)
        table = self._account.table(object)
        return _row(table, self._account.record(table, id))

    def linked(self, object: str, id: str, others: str) -> list[Row]:
        """Records of the other object that belong to this one; none where there is no such object."""
        try:
            source, target = self._account.table(object), self._account.table(others)
        except NoSuchRecord:
            return []
        record = source.by_id(id)
        if record is None or not types_between(self._account, source, target):
            return []
        ids = [str(one["toObjectId"]) for one in links_shown(self._account, source, target, record)]
        return [_row(target, target.records[one]) for one in ids]

    def on_lists(self, id: str) -> list[Mapping[str, str]]:
        found = self._account.lists.holding(self._account.contacts, id)
        return [{"name": one.name, "since": one.members[id]} for one in found]

    def change(self, object: str, id: str, fields: Row) -> None:
        table = self._account.table(object)
        record = self._account.record(table, id)
        table.update(record, _typed(table, record, fields), at=self._account.now(), source="CRM_UI")
        self._note_unsubscribed(table, record)

    def add(self, object: str, fields: Row) -> str:
        table = self._account.table(object)
        record = table.create(_typed(table, None, fields), at=self._account.now())
        self._note_unsubscribed(table, record)
        return record.id

    def remove(self, object: str, id: str) -> None:
        """Into the recycle bin."""
        table = self._account.table(object)
        table.archive(self._account.record(table, id), at=self._account.now())

    def merge(self, object: str, winner: str, loser: str) -> None:
        self._account.merge(self._account.table(object), winner, loser)

    def command(self, name: str, arguments: Row) -> Any:
        return turn(self._commands, name, arguments)

    def _note_unsubscribed(self, table: Table, record: Record) -> None:
        email = record.values.get("email")
        if table is not self._account.contacts or email is None:
            return
        if record.values.get("hs_email_optout") == "true":
            self._account.unsubscribed.add(email)
        else:
            self._account.unsubscribed.discard(email)

    # Commands

    def _set(self, wanted: Row) -> Row:
        """{setting: value, …} → all settings; {} only shows them."""
        self._account.apply(self._account.settings.changed(wanted))
        return asdict(self._account.settings)

    def _expire_tokens(self, wanted: Row) -> Row:
        """{"static": true} also revokes service keys and private-app tokens."""
        return {"expired": self._account.expire_tokens(static_too=bool(wanted.get("static")))}

    def _use_calls(self, wanted: Row) -> Row:
        """{"used": 600000}: so many of the day's calls are spent."""
        self._gate.spend(int(wanted["used"]))
        return {"used": self._gate.spent_today()}

    def _add_token(self, wanted: Row) -> Row:
        """{"token", "scopes": […]}: another service key; all scopes when none are named."""
        self._account.tokens[wanted["token"]] = Token(frozenset(wanted.get("scopes", EVERY_SCOPE)))
        return {"token": wanted["token"]}

    def _forget(self, wanted: Row) -> Row:
        """{"object", "id"}: a privacy deletion."""
        table = self._account.table(wanted["object"])
        table.forget(self._account.record(table, wanted["id"]).id, at=self._account.now())
        return {}

    def _restore(self, wanted: Row) -> Row:
        """{"object", "id"}: out of the recycle bin."""
        table = self._account.table(wanted["object"])
        record = table.by_id(wanted["id"], archived=True)
        if record is None:
            raise NoSuchRecord(f"{wanted['id']} is not in the recycle bin")
        table.restore(record, at=self._account.now())
        return _row(table, record)

    def _define(self, wanted: Row) -> Row:
        """{"object", …a property as the API creates it}."""
        table = self._account.table(wanted["object"])
        try:
            definition = from_request(wanted, groups=list(table.groups), unique_so_far=0)
        except Refusal as refusal:
            raise ValueError(refusal.message) from refusal
        table.define(definition)
        return definition.as_json()

    def _remove_property(self, wanted: Row) -> Row:
        """{"object", "name"}: somebody deletes the field, and its values with it."""
        table = self._account.table(wanted["object"])
        if wanted["name"] not in table.definitions:
            raise NoSuchRecord(f"no property {wanted['name']}")
        table.undefine(wanted["name"])
        return {}

    def _associate(self, wanted: Row) -> Row:
        """{"contact", "company", "primary": true}, or {"contact", "ticket"}"""
        contact = self._account.record(self._account.contacts, wanted["contact"])
        if "ticket" in wanted:
            ticket = self._account.record(self._account.tickets, wanted["ticket"])
            self._account.people_of_tickets.setdefault(ticket.id, []).append(contact.id)
            return {"contacts": self._account.contacts_of(ticket)}
        company = self._account.record(self._account.companies, wanted["company"])
        self._account.associate(contact.id, company.id, primary=bool(wanted.get("primary", True)))
        return {"companies": self._account.employers_of(contact)}

    def _close_ticket(self, wanted: Row) -> Row:
        """{"id", "stage": "4"}"""
        return self._move(wanted, stage_for(wanted.get("stage"), "4", closed=True))

    def _reopen_ticket(self, wanted: Row) -> Row:
        """{"id", "stage": "2"}"""
        return self._move(wanted, stage_for(wanted.get("stage"), "2", closed=False))

    def _move(self, wanted: Row, fields: Row) -> Row:
        self.change("tickets", wanted["id"], fields)
        return self.row("tickets", wanted["id"])

    def _history(self, wanted: Row) -> list[Row]:
        """{"object", "id", "name"} → what the field held, newest first."""
        table = self._account.table(wanted["object"])
        record = self._account.record(table, wanted["id"])
        return [asdict(version) for version in record.history(wanted["name"])]


def _list_row(one: SegmentList) -> Row:
    return {"id": one.id, "name": one.name, "processingType": one.how, "members": one.living()}


def _row(table: Table, record: Record) -> Row:
    return {"id": record.id, **{name: record.values.get(name) for name in table.definitions}}


def _typed(table: Table, record: Record | None, fields: Row) -> Values:
    """Control may set read-only fields too, but nothing the field's type does not hold."""
    if unknown := fields.keys() - table.definitions.keys():
        raise ValueError(f"no property {', '.join(sorted(unknown))} on {table.kind.name}")
    try:
        return table.checked(record, {name: _text(value) for name, value in fields.items()})
    except Refusal as refusal:
        raise ValueError(refusal.message) from refusal


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
