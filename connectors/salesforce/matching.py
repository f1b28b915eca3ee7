"""Which looked-up value names which record: compared the way Salesforce compares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from connectors.salesforce.ids import long_id
from connectors.salesforce.reading import follow
from connectors.salesforce.schema import Column
from connectors.salesforce.soql import Wanted, literal
from nps.schema import FieldType


class Asked:
    """The values of one lookup.

    Salesforce compares text without telling upper from lower case, except in fields declared case sensitive
    (unverified for e-mail against a live org; a record it finds by other rules is reported, never guessed
    at).
    """

    def __init__(self, field: str, column: Column, values: Sequence[str]) -> None:
        self.field = field
        self._column = column
        self._path = tuple(field.split("."))
        self._values = list(dict.fromkeys(values))
        self._named: dict[object, list[str]] = {}
        for value in self._values:
            self._named.setdefault(self._comparable(value), []).append(value)

    def wanted(self) -> Iterator[Wanted]:
        """What the query must ask for; values the field cannot hold are left out."""
        for same in self._named.values():
            text = literal(self._column, same[0])
            if text is not None:
                yield Wanted(self.field, text)

    def named_by(self, row: Mapping[str, Any]) -> Sequence[str]:
        """The asked values that name this record."""
        live = row[self.field] if len(self._path) == 1 else follow(row, self._path)
        if live is None:
            return ()
        return self._named.get(self._comparable(live), ())

    def _comparable(self, value: object) -> object:
        column = self._column
        if column.schema.type in (FieldType.INTEGER, FieldType.NUMBER):
            return _number(value)
        text = str(value)
        if column.kind in ("id", "reference"):
            return long_id(text) or text
        return text if column.case_sensitive else text.strip().lower()


def _number(value: object) -> object:
    try:
        return Decimal(str(value))
    except ArithmeticError:
        return value
