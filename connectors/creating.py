"""What a destination may create beside the customers' records, where it can: history records, tasks, places on lists.

Part of the contract (`connectors.contract` re-exports it). Each is a protocol of its own that a Destination may fulfil
besides; which of them it does is declared (`Connector.creates`). Customers themselves are never created here.

Whatever is created carries a key of ours, the same for the same answer, by which it is found again after a call whose
fate is unknown: an external id where the vendor has one, a marker in its text where it has none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

from nps.changes import Deferred, Made, Outcome, Rejected, Unknown
from nps.values import JsonFields


class Creates(StrEnum):
    """What a connector's destination can create."""

    HISTORY = "history"  # fulfils KeepsHistory
    TASKS = "tasks"  # fulfils GivesTasks
    LISTS = "lists"  # fulfils KeepsLists


Making = Made | Rejected | Deferred | Unknown
"""What became of creating one thing: `record_id` is our key for it, `Made.id` the vendor's id."""

OWNER_REFUSED = "OWNER_REFUSED"
"""The `Rejected.code` of a task whose owner has left or may own none: somebody else may take it. The vendor's own code
is in the message."""


# ---------------------------------------------------------------- each answer as a record of its own


@dataclass(frozen=True)
class Entry:
    """One answer as a record of its own. `fields` are canonical (Destination.canonical) and hold the key field too;
    `about` are the records it belongs to: object → id."""

    key: str
    fields: JsonFields = field(repr=False)
    about: Mapping[str, str] = field(default_factory=dict)


@runtime_checkable
class KeepsHistory(Protocol):
    """Methods raise what those of a Destination raise."""

    def keep(self, object: str, key: str, entries: Sequence[Entry]) -> Iterable[Making]:
        """Create each entry, or bring the one with the same key up to date: absolute values, so that repeating it
        changes nothing. `key` is the field that holds the key ("" where the object has none: a note). Exactly one
        outcome per entry."""
        ...

    def kept(self, object: str, key: str, entries: Sequence[Entry]) -> Mapping[str, str]:
        """Key → the vendor's id, of those that are there."""
        ...

    def discard(self, object: str, ids: Sequence[str]) -> Iterable[Outcome]:
        """Delete these entries, for somebody who is forgotten. Gone already counts as Written."""
        ...


# ---------------------------------------------------------------- tasks


class Priority(StrEnum):
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


@dataclass(frozen=True)
class Task:
    """Something for one person to do about one record. `body` is plain text; a connector escapes it as its vendor needs
    it. `account` is the id of the record's account."""

    key: str
    subject: str = field(repr=False)
    body: str = field(repr=False)
    due: date
    object: str
    record_id: str
    account: str | None = None
    owner: str | None = None
    priority: Priority = Priority.NORMAL


@dataclass(frozen=True)
class Owner:
    """Somebody a record or a task may belong to. `active` is false for who has left: vendors refuse tasks for them."""

    id: str
    name: str = field(default="", repr=False)
    email: str | None = field(default=None, repr=False)
    active: bool = True


@dataclass(frozen=True)
class Case:
    """A support case of a customer, as much of it as helps before a call."""

    id: str
    subject: str = field(repr=False)
    status: str
    is_open: bool
    opened_at: datetime
    closed_at: datetime | None = None


@dataclass(frozen=True)
class TaskState:
    """What became of a task."""

    id: str
    is_open: bool
    closed_at: datetime | None = None  # None also where the vendor does not tell
    owner: str | None = None


@runtime_checkable
class GivesTasks(Protocol):
    """Methods raise what those of a Destination raise."""

    def give(self, tasks: Sequence[Task]) -> Iterable[Making]:
        """Create each task that is not there yet: one that is stays as people left it, and is Made. A subject or body
        that is too long is cut, and ends in "…". Exactly one outcome per task; Unknown where the call's fate is not
        known, and then nothing is repeated before `given` was asked."""
        ...

    def given(self, tasks: Sequence[Task]) -> Mapping[str, str]:
        """Key → the vendor's id, of those that are there, closed ones too."""
        ...

    def task_states(self, ids: Sequence[str]) -> Mapping[str, TaskState]:
        """Those that are there, by id; a deleted one is missing."""
        ...

    def take_away(self, ids: Sequence[str]) -> Iterable[Outcome]:
        """Delete these tasks, for somebody who is forgotten. Gone already counts as Written."""
        ...

    def owners(self, ids: Sequence[str]) -> Mapping[str, Owner]:
        """Those that are there, by id: people and, where the vendor has them, queues."""
        ...

    def owner_of(self, email: str) -> Owner | None:
        """The active one with this address."""
        ...

    def cases(self, object: str, ids: Sequence[str], since: datetime) -> Mapping[str, Sequence[Case]]:
        """Of each of these records, its open cases and those opened since then, the latest first."""
        ...

    def page(self, object: str, id: str) -> str:
        """Where a person reads this record in the vendor's own pages; "" where that is not known."""
        ...


# ---------------------------------------------------------------- places on lists


@runtime_checkable
class KeepsLists(Protocol):
    """Methods raise what those of a Destination raise."""

    def list_id(self, name: str, object: str) -> str:
        """The list (or campaign) with this name or id, for records of this object. ConfigError, naming what there is
        to do, when there is none, several, or one whose members nobody may set."""
        ...

    def add(self, list: str, object: str, ids: Sequence[str], status: str | None) -> Iterable[Making]:
        """Put these records on the list, keyed by record id; who is on it already is Made as well. `Made.id` is the
        vendor's id of the membership, or the record's where it has none. `status` as the campaign names it."""
        ...

    def drop(self, list: str, object: str, ids: Sequence[str]) -> Iterable[Outcome]:
        """Take these records off the list; not on it already counts as Written."""
        ...

    def on(self, list: str, object: str, ids: Sequence[str]) -> frozenset[str]:
        """Which of these records are on it."""
        ...
