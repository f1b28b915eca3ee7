"""Writes what an automation of the CRM waits for onto one person's record (see `by_field`)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from connectors.contract import Destination, Tools
from connectors.handing import handed_over
from nps.changes import Batch, Change, Deferred, Outcome, Rejected, Unknown, Written
from nps.errors import RejectedError
from nps.schema import FieldType
from nps.sending import Accepted, FailedPermanent, FailedRetryable, FateUnknown, Message, SendOutcome
from nps.values import Json, Value


class FieldSender:
    """Fulfils `connectors.contract.Sender`. Update-only: nobody is created, and no other field is touched."""

    def __init__(self, templates: Mapping[str, str], destination: Destination, tools: Tools) -> None:
        self._templates = templates
        self._destination = destination
        self._tools = tools

    def send(self, message: Message) -> SendOutcome:
        return handed_over(lambda: self._written(message))

    def find(self, message: Message) -> SendOutcome | None:
        """A record that shows what this message writes was written. One that does not may have been: automations often
        clear the field they waited for."""
        to = message.to
        if to.connection != self._tools.connection:
            return None
        wanted = self._wanted(message)
        records = self._destination.get(to.object, [to.record_id], list(wanted), {})
        return Accepted() if any(dict(record.fields) == wanted for record in records) else None

    def close(self) -> None:
        self._destination.close()

    # ------------------------------------------------------------ inside

    def _written(self, message: Message) -> SendOutcome:
        to = message.to
        if to.connection != self._tools.connection:
            reason = f"the person's record is in {to.connection}; {self._tools.connection} cannot write it"
            return FailedPermanent("other_crm", reason)
        try:
            wanted = self._wanted(message)
        except RejectedError as refused:
            return FailedPermanent(refused.code, str(refused))
        change = Change(object=to.object, record_id=to.record_id, before=dict.fromkeys(wanted), after=wanted)
        api = self._destination.ways(to.object, 1)[0].api
        [outcome] = self._destination.write(Batch(0, to.object, api, (change,)), _nothing_to_remember)
        return _as_sent(outcome)

    def _wanted(self, message: Message) -> dict[str, Json]:
        object = message.to.object
        schema = self._destination.describe(object)
        wanted = {}
        for name, template in self._templates.items():
            canonical = self._destination.canonical(object, name)  # ConfigError where there is no such field
            wanted[name] = canonical(self._value(template, message, schema.fields[name].type))
        return wanted

    def _value(self, template: str, message: Message, type: FieldType) -> Value:
        if template == "{deadline}" and message.deadline is not None:
            if type is FieldType.DATETIME:
                return message.deadline
            if type is FieldType.DATE:
                return message.deadline.astimezone(ZoneInfo(self._tools.time_zone)).date()
        return template.format_map(_said(message, self._tools.time_zone))


def _said(message: Message, zone: str) -> Mapping[str, Any]:
    return {
        "survey": message.survey,
        "metric": message.metric,
        "invitation": message.invitation,
        "step": message.step,
        "kind": message.kind.value,
        "link": message.link,
        "unsubscribe": message.unsubscribe,
        "deadline": _day(message.deadline, zone),
        "ask": message.ask,
        "why": message.why,
    }


def _day(moment: datetime | None, zone: str) -> str:
    return "" if moment is None else moment.astimezone(ZoneInfo(zone)).date().isoformat()


def _as_sent(outcome: Outcome) -> SendOutcome:
    match outcome:
        case Written():
            return Accepted()
        case Rejected(code=code, message=reason):
            return FailedPermanent(code, reason)
        case Deferred(reason=reason, until=until):
            return FailedRetryable("deferred", reason, until)
        case Unknown(reason=reason):
            return FateUnknown(reason)


def _nothing_to_remember(handle: str) -> None:
    """One record is one call: there is no job to ask for later."""
