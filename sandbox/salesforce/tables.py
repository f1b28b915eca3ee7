"""The toy org's tables: rows, indexes, and the one way a row is written."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.errors import ApiError, RecordError
from sandbox.salesforce.ids import canonical, record_id
from sandbox.salesforce.schema import CLOSED_STATUSES, Field, ObjectType
from sandbox.salesforce.values import Stored
from sandbox.toy import NoSuchRecord

if TYPE_CHECKING:
    from sandbox.salesforce.sight import Sight

_NAMED = ("Contact", "Lead", "Account")  # a person's name is made of two
# A row is a list with one place per field: 100,000 contacts as dicts would take four times the room.
Record = list[Stored]
ToStored = Callable[[Field, Any], Stored]


class Index:
    """Ids by the lower-cased value of one field. Almost every value has one id, so that is kept bare."""

    def __init__(self) -> None:
        self._ids: dict[str, str | list[str]] = {}

    def find(self, value: str) -> list[str]:
        found = self._ids.get(value.lower(), [])
        return [found] if isinstance(found, str) else found

    def add(self, value: Stored, id: str) -> None:
        if not isinstance(value, str):
            return
        key = value.lower()
        found = self._ids.get(key)
        if found is None:
            self._ids[key] = id
        elif isinstance(found, str):
            self._ids[key] = [found, id]
        else:
            found.append(id)

    def remove(self, value: Stored, id: str) -> None:
        if not isinstance(value, str):
            return
        left = [other for other in self.find(value) if other != id]
        if left:
            self._ids[value.lower()] = left
        else:
            self._ids.pop(value.lower(), None)


@dataclass(frozen=True, eq=False)  # compared by identity: columns are keys, thousands of times per request
class Column:
    place: int
    field: Field


class Table:
    """One object's records by 18-character id, deleted ones included."""

    def __init__(self, type: ObjectType) -> None:
        self.type = type
        self.name = type.name
        self.columns = {field.name.lower(): Column(place, field) for place, field in enumerate(type.fields)}
        self.rows: dict[str, Record] = {}
        self.indexes = {place: Index() for place, field in enumerate(type.fields) if field.indexed}
        self.hidden: set[str] = set()  # lower-cased names without field-level security
        self.guarded: set[str] = set()  # those that only permission sets show
        self.sight: Sight | None = None
        self._numbers = itertools.count(1)
        self._blank: Record = [False if field.type == "boolean" else None for field in type.fields]
        self.id, self.deleted = self.place("Id"), self.place("IsDeleted")
        self._modified = tuple(self.place(name) for name in ("LastModifiedDate", "SystemModstamp"))
        self._modified_by = self.place("LastModifiedById")
        self._derived = (
            [self.place(n) for n in ("FirstName", "LastName", "Name")] if self.name in _NAMED else []
        )
        self._converted = self.place("IsConverted") if "isconverted" in self.columns else None

    def place(self, name: str) -> int:
        return self.columns[name.lower()].place

    def column(self, name: str) -> Column | None:
        """None for a field that does not exist or is not visible: the vendor does not tell these apart."""
        key = name.lower()
        column = self.columns.get(key)
        if column is None or key in self.hidden:
            return None
        if key in self.guarded and self.sight is not None and not self.sight.reads(self.name, name):
            return None
        return column

    def may_edit(self, column: Column) -> bool:
        """Whether the caller's permission sets let him write a field that only they show."""
        name = column.field.name
        return name.lower() not in self.guarded or self.sight is None or self.sight.edits(self.name, name)

    def writable(self, name: str) -> Column:
        column = self.column(name)
        if column is None:
            raise ApiError(
                400, "INVALID_FIELD", f"No such column '{name}' on sobject of type {self.name}", (name,)
            )
        return column

    def visible(self) -> list[Column]:
        return [column for name in self.columns if (column := self.column(name)) is not None]

    # ------------------------------------------------------------ finding

    def live(self) -> Iterator[Record]:
        return (row for row in self.rows.values() if not row[self.deleted])

    def existing(self, id: object) -> Record:
        """The row a write names; raises RecordError in the vendor's words."""
        row = self._existing(id)
        if self._converted is not None and row[self._converted]:
            raise RecordError("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
        return row

    def _existing(self, id: object) -> Record:
        if isinstance(id, str) and (row := self.rows.get(id)) is not None and not row[self.deleted]:
            return row  # by far the most
        full = canonical(id) if isinstance(id, str) else None
        if full is None or not full.startswith(self.type.prefix):
            raise RecordError("MALFORMED_ID", f"{self.name} ID: id value of incorrect type: {id}", "Id")
        row = self.rows.get(full)
        if row is None:
            raise RecordError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        if row[self.deleted]:
            raise RecordError("ENTITY_IS_DELETED", "entity is deleted")
        return row

    def by_key(self, column: Column, value: str) -> list[Record]:
        """Live rows whose external id is `value`."""
        rows = (self.rows[id] for id in self.indexes[column.place].find(value))
        return [row for row in rows if not row[self.deleted]]

    def pointing(self, name: str, id: str) -> list[Record]:
        """Live rows whose reference `name`, an indexed field, is this record."""
        rows = (self.rows[one] for one in self.indexes[self.place(name)].find(id))
        return [row for row in rows if not row[self.deleted]]

    def row(self, id: str) -> Record:
        row = self.rows.get(canonical(id) or id)
        if row is None:
            raise NoSuchRecord(f"no {self.name} {id}")
        return row

    # ------------------------------------------------------------ writing

    def stored(
        self, fields: Mapping[str, Any], to_stored: ToStored, *, id: str | None = None
    ) -> dict[Column, Stored]:
        """The values a caller sent, checked as the vendor checks them; nothing is written yet."""
        wanted = {}
        for name, value in fields.items():
            column = self.writable(name)
            created_only = column.field.create_only and id is not None
            if not column.field.updateable or created_only or not self.may_edit(column):
                raise RecordError(
                    "INVALID_FIELD_FOR_INSERT_UPDATE",
                    f"Unable to create/update fields: {column.field.name}. Please check the security of "
                    "this field and verify that it is read/write for your profile.",
                    column.field.name,
                )
            wanted[column] = self._checked(column, to_stored(column.field, value), id)
        return wanted

    def _checked(self, column: Column, value: Stored, id: str | None) -> Stored:
        field = column.field
        if field.to and isinstance(value, str):
            full = canonical(value)
            if full is None:
                raise RecordError(
                    "MALFORMED_ID", f"{field.label}: id value of incorrect type: {value}", field.name
                )
            value = full
        if field.unique and isinstance(value, str):
            others = [row[self.id] for row in self.by_key(column, value) if row[self.id] != id]
            if others:
                raise RecordError(
                    "DUPLICATE_VALUE",
                    f"duplicate value found: {field.name} duplicates value on record with id: {others[0]}",
                )
        return value

    def write(self, row: Record, wanted: Mapping[Column, Stored], *, now: str, by: str) -> None:
        for column, value in wanted.items():
            self._set(row, column.place, value)
        for place in self._modified:
            row[place] = now
        row[self._modified_by] = by
        self._derive(row, now)

    def create(
        self, wanted: Mapping[Column, Stored], defaults: Mapping[str, Stored], *, now: str, by: str
    ) -> str:
        for name, column in self.columns.items():
            if column.field.nillable or column.field.type == "boolean" or not column.field.updateable:
                continue
            if wanted.get(column) is None and name not in {key.lower() for key in defaults}:
                raise RecordError(
                    "REQUIRED_FIELD_MISSING",
                    f"Required fields are missing: [{column.field.name}]",
                    column.field.name,
                )
        id = self.insert({**defaults, "CreatedDate": now})
        self.write(self.rows[id], wanted, now=now, by=by)
        return id

    def insert(self, fields: Mapping[str, Stored], id: str | None = None) -> str:
        """A new row exactly as given; its id, which is the next one unless it is told."""
        id = id or record_id(self.type.prefix, next(self._numbers))
        row = list(self._blank)
        self.rows[id] = row
        for name, value in fields.items():
            self._set(row, self.place(name), value, id)
        self._set(row, self.id, id, id)
        return id

    def put(self, row: Record, name: str, value: Stored) -> None:
        """What the vendor sets by itself: no one modified the record."""
        self._set(row, self.place(name), value)

    def delete(self, row: Record, *, now: str, into: str | None = None) -> None:
        row[self.deleted] = True
        for place in self._modified:
            row[place] = now
        if into is not None:
            row[self.place("MasterRecordId")] = into

    def forget(self, id: str) -> None:
        """As if it had never been."""
        row = self.rows.pop(id)
        for place, index in self.indexes.items():
            index.remove(row[place], id)

    def add_field(self, field: Field) -> Column:
        """Empty on every record there is."""
        column = Column(len(self._blank), field)
        self.columns[field.name.lower()] = column
        empty = False if field.type == "boolean" else None
        for row in (self._blank, *self.rows.values()):
            row.append(empty)
        if field.external_id or field.unique or field.to or field.indexed:
            self.indexes[column.place] = Index()
        return column

    def drop_field(self, name: str) -> None:
        """Its values are gone with it; its place stays empty."""
        column = self.columns.pop(name.lower())
        self.indexes.pop(column.place, None)
        self.guarded.discard(name.lower())
        self.hidden.discard(name.lower())
        for row in self.rows.values():
            row[column.place] = None

    def rename(self, old: str, new: str) -> None:
        """Somebody renamed the field in Setup; its values stay."""
        column = self.columns[old.lower()]
        self.alter(column, replace(column.field, name=new))

    def drift(self, object: str, field: str, change: str) -> None:
        """What a fault does to a field overnight: delete, rename or read_only. Nothing where it is gone already."""
        column = self.columns.get(field.lower())
        if object != self.name or column is None:
            return
        match change:
            case "delete":
                self.hidden.add(field.lower())
            case "rename":
                self.rename(field, field.removesuffix("__c") + "_Old__c")
            case "read_only":
                self.alter(column, replace(column.field, updateable=False))
            case _:
                raise ValueError(f"no change {change}; there are: delete, rename, read_only")

    def alter(self, column: Column, field: Field) -> None:
        """Somebody changed the field's definition; what records hold stays."""
        changed = Column(column.place, field)
        kept = (changed if each is column else each for each in self.columns.values())
        self.columns = {
            each.field.name.lower(): each for each in kept
        }  # in order: rows are made in this order

    def shown(self, row: Record) -> dict[str, Any]:
        """Every field, hidden ones too, as control and the pages see them."""
        shown: dict[str, Any] = {"id": row[self.id]}
        shown.update((column.field.name, row[column.place]) for column in self.columns.values())
        return shown

    def _set(self, row: Record, place: int, value: Stored, id: str | None = None) -> None:
        index = self.indexes.get(place)
        if index is not None and row[place] != value:
            key = id or str(row[self.id])
            index.remove(row[place], key)
            index.add(value, key)
        row[place] = value

    def _derive(self, row: Record, now: str) -> None:
        if self._derived and row[self._derived[1]] is not None:  # a company has one name
            first, last, name = self._derived
            row[name] = f"{row[first]} {row[last]}" if row[first] else row[last]
        if self.name == "Case":
            closed = row[self.place("Status")] in CLOSED_STATUSES
            if closed != row[self.place("IsClosed")]:
                row[self.place("IsClosed")] = closed
                row[self.place("ClosedDate")] = now if closed else None
