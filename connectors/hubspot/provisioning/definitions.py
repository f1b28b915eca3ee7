"""Properties and objects as HubSpot defines them."""

from __future__ import annotations

import re

from connectors.hubspot.properties import TEXT_LIMIT, object_type
from connectors.provisioning import WantedField, WantedObject
from nps.schema import FieldType
from nps.values import Json

GROUP, GROUP_LABEL = "npsync", "NPS"

_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
_ONE_LINE = 255
_LONGEST_DESCRIPTION = 512
# What a record of another object is called where an object says whom its records belong to.
_ASSOCIATED = {"contacts": "CONTACT", "companies": "COMPANY", "deals": "DEAL", "tickets": "TICKET"}
_NOTES = ("notes", "note")


def is_own(object: str) -> bool:
    """Whether it is one of the account's own objects, and not HubSpot's."""
    return object_type(object) not in _ASSOCIATED and object.lower() not in _NOTES


def plain_name(object: str) -> str:
    """The name an own object is made with: HubSpot puts p_ or p12345_ before it."""
    return re.sub(r"^p\d*_", "", object)


def why_not(wanted: WantedField) -> str:
    """Why a property cannot be made, and what to do; "" when it can."""
    if not _NAME.fullmatch(wanted.name):
        return "HubSpot takes lower-case letters, digits and underscores for a property's internal name"
    if wanted.references:
        return "records are associated with whom they belong to by themselves: leave this field out of the history's"
    if wanted.unique:
        return ""
    if wanted.type is None:
        return "what it will hold is not known without an answer; say it with `as:`"
    if wanted.type is FieldType.MULTI and not wanted.options:
        return "the options of a multiple choice are not known; create it by hand"
    if (wanted.length or 0) > TEXT_LIMIT:
        return f"HubSpot keeps at most {TEXT_LIMIT} characters; truncate it to that"
    return ""


def why_no_object(wanted: WantedObject) -> str:
    name = plain_name(wanted.object)
    if re.fullmatch(r"\d+-\d+", wanted.object):
        return (
            "HubSpot gives out such numbers itself: say the name of an object to be made, like nps_response"
        )
    if not _NAME.fullmatch(name):
        return "HubSpot takes lower-case letters, digits and underscores for an object's name"
    if wanted.key is None:
        return "it needs a property that its records are found again by: say `key:` of the history"
    return ""


def definition(wanted: WantedField, *, group: str | None = GROUP) -> dict[str, Json]:
    """A property that can be made (see `why_not`); without a group, as a part of a new object."""
    kind, field_type = _types(wanted)
    return {
        "name": wanted.name,
        "label": wanted.label,
        "description": wanted.help[:_LONGEST_DESCRIPTION],
        "type": kind,
        "fieldType": field_type,
        **({"groupName": group} if group is not None else {}),
        **({"options": _options(wanted)} if kind in ("enumeration", "bool") else {}),
        **({"hasUniqueValue": True} if wanted.unique else {}),
        "formField": False,
    }


def in_words(wanted: WantedField) -> str:
    """As the settings' page calls it: Number; Dropdown select: promoter, passive, detractor."""
    kind, field_type = _types(wanted)
    shown = _WORDS[(kind, field_type)]
    if kind == "enumeration":
        shown = f"{shown}: {', '.join(wanted.options)}"
    return f"{shown}, unique values" if wanted.unique else shown


def object_definition(wanted: WantedObject) -> dict[str, Json]:
    """With its key alone: the other properties are made one by one."""
    assert wanted.key is not None  # see why_no_object
    name = plain_name(wanted.object)
    associated: list[Json] = [_associated(one) for one in wanted.belongs_to]
    key = definition(wanted.key, group=None)
    return {
        "name": name,
        "labels": {"singular": wanted.label, "plural": wanted.plural},
        "description": wanted.help[:_LONGEST_DESCRIPTION],
        "primaryDisplayProperty": wanted.key.name,
        "requiredProperties": [wanted.key.name],
        "properties": [key],
        "associatedObjects": associated,
    }


def _associated(object: str) -> str:
    return _ASSOCIATED.get(object_type(object), object)


_WORDS = {
    ("string", "text"): "Single-line text",
    ("string", "textarea"): "Multi-line text",
    ("number", "number"): "Number",
    ("bool", "booleancheckbox"): "Single checkbox",
    ("enumeration", "select"): "Dropdown select",
    ("enumeration", "checkbox"): "Multiple checkboxes",
    ("date", "date"): "Date picker",
    ("datetime", "date"): "Date and time picker",
}


def _types(wanted: WantedField) -> tuple[str, str]:
    if wanted.unique:
        return "string", "text"
    match wanted.type:
        case FieldType.INTEGER | FieldType.NUMBER:
            return "number", "number"
        case FieldType.BOOLEAN:
            return "bool", "booleancheckbox"
        case FieldType.DATE:
            return "date", "date"
        case FieldType.DATETIME:
            return "datetime", "date"
        case FieldType.CHOICE if wanted.options:
            return "enumeration", "select"
        case FieldType.MULTI:
            return "enumeration", "checkbox"
        case _:
            long = wanted.long or (wanted.length or 0) > _ONE_LINE
            return "string", "textarea" if long else "text"


def _options(wanted: WantedField) -> list[Json]:
    if wanted.type is FieldType.BOOLEAN:
        return [_option("Yes", "true", 0), _option("No", "false", 1)]
    return [_option(_label(one), one, at) for at, one in enumerate(wanted.options)]


def _option(label: str, value: str, at: int) -> dict[str, Json]:
    return {"label": label, "value": value, "displayOrder": at, "hidden": False}


def _label(value: str) -> str:
    return value[:1].upper() + value[1:]
