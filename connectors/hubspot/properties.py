"""What an object's properties are: HubSpot's definitions, read into our schema."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nps.schema import FieldSchema, FieldType, ObjectSchema

TEXT_LIMIT = 65_536
PRIMARY_COMPANY = "primary_company"
RECORD_ID = "hs_object_id"

# Association type of the primary company, per object that has one.
PRIMARY_COMPANY_TYPES: Mapping[str, int] = {"contacts": 1, "tickets": 26}

_OBJECT_NAMES = {
    "contact": "contacts",
    "0-1": "contacts",
    "company": "companies",
    "0-2": "companies",
    "deal": "deals",
    "0-3": "deals",
    "ticket": "tickets",
    "0-5": "tickets",
}

_TYPES = {
    "string": FieldType.TEXT,
    "phone_number": FieldType.TEXT,
    "number": FieldType.NUMBER,
    "bool": FieldType.BOOLEAN,
    "enumeration": FieldType.CHOICE,
    "date": FieldType.DATE,
    "datetime": FieldType.DATETIME,
}


_TYPE_IDS = {"contacts": "0-1", "companies": "0-2", "deals": "0-3", "tickets": "0-5"}


def object_type(name: str) -> str:
    """The object as it stands in HubSpot's paths: people may write "contact", "contacts" or "0-1"."""
    return _OBJECT_NAMES.get(name.lower(), name)


def type_id(object_type: str) -> str:
    """The number HubSpot has for it; a custom object goes by its name."""
    return _TYPE_IDS.get(object_type, object_type)


@dataclass(frozen=True)
class Properties:
    """An object's schema, and which of its properties name exactly one record."""

    schema: ObjectSchema
    object_type: str
    keys: frozenset[str] = field(default_factory=frozenset)

    def __contains__(self, name: object) -> bool:
        return name in self.schema.fields


def properties(name: str, definitions: Iterable[Mapping[str, Any]]) -> Properties:
    """The schema of object `name` from what HubSpot answers to "which properties are there"."""
    kind = object_type(name)
    fields = {row["name"]: _field(row) for row in definitions if row.get("name")}
    keys = {known.name for known in fields.values() if known.unique}
    if kind == "contacts" and "email" in fields:
        # HubSpot enforces one contact per e-mail address, though the definition does not call it unique.
        keys.add("email")
    if kind in PRIMARY_COMPANY_TYPES:
        fields[PRIMARY_COMPANY] = FieldSchema(
            name=PRIMARY_COMPANY,
            label="Primary company",
            type=FieldType.TEXT,
            writable=False,
            extra_call=True,
        )
    return Properties(schema=ObjectSchema(name=name, fields=fields), object_type=kind, keys=frozenset(keys))


def _field(row: Mapping[str, Any]) -> FieldSchema:
    kind = _TYPES.get(str(row.get("type")), FieldType.OTHER)
    if kind is FieldType.CHOICE and row.get("fieldType") == "checkbox":
        kind = FieldType.MULTI
    # An owner or another record: the options live elsewhere, and the definition lists none or only some.
    elsewhere = bool(row.get("externalOptions"))
    options = tuple(str(option["value"]) for option in row.get("options") or () if "value" in option)
    chooses = kind in (FieldType.CHOICE, FieldType.MULTI)
    return FieldSchema(
        name=row["name"],
        label=row.get("label") or row["name"],
        type=kind,
        writable=_writable(row) and kind is not FieldType.OTHER,
        length=TEXT_LIMIT if kind is FieldType.TEXT else None,
        options=options if chooses and not elsewhere else None,
        restricted=not elsewhere,
        unique=bool(row.get("hasUniqueValue")),
    )


def _writable(row: Mapping[str, Any]) -> bool:
    read_only = bool((row.get("modificationMetadata") or {}).get("readOnlyValue"))
    return not (read_only or row.get("calculated") or row["name"] == RECORD_ID)
