"""The fields of contacts and companies: the standard ones, and the data attributes of a workspace's own.

An attribute of its own is `custom_attributes.NAME`, as Intercom's search calls it: a workspace may well have one that
is called as a standard field is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from zoneinfo import ZoneInfo

from connectors.intercom.replies import Row, listed
from nps.errors import ConfigError
from nps.schema import FieldSchema, FieldType, ObjectSchema
from nps.values import Json

CONTACTS, COMPANIES = "contacts", "companies"
MODELS: Mapping[str, str] = {CONTACTS: "contact", COMPANIES: "company"}
OWN = "custom_attributes."

TYPES: Mapping[str, FieldType] = {
    "string": FieldType.TEXT,
    "integer": FieldType.INTEGER,
    "float": FieldType.NUMBER,
    "boolean": FieldType.BOOLEAN,
    "date": FieldType.DATE,
    "datetime": FieldType.DATETIME,
    "options": FieldType.CHOICE,
}

# Name, type, whether an update may hold it.
_STANDARD: Mapping[str, tuple[tuple[str, FieldType, bool], ...]] = {
    CONTACTS: (
        ("id", FieldType.TEXT, False),
        ("external_id", FieldType.TEXT, True),
        ("role", FieldType.CHOICE, False),
        ("email", FieldType.TEXT, True),
        ("email_domain", FieldType.TEXT, False),
        ("phone", FieldType.TEXT, True),
        ("name", FieldType.TEXT, True),
        ("owner_id", FieldType.TEXT, True),
        ("company", FieldType.TEXT, False),
        ("unsubscribed_from_emails", FieldType.BOOLEAN, True),
        ("has_hard_bounced", FieldType.BOOLEAN, False),
        ("marked_email_as_spam", FieldType.BOOLEAN, False),
        ("created_at", FieldType.DATETIME, False),
        ("updated_at", FieldType.DATETIME, False),
        ("last_seen_at", FieldType.DATETIME, False),
    ),
    COMPANIES: (
        ("id", FieldType.TEXT, False),
        ("company_id", FieldType.TEXT, False),
        ("name", FieldType.TEXT, True),
        ("website", FieldType.TEXT, True),
        ("industry", FieldType.TEXT, True),
        ("size", FieldType.INTEGER, True),
        ("monthly_spend", FieldType.INTEGER, True),
        ("user_count", FieldType.INTEGER, False),
        ("created_at", FieldType.DATETIME, False),
        ("updated_at", FieldType.DATETIME, False),
    ),
}
_UNIQUE = {CONTACTS: ("id",), COMPANIES: ("id", "company_id")}
_ROLES = ("user", "lead")

# What contacts can be searched by, besides attributes of the workspace's own.
SEARCHABLE = frozenset(
    {"email", "email_domain", "phone", "external_id", "role"}
    | {"unsubscribed_from_emails", "has_hard_bounced", "marked_email_as_spam"}
)
_WHOLE_DAYS = frozenset({FieldType.DATE, FieldType.DATETIME})


@dataclass(frozen=True)
class Known:
    """One field, with what a value of it is turned by."""

    schema: FieldSchema
    zone: ZoneInfo  # where a date is taken
    id: int | None = None  # of a data attribute of the workspace's own

    @property
    def name(self) -> str:
        return self.schema.name

    @property
    def is_searchable(self) -> bool:
        """Whether a search by it finds what is equal, and not what is of the same day."""
        if self.name.startswith(OWN):
            return self.schema.type not in _WHOLE_DAYS
        return self.name in SEARCHABLE


@dataclass(frozen=True)
class Attributes:
    """An object's fields. `archived` are names that are taken and hold nothing any more."""

    connection: str
    schema: ObjectSchema
    fields: Mapping[str, Known]
    archived: frozenset[str]

    def field(self, name: str) -> Known:
        """ConfigError for one that does not exist, or that this credential does not see."""
        known = self.fields.get(name)
        if known is not None:
            return known
        what = f'{self.connection}: {self.schema.name} has no field "{name}"'
        if name in self.archived:
            raise ConfigError(
                f"{what}: it is archived (Settings > Data > People or Companies brings it back)"
            )
        near = f"{OWN}{name}" if f"{OWN}{name}" in self.fields else None
        close = [near] if near else get_close_matches(name, self.fields, n=1)
        raise ConfigError(f'{what}; did you mean "{close[0]}"?' if close else what)

    def check(self, names: Iterable[str]) -> None:
        for name in names:
            self.field(name)


def attributes(connection: str, object: str, zone: ZoneInfo, rows: Iterable[Row]) -> Attributes:
    """The fields of an object, with the data attributes that Intercom lists."""
    found = {
        name: _standard(object, name, type, writable, zone) for name, type, writable in _STANDARD[object]
    }
    archived = set()
    for row in rows:
        name = row.get("name")
        if row.get("custom") is not True or not isinstance(name, str) or not name:
            continue
        if row.get("archived") is True:
            archived.add(OWN + name)
        else:
            found[OWN + name] = _own(OWN + name, row, zone)
    schema = ObjectSchema(object, {name: known.schema for name, known in found.items()})
    return Attributes(connection, schema, found, frozenset(archived))


def type_of(row: Row) -> FieldType:
    """Of an attribute as it is listed; one with options takes those alone."""
    return FieldType.CHOICE if options_of(row) else TYPES.get(str(row.get("data_type")), FieldType.OTHER)


def options_of(row: Row) -> tuple[str, ...]:
    """Listed as texts, or as they are given when the attribute is created."""
    values: list[Json] = [
        one.get("value") if isinstance(one, dict) else one for one in listed(row.get("options"))
    ]
    return tuple(value for value in values if isinstance(value, str))


def value_of(row: Row, name: str) -> Json:
    """What a contact or company holds in a field."""
    if name.startswith(OWN):
        own = row.get("custom_attributes")
        return own.get(name.removeprefix(OWN)) if isinstance(own, dict) else None
    found: Json
    match name:
        case "company":
            found = _only_company(row)
        case "email_domain":
            email = row.get("email")
            found = row.get(name) or (email.rpartition("@")[2] or None if isinstance(email, str) else None)
        case _:
            found = row.get(name)
    return found


def _only_company(row: Row) -> Json:
    """Of several none is the first: no account is better than a wrong one."""
    companies = row.get("companies")
    data = listed(companies.get("data")) if isinstance(companies, dict) else []
    more = companies.get("has_more") if isinstance(companies, dict) else None
    ids = [one["id"] for one in data if isinstance(one, dict) and isinstance(one.get("id"), str)]
    return ids[0] if len(ids) == 1 and more is not True else None


def _standard(object: str, name: str, type: FieldType, writable: bool, zone: ZoneInfo) -> Known:
    schema = FieldSchema(
        name=name,
        label=name,
        type=type,
        writable=writable,
        options=_ROLES if type is FieldType.CHOICE else None,
        unique=name in _UNIQUE[object],
    )
    return Known(schema, zone)


def _own(name: str, row: Row, zone: ZoneInfo) -> Known:
    label, id = row.get("label"), row.get("id")
    schema = FieldSchema(
        name=name,
        label=label if isinstance(label, str) and label else name.removeprefix(OWN),
        type=type_of(row),
        writable=row.get("api_writable") is not False,
        options=options_of(row) or None,
    )
    return Known(schema, zone, id if isinstance(id, int) else None)
