"""One watch on one object: what to read of its records, and which events they make. Reading is `events`' business."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from msgspec.structs import replace

from connectors.contract import Memory, Watch
from connectors.record_changes import FLICKERED, RECORD_CHANGED, RecordChanged
from connectors.salesforce import codecs, soql
from connectors.salesforce.kinds import CASE_CLOSED, CASE_HAS, CASE_NEEDS, CASE_REOPENED, STAMP
from connectors.salesforce.library import quote
from connectors.salesforce.org import Org, Row
from connectors.salesforce.reading import Reading
from connectors.salesforce.schema import Column
from connectors.salesforce.seen import Closings, Showing
from connectors.sweeping import spelled
from nps.errors import ConfigError, RejectedError
from nps.events import OF_EVERY_EVENT, Event, PersonKey, Subject
from nps.keys import email_key
from nps.values import Json

Fields = Mapping[str, Json]

_PEOPLE = ("Contact", "Lead")  # their records are persons themselves


@dataclass(frozen=True)
class Shown:
    """One record as a watch reads it."""

    id: str
    stamp: datetime
    fields: Fields


class Watched(Protocol):
    """What a trigger's `event:` comes to at Salesforce."""

    name: str  # of its place in the cursor
    object: str
    kind: str
    reading: Reading

    def condition(self, since: datetime) -> str:
        """What narrows the poll; "" when nothing does."""
        ...

    def events(self, shown: Sequence[Shown]) -> list[Event]:
        """What these records mean. The same records give the same events, however often they are shown."""
        ...

    def why_not(self, shown: Shown) -> str:
        """Why this record makes no event."""
        ...

    def over(self, event: Event, shown: Shown) -> str | None:
        """Why an event holds no more, or None."""
        ...


def watched(org: Org, connection: str, memory: Memory, watches: Sequence[Watch]) -> list[Watched]:
    """One for each kind and parameters: the facts of several triggers are read at once."""
    facts: dict[str, tuple[Watch, dict[str, None]]] = {}
    for watch in watches:
        said = watch.parameters.said if isinstance(watch.parameters, RecordChanged) else watch.kind
        _, wanted = facts.setdefault(said, (watch, {}))
        wanted.update(dict.fromkeys(watch.facts))
    return [
        _made(org, connection, memory, watch, [name for name in wanted if name not in OF_EVERY_EVENT])
        for watch, wanted in facts.values()
    ]


def _made(org: Org, connection: str, memory: Memory, watch: Watch, facts: Sequence[str]) -> Watched:
    match watch.kind:
        case "case_closed":
            return ClosedCases(org, connection, Closings(memory), facts)
        case "case_reopened":
            return ReopenedCases(org, connection, Closings(memory), facts)
        case "record_changed":
            assert isinstance(watch.parameters, RecordChanged)
            change = watch.parameters
            return Changes(org, connection, Showing(memory, change), change, facts)
        case kind:
            raise ConfigError(f"{connection}: Salesforce tells no event {kind}")


def shown(reading: Reading, row: Row) -> Shown:
    record = reading.record(row)
    return Shown(record.id, moment(record.fields[STAMP]), record.fields)


def moment(value: Json) -> datetime:
    return datetime.fromisoformat(str(value))


def _happened(
    connection: str, kind: str, key: str, shown: Shown, object: str, at: datetime, names: Sequence[str]
) -> Event:
    """An event with the fields of its record, and what every event has; whose it is, is added."""
    own: dict[str, Json] = {"id": shown.id, "kind": kind, "object": object, "occurred_at": spelled(at)}
    return Event(
        connection=connection,
        kind=kind,
        key=key,
        subject=Subject(object, shown.id),
        occurred_at=at,
        facts={**{name: shown.fields[name] for name in names}, **own},
    )


# ---------------------------------------------------------------- cases


class _Cases:
    """What closings and reopenings have in common."""

    object = "Case"
    name: str
    kind: str

    def __init__(self, org: Org, connection: str, closings: Closings, facts: Sequence[str]) -> None:
        seen = org.table("Case").columns
        has = [name for name in CASE_HAS if name in seen]
        self._facts = tuple(dict.fromkeys([*(name for name in has if name == "CaseNumber"), *facts]))
        self._connection = connection
        self._closings = closings
        wanted = [*CASE_NEEDS, *has, STAMP, *self._facts]
        self.reading = Reading("Case", org.columns("Case", dict.fromkeys(wanted)))
        self._by_email = "SuppliedEmail" in has

    def _event(self, case: Shown, closed_at: datetime, occurred_at: datetime) -> Event:
        key = f"{self.kind}/{case.id}/{spelled(closed_at)}"
        event = _happened(self._connection, self.kind, key, case, "Case", occurred_at, self._facts)
        return replace(event, person=self._person(case))

    def _person(self, case: Shown) -> tuple[PersonKey, ...]:
        if contact := case.fields["ContactId"]:
            return (PersonKey("record", str(contact)),)
        # From a web form or an e-mail that Salesforce found no contact for.
        supplied = case.fields["SuppliedEmail"] if self._by_email else None
        address = email_key(str(supplied)) if supplied else None
        return (PersonKey("email", address),) if address else ()


