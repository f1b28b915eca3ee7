"""What an administrator makes and removes through the API: fields, and objects of the org's own."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.salesforce.activities import Numbered
from sandbox.salesforce.errors import RecordError
from sandbox.salesforce.ids import record_id
from sandbox.salesforce.org import Org
from sandbox.salesforce.permissions import is_granted
from sandbox.salesforce.schema import Field, ObjectType, own_id, system
from sandbox.salesforce.tables import Column, Table

Told = Mapping[str, Any]

_FULL_NAME = re.compile(r"(\w+)\.([A-Za-z](?:_?[A-Za-z0-9])*__c)")
_OBJECT_NAME = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9])*__c")
# Metadata's word → describe's, and how long such a text is where nobody says it.
_TYPES = {
    "Text": ("string", 0),
    "Number": ("double", 0),
    "Currency": ("currency", 0),
    "Percent": ("percent", 0),
    "Date": ("date", 0),
    "DateTime": ("datetime", 0),
    "Checkbox": ("boolean", 0),
    "Picklist": ("picklist", 255),
    "MultiselectPicklist": ("multipicklist", 4_099),
    "TextArea": ("textarea", 255),
    "LongTextArea": ("textarea", 0),
    "Email": ("email", 80),
    "Phone": ("phone", 40),
    "Url": ("url", 255),
    "Lookup": ("reference", 18),
}
_NUMBERS = ("Number", "Currency", "Percent")
_MAY_BE_KEYS = ("Text", "Number", "Email")
_LONGEST = {"Text": 255, "LongTextArea": 131_072}
_FIRST_CUSTOM = 16  # a10, a11 …: the prefixes of objects that are made


@dataclass
class Customizing:
    """`ids` of fields and objects as the Tooling API knows them; `made` is what came through the API."""

    org: Org
    duplicate: str = "DUPLICATE_DEVELOPER_NAME"
    ids: dict[str, str] = field(default_factory=dict)
    made: dict[str, Told] = field(default_factory=dict)
    made_at: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._fields, self._objects = itertools.count(1), itertools.count(1)
        self._prefixes = itertools.count(_FIRST_CUSTOM)

    def id_of(self, full_name: str) -> str:
        """The same id as long as it is there."""
        if full_name not in self.ids:
            is_field = "." in full_name
            number = next(self._fields if is_field else self._objects)
            self.ids[full_name] = record_id("00N" if is_field else "01I", number)
        return self.ids[full_name]

    def named(self, id: str) -> str | None:
        return next((name for name, known in self.ids.items() if known == id), None)

    # ------------------------------------------------------------ fields

    def add_field(self, full_name: str, told: Told) -> str:
        """Its id. Raises RecordError in the vendor's words."""
        table, name = self._place(full_name)
        if name.lower() in table.columns:
            said = f"There is already a field named {name} on {table.name}."
            raise RecordError(self.duplicate, said, "FullName")
        made = field_of(name, told)
        if made.to is not None and self.org.table(made.to) is None:
            raise RecordError(
                "INVALID_FIELD", f"referenceTo value of '{made.to}' does not resolve", "referenceTo"
            )
        self._put(table, made)
        if table is self.org.contacts:  # person accounts have it, too
            self._put(self.org.accounts, _renamed(made, f"{name[:-3]}__pc"))
        id = self.id_of(f"{table.name}.{name}")
        self.made[f"{table.name}.{name}"] = dict(told)
        self.made_at[f"{table.name}.{name}"] = self.org.now()
        return id

    def change_field(self, full_name: str, told: Told) -> None:
        """The same type, otherwise told anew."""
        table, name = self._place(full_name)
        column = self._column(table, name)
        changed = field_of(column.field.name, told)
        if changed.type != column.field.type:
            raise RecordError("FIELD_INTEGRITY_EXCEPTION", "The type of a field with values stays", "type")
        table.alter(column, changed)
        self.made[f"{table.name}.{column.field.name}"] = dict(told)

    def remove_field(self, full_name: str) -> None:
        table, name = self._place(full_name)
        column = self._column(table, name)
        full_name = f"{table.name}.{column.field.name}"
        table.drop_field(name)
        if table is self.org.contacts and f"{name[:-3]}__pc".lower() in self.org.accounts.columns:
            self.org.accounts.drop_field(f"{name[:-3]}__pc")
        for known in (self.ids, self.made, self.made_at):
            known.pop(full_name, None)
        self._take_back("FieldPermissions", "Field", full_name)

    def told_of(self, full_name: str) -> Told:
        """The definition as Metadata: as it was made, or told from what there is."""
        if full_name in self.made:
            return self.made[full_name]
        table, name = self._place(full_name)
        return metadata_of(self._column(table, name).field)

    def _put(self, table: Table, made: Field) -> None:
        table.add_field(made)
        if is_granted(made):
            table.guarded.add(made.name.lower())

    def _place(self, full_name: str) -> tuple[Table, str]:
        found = _FULL_NAME.fullmatch(full_name)
        if found is None:
            raise RecordError(
                "FIELD_INTEGRITY_EXCEPTION", f"{full_name} is no name of a custom field", "FullName"
            )
        object = "Task" if found[1].lower() == "activity" else found[1]
        table = self.org.table(object)
        if table is None or table.type.setup:
            raise RecordError("INVALID_CROSS_REFERENCE_KEY", f"Entity {object} does not exist", "FullName")
        return table, found[2]

    def _column(self, table: Table, name: str) -> Column:
        column = table.columns.get(name.lower())
        if column is None or not column.field.custom:
            raise RecordError("INVALID_CROSS_REFERENCE_KEY", f"no field {name} on {table.name}", "FullName")
        return column

    def _take_back(self, grants: str, by: str, name: str) -> None:
        table = self.org.tables[grants]
        for row in list(table.live()):
            if str(row[table.place(by)]).lower() == name.lower():
                table.delete(row, now=self.org.now())

    # ------------------------------------------------------------ objects

    def add_object(self, name: str, told: Told) -> str:
        if not _OBJECT_NAME.fullmatch(name):
            raise RecordError(
                "FIELD_INTEGRITY_EXCEPTION", f"{name} is no name of a custom object", "fullName"
            )
        if self.org.table(name) is not None:
            raise RecordError(self.duplicate, f"There is already an object named {name}.", "fullName")
        for key in ("label", "pluralLabel", "nameField", "deploymentStatus", "sharingModel"):
            if not told.get(key):
                raise RecordError("REQUIRED_FIELD_MISSING", f"Required field is missing: {key}", key)
        table = self.org.add_table(_object(name, told, f"a{next(self._prefixes):02d}"))
        form = str(told["nameField"].get("displayFormat") or "{0}")
        self.org.keepers[table.name] = Numbered(self.org, table.name, re.sub(r"\{(0+)\}", _padded, form))
        self.made[name], self.made_at[name] = dict(told), self.org.now()
        for one in _listed(told.get("fields")):
            self.add_field(f"{table.name}.{one.get('fullName')}", one)
        return self.id_of(name)

    def remove_object(self, name: str) -> None:
        table = self.org.table(name)
        if table is None or not table.name.endswith("__c"):
            raise RecordError("INVALID_CROSS_REFERENCE_KEY", f"no CustomObject named: {name} found")
        self.org.drop_table(table.name)
        for grants in ("FieldPermissions", "ObjectPermissions"):
            told = self.org.tables[grants]
            for row in list(told.live()):
                if row[told.place("SobjectType")] == table.name:
                    told.delete(row, now=self.org.now())
        for known in (self.ids, self.made, self.made_at):
            for full_name in [one for one in known if one.partition(".")[0] == table.name]:
                known.pop(full_name)


