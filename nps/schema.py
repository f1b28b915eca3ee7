"""What an object of a CRM looks like to the credential that asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
