"""Data attributes: what a custom attribute is called, what it takes, and who may write it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.intercom.words import Refusal, bad_request
from sandbox.toy import NoSuchRecord, Row

TYPES = ("string", "integer", "float", "boolean", "datetime", "date", "options")
MODELS = ("contact", "company")
_DATES = frozenset({"date", "datetime"})
_FEWEST_OPTIONS = 2
_STANDARD = {
    "contact": {
        "email": "string",
        "phone": "string",
        "name": "string",
        "external_id": "string",
        "owner_id": "integer",
        "unsubscribed_from_emails": "boolean",
        "role": "string",
        "created_at": "date",
        "updated_at": "date",
        "last_seen_at": "date",
    },
    "company": {"company_id": "string", "name": "string", "website": "string", "created_at": "date"},
}
_READ_ONLY = frozenset({"role", "created_at", "updated_at", "last_seen_at", "company_id"})


class Attributes:
    """The workspace starts with two custom ones of contacts and one of companies; none of them is about surveys."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self.rows: dict[str, Row] = {}
        for model, names in _STANDARD.items():
            for name, kind in names.items():
                self._put(model, name, kind, custom=False, api_writable=name not in _READ_ONLY)
        for model, name in (("contact", "company_name"), ("contact", "role"), ("company", "tier")):
            self._put(model, name, "string")

    def of(self, model: str, *, archived: bool = False) -> list[Row]:
        every = (one for one in self.rows.values() if one["model"] == model)
        return [one for one in every if archived or not one["archived"]]

    def named(self, model: str, name: str) -> Row | None:
        """The custom attribute of this name."""
        every = (one for one in self.of(model) if one["custom"])
        return next((one for one in every if one["name"] == name), None)

    def dates(self, model: str) -> frozenset[str]:
        """What search compares by the day."""
        found = (one for one in self.of(model, archived=True) if one["data_type"] in _DATES)
        return frozenset(str(one["full_name"]) for one in found)

    @staticmethod
    def shown(row: Row, *, options_as_sent: bool) -> Row:
        """How a list shows attributes with options is not in the notes: as texts of the type string, or as sent."""
        if row["data_type"] != "options":
            return row
        if options_as_sent:
            return {**row, "options": [{"value": one} for one in row["options"]]}
        return {**row, "data_type": "string"}

    def create(self, body: Row) -> Row:
        model, name, kind = (body.get(key) for key in ("model", "name", "data_type"))
        if model == "conversation":
            raise Refusal(422, "unprocessable_entity", "use /conversations/attributes")
        if model not in MODELS or kind not in TYPES:
            raise bad_request("model or data_type is not one of ours")
        if not isinstance(name, str) or not name or set(name) & {".", "$"}:
            raise bad_request("Your name for this attribute must not be blank or contain '.' or '$'")
        if any(one["name"] == name and one["custom"] for one in self.of(model, archived=True)):
            raise bad_request(f"You already have '{name}' in your {model} data")
        values = [one.get("value") for one in body.get("options") or () if isinstance(one, Mapping)]
        if kind == "options" and len(set(values)) < _FEWEST_OPTIONS:
            raise bad_request("The Data Attribute model field must contain 2 or more options")
        return self._put(model, name, kind, description=body.get("description"), options=values)

    def change(self, id: str, fields: Row) -> Row:
        """As an administrator does in the settings: archived, api_writable, description. The type stays."""
        row = self.row(id)
        if unknown := fields.keys() - {"archived", "api_writable", "description"}:
            raise ValueError(f"{', '.join(sorted(unknown))} of an attribute cannot change")
        row |= fields
        return row

    def row(self, id: str) -> Row:
        if id not in self.rows:
            raise NoSuchRecord(f"no data attribute {id}")
        return self.rows[id]

    def check(self, model: str, values: Mapping[str, Any]) -> None:
        """A Refusal for the first custom attribute that is not there, may not be written, or has another type."""
        for name, value in values.items():
            known = self.named(model, name)
            if known is None:
                raise bad_request(f"Custom attribute '{name}' does not exist")
            if not known["api_writable"]:
                raise bad_request(f"Custom attribute '{name}' is not writable by the API")
            if value is not None and not _fits(known, value):
                raise bad_request(f"Custom attribute '{name}' must be of type {known['data_type']}")

    def _put(
        self,
        model: str,
        name: str,
        kind: str,
        *,
        custom: bool = True,
        api_writable: bool = True,
        description: str | None = None,
        options: list[Any] | None = None,
    ) -> Row:
        id = str(next(self._numbers))
        row: Row = {
            "type": "data_attribute",
            "id": int(id),
            "model": model,
            "name": name,
            "full_name": f"custom_attributes.{name}" if custom else name,
            "label": name,
            "description": description,
            "data_type": kind,
            "options": list(options or ()),
            "api_writable": api_writable,
            "ui_writable": False,
            "custom": custom,
            "archived": False,
        }
        self.rows[id] = row
        return row


def _fits(known: Row, value: Any) -> bool:
    if known["options"]:
        return value in known["options"]
    return value_fits(known["data_type"], value)


def value_fits(kind: str, value: Any) -> bool:
    match kind:
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "float":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case _:  # integers, and Unix seconds
            return isinstance(value, int) and not isinstance(value, bool)


def standard_fits(model: str, values: Mapping[str, Any]) -> Iterator[str]:
    """Names of fields whose value has another type than theirs."""
    for name, value in values.items():
        kind = _STANDARD[model].get(name, "string")
        if value is not None and not value_fits(kind, value):
            yield name
