"""What Salesforce is told of a field, in the words of its Metadata API, and read back from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from connectors.provisioning import Missing, Step, WantedField, WantedGrant, WantedObject, misfit
from connectors.salesforce.provisioning import xml
from connectors.salesforce.provisioning.definitions import (
    at_home,
    definition,
    expanded,
    full_name,
    in_words,
    schema_of,
    why_not,
)
from connectors.salesforce.provisioning.packaging import package
from connectors.wire import FateUnknown
from nps.schema import FieldType


def field(type: FieldType | None = FieldType.TEXT, name: str = "X__c", **told: Any) -> WantedField:
    return WantedField("Contact", name, type, label="X", help="What it is.", **told)


@pytest.mark.parametrize(
    ("wanted", "told", "words"),
    [
        (field(FieldType.INTEGER, digits=3), {"type": "Number", "precision": 3, "scale": 0}, "Number(3, 0)"),
        (field(FieldType.INTEGER), {"type": "Number", "precision": 9, "scale": 0}, "Number(9, 0)"),
        (field(FieldType.NUMBER), {"type": "Number", "precision": 11, "scale": 2}, "Number(9, 2)"),
        (
            field(FieldType.NUMBER, digits=3, decimals=1, percent=True),
            {"type": "Percent", "precision": 4, "scale": 1},
            "Percent(3, 1)",
        ),
        (field(FieldType.DATE), {"type": "Date"}, "Date"),
        (field(FieldType.DATETIME), {"type": "DateTime"}, "DateTime"),
        (field(FieldType.BOOLEAN), {"type": "Checkbox", "defaultValue": "false"}, "Checkbox"),
        (field(), {"type": "Text", "length": 255}, "Text(255)"),
        (field(length=80), {"type": "Text", "length": 80}, "Text(80)"),
        (field(length=255, long=True), {"type": "TextArea"}, "TextArea"),
        (
            field(length=1000, long=True),
            {"type": "LongTextArea", "length": 1000, "visibleLines": 5},
            "LongTextArea(1000)",
        ),
        (
            field(long=True),
            {"type": "LongTextArea", "length": 32768, "visibleLines": 5},
            "LongTextArea(32768)",
        ),
        (
            field(unique=True),
            {"type": "Text", "length": 255, "externalId": True, "unique": True, "caseSensitive": True},
            "Text(255), external id, unique",
        ),
    ],
)
def test_defect_24_a_field_has_the_type_of_what_it_shows(
    wanted: WantedField, told: dict[str, Any], words: str
) -> None:
    assert definition(wanted) == {
        "label": "X",
        "inlineHelpText": "What it is.",
        "description": "What it is.",
        **told,
    }
    assert in_words(wanted) == words
    assert misfit(wanted, schema_of("X__c", definition(wanted))) == ""


def test_a_picklist_takes_its_values_and_no_other() -> None:
    wanted = field(FieldType.CHOICE, options=("Promoter", "Detractor"))
    told = definition(wanted)
    assert told["valueSet"]["restricted"] is True
    assert [one["fullName"] for one in told["valueSet"]["valueSetDefinition"]["value"]] == [
        "Promoter",
        "Detractor",
    ]
    held = schema_of("X__c", told)
    assert misfit(wanted, held) == ""
    more = field(FieldType.CHOICE, options=("Promoter", "Passive"))
    assert misfit(more, held) == "it is there without the option Passive"
    retired = {"fullName": "Passive", "isActive": False}
    told["valueSet"]["valueSetDefinition"]["value"].append(retired)
    assert misfit(more, schema_of("X__c", told)) == "it is there without the option Passive"
    of_the_org = {"type": "Picklist", "valueSet": {"valueSetName": "Segments"}}
    assert misfit(more, schema_of("X__c", of_the_org)) == "", (
        "which values those are is not told with the field"
    )


@pytest.mark.parametrize(
    ("wanted", "told", "why"),
    [
        (field(FieldType.INTEGER), {"type": "Number", "scale": 2}, ""),
        (field(FieldType.NUMBER), {"type": "Number", "scale": 0}, "a whole number, and a number is wanted"),
        (field(FieldType.INTEGER), {"type": "Date"}, "it is there as a date"),
        (field(FieldType.INTEGER), {"type": "Number", "scale": 0, "formula": "1"}, "npsync cannot write it"),
        (field(length=255), {"type": "Text", "length": 80}, "there for 80 characters, and 255 are wanted"),
        (field(unique=True), {"type": "Text", "length": 255, "externalId": True}, "without being unique"),
        (field(FieldType.CHOICE, options=("a",)), {"type": "Text", "length": 40}, ""),
    ],
)
def test_what_is_there_otherwise_is_told(wanted: WantedField, told: dict[str, Any], why: str) -> None:
    found = misfit(wanted, schema_of("X__c", told))
    assert why in found
    assert bool(found) == bool(why)


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        (field(name="NPS_Score"), "call it NPS_Score__c"),
        (field(name="NPS__Score__c"), "single underscores"),
        (field(name=f"{'N' * 41}__c"), "at most 40"),
        (field(None), "say it with `as:`"),
        (field(FieldType.MULTI), "create it by hand"),
        (field(length=200_000), "at most 131072 characters"),
        (field(), ""),
        (field(None, unique=True), ""),
    ],
)
def test_what_cannot_be_made_says_what_to_do(wanted: WantedField, why: str) -> None:
    found = why_not(wanted)
    assert why in found
    assert bool(found) == bool(why)


def test_a_field_is_made_where_it_lives() -> None:
    assert full_name("Task", "X__c") == "Activity.X__c"
    person = WantedField("Account", "NPS_Score__pc", FieldType.INTEGER)
    assert (at_home(person).object, at_home(person).name) == ("Contact", "NPS_Score__c")
    contact = WantedField("Contact", "NPS_Score__c", FieldType.INTEGER)
    assert expanded([person, contact]) == [contact], "one field, however it is shown"


KEPT = WantedObject("NPS_Response__c", "NPS response", "NPS responses", belongs_to=("Contact", "Account"))


def test_records_of_our_own_lead_to_whom_they_belong_unless_the_mapping_says_so() -> None:
    assert [(one.name, one.references) for one in expanded([KEPT])] == [
        ("Contact__c", "Contact"),
        ("Account__c", "Account"),
    ]
    mapped = WantedField("NPS_Response__c", "Person__c", FieldType.TEXT, references="Contact")
    assert [one.name for one in expanded([KEPT, mapped])] == ["Person__c", "Account__c"]
    told = definition(mapped)
    assert (told["type"], told["referenceTo"], told["relationshipName"]) == (
        "Lookup",
        "Contact",
        "NPS_Responses",
    )


def test_a_package_reads_back_as_what_it_was_made_from() -> None:
    segment = field(FieldType.CHOICE, name="Segment__c", options=('R & D "x"', "<none>"))
    readers = WantedGrant("npsync_read_NPS", label="npsync: read NPS", help="Sees it.")
    rights = WantedGrant("npsync_read_NPS", "Contact", ("Segment__c",), label="npsync: read NPS")
    others = WantedGrant("Sales", "Contact", ("Segment__c",))
    score = WantedField("NPS_Response__c", "Score__c", FieldType.INTEGER, label="Score")
    steps = [Step(one, str(one)) for one in (KEPT, score, segment, readers, rights, others)]
    made = package(Missing(steps=steps), "64.0")
    assert sorted(path.as_posix() for path in made.files) == [
        "objects/Contact.object",
        "objects/NPS_Response__c.object",
        "package.xml",
        "permissionsets/npsync_read_NPS.permissionset",
    ]
    assert [step.wanted for step in made.left] == [others], "what is there would be replaced by deploying it"

    def read(path: str) -> ElementTree.Element:
        return ElementTree.fromstring(made.files[Path(path)].encode())

    def texts(root: ElementTree.Element, path: str) -> list[str | None]:
        steps = "/".join(f"{{{xml.METADATA}}}{name}" for name in path.split("/"))
        return [one.text for one in root.findall(steps)]

    contact = read("objects/Contact.object")
    assert texts(contact, "fields/fullName") == ["Segment__c"]
    assert texts(contact, "fields/valueSet/valueSetDefinition/value/fullName") == ['R & D "x"', "<none>"]
    assert texts(contact, "label") == [], "of a standard object a package brings the field alone"
    kept = read("objects/NPS_Response__c.object")
    assert (texts(kept, "nameField/type"), texts(kept, "sharingModel")) == (["AutoNumber"], ["Read"])
    granted = read("permissionsets/npsync_read_NPS.permissionset")
    assert texts(granted, "fieldPermissions/field") == ["Contact.Segment__c"]
    assert texts(granted, "fieldPermissions/editable") == ["false"]
    manifest = read("package.xml")
    assert texts(manifest, "types/members") == ["Contact.Segment__c", "NPS_Response__c", "npsync_read_NPS"]
    assert texts(manifest, "version") == ["64.0"]


ANSWER = '<e xmlns="http://x"><result>{}</result></e>'


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (ANSWER.format("<success>true</success>"), ""),
        (
            ANSWER.format(
                "<errors><statusCode>DUPLICATE_X</statusCode><message>m</message></errors><success>false</success>"
            ),
            "DUPLICATE_X",
        ),
        (
            "<f><faultcode>sf:INVALID_SESSION_ID</faultcode><faultstring>INVALID_SESSION_ID: x</faultstring></f>",
            "INVALID_SESSION_ID",
        ),
    ],
)
def test_a_metadata_call_says_what_became_of_it(body: str, code: str) -> None:
    assert xml.said(body.encode(), "create").code == code


@pytest.mark.parametrize(
    "body", [b"", b"<e><result>", b"<html></html>", b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>']
)
def test_an_answer_that_cannot_be_read_leaves_it_open(body: bytes) -> None:
    with pytest.raises(FateUnknown):
        xml.said(body, "create")
