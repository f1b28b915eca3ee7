"""Fields and objects as the Metadata API defines them: what is wanted as a definition, and a definition as a schema.

The same words go to the Tooling API as JSON and into a package as XML.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from connectors.provisioning import WantedField, WantedObject
from nps.schema import FieldSchema, FieldType

Definition = Mapping[str, Any]

_FIELD_NAME = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9])*__c")
_LONGEST_NAME = 43
_LONGEST_TEXT, _TEXT_AREA = 255, 255
_LONGEST_LONG_TEXT, _USUAL_LONG_TEXT = 131_072, 32_768
_LONGEST_LABEL, _LONGEST_HELP = 40, 510
_MOST_DIGITS, _USUAL_DIGITS, _USUAL_DECIMALS = 18, 9, 2
_KEY_LENGTH = 255

_TYPES: Mapping[str, FieldType] = {
    "Text": FieldType.TEXT,
    "TextArea": FieldType.TEXT,
    "LongTextArea": FieldType.TEXT,
    "Html": FieldType.TEXT,
    "EncryptedText": FieldType.TEXT,
    "Email": FieldType.TEXT,
    "Phone": FieldType.TEXT,
    "Url": FieldType.TEXT,
    "Lookup": FieldType.TEXT,
    "MasterDetail": FieldType.TEXT,
    "Checkbox": FieldType.BOOLEAN,
    "Date": FieldType.DATE,
    "DateTime": FieldType.DATETIME,
    "Picklist": FieldType.CHOICE,
    "MultiselectPicklist": FieldType.MULTI,
}
_NUMBERS = ("Number", "Currency", "Percent")
_CALCULATED = ("AutoNumber", "Summary")


def at_home(wanted: WantedField) -> WantedField:
    """A field where it is made: what a person account shows as X__pc is the contact's X__c."""
    if wanted.object == "Account" and wanted.name.endswith("__pc"):
        return replace(wanted, object="Contact", name=f"{wanted.name.removesuffix('__pc')}__c")
    return wanted


def full_name(object: str, field: str) -> str:
    """Tasks and events share their custom fields: they are an activity's."""
    return f"{'Activity' if object in ('Task', 'Event') else object}.{field}"


def why_not(wanted: WantedField) -> str:
    """Why a field cannot be made, and what to do; "" when it can."""
    if not wanted.name.endswith("__c"):
        return f"a field of Salesforce's own cannot be created; call it {wanted.name}__c"
    if not _FIELD_NAME.fullmatch(wanted.name) or len(wanted.name) > _LONGEST_NAME:
        return "Salesforce takes letters, digits and single underscores, at most 40 of them before __c"
    if wanted.references or wanted.unique:
        return ""
    if wanted.type is None:
        return "what it will hold is not known without an answer; say it with `as:`"
    if wanted.type is FieldType.MULTI and not wanted.options:
        return "the options of a multi-select picklist are not known; create it by hand"
    if (wanted.length or 0) > _LONGEST_LONG_TEXT:
        return f"Salesforce keeps at most {_LONGEST_LONG_TEXT} characters; truncate it to that"
    return ""


def definition(wanted: WantedField) -> Definition:
    """A field that can be made (see `why_not`)."""
    return {"label": wanted.label[:_LONGEST_LABEL], **_help(wanted.help), **_typed(wanted)}


def in_words(wanted: WantedField) -> str:
    """As the set-up pages call it: Number(3, 0), Picklist: Promoter, Passive, Detractor."""
    told = _typed(wanted)
    match kind := told["type"]:
        case "Number" | "Currency" | "Percent":
            shown = f"{kind}({told['precision'] - told['scale']}, {told['scale']})"
        case "Picklist" | "MultiselectPicklist":
            shown = f"{kind}: {', '.join(wanted.options)}"
        case "Lookup":
            shown = f"Lookup({wanted.references})"
        case "Text" | "LongTextArea":
            shown = f"{kind}({told['length']})"
        case _:
            shown = str(kind)
    return f"{shown}, external id, unique" if wanted.unique else shown


def _help(text: str) -> dict[str, Any]:
    return {"inlineHelpText": text[:_LONGEST_HELP], "description": text[:_LONGEST_HELP]} if text else {}


