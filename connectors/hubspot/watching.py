"""One watch on one object: what to search for, what to read, and which events that makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from connectors.contract import Watch
from connectors.hubspot.account import Account
from connectors.hubspot.encoding import canonical, live
from connectors.hubspot.finding import Row
from connectors.hubspot.kinds import TICKET_CLOSED, TICKET_REOPENED
from connectors.hubspot.properties import Properties, object_type
from connectors.hubspot.settings import Events
from connectors.hubspot.stages import Stages
from connectors.record_changes import FLICKERED, RECORD_CHANGED, RecordChanged
from connectors.sweeping import spelled
from nps.errors import ConfigError, RejectedError
from nps.events import OF_EVERY_EVENT, Event, PersonKey, Subject
from nps.keys import email_key
from nps.values import Json

Filter = dict[str, Json]

_MODIFIED = "hs_lastmodifieddate"
_MODIFIED_OF_CONTACTS = "lastmodifieddate"


@dataclass(frozen=True)
class Shown:
    """One record as it is now. `contacts` are those it is associated with, where they were asked for."""

    id: str
    properties: Mapping[str, Json]
    history: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    contacts: tuple[str, ...] = ()


class Watched(Protocol):
    """What a trigger's `event:` comes to at HubSpot."""

    name: str  # of its place in the cursor
    kind: str
    known: Properties
    stamp: str  # the property a sweep goes by
    reads: tuple[str, ...]
    history: tuple[str, ...]
    asks_contacts: bool

    def filters(self) -> list[Filter]:
        """What narrows a sweep beside its stamp."""
        ...

    def event(self, shown: Shown) -> Event | None:
        """What this record means; the same record gives the same event, however often it is shown."""
        ...

    def why_not(self, shown: Shown) -> str: ...

    def over(self, event: Event, shown: Shown) -> str | None:
        """Why an event holds no more, or None."""
        ...


def watched(account: Account, stages: Stages, names: Events, watches: Sequence[Watch]) -> list[Watched]:
    """One for each kind and parameters: the facts of several triggers are read at once."""
    wanted: dict[str, tuple[Watch, dict[str, None]]] = {}
    for watch in watches:
        said = watch.parameters.said if isinstance(watch.parameters, RecordChanged) else watch.kind
        _, facts = wanted.setdefault(said, (watch, {}))
        facts.update(dict.fromkeys(watch.facts))
    return [_made(account, stages, names, watch, list(facts)) for watch, facts in wanted.values()]


def _made(account: Account, stages: Stages, names: Events, watch: Watch, facts: Sequence[str]) -> Watched:
    match watch.kind:
        case "ticket_closed":
            return ClosedTickets(account, stages, names.closed_at, facts)
        case "ticket_reopened":
            return ReopenedTickets(account, stages, names.reopened_at, facts)
        case "record_changed":
            assert isinstance(watch.parameters, RecordChanged)
            return Changes(account, watch.parameters, facts)
        case kind:
            raise ConfigError(f"{account.tools.connection}: HubSpot tells no event {kind}")


def moment(text: Json) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text)) if text else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None


class _OneKind:
    """What all kinds have in common."""

    kind: str
    name: str
    history: tuple[str, ...] = ()
    asks_contacts = True

    def __init__(
        self, account: Account, object: str, facts: Sequence[str], needs: Sequence[str], stamp: str
    ) -> None:
        self.known = account.known(object_type(object))
        self.stamp = stamp
        self.facts = tuple(name for name in dict.fromkeys(facts) if name not in OF_EVERY_EVENT)
        self.reads = tuple(dict.fromkeys((*needs, *self.facts)))
        account.check(self.known, (*self.reads, stamp))
        self._connection = account.tools.connection
        self._live = {name: live(self.known.schema.fields[name]) for name in self.reads}

    def _value(self, shown: Shown, name: str) -> Json:
        return self._live[name](shown.properties.get(name))

    def _event(self, shown: Shown, key: str, at: datetime, person: tuple[PersonKey, ...]) -> Event:
        object = self.known.object_type
        own: dict[str, Json] = {
            "id": shown.id,
            "kind": self.kind,
            "object": object,
            "occurred_at": spelled(at),
        }
        return Event(
            connection=self._connection,
            kind=self.kind,
            key=key,
            subject=Subject(self.known.object_type, shown.id),
            occurred_at=at,
            person=person,
            facts={**{name: self._value(shown, name) for name in self.facts}, **own},
        )


def _contacts(shown: Shown) -> tuple[PersonKey, ...]:
    return tuple(PersonKey("record", id) for id in shown.contacts)


# ---------------------------------------------------------------- tickets