def field_of(name: str, told: Told) -> Field:
    """The field a definition asks for. Raises RecordError for one that does not fit together."""
    kind, label = str(told.get("type")), told.get("label")
    if kind not in _TYPES:
        raise RecordError("FIELD_INTEGRITY_EXCEPTION", f"Invalid type {kind}", "type")
    if not label:
        raise RecordError("REQUIRED_FIELD_MISSING", "Required field is missing: label", "label")
    if len(str(label)) > 40:
        raise RecordError("STRING_TOO_LONG", f"Label: data value too large: {label} (max length=40)", "label")
    type, length = _TYPES[kind]
    unique, external = _yes(told.get("unique")), _yes(told.get("externalId"))
    if (unique or external) and kind not in _MAY_BE_KEYS:
        raise RecordError(
            "FIELD_INTEGRITY_EXCEPTION", f"{kind} may be neither unique nor an external id", "type"
        )
    values, restricted = _values(told)
    if kind in ("Picklist", "MultiselectPicklist") and not values:
        raise RecordError("FIELD_INTEGRITY_EXCEPTION", "A picklist needs values", "valueSet")
    if kind == "MultiselectPicklist" or kind == "LongTextArea":
        _number(told, "visibleLines", least=3 if kind == "MultiselectPicklist" else 2, most=50)
    if kind == "Lookup" and not (told.get("referenceTo") and told.get("relationshipName")):
        raise RecordError(
            "REQUIRED_FIELD_MISSING", "A lookup needs referenceTo and relationshipName", "referenceTo"
        )
    return Field(
        name,
        type,
        str(label),
        _number(told, "length", least=1, most=_LONGEST[kind]) if kind in _LONGEST else length,
        precision=_number(told, "precision", least=1, most=18) if kind in _NUMBERS else 0,
        scale=_number(told, "scale", least=0, most=17) if kind in _NUMBERS else 0,
        nillable=kind != "Checkbox" and not _yes(told.get("required")),
        external_id=external,
        unique=unique,
        values=values,
        restricted=restricted,
        to=str(told["referenceTo"]) if kind == "Lookup" else None,
        indexed=unique or external or kind == "Lookup",
        help=str(told["inlineHelpText"]) if told.get("inlineHelpText") else None,
    )


