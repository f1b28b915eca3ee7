"""What arrived about events, and the events themselves."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from nps.events import Arrival, Event
from nps.responses import Cursor


class Arrived(msgspec.Struct, frozen=True):
    """A hint, a signal or an answer that lies in the event inbox and is not settled. `begun`: how often somebody began
    to read it and has not said since how it went: most of them died of it."""

    number: int
    at: datetime
    attempts: int
    what: Arrival
    begun: int = 0


class ArrivalRow(msgspec.Struct, frozen=True, kw_only=True):
    """An arrival as people find it: what became of it, and why."""

    number: int
    connection: str
    at: datetime
    kind: str
    state: str  # new | settled | refused
    code: str
    reason: str
    subject: str
    attempts: int = 0  # of a refused one: how often, within its hour


class EventRow(msgspec.Struct, frozen=True, kw_only=True):
    """An event as people find it; what the triggers said about it are its verdicts."""

    number: int
    noted_at: datetime
    connection: str
    kind: str
    subject: str  # object/id
    occurred_at: datetime
    decided: bool


class Noted(msgspec.Struct, frozen=True):
    """An event that is stored and that the triggers have not decided about."""

    number: int
    at: datetime
    event: Event


class Events(Protocol):
    """The event inbox: what was pushed to us, and the events themselves."""

    def receive(self, arrivals: Sequence[Arrival], *, now: datetime) -> int:
        """Store what was pushed, durably (fsync), except what is known by (connection, key). How many are new."""
        ...

    def refuse(self, connection: str, code: str, reason: str, *, now: datetime, times: int = 1) -> None:
        """Note that something was not taken (unsigned, unreadable, too large), so that people find it. One row per
        code and hour says how often: whoever sends rubbish by the thousand does not fill the store."""
        ...

    def arrivals(self, limit: int, *, now: datetime) -> list[Arrived]:
        """Hints and signals to be settled next: new ones, and ones whose time to be tried again has come. Oldest
        first."""
        ...

    def answers_told(self, limit: int, *, now: datetime) -> list[Arrived]:
        """The same of answers (`nps.events.Answered`): once settled, what they said is forgotten here."""
        ...

    def settle_arrivals(
        self,
        settled: Mapping[int, tuple[str, str]],
        *,
        now: datetime,
        again: Mapping[int, datetime] | None = None,
    ) -> None:
        """Number → (code, reason): read, gone, unknown_person …; with code "" all went well. `again`: those to be tried
        again at that time (the vendor could not be reached)."""
        ...

    def begin_arrivals(self, arrived: Sequence[Arrived], owner: str, *, until: datetime) -> None:
        """They are this owner's until then, or until it is gone. Where they are not settled by then, nor put off, they
        were begun once more."""
        ...

    def arrival_rows(self, *, connection: str | None = None, limit: int = 100) -> list[ArrivalRow]:
        """The latest first, settled or not."""
        ...

    def prune_arrivals(self, *, before: datetime, limit: int) -> int:
        """Forget up to so many arrivals settled or refused before then. How many; what is not settled is kept. The same
        delivery is a new one again from then on (its events are known still)."""
        ...

    def event_cursor(self, connection: str) -> Cursor | None: ...

    def forget_event_cursor(self, connection: str) -> None:
        """The next poll is the first one again."""
        ...

    def note_events(
        self,
        events: Sequence[Event],
        *,
        now: datetime,
        cursor: tuple[str, Cursor] | None = None,
        settled: Mapping[int, tuple[str, str]] | None = None,
    ) -> int:
        """Store events (what is known by (connection, key) is left alone), with the poll's (connection, cursor) and
        the arrivals they were read for, in ONE durable transaction. How many are new."""
        ...

    def undecided_events(
        self, limit: int, *, after: int = 0, but: Collection[tuple[str, str]] = ()
    ) -> list[Noted]:
        """Events no trigger has looked at, in order of arrival: those behind the number `after`, and `but` of these
        (connection, kind)."""
        ...

    def events_of(self, subjects: Sequence[tuple[str, str, str]]) -> list[Event]:
        """All events about these (connection, object, id)."""
        ...

    def event_rows(self, *, connection: str | None = None, limit: int = 100) -> list[EventRow]:
        """The latest noted first, decided or not."""
        ...

    def events_since(self, since: datetime) -> list[Event]:
        """Recorded events that occurred since then, in the order they occurred: for a simulation."""
        ...