class ClosedCases(_Cases):
    name = kind = CASE_CLOSED

    def condition(self, since: datetime) -> str:
        # A case that was closed long ago and is edited now is no event.
        return f"IsClosed = true AND ClosedDate >= {quote(since)}"

    def events(self, shown: Sequence[Shown]) -> list[Event]:
        closed = {case.id: moment(case.fields["ClosedDate"]) for case in shown if _is_closed(case)}
        self._closings.remember(closed)
        return [self._event(case, closed[case.id], closed[case.id]) for case in shown if case.id in closed]

    def why_not(self, shown: Shown) -> str:
        return "the case is open"

    def over(self, event: Event, shown: Shown) -> str | None:
        if not _is_closed(shown):
            return "the case was reopened"
        if moment(shown.fields["ClosedDate"]) != event.occurred_at:
            return "the case was reopened, and closed again at another time"
        return None


class ReopenedCases(_Cases):
    """Salesforce tells the time of the last closing alone, so one that npsync saw is remembered, and an open case that
    has one was reopened. A case closed and reopened between two polls was never seen closed: nobody is asked."""

    name = kind = CASE_REOPENED

    def condition(self, since: datetime) -> str:
        return ""

    def events(self, shown: Sequence[Shown]) -> list[Event]:
        closed = {case.id: moment(case.fields["ClosedDate"]) for case in shown if _is_closed(case)}
        self._closings.remember(closed)
        known = self._closings.known(case.id for case in shown if case.id not in closed)
        return [
            self._event(case, known[case.id], max(case.stamp, known[case.id]))
            for case in shown
            if case.id in known
        ]

    def why_not(self, shown: Shown) -> str:
        return "the case is closed" if _is_closed(shown) else "npsync never saw the case closed"

    def over(self, event: Event, shown: Shown) -> str | None:
        return "the case was closed again" if _is_closed(shown) else None


def _is_closed(case: Shown) -> bool:
    return case.fields["IsClosed"] is True and case.fields["ClosedDate"] is not None


# ---------------------------------------------------------------- changes


class Changes:
    """A field came to show a value. Salesforce tells how a record is, not how it was, so npsync remembers which
    records show the value (see docs/decisions/0023)."""

    kind = RECORD_CHANGED

    def __init__(
        self, org: Org, connection: str, showing: Showing, change: RecordChanged, facts: Sequence[str]
    ) -> None:
        self.object = change.object
        self.name = change.said
        self.showing = showing
        self._connection = connection
        self._change = change
        self._facts = tuple(dict.fromkeys([change.field, *facts]))
        person = _person_field(org, change)
        wanted = [change.field, STAMP, *self._facts, *([person] if person else [])]
        columns = org.columns(change.object, dict.fromkeys(wanted))
        self.reading = Reading(change.object, columns)
        self._wanted = _written(columns[change.field], change)
        self._person = person
        self._person_is_id = person is not None and columns[person].kind in ("id", "reference")
        self._already = soql.restriction(columns, {change.field: change.to})

    def condition(self, since: datetime) -> str:
        # Those that show something else are needed too: coming back to the value is a change.
        return ""

    @property
    def already(self) -> str:
        """The records that show the value."""
        return f"SELECT Id FROM {self.object} WHERE {self._already} ORDER BY Id"

    def events(self, shown: Sequence[Shown]) -> list[Event]:
        there = {record.id: record for record in shown if self._shows(record)}
        self.showing.left(record.id for record in shown if record.id not in there)
        since = self.showing.since({id: record.stamp for id, record in there.items()})
        return [self._event(there[id], at) for id, at in since.items()]

    def why_not(self, shown: Shown) -> str:
        return "the record showed this value before" if self._shows(shown) else FLICKERED

    def over(self, event: Event, shown: Shown) -> str | None:
        return None if self._shows(shown) else FLICKERED

    def _shows(self, record: Shown) -> bool:
        return record.fields[self._change.field] == self._wanted

    def _event(self, record: Shown, at: datetime) -> Event:
        key = self._change.key(record.id, at)
        event = _happened(self._connection, RECORD_CHANGED, key, record, self.object, at, self._facts)
        return replace(event, person=self._persons(record))

    def _persons(self, record: Shown) -> tuple[PersonKey, ...]:
        if self._person is None:
            return (PersonKey("record", record.id),)
        value = record.fields[self._person]
        if value is None:
            return ()
        if self._person_is_id:
            return (PersonKey("record", str(value)),)
        address = email_key(str(value))
        return (PersonKey("email", address),) if address else ()


def _written(column: Column, change: RecordChanged) -> Json:
    """The value as the field shows it."""
    try:
        shown = codecs.writer(column)(change.to)
    except RejectedError as problem:
        raise ConfigError(f"record_changed of {change.object}: to: {problem}") from None
    if shown is None:
        raise ConfigError(f"record_changed of {change.object}: to: must not be empty")
    return shown


def _person_field(org: Org, change: RecordChanged) -> str | None:
    """The field that leads to the person; None when the record is one."""
    if change.person is not None:
        return change.person
    if change.object in _PEOPLE:
        return None
    if "ContactId" in org.table(change.object).columns:
        return "ContactId"
    raise ConfigError(
        f"record_changed of {change.object}: say which field leads to the person, like `person: Primary_Contact__c` "
        "(a lookup to the contact, or an e-mail address)"
    )
