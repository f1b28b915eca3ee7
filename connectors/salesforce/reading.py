"""From a row of a query answer to a record in canonical form, compiled once per query."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.salesforce.codecs import Reader, reader
from connectors.salesforce.schema import Column
from nps.changes import Record
from nps.values import Json


class Reading:
    """What is read of an object, and how each field is brought into canonical form."""

    def __init__(self, object: str, columns: Mapping[str, Column]) -> None:
        self.object = object
        self._plain: list[tuple[str, Reader | None]] = []
        self._along: list[tuple[str, tuple[str, ...], Reader | None]] = []
        for name, column in columns.items():
            if "." in name:
                self._along.append((name, tuple(name.split(".")), reader(column)))
            else:
                self._plain.append((name, reader(column)))
        self._names = list(columns)

    def select(self, *also: str) -> str:
        """The field list of the query; the id always leads it."""
        return ", ".join(dict.fromkeys(["Id", *self._names, *also]))

    def record(self, row: Mapping[str, Any]) -> Record:
        fields: dict[str, Json] = {}
        for name, read in self._plain:
            live = row[name]
            fields[name] = live if read is None else read(live)
        for name, path, read in self._along:
            live = follow(row, path)
            fields[name] = live if read is None or live is None else read(live)
        return Record(self.object, row["Id"], fields)


def follow(row: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    """A value along relations; None where a relation is empty."""
    value: Any = row
    for name in path:
        if value is None:
            return None
        value = value[name]
    return value
