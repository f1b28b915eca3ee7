"""What describe tells about an object, as this connector needs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from nps.errors import ConfigError
from nps.schema import FieldSchema, FieldType, ObjectSchema

_TYPES = {
    "string": FieldType.TEXT,
    "textarea": FieldType.TEXT,
    "email": FieldType.TEXT,
    "phone": FieldType.TEXT,
    "url": FieldType.TEXT,
    "combobox": FieldType.TEXT,
    "encryptedstring": FieldType.TEXT,
    "id": FieldType.TEXT,
    "reference": FieldType.TEXT,
    "int": FieldType.INTEGER,
    "long": FieldType.INTEGER,
    "boolean": FieldType.BOOLEAN,
    "date": FieldType.DATE,
    "datetime": FieldType.DATETIME,
    "picklist": FieldType.CHOICE,
    "multipicklist": FieldType.MULTI,
}
_NUMBERS = frozenset({"double", "currency", "percent"})  # a "Number" field of the set-up pages is a double
_UNWRITABLE = frozenset({"address", "location", "base64", "anyType", "complexvalue", "id"})


@dataclass(frozen=True)
class Column:
    """One field as describe shows it: our schema of it, and what only Salesforce knows."""

    schema: FieldSchema
    kind: str  # Salesforce's own type: double, textarea, reference …
    scale: int = 0
    digits: int | None = None  # before the decimal point
    nillable: bool = True
    case_sensitive: bool = False
    filterable: bool = True
    createable: bool = False
    external_id: bool = False  # records may be upserted by it
    relation: str | None = None  # the name a lookup is traversed by: Account, Region__r
    relates_to: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.schema.name


@dataclass(frozen=True)
class Table:
    """One object as describe shows it to this user."""

    name: str
    columns: Mapping[str, Column]
    updateable: bool
    createable: bool
    deletable: bool

    @property
    def keeps_merged(self) -> bool:
        """Whether a merged record of this object says which one it was merged into."""
        return "MasterRecordId" in self.columns

    @property
    def person_accounts(self) -> bool:
        """Whether Person Accounts are switched on: one row is both Account and Contact."""
        return "IsPersonAccount" in self.columns

    def column(self, field: str) -> Column:
        if (column := self.columns.get(field)) is None:
            raise no_such_field(self.name, field, self.columns)
        return column

    def relation(self, name: str) -> Column | None:
        """The lookup field that is traversed as `name`."""
        return next((column for column in self.columns.values() if column.relation == name), None)


def no_such_field(object: str, field: str, known: Mapping[str, object] | None = None) -> ConfigError:
    """Describe hides what the user may not see, so "missing" always means one of two things."""
    close = get_close_matches(field, known, n=1, cutoff=0.7) if known else []
    hint = f'; did you mean "{close[0]}"?' if close else ""
    return ConfigError(
        f'{object} has no field "{field}": it is missing, or not visible to the integration user '
        f"(field-level security){hint}"
    )


def table(described: Mapping[str, Any]) -> Table:
    """Read one describe answer."""
    columns = {field["name"]: _column(field) for field in described["fields"]}
    return Table(
        name=described["name"],
        columns=columns,
        updateable=bool(described.get("updateable")),
        createable=bool(described.get("createable")),
        deletable=bool(described.get("deletable")),
    )


def _column(field: Mapping[str, Any]) -> Column:
    kind: str = field["type"]
    scale = int(field.get("scale") or 0)
    precision = int(field.get("precision") or 0)
    is_number = kind in _NUMBERS
    return Column(
        schema=FieldSchema(
            name=field["name"],
            label=field.get("label") or field["name"],
            type=_type(kind, scale),
            writable=_writable(field, kind),
            length=int(field.get("length") or 0) or None,
            options=_options(field) if kind in ("picklist", "multipicklist") else None,
            restricted=bool(field.get("restrictedPicklist")),
            unique=bool(field.get("unique")) or kind == "id",
        ),
        kind=kind,
        scale=scale,
        digits=precision - scale if is_number and precision else int(field.get("digits") or 0) or None,
        nillable=bool(field.get("nillable", True)),
        case_sensitive=bool(field.get("caseSensitive")) or kind in ("id", "reference"),
        filterable=bool(field.get("filterable", True)),
        createable=bool(field.get("createable")),
        external_id=bool(field.get("externalId")),
        relation=field.get("relationshipName"),
        relates_to=tuple(field.get("referenceTo") or ()),
    )


def _type(kind: str, scale: int) -> FieldType:
    if kind in _NUMBERS:
        return FieldType.INTEGER if scale == 0 else FieldType.NUMBER
    return _TYPES.get(kind, FieldType.OTHER)


def _writable(field: Mapping[str, Any], kind: str) -> bool:
    derived = field.get("calculated") or field.get("autoNumber")
    return bool(field.get("updateable")) and not derived and kind not in _UNWRITABLE


def _options(field: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(
        option["value"] for option in field.get("picklistValues") or () if option.get("active", True)
    )


def read_through(column: Column, path: str) -> Column:
    """A field of another record as it is seen along a relation: under its dotted name, and read-only."""
    return replace(column, schema=replace(column.schema, name=path, writable=False))


# An org without Person Accounts lacks the field; `only: {IsPersonAccount: false}` then holds for everybody.
_PERSON_OBJECTS = ("Contact", "Account")
_PERSON_ACCOUNT = FieldSchema("IsPersonAccount", "Is Person Account", FieldType.BOOLEAN, writable=False)


class VisibleFields(Mapping[str, FieldSchema]):
    """The fields of an object by name. A dotted name (`Account.Name`) is looked up through the relation;
    such a field is read-only, as it belongs to another record. Iterating names the object's own fields
    alone."""

    def __init__(self, table: Table, along: Callable[[str], Column]) -> None:
        self._table = table
        self._along = along

    def __getitem__(self, name: str) -> FieldSchema:
        if "." not in name:
            if name == _PERSON_ACCOUNT.name and self._table.name in _PERSON_OBJECTS:
                return _PERSON_ACCOUNT
            return self._table.columns[name].schema
        try:
            return self._along(name).schema
        except ConfigError:
            raise KeyError(name) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._table.columns)

    def __len__(self) -> int:
        return len(self._table.columns)


def object_schema(table: Table, along: Callable[[str], Column]) -> ObjectSchema:
    """The engine's view of an object; `along` resolves a dotted name."""
    return ObjectSchema(name=table.name, fields=VisibleFields(table, along), writable=table.updateable)
