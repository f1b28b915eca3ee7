"""The fields of a schema, and what a value must be not to be listed in `_errors`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sandbox.toy import Row


@dataclass(frozen=True)
class Field:
    """As "Get Schema" shows one. A text is 1 to 500 characters long unless the schema says otherwise."""

    name: str
    type: str = "string"
    least: int = 1
    most: int = 500
    required: bool = False
    key: bool = False
    personal: bool = False
    codes: tuple[tuple[str, str], ...] = ()
    date_format: str = ""
    separator: str = ""

    def shown(self, number: int) -> Row:
        return {
            "fieldId": f"fld-{number:04d}",
            "name": self.name,
            "active": True,
            "dataType": self.type,
            "isPrimaryKey": self.key,
            "isSortKey": False,
            "isRequired": self.required,
            "isMultivalue": False,
            "isPII": self.personal,
            "min": self.least if self.type in ("string", "integer") else None,
            "max": self.most if self.type in ("string", "integer") else None,
            "picklistType": "static" if self.codes else None,
            "staticPicklist": [{"code": code, "description": words} for code, words in self.codes],
            "allowedBooleanValues": ["true", "false"] if self.type == "boolean" else [],
            "dateFormat": self.date_format or None,
            "dateSeparator": self.separator or None,
            "timeFormat": None,
            "validationRules": [],
        }

    def problems(self, value: Any) -> Iterator[str]:
        """Why this value would be listed."""
        if value is None:
            if self.required:
                yield f"{self.name} is required"
            return
        match self.type:
            case "integer":
                if not re.fullmatch(r"-?\d+", str(value)) or isinstance(value, bool):
                    yield f"{self.name} must be an integer"
                elif not self.least <= int(value) <= self.most:
                    yield f"{self.name} must be between {self.least} and {self.most}"
            case "boolean":
                if str(value).lower() not in ("true", "false"):
                    yield f"{self.name} must be one of true, false"
            case "picklist":
                if value not in [code for code, _ in self.codes]:
                    yield f"{self.name} has no code {value}"
            case "date":
                if not _is_date(value, self.date_format):
                    yield f"{self.name} must be a date as {self.date_format}"
            case _:
                if not isinstance(value, str):
                    yield f"{self.name} must be a string"
                elif not self.least <= len(value) <= self.most:
                    yield f"{self.name} must be {self.least} to {self.most} characters long"


def errors(fields: Mapping[str, Field], values: Mapping[str, Any]) -> list[Row]:
    """`_errors` of a data object."""
    found = [(name, list(field.problems(values.get(name)))) for name, field in fields.items()]
    return [{"name": name, "errors": problems} for name, problems in found if problems]


def _is_date(value: Any, date_format: str) -> bool:
    groups = re.sub(
        "YYYY|MM|DD", lambda part: f"(?P<{part[0]}>" + "[0-9]" * len(part[0]) + ")", re.escape(date_format)
    )
    found = re.fullmatch(groups, str(value))
    if found is None:
        return False
    try:
        date(int(found["YYYY"]), int(found["MM"]), int(found["DD"]))
    except ValueError:
        return False
    return True


def customer_fields(date_format: str) -> dict[str, Field]:
    """The schema "Individual Customer"."""
    separator = next((c for c in date_format if not c.isalpha()), "")
    roles = ("Executive", "Manager", "Buyer", "Administrator", "User")
    segments = ("promoter", "passive", "detractor")
    every = (
        Field("Customer Id", required=True, key=True),
        Field("First Name", personal=True),
        Field("Last Name", personal=True, required=True),
        Field("Email", personal=True, most=254),
        Field("Phone", personal=True, most=32),
        Field("Role", "picklist", codes=tuple((role, role) for role in roles)),
        Field("Company Name"),
        Field("Account Id", most=40),
        Field("Email Opt Out", "boolean"),
        Field("NPS Score", "integer", least=0, most=10),
        Field("NPS Segment", "picklist", codes=tuple((one, one.title()) for one in segments)),
        Field("NPS Last Survey", "date", date_format=date_format, separator=separator),
        Field("NPS Comment"),
        Field(
            "NPS Trend", "picklist", codes=tuple((one, one.title()) for one in ("up", "down", "same", "new"))
        ),
    )
    return {field.name: field for field in every}


def company_fields() -> dict[str, Field]:
    """The schema "Company"."""
    every = (
        Field("Account Id", required=True, key=True, most=40),
        Field("Company Name", required=True),
        Field("Domain"),
        Field("NPS", "integer", least=-100, most=100),
        Field("NPS Responses", "integer", least=0, most=1_000_000),
    )
    return {field.name: field for field in every}
