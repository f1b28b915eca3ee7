"""A CRM in memory that keeps histories, tasks and lists too, and a channel to tell people in; with knobs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import count

from memory_destination import MemoryCrm

from connectors.contract import OWNER_REFUSED, Alert, Case, Entry, Making, Owner, Task, TaskState
from nps.changes import Deferred, Made, Outcome, Rejected, Unknown, Written
from nps.values import Json, JsonFields


class CaringCrm(MemoryCrm):
    """Every creation is noted in `made`, so that a second one for the same key shows."""

    def __init__(self) -> None:
        super().__init__()
        self.kept_entries: dict[str, JsonFields] = {}  # by our key
        self.notes: dict[str, tuple[str, Json]] | None = (
            None  # by the CRM's id: of which record, and its text
        )
        self.kept_about: dict[str, Mapping[str, str]] = {}
        self.tasks: dict[str, Task] = {}  # by the CRM's id
        self.states: dict[str, TaskState] = {}
        self.people = {id: Owner(id, id.title(), f"{id}@acme.com") for id in ("kim", "lee", "boss")}
        self.told_cases: dict[str, list[Case]] = {}
        self.lists: dict[str, dict[str, str | None]] = {"promoters": {}, "detractors": {}}
        self.made: list[tuple[str, str]] = []  # (kind, key), in order
        self.outcome: dict[
            str, Callable[[str], Making]
        ] = {}  # by our key: what the CRM says instead of doing it
        self.mute: set[str] = set()  # keys of which it says nothing known, although it did it
        self._ids = count(1)

    # ------------------------------------------------------------ history

    def keep(self, object: str, key: str, entries: Sequence[Entry]) -> Iterable[Making]:
        self._call("keep")
        for one in entries:
            if refused := self._instead(one.key):
                yield refused
                continue
            if self.notes is not None:
                yield Made(one.key, self._noted(one))
                continue
            if one.key not in self.kept_entries:
                self.made.append(("history", one.key))
            self.kept_entries[one.key] = {**self.kept_entries.get(one.key, {}), **one.fields}
            self.kept_about[one.key] = dict(one.about)
            yield self._said(one.key, f"h-{one.key}")
        self.after_write()

    def kept(self, object: str, key: str, entries: Sequence[Entry]) -> Mapping[str, str]:
        self._call("kept")
        if self.notes is not None:
            at = {record: id for id, (record, _) in self.notes.items()}
            return {one.key: at[of] for one in entries if (of := next(iter(one.about.values()))) in at}
        return {one.key: f"h-{one.key}" for one in entries if one.key in self.kept_entries}

    def keep_notes(self) -> dict[str, tuple[str, Json]]:
        """From now on what it keeps has no key of its own: it is found at the record it is of alone."""
        self.notes = {}
        return self.notes

    def _noted(self, one: Entry) -> str:
        assert self.notes is not None
        of = next(iter(one.about.values()))
        id = next((id for id, (record, _) in self.notes.items() if record == of), f"n{next(self._ids)}")
        self.notes[id] = (of, one.fields.get("body"))
        return id

    def discard(self, object: str, ids: Sequence[str]) -> Iterable[Outcome]:
        for id in ids:
            if self.notes is not None:
                self.notes.pop(id, None)
            self.kept_entries.pop(id.removeprefix("h-"), None)
            yield Written(id)

    # ------------------------------------------------------------ tasks

    def give(self, tasks: Sequence[Task]) -> Iterable[Making]:
        """Does less than is asked of a connector: a task that is there already is given again."""
        self._call("give")
        for task in tasks:
            if refused := self._instead(task.key):
                yield refused
                continue
            owner = self.people.get(task.owner or "")
            if owner is None or not owner.active:
                yield Rejected(task.key, OWNER_REFUSED, "the owner is inactive")
                continue
            id = f"t{next(self._ids)}"
            self.tasks[id] = task
            self.states[id] = TaskState(id, is_open=True, owner=task.owner)
            self.made.append(("task", task.key))
            yield self._said(task.key, id)
        self.after_write()

    def given(self, tasks: Sequence[Task]) -> Mapping[str, str]:
        """Found among the tasks of the record they are sought at, as where tasks have no key of their own."""
        self._call("given")
        sought = {(task.key, task.record_id) for task in tasks}
        return {one.key: id for id, one in self.tasks.items() if (one.key, one.record_id) in sought}

    def task_states(self, ids: Sequence[str]) -> Mapping[str, TaskState]:
        self._call("task_states")
        return {id: self.states[id] for id in ids if id in self.states}

    def close_task(self, id: str, at: datetime) -> None:
        self.states[id] = replace(self.states[id], is_open=False, closed_at=at)

    def take_away(self, ids: Sequence[str]) -> Iterable[Outcome]:
        for id in ids:
            self.tasks.pop(id, None)
            self.states.pop(id, None)
            yield Written(id)

    def owners(self, ids: Sequence[str]) -> Mapping[str, Owner]:
        self._call("owners")
        return {id: self.people[id] for id in ids if id in self.people}

    def owner_of(self, email: str) -> Owner | None:
        self._call("owner_of")
        return next((one for one in self.people.values() if one.email == email and one.active), None)

    def leave(self, id: str) -> None:
        """A colleague leaves the company."""
        self.people[id] = replace(self.people[id], active=False)

    def cases(self, object: str, ids: Sequence[str], since: datetime) -> Mapping[str, Sequence[Case]]:
        self._call("cases")
        return {id: self.told_cases[id] for id in ids if id in self.told_cases}

    def page(self, object: str, id: str) -> str:
        return f"https://crm.example.com/{id}"

    # ------------------------------------------------------------ lists

    def list_id(self, name: str, object: str) -> str:
        self._call("list_id")
        return name

    def add(  # type: ignore[override]  # the contract's name, which for MemoryCrm makes a contact
        self, list: str, object: str, ids: Sequence[str], status: str | None
    ) -> Iterable[Making]:
        self._call("add")
        for id in ids:
            if refused := self._instead(id):
                yield refused
                continue
            if id not in self.lists[list]:
                self.made.append(("list", id))
            self.lists[list][id] = status
            yield self._said(id, f"m-{id}")
        self.after_write()

    def drop(self, list: str, object: str, ids: Sequence[str]) -> Iterable[Outcome]:
        self._call("drop")
        for id in ids:
            self.lists[list].pop(id, None)
            yield Written(id)
        self.after_write()

    def on(self, list: str, object: str, ids: Sequence[str]) -> frozenset[str]:
        self._call("on")
        return frozenset(self.lists[list].keys() & set(ids))

    def _instead(self, key: str) -> Making | None:
        """Said once: the next time it is done."""
        return self.outcome.pop(key)(key) if key in self.outcome else None

    def _said(self, key: str, id: str) -> Making:
        return Unknown(key, "the answer does not mention it") if key in self.mute else Made(key, id)


def deferred(key: str) -> Making:
    return Deferred(key, "somebody has it open")


def refusal(key: str) -> Making:
    return Rejected(key, "validation", "not wanted here")


class Channel:
    """Somewhere people are told."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []
        self.before: Callable[[Alert], None] = lambda alert: None  # may raise: it was not taken
        self.after: Callable[[Alert], None] = lambda alert: None  # may raise: nobody knows

    def alert(self, alert: Alert) -> str:
        self.before(alert)
        self.alerts.append(alert)
        self.after(alert)
        return f"m{len(self.alerts)}"

    def close(self) -> None:
        pass