def _typed(wanted: WantedField) -> dict[str, Any]:
    if wanted.references:
        plural = f"{wanted.object.removesuffix('__c')[: _LONGEST_LABEL - 1]}s"
        return {
            "type": "Lookup",
            "referenceTo": wanted.references,
            "relationshipLabel": plural.replace("_", " "),
            "relationshipName": plural,
            "deleteConstraint": "SetNull",
        }
    if wanted.unique:
        key = {"type": "Text", "length": _KEY_LENGTH, "externalId": True, "unique": True}
        return key | {"caseSensitive": True}  # some tools tell answers apart by that alone
    match wanted.type:
        case FieldType.INTEGER | FieldType.NUMBER:
            return _number(wanted)
        case FieldType.BOOLEAN:
            return {"type": "Checkbox", "defaultValue": "false"}
        case FieldType.DATE:
            return {"type": "Date"}
        case FieldType.DATETIME:
            return {"type": "DateTime"}
        case FieldType.CHOICE if wanted.options:
            return {"type": "Picklist", "valueSet": _values(wanted.options)}
        case FieldType.MULTI:
            values = _values(wanted.options)
            return {"type": "MultiselectPicklist", "visibleLines": 4, "valueSet": values}
        case _:
            return _text(wanted)


def _number(wanted: WantedField) -> dict[str, Any]:
    decimals = wanted.decimals
    if decimals is None:
        decimals = 0 if wanted.type is FieldType.INTEGER else _USUAL_DECIMALS
    digits = wanted.digits or _USUAL_DIGITS
    kind = "Percent" if wanted.percent else "Number"
    return {"type": kind, "precision": min(digits + decimals, _MOST_DIGITS), "scale": decimals}


def _text(wanted: WantedField) -> dict[str, Any]:
    if wanted.length is not None and wanted.length <= _LONGEST_TEXT:
        return {"type": "TextArea"} if wanted.long else {"type": "Text", "length": wanted.length}
    if wanted.length is None and not wanted.long:
        return {"type": "Text", "length": _LONGEST_TEXT}
    length = max(wanted.length or _USUAL_LONG_TEXT, _LONGEST_TEXT + 1)
    return {"type": "LongTextArea", "length": length, "visibleLines": 5}


def _values(options: Sequence[str]) -> Definition:
    values = [{"fullName": one, "default": False, "label": one} for one in options]
    return {"restricted": True, "valueSetDefinition": {"sorted": False, "value": values}}


# ---------------------------------------------------------------- objects

MOST_PEOPLE_READ = "Read"  # whoever may read the object reads all of its records


def object_definition(wanted: WantedObject) -> Definition:
    """Without its fields: they are made one by one."""
    return {
        "label": wanted.label[:_LONGEST_LABEL],
        "pluralLabel": wanted.plural[:_LONGEST_LABEL],
        "description": wanted.help,
        "deploymentStatus": "Deployed",
        "sharingModel": MOST_PEOPLE_READ,
        "enableReports": True,
        "nameField": {
            "label": f"{wanted.label} Number"[:80],
            "type": "AutoNumber",
            "displayFormat": "{00000000}",
        },
    }


def expanded(wanted: Sequence[object]) -> list[WantedField]:
    """The fields, each once and where it is made; those by which own records belong to others among them."""
    fields = [at_home(one) for one in wanted if isinstance(one, WantedField)]
    for one in wanted:
        if isinstance(one, WantedObject):
            leading = {field.references for field in fields if field.object == one.object}
            fields += [_lookup(one, to) for to in one.belongs_to if to not in leading]
    return list({(one.object, one.name): one for one in fields}.values())


def _lookup(wanted: WantedObject, to: str) -> WantedField:
    plain = to.removesuffix("__c")
    return WantedField(
        wanted.object,
        f"{plain}__c",
        FieldType.TEXT,
        label=plain.replace("_", " "),
        help=f"Whose answer it is. Written by npsync ({to}).",
        references=to,
    )


# ---------------------------------------------------------------- what is there


def schema_of(name: str, told: Definition) -> FieldSchema:
    """A definition as our schema of it."""
    kind = str(told.get("type"))
    options, restricted = _options(told.get("valueSet"))
    return FieldSchema(
        name=name,
        label=str(told.get("label") or name),
        type=_number_type(told) if kind in _NUMBERS else _TYPES.get(kind, FieldType.OTHER),
        writable=kind not in _CALCULATED and not told.get("formula"),
        length=_length(kind, told),
        options=options,
        restricted=restricted,
        unique=bool(told.get("unique")) and bool(told.get("externalId")),
    )


def _number_type(told: Definition) -> FieldType:
    return FieldType.INTEGER if int(told.get("scale") or 0) == 0 else FieldType.NUMBER


def _length(kind: str, told: Definition) -> int | None:
    return _TEXT_AREA if kind == "TextArea" else int(told.get("length") or 0) or None


def _options(set: Any) -> tuple[tuple[str, ...] | None, bool]:
    """A value set of the whole org is not told with the field: then None."""
    if not isinstance(set, Mapping):
        return None, False
    held = set.get("valueSetDefinition")
    if not isinstance(held, Mapping):
        return None, False
    values: Any = held.get("value") or ()
    names = tuple(
        str(one.get("fullName") or one.get("valueName"))
        for one in (values if isinstance(values, list) else [values])
        if one.get("isActive") is not False
    )
    return names, bool(set.get("restricted"))
