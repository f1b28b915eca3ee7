"""What an object of a CRM looks like to the credential that asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class FieldType(StrEnum):
    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    CHOICE = "choice"
    MULTI = "multi"
    OTHER = "other"

    def takes(self, shown: FieldType) -> bool:
        """Whether a field of this type holds values of another."""
        return self in _FITS[shown]

    @property
    def in_words(self) -> str:
        return _IN_WORDS.get(self, "text")


_TEXTUAL = {FieldType.TEXT, FieldType.CHOICE, FieldType.MULTI, FieldType.OTHER}
_FITS: Mapping[FieldType, set[FieldType]] = {  # what is shown → the fields that take it
    FieldType.TEXT: _TEXTUAL,
    FieldType.INTEGER: {FieldType.INTEGER, FieldType.NUMBER, *_TEXTUAL},
    FieldType.NUMBER: {FieldType.NUMBER, FieldType.TEXT, FieldType.OTHER},
    FieldType.BOOLEAN: {FieldType.BOOLEAN, *_TEXTUAL},
    FieldType.DATE: {FieldType.DATE, FieldType.TEXT, FieldType.OTHER},
    FieldType.DATETIME: {FieldType.DATETIME, FieldType.TEXT, FieldType.OTHER},
    FieldType.CHOICE: {FieldType.TEXT, FieldType.CHOICE, FieldType.OTHER},
    FieldType.MULTI: {FieldType.MULTI, FieldType.OTHER},
    FieldType.OTHER: _TEXTUAL,
}
_IN_WORDS = {
    FieldType.INTEGER: "a whole number",
    FieldType.NUMBER: "a number",
    FieldType.BOOLEAN: "true or false",
    FieldType.DATE: "a date",
    FieldType.DATETIME: "a time",
    FieldType.CHOICE: "a choice",
    FieldType.MULTI: "a multiple choice",
}


@dataclass(frozen=True)
class FieldSchema:
    """One field of an object as the credential sees it. `options` are the values a (restricted) choice accepts."""

    name: str
    label: str
    type: FieldType
    writable: bool
    length: int | None = None
    options: tuple[str, ...] | None = None
    restricted: bool = True  # False: options are suggestions
    unique: bool = False
    extra_call: bool = False  # reading it costs a call of its own (HubSpot associations)


@dataclass(frozen=True)
class ObjectSchema:
    """An object and its fields; a field the credential may not see is absent."""

    name: str
    fields: Mapping[str, FieldSchema]
    writable: bool = True
    found_by: frozenset[str] | None = None  # the only fields records can be found by; None: any
    to_fill: Mapping[str, str] = field(default_factory=dict)
    """Fields that every mapping to these records has to fill, and why."""
