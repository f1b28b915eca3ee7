"""Property definitions: what HubSpot knows about a field, and which texts it takes for one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sandbox.hubspot.refusals import InvalidValue, Refusal, invalid

FIELD_TYPES: Mapping[str, frozenset[str]] = {
    "string": frozenset({"text", "textarea", "html", "file", "phonenumber"}),
    "number": frozenset({"number"}),
    "bool": frozenset({"booleancheckbox"}),
    "enumeration": frozenset({"select", "radio", "checkbox", "booleancheckbox"}),
    "date": frozenset({"date"}),
    "datetime": frozenset({"date"}),
}
REQUIRED_TO_CREATE = ("name", "label", "type", "fieldType", "groupName")
MOST_UNIQUE_PROPERTIES = 10

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_MILLISECONDS = re.compile(r"-?\d{9,14}")
_EMAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>.]+")
_A_DAY_IN_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Option:
    label: str
    value: str
    display_order: int = -1
    hidden: bool = False

    def as_json(self) -> dict[str, Any]:
        return {
            "label": self.label,
            "value": self.value,
            "displayOrder": self.display_order,
            "hidden": self.hidden,
        }


@dataclass(frozen=True, slots=True)
class Property:
    name: str
    label: str
    type: str = "string"
    field_type: str = "text"
    group: str = "contactinformation"
    options: tuple[Option, ...] = ()
    description: str = ""
    unique: bool = False
    calculated: bool = False
    read_only: bool = False
    hubspot_defined: bool = True

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "label": self.label,
            "type": self.type,
            "fieldType": self.field_type,
            "description": self.description,
            "groupName": self.group,
            "options": [option.as_json() for option in self.options],
            "displayOrder": -1,
            "calculated": self.calculated,
            "externalOptions": False,
            "hasUniqueValue": self.unique,
            "hidden": False,
            "hubspotDefined": self.hubspot_defined,
            "formField": not self.read_only,
            "archived": False,
            "modificationMetadata": {
                "archivable": not self.hubspot_defined,
                "readOnlyDefinition": self.hubspot_defined,
                "readOnlyOptions": self.hubspot_defined,
                "readOnlyValue": self.read_only or self.calculated,
            },
        }

    def problem(self, message: str, error: str) -> InvalidValue:
        return InvalidValue(self.name, message, error)


def stored(of: Property, text: str, current: str | None) -> str | InvalidValue | None:
    """What HubSpot keeps of a written text (None: cleared), or why it refuses it."""
    if text == "":
        return None
    return _KEEPERS[of.type](of, text, current)


def _keep_text(of: Property, text: str, current: str | None) -> str | InvalidValue:
    if of.name != "email":
        return text
    address = text.strip().lower()
    if not _EMAIL.fullmatch(address):
        return of.problem(f"Email address {text} is invalid", "INVALID_EMAIL")
    return address


def _keep_number(of: Property, text: str, current: str | None) -> str | InvalidValue:
    if not _NUMBER.fullmatch(text):
        return of.problem(f"{text} was not a valid number.", "INVALID_INTEGER")
    return shown_number(text)


def shown_number(text: str) -> str:
    """9.0, 09 and 9 are all shown as 9; 9.50 as 9.5."""
    number = Decimal(text)
    if number == 0:
        return "0"
    plain = f"{number:f}"
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return plain


def _keep_bool(of: Property, text: str, current: str | None) -> str | InvalidValue:
    if text not in ("true", "false"):
        return of.problem(f"{text} was not one of the allowed options: [true, false]", "INVALID_OPTION")
    return text


def _keep_option(of: Property, text: str, current: str | None) -> str | InvalidValue:
    allowed = [option.value for option in of.options]
    if of.field_type != "checkbox":
        picked = [text]
    else:
        picked = [value for value in text.split(";") if value]
    for value in picked:
        if value not in allowed:
            listed = ", ".join(allowed)
            return of.problem(f"{value} was not one of the allowed options: [{listed}]", "INVALID_OPTION")
    if of.field_type == "checkbox" and text.startswith(";") and current:
        picked = [*current.split(";"), *picked]
    return ";".join(dict.fromkeys(picked))


def _keep_date(of: Property, text: str, current: str | None) -> str | InvalidValue:
    if _MILLISECONDS.fullmatch(text):
        if int(text) % _A_DAY_IN_MS:
            return of.problem(f"{text} is not at midnight UTC.", "INVALID_DATE")
        return datetime.fromtimestamp(int(text) / 1000, UTC).date().isoformat()
    try:
        # Only the extended form: Python would also take 20260302 and 2026-W10-1.
        return (
            date.fromisoformat(text).isoformat() if len(text) == 10 and text[4] == "-" else _no_date(of, text)
        )
    except ValueError:
        return _no_date(of, text)


def _no_date(of: Property, text: str) -> InvalidValue:
    return of.problem(f"{text} was not a valid date.", "INVALID_DATE")


def _keep_datetime(of: Property, text: str, current: str | None) -> str | InvalidValue:
    if _MILLISECONDS.fullmatch(text):
        return in_iso(datetime.fromtimestamp(int(text) / 1000, UTC))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return of.problem(f"{text} was not a valid long.", "INVALID_LONG")
    if moment.tzinfo is None:
        return of.problem(f"{text} has no time zone.", "INVALID_LONG")
    return in_iso(moment)


_KEEPERS = {
    "string": _keep_text,
    "number": _keep_number,
    "bool": _keep_bool,
    "enumeration": _keep_option,
    "date": _keep_date,
    "datetime": _keep_datetime,
}


def in_iso(moment: datetime) -> str:
    """2026-03-02T23:30:00.120Z, the way every HubSpot timestamp looks."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_request(body: Mapping[str, Any], *, groups: Sequence[str], unique_so_far: int) -> Property:
    """The property a create call asks for; a Refusal names what is wrong with it."""
    missing = [key for key in REQUIRED_TO_CREATE if not isinstance(body.get(key), str) or not body[key]]
    if missing:
        raise invalid(f"Property definition is missing required fields: {', '.join(missing)}")
    name, kind, field_type = body["name"], body["type"], body["fieldType"]
    if not _NAME.fullmatch(name):
        raise invalid(f'"{name}" is not a valid property name: lower-case letters, digits and _ only')
    if field_type not in FIELD_TYPES.get(kind, ()):
        raise invalid(f"Property type '{kind}' cannot have field type '{field_type}'")
    if body["groupName"] not in groups:
        raise invalid(f"Property group '{body['groupName']}' does not exist")
    unique = bool(body.get("hasUniqueValue", False))
    if unique and unique_so_far >= MOST_UNIQUE_PROPERTIES:
        raise Refusal(400, "PROPERTY_LIMIT", "At most 10 unique value properties per object type")
    return Property(
        name=name,
        label=body["label"],
        type=kind,
        field_type=field_type,
        group=body["groupName"],
        description=str(body.get("description", "")),
        options=tuple(_option(one) for one in body.get("options") or ()),
        unique=unique,
        hubspot_defined=False,
    )


def _option(body: Any) -> Option:
    if not isinstance(body, Mapping) or not {"label", "value", "hidden"} <= body.keys():
        raise invalid("Every option needs label, value and hidden")
    return Option(
        str(body["label"]), str(body["value"]), int(body.get("displayOrder", -1)), bool(body["hidden"])
    )
