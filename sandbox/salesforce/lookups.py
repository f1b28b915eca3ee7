"""The vendor's own rules for one object, and what most of them ask: that a lookup points to something."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sandbox.salesforce.errors import RecordError
from sandbox.salesforce.tables import Column, Record, Table
from sandbox.salesforce.values import Stored

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

Wanted = Mapping[Column, Stored]


class Keeper:
    """The vendor's own rules for one object; here those of an object that has none."""

    def defaults(self, by: str) -> Mapping[str, Stored]:
        return {}

    def check(self, wanted: Wanted, row: Record | None) -> None:
        """Before anything is written (`row` is None for a new record); raises RecordError."""

    def saved(self, row: Record) -> None:
        """What the vendor sets besides."""

    def deleting(self, row: Record) -> None:
        """Before a record goes; raises RecordError."""


def insist_on(org: Org, column: Column, id: str) -> tuple[Table, Record]:
    """The record a lookup points to: of one of its objects, there, and not deleted."""
    tables = [table for name in column.field.targets if (table := org.table(name)) is not None]
    table = next((one for one in tables if id.startswith(one.type.prefix)), None)
    if table is None:
        names = "/".join(column.field.targets)
        raise RecordError("MALFORMED_ID", f"{names} ID: id value of incorrect type: {id}", column.field.name)
    try:
        return table, table.existing(id)
    except RecordError as problem:
        raise RecordError(problem.code, problem.message, column.field.name) from None


def after(table: Table, wanted: Wanted, row: Record | None, name: str) -> Stored:
    """What the field holds once this is written."""
    column = table.columns[name.lower()]
    if column in wanted:
        return wanted[column]
    return None if row is None else row[column.place]
