"""One table of CRM records: unique values, merges, the recycle bin, and what every field held before."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sandbox.hubspot.definitions import Property, in_iso, stored
from sandbox.hubspot.refusals import InvalidValue, Refusal, invalid, not_found, values_not_valid
from sandbox.hubspot.standard import ObjectType

Values = dict[str, str | None]


@dataclass(frozen=True, slots=True)
class Happening:
    """Something an account's webhooks and workflows may tell of: `what` is creation, propertyChange, deletion,
    restore, merge or privacyDeletion."""

    table: Table
    what: str
    id: str
    at: datetime
    source: str = "CRM_UI"
    name: str | None = None
    value: str | None = None
    more: Mapping[str, Any] = field(default_factory=dict)


Watcher = Callable[[Happening], None]
Rule = Callable[["Record | None", Mapping[str, "str | None"], datetime], Values]


@dataclass(frozen=True, slots=True)
class Version:
    """What a field held from a moment on."""

    value: str | None
    at: str
    source: str


@dataclass(slots=True)
class Record:
    """`values` holds only what is filled; an absent name is an empty property."""

    id: str
    values: dict[str, str]
    created_at: str
    updated_at: str
    archived: bool = False
    changes: dict[str, list[Version]] = field(default_factory=dict)
    before: list[tuple[datetime, dict[str, str]]] = field(default_factory=list)

    def as_json(self, names: list[str], showing: Mapping[str, str] | None = None) -> dict[str, Any]:
        values = self.values if showing is None else showing
        return {
            "id": self.id,
            "properties": {name: values.get(name) for name in names},
            "createdAt": self.created_at,
            "updatedAt": self.updated_at,
            "archived": self.archived,
        }

    def history(self, name: str) -> list[Version]:
        """Newest first, as the vendor shows it."""
        if versions := self.changes.get(name):
            return versions[::-1]
        value = self.values.get(name)
        return [] if value is None else [Version(value, self.created_at, "IMPORT")]

    def as_of(self, moment: datetime) -> Mapping[str, str] | None:
        """What the record showed then; None when it did not exist yet."""
        for until, values in self.before:
            if moment < until:
                return values or None
        return self.values


class Table:
    """All records of one object type, and their property definitions."""

    def __init__(self, kind: ObjectType, *, first_id: int) -> None:
        self.kind = kind
        self.definitions: dict[str, Property] = {one.name: one for one in kind.properties}
        self.groups: dict[str, str] = dict(kind.groups)
        self.records: dict[str, Record] = {}
        self.merged_into: dict[str, str] = {}
        self.remembers_before = False
        self.rule: Rule | None = None  # what the account sets besides, when something is written
        self.watchers: list[Watcher] = []
        self._next_id = first_id
        self._binned = 0
        self._ordered: list[int] = []
        self._holders: dict[str, dict[str, str]] = {one.name: {} for one in kind.properties if one.unique}

    # Finding

    def by_id(self, record_id: str, *, archived: bool = False) -> Record | None:
        """The record an id leads to today: an absorbed id leads to the survivor."""
        seen = self.merged_into.get(record_id, record_id)
        record = self.records.get(seen)
        return record if record is not None and record.archived == archived else None

    def by(self, name: str, value: str, *, archived: bool = False) -> Record | None:
        """By a unique property. E-mails compare in lower case, additional ones included."""
        holder = self._holders[name].get(_key(name, value))
        return None if holder is None else self.by_id(holder, archived=archived)

    def is_unique(self, name: str) -> bool:
        return name in self._holders

    def shown(self, names: Iterable[str]) -> list[str]:
        """What a reply carries: the properties asked for, else the defaults, and always the record's dates.
        Names HubSpot has never heard of are left out without a word."""
        wanted = [*names] or [*self.kind.shown_by_default]
        always = (self.kind.created, "hs_object_id", self.kind.modified)
        return [name for name in dict.fromkeys([*wanted, *always]) if name in self.definitions]

    def after(self, record_id: int, count: int, *, archived: bool = False) -> list[Record]:
        """The next records by id: how lists page."""
        found: list[Record] = []
        start = bisect_right(self._ordered, record_id)
        for position in range(start, len(self._ordered)):
            record = self.records.get(str(self._ordered[position]))
            if record is not None and record.archived == archived:
                found.append(record)
                if len(found) == count:
                    break
        return found

    def living(self) -> Iterator[Record]:
        return (record for record in self.records.values() if not record.archived)

    def __len__(self) -> int:
        """Records outside the recycle bin."""
        return len(self.records) - self._binned

    # Checking

    def checked(self, record: Record | None, wanted: Mapping[str, str]) -> Values:
        """The values as they would be stored, or a Refusal that names every bad one."""
        kept: Values = {}
        problems: list[InvalidValue] = []
        for name, text in wanted.items():
            definition = self.definitions[name]
            current = record.values.get(name) if record is not None else None
            value = stored(definition, text, current)
            if len(text) > self.kind.longest.get(name, len(text)):
                value = definition.problem(
                    f"{name} is longer than {self.kind.longest[name]} characters", "INVALID_LENGTH"
                )
            if isinstance(value, InvalidValue):
                problems.append(value)
            else:
                kept[name] = value
        if problems:
            raise values_not_valid(problems)
        self._refuse_taken(record, kept)
        return kept

    def unwritable(self, names: Mapping[str, object] | set[str]) -> list[InvalidValue]:
        """The names no record of this type takes: a mistake in the mapping, whatever the values."""
        problems = []
        for name in names:
            definition = self.definitions.get(name)
            if definition is None:
                problems.append(
                    InvalidValue(name, f'Property "{name}" does not exist', "PROPERTY_DOESNT_EXIST")
                )
            elif definition.read_only or definition.calculated:
                message = f'"{name}" is a read only property; its value cannot be set.'
                problems.append(InvalidValue(name, message, "READ_ONLY_VALUE"))
        return problems

    def _refuse_taken(self, record: Record | None, values: Values) -> None:
        for name in values.keys() & self._holders.keys():
            value = values[name]
            holder = self.by(name, value) if value is not None else None
            if holder is not None and (record is None or holder.id != record.id):
                word = self.kind.singular.capitalize()
                raise Refusal(409, "CONFLICT", f"{word} already exists. Existing ID: {holder.id}")

    # Changing

    def create(
        self, values: Mapping[str, str | None], *, at: datetime, record_id: str | None = None
    ) -> Record:
        """A new record with values already in stored form."""
        record_id = record_id or str(self._next_id)
        self._next_id = max(self._next_id, int(record_id)) + 1
        now = in_iso(at)
        if self.rule is not None:
            values = {**values, **self.rule(None, values, at)}
        filled = {name: value for name, value in values.items() if value is not None}
        filled |= {"hs_object_id": record_id, self.kind.created: now, self.kind.modified: now}
        record = Record(record_id, filled, now, now)
        if self.remembers_before:
            record.before.append((at, {}))
        self.records[record_id] = record
        self._ordered.append(int(record_id))
        if len(self._ordered) > 1 and self._ordered[-2] > int(record_id):
            self._ordered.sort()
        self._hold(record)
        if self.watchers:
            self._tell(Happening(self, "creation", record.id, at, more={"changeFlag": "NEW"}))
        return record

    def update(self, record: Record, values: Mapping[str, str | None], *, at: datetime, source: str) -> None:
        """Stored-form values onto a record. Writing what is already there still counts as modified."""
        now = in_iso(at)
        if self.rule is not None:
            values = {**values, **self.rule(record, values, at)}
        if self.remembers_before:
            record.before.append((at, dict(record.values)))
        changed: list[Happening] = []
        self._release(record, values.keys())
        for name, value in values.items():
            before = record.values.get(name)
            if before == value:
                continue
            versions = record.changes.setdefault(name, [])
            if not versions and before is not None:
                versions.append(Version(before, record.created_at, "IMPORT"))
            versions.append(Version(value, now, source))
            if self.watchers:
                changed.append(Happening(self, "propertyChange", record.id, at, source, name, value))
            if value is None:
                del record.values[name]
            else:
                record.values[name] = value
        record.updated_at = record.values[self.kind.modified] = now
        self._hold(record)
        for happening in changed:
            self._tell(happening)

    def archive(self, record: Record, *, at: datetime) -> None:
        record.archived = True
        self._binned += 1
        self._tell(Happening(self, "deletion", record.id, at))

    def restore(self, record: Record, *, at: datetime) -> None:
        record.archived = False
        self._binned -= 1
        self._tell(Happening(self, "restore", record.id, at))

    def forget(self, record_id: str, *, at: datetime) -> None:
        """A privacy deletion: nothing remains, not even in the recycle bin. Webhooks hear of it twice."""
        record = self.records.pop(record_id)
        self._release(record, self._holders.keys())
        for what in ("privacyDeletion", "deletion"):
            self._tell(Happening(self, what, record_id, at))

    def _tell(self, happening: Happening) -> None:
        for watcher in self.watchers:
            watcher(happening)

    def merge(self, winner: Record, loser: Record, *, at: datetime, keep_winner_id: bool) -> Record:
        """The survivor. Both old ids lead to it, under a new id unless the winner keeps its own."""
        values: Values = {**loser.values, **winner.values}
        for record in (winner, loser):
            self._release(record, self._holders.keys())
            del self.records[record.id]
        absorbed = [loser.id] if keep_winner_id else [winner.id, loser.id]
        earlier = [one for one in (values.get("hs_merged_object_ids") or "").split(";") if one]
        values["hs_merged_object_ids"] = ";".join([*earlier, *absorbed])
        if self.kind.name == "contacts":
            values |= _united_emails(winner, loser)
            stamp = int(at.timestamp() * 1000)
            values["hs_calculated_merged_vids"] = ";".join(f"{one}:{stamp}" for one in absorbed)
        if keep_winner_id:
            self._ordered.remove(int(winner.id))
        survivor = self.create(values, at=at, record_id=winner.id if keep_winner_id else None)
        survivor.changes = {**loser.changes, **winner.changes}
        for old, new in self.merged_into.items():
            if new in absorbed:
                self.merged_into[old] = survivor.id
        self.merged_into |= dict.fromkeys(absorbed, survivor.id)
        told = {"primaryObjectId": int(winner.id), "mergedObjectIds": [int(loser.id)]}
        told |= {"newObjectId": int(survivor.id), "numberOfPropertiesMoved": len(loser.values)}
        self._tell(Happening(self, "merge", survivor.id, at, more=told))
        return survivor

    def define(self, definition: Property) -> None:
        self.definitions[definition.name] = definition
        if definition.unique:
            self._holders.setdefault(definition.name, {})

    def undefine(self, name: str) -> None:
        """A field removed overnight takes its values with it."""
        del self.definitions[name]
        self._holders.pop(name, None)
        for record in self.records.values():
            record.values.pop(name, None)

    def drift(self, object: str, field: str, change: str) -> None:
        """What a fault does to a property overnight. Names never change here: a renamed one is a new one."""
        definition = self.definitions.get(field)
        if object != self.kind.name or definition is None:
            return
        match change:
            case "delete":
                self.undefine(field)
            case "rename":
                self.undefine(field)
                self.define(replace(definition, name=f"{field}_old"))
            case "read_only":
                self.define(replace(definition, read_only=True))
            case _:
                raise ValueError(f"no change {change}; there are: delete, rename, read_only")

    def _hold(self, record: Record) -> None:
        for name, holders in self._holders.items():
            for value in _held(record, name):
                holders[value] = record.id

    def _release(self, record: Record, names: Iterable[str]) -> None:
        names = set(names)
        also = {"email"} if "hs_additional_emails" in names else set()
        for name in (names | also) & self._holders.keys():
            for value in _held(record, name):
                if self._holders[name].get(value) == record.id:
                    del self._holders[name][value]


def _key(name: str, value: str) -> str:
    return value.strip().lower() if name == "email" else value


def _held(record: Record, name: str) -> list[str]:
    value = record.values.get(name)
    held = [] if value is None else [_key(name, value)]
    if name == "email" and (more := record.values.get("hs_additional_emails")):
        held += [_key(name, one) for one in more.split(";") if one]
    return held


def _united_emails(winner: Record, loser: Record) -> Values:
    addresses = list(dict.fromkeys([*_held(winner, "email"), *_held(loser, "email")]))
    return {
        "email": addresses[0] if addresses else None,
        "hs_additional_emails": ";".join(addresses[1:]) or None,
    }


def unique_or_refuse(table: Table, name: str) -> str:
    """The name of a property records can be looked up by."""
    if not table.is_unique(name):
        raise invalid(f"Property '{name}' is not a unique identifier property of {table.kind.singular}")
    return name


def get_or_refuse(table: Table, record_id: str, id_property: str | None, *, archived: bool) -> Record:
    if id_property and id_property != "hs_object_id":
        found = table.by(unique_or_refuse(table, id_property), record_id, archived=archived)
    else:
        found = table.by_id(record_id, archived=archived)
    if found is None:
        raise not_found()
    return found