class _Tickets(_OneKind):
    def __init__(self, account: Account, stages: Stages, stamp: str, facts: Sequence[str]) -> None:
        super().__init__(account, "tickets", facts, ("hs_pipeline_stage", stamp), stamp)
        self._stages = stages
        self.name = self.kind

    def filters(self) -> list[Filter]:
        return []

    def _is_closed(self, shown: Shown) -> bool:
        stage = shown.properties.get("hs_pipeline_stage")
        return self._stages.is_closed(None if stage is None else str(stage))

    def _at(self, shown: Shown) -> datetime | None:
        return moment(self._value(shown, self.stamp))

    def _told(self, shown: Shown, at: datetime) -> Event:
        return self._event(shown, f"{self.kind}/{shown.id}/{spelled(at)}", at, _contacts(shown))


class ClosedTickets(_Tickets):
    kind = TICKET_CLOSED

    def event(self, shown: Shown) -> Event | None:
        at = self._at(shown)
        return self._told(shown, at) if at is not None and self._is_closed(shown) else None

    def why_not(self, shown: Shown) -> str:
        return (
            f"the ticket is closed, but has no {self.stamp}"
            if self._is_closed(shown)
            else "the ticket is open"
        )

    def over(self, event: Event, shown: Shown) -> str | None:
        if not self._is_closed(shown):
            return "the ticket was reopened"
        if self._at(shown) != event.occurred_at:
            return "the ticket was reopened, and closed again at another time"
        return None


class ReopenedTickets(_Tickets):
    kind = TICKET_REOPENED

    def event(self, shown: Shown) -> Event | None:
        at = self._at(shown)
        return self._told(shown, at) if at is not None and not self._is_closed(shown) else None

    def why_not(self, shown: Shown) -> str:
        return "the ticket is closed" if self._is_closed(shown) else "the ticket was never reopened"

    def over(self, event: Event, shown: Shown) -> str | None:
        return "the ticket was closed again" if self._is_closed(shown) else None


# ---------------------------------------------------------------- changes


class Changes(_OneKind):
    """A property came to show a value: its history tells when."""

    kind = RECORD_CHANGED

    def __init__(self, account: Account, change: RecordChanged, facts: Sequence[str]) -> None:
        of_contacts = object_type(change.object) == "contacts"
        needs = (change.field, *([change.person] if change.person else []))
        modified = _MODIFIED_OF_CONTACTS if of_contacts else _MODIFIED
        super().__init__(account, change.object, (change.field, *facts), needs, modified)
        self.name = change.said
        self._change = change
        self.history = (change.field,)
        self.asks_contacts = change.person is None and not of_contacts
        self._is_person = change.person is None and of_contacts
        self._wanted = self._encoded(change)

    def _encoded(self, change: RecordChanged) -> str:
        try:
            text = canonical(self.known.schema.fields[change.field])(change.to)
        except RejectedError as problem:
            raise ConfigError(f"record_changed: to: {problem}") from None
        if text is None:
            raise ConfigError("record_changed: to: must not be empty")
        return str(text)

    def filters(self) -> list[Filter]:
        return [{"propertyName": self._change.field, "operator": "EQ", "value": self._wanted}]

    def event(self, shown: Shown) -> Event | None:
        at = self._since(shown)
        if at is None:
            return None
        return self._event(shown, self._change.key(shown.id, at), at, self._persons(shown))

    def why_not(self, shown: Shown) -> str:
        return "its history does not tell since when" if self._shows(shown) else FLICKERED

    def over(self, event: Event, shown: Shown) -> str | None:
        if not self._shows(shown):
            return FLICKERED
        at = self._since(shown)
        return "it showed something else in between" if at is not None and at != event.occurred_at else None

    def _shows(self, shown: Shown) -> bool:
        return self._value(shown, self._change.field) == self._wanted

    def _since(self, shown: Shown) -> datetime | None:
        """When it came to show the value: the oldest of the latest entries that say so, one after the other."""
        if not self._shows(shown):
            return None
        normal, found = self._live[self._change.field], None
        entries = shown.history.get(self._change.field, ())
        for entry in sorted(entries, key=lambda one: str(one.get("timestamp")), reverse=True):
            if normal(entry.get("value")) != self._wanted:
                break
            found = moment(entry.get("timestamp")) or found
        return found

    def _persons(self, shown: Shown) -> tuple[PersonKey, ...]:
        if self._is_person:
            return (PersonKey("record", shown.id),)
        if self._change.person is None:
            return _contacts(shown)
        value = str(self._value(shown, self._change.person) or "").strip()
        if value.isascii() and value.isdigit():
            return (PersonKey("record", value),)
        address = email_key(value)
        return (PersonKey("email", address),) if address else ()


def shown(row: Row, contacts: Sequence[str]) -> Shown:
    history = row.get("propertiesWithHistory") or {}
    return Shown(str(row["id"]), row.get("properties") or {}, history, tuple(contacts))