def metadata_of(field: Field) -> dict[str, Any]:
    """A field as its definition would tell it."""
    long = field.type == "textarea" and field.length > 255
    kind = next(word for word, (type, _) in _TYPES.items() if type == field.type)
    told: dict[str, Any] = {"type": "LongTextArea" if long else kind, "label": field.label or field.name}
    told |= {"inlineHelpText": field.help, "required": not field.nillable and field.type != "boolean"}
    if field.is_number:
        told |= {"precision": field.precision, "scale": field.scale}
    if field.length and field.type in ("string", "textarea"):
        told["length"] = field.length
    if field.external_id or field.unique:
        told |= {"externalId": field.external_id, "unique": field.unique}
    if field.values:
        values = [{"fullName": one, "label": one, "default": False} for one in field.values]
        told["valueSet"] = {
            "restricted": field.restricted,
            "valueSetDefinition": {"sorted": False, "value": values},
        }
    if field.to:
        told |= {"referenceTo": field.to, "relationshipName": field.name.removesuffix("__c")}
    return told


def _values(told: Told) -> tuple[tuple[str, ...], bool]:
    set = told.get("valueSet")
    definition = set.get("valueSetDefinition") if isinstance(set, Mapping) else None
    if not isinstance(set, Mapping) or not isinstance(definition, Mapping):
        return (), False
    names = tuple(str(one.get("fullName")) for one in _listed(definition.get("value")))
    if len({name.lower() for name in names}) < len(names):
        raise RecordError("DUPLICATE_VALUE", "A value of the picklist is there twice", "valueSet")
    return names, _yes(set.get("restricted"))


def _object(name: str, told: Told, prefix: str) -> ObjectType:
    label = str(told["nameField"].get("label") or "Name")
    numbered = _is_numbered(told)
    return ObjectType(
        name,
        prefix,
        (
            own_id("Record ID"),
            Field("Name", "string", label, 80, nillable=False, updateable=not numbered, auto_number=numbered),
            Field("OwnerId", "reference", "Owner ID", 18, nillable=False, to="User"),
            *system(),
        ),
        label=str(told["label"]),
        plural=str(told["pluralLabel"]),
    )


def _is_numbered(told: Told) -> bool:
    return str(told["nameField"].get("type")) == "AutoNumber"


def _padded(found: re.Match[str]) -> str:
    return f"{{:0{len(found[1])}d}}"


def _renamed(field: Field, name: str) -> Field:
    return Field(**{**{key: getattr(field, key) for key in Field.__dataclass_fields__}, "name": name})


def _listed(told: Any) -> list[Told]:
    """One element of XML stands for a list of one."""
    if told is None:
        return []
    return [one for one in (told if isinstance(told, list) else [told]) if isinstance(one, Mapping)]


def _yes(told: Any) -> bool:
    return told is True or str(told).lower() == "true"


def _number(told: Told, name: str, *, least: int, most: int) -> int:
    try:
        number = int(str(told.get(name)))
    except ValueError:
        raise RecordError("REQUIRED_FIELD_MISSING", f"Required field is missing: {name}", name) from None
    if not least <= number <= most:
        raise RecordError("FIELD_INTEGRITY_EXCEPTION", f"{name} must be from {least} to {most}", name)
    return number
