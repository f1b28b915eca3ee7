"""What HubSpot is told of a property and of an object of the account's own, and read back from it."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.hubspot.properties import properties
from connectors.hubspot.provisioning.definitions import (
    definition,
    in_words,
    is_own,
    object_definition,
    why_no_object,
    why_not,
)
from connectors.provisioning import WantedField, WantedObject, misfit
from nps.schema import FieldType


def field(type: FieldType | None = FieldType.TEXT, name: str = "nps_x", **told: Any) -> WantedField:
    return WantedField("contacts", name, type, label="X", help="What it is.", **told)


@pytest.mark.parametrize(
    ("wanted", "type", "field_type", "words"),
    [
        (field(FieldType.INTEGER), "number", "number", "Number"),
        (field(FieldType.NUMBER), "number", "number", "Number"),
        (field(FieldType.DATE), "date", "date", "Date picker"),
        (field(FieldType.DATETIME), "datetime", "date", "Date and time picker"),
        (field(FieldType.BOOLEAN), "bool", "booleancheckbox", "Single checkbox"),
        (field(FieldType.CHOICE, options=("a", "b")), "enumeration", "select", "Dropdown select: a, b"),
        (field(FieldType.MULTI, options=("a", "b")), "enumeration", "checkbox", "Multiple checkboxes: a, b"),
        (field(), "string", "text", "Single-line text"),
        (field(long=True), "string", "textarea", "Multi-line text"),
        (field(length=1000), "string", "textarea", "Multi-line text"),
        (field(unique=True), "string", "text", "Single-line text, unique values"),
    ],
)
def test_a_property_is_told_in_the_vendors_words(
    wanted: WantedField, type: str, field_type: str, words: str
) -> None:
    told = definition(wanted)
    assert (told["type"], told["fieldType"], told["groupName"]) == (type, field_type, "npsync")
    assert (told["label"], told["description"], told["formField"]) == ("X", "What it is.", False)
    assert in_words(wanted) == words
    held = properties("contacts", [told]).schema.fields["nps_x"]
    assert misfit(wanted, held) == "", "read back, it is what was wanted"


def test_an_option_has_a_value_that_the_mapping_writes_and_a_label_for_people() -> None:
    told = definition(field(FieldType.CHOICE, options=("promoter",)))["options"]
    assert told == [{"label": "Promoter", "value": "promoter", "displayOrder": 0, "hidden": False}]
    yes, no = definition(field(FieldType.BOOLEAN))["options"]  # type: ignore[misc]
    assert (yes["value"], no["value"]) == ("true", "false")


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        (field(name="NPS_Score"), "lower-case letters"),
        (field(None), "say it with `as:`"),
        (field(FieldType.MULTI), "create it by hand"),
        (field(references="contacts"), "leave this field out"),
        (field(length=70_000), "at most 65536 characters"),
        (field(), ""),
    ],
)
def test_what_cannot_be_made_says_what_to_do(wanted: WantedField, why: str) -> None:
    found = why_not(wanted)
    assert why in found
    assert bool(found) == bool(why)


KEY = WantedField("nps_response", "response_key", FieldType.TEXT, label="Response key", unique=True)


def kept(name: str = "nps_response", key: WantedField | None = KEY) -> WantedObject:
    return WantedObject(name, "NPS response", "NPS responses", key=key, belongs_to=("contacts", "companies"))


def test_an_object_of_ones_own_is_made_with_its_key_and_whom_it_belongs_to() -> None:
    told = object_definition(kept("p_nps_response"))
    assert told["name"] == "nps_response", "HubSpot puts the rest before it"
    assert told["associatedObjects"] == ["CONTACT", "COMPANY"]
    assert told["primaryDisplayProperty"] == "response_key"
    [key] = told["properties"]  # type: ignore[misc]
    assert (key["hasUniqueValue"], "groupName" in key) == (True, False)


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        (kept(), ""),
        (kept("2-4400001"), "say the name of an object to be made"),
        (kept("NPS Response"), "lower-case letters"),
        (kept(key=None), "say `key:` of the history"),
    ],
)
def test_an_object_that_cannot_be_made_says_what_to_do(wanted: WantedObject, why: str) -> None:
    found = why_no_object(wanted)
    assert why in found
    assert bool(found) == bool(why)


def test_notes_and_contacts_are_hubspots_own() -> None:
    assert [is_own(name) for name in ("notes", "contacts", "0-1", "nps_response")] == [
        False,
        False,
        False,
        True,
    ]
