"""What a REST customer master may say in the YAML: all of its behaviour.

Texts hold placeholders: names of `scope`, the ids that `names` makes of them, {object}, and what each part adds. What
stands in a path is encoded; {name:text} is a text in a JMESPath expression.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from connectors.auth import Auth
from connectors.contract import Settings
from connectors.declared.description import Expression, OnePage, Pages, Part, Query
from connectors.rest_master.checking import misfits
from connectors.rest_master.dates import date_format
from nps.durations import Duration
from nps.faults import Faults
from nps.schema import FieldType


def _a_date_format(text: str) -> str:
    date_format(text)
    return text


Body = Mapping[str, Any]
DateText = Annotated[str, AfterValidator(_a_date_format)]
Items = Expression | Sequence[Expression]


# ---------------------------------------------------------------- names and fields


class Names(Part):
    """How a name of the scope becomes the id that paths want: asked once, then remembered while npsync runs."""

    scope: str = Field(description="The name in `scope`.")
    gives: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="The placeholder with the id.")
    path: str = Field(description="Where things of this kind are listed.")
    query: Query = Field(default={}, description="Parameters of the listing.")
    items: Items = Field("@", description="Where the reply holds them: the first that is a list.")
    pages: Pages = Field(default=OnePage(), description="How the list goes on.")
    name: Expression = Field("name", description="Where one of them holds its name.")
    id: Expression = Field("id", description="Where one of them holds its id.")
    only: Expression | None = Field(None, description="True of those that count.")


class FieldsAt(Part):
    """Where the master describes its fields, and how to read one definition."""

    path: str = Field("", description="Where the definitions are.")
    items: Items = Field("fields", description="Where the reply holds them: the first that is a list.")
    only: Expression | None = Field(None, description="True of those that are in use.")
    name: Expression = Field("name", description="The name that stands in records.")
    label: Expression | None = Field(None, description="What people call it.")
    type: Expression = Field("type", description="Its type, in the master's words.")
    types: Mapping[str, FieldType] = Field(
        default={}, description="The master's words, in lower case, as ours; what is missing is left alone."
    )
    multiple: Expression | None = Field(None, description="True of a field that holds several values.")
    required: Expression | None = Field(None, description="True of a field that may not be empty.")
    personal: Expression | None = Field(None, description="True of a field with personal data.")
    read_only: Expression | None = Field(None, description="True of a field that npsync must not write.")
    least: Expression | None = Field(None, description="The least number, or length.")
    most: Expression | None = Field(None, description="The greatest number, or length.")
    options: Expression | None = Field(None, description="The values a list of choices takes.")
    booleans: Expression | None = Field(None, description="The words for yes and no, if there are any.")
    date_format: Expression | None = Field(None, description="How a date is written, like DD/MM/YYYY.")
    date_separator: Expression | None = Field(None, description="What stands between the parts of a date.")


class GivenField(Part):
    """One field, described here: for masters that do not describe themselves, or where they are wrong."""

    type: FieldType | None = Field(None, description="Its type; text where nobody says.")
    label: str | None = Field(None, description="What people call it.")
    least: float | None = Field(None, description="The least number, or length.")
    most: float | None = Field(None, description="The greatest number, or length.")
    options: Sequence[str] | None = Field(None, description="The values it takes.")
    booleans: tuple[str, str] | None = Field(None, description="Its words for yes and no, in this order.")
    required: bool | None = Field(None, description="It may not be empty.")
    personal: bool | None = Field(None, description="It holds personal data.")
    writable: bool | None = Field(None, description="npsync may write it.")
    date_format: DateText | None = Field(None, description="How a date is written, like DD/MM/YYYY.")


class OneObject(Part):
    """One kind of record, as `people`, `to` and `account` name it."""

    scope: Mapping[str, str] = Field(default={}, description="Names of its own, over those of `scope`.")
    fields: Mapping[str, GivenField] = Field(default={}, description="Fields, by their names in records.")


# ---------------------------------------------------------------- records


class Records(Part):
    """Where one record holds what."""

    id: Expression = Field("id", description="Its id.")
    fields: Expression = Field("@", description="The object with its fields.")
    version: Expression | None = Field(None, description="Its version, which an update has to name.")
    errors: Expression | None = Field(
        None, description="What the master says is wrong with it: a list of {name, errors}."
    )
    gone: Expression | None = Field(None, description="True of a record that was deleted.")


class Listing(Part):
    """Every record, page by page."""

    path: str = Field("", description="Where the records are listed.")
    query: Query = Field(default={}, description="Parameters of the listing.")
    items: Items = Field("@", description="Where the reply holds them: the first that is a list.")
    pages: Pages = Field(default=OnePage(), description="How the list goes on.")
    fresh_for: Duration = Field(
        timedelta(minutes=10),
        description="How long what was listed may be taken for what is there, when records are read from the list.",
    )


class Find(Part):
    """How records are found by a value. What comes back is compared again, and only what is equal counts."""

    method: Literal["GET", "POST"] = Field("GET", description="POST for masters that search by a body.")
    path: str = Field("", description="Where to search; {terms}, {field} and {value} may stand in it.")
    query: Query = Field(default={}, description="Parameters, with {terms} (or {field} and {value}).")
    body: Body | None = Field(None, description="With method: POST, what is posted as JSON.")
    items: Items = Field("@", description="Where the reply holds the records: the first that is a list.")
    total: Expression | None = Field(
        None,
        description="Where the reply says how many there are: fewer values are asked together when not all came.",
    )
    pages: Pages = Field(default=OnePage(), description="How a long answer goes on.")
    only: Expression | None = Field(None, description="True of answers that belong to this object.")
    term: str = Field(
        "{value}", description='One value in the language of the search, like {field}:"{value}".'
    )
    join: str | None = Field(
        None,
        description="What several terms are joined by, like ' OR '; without it each is a search of its own.",
    )
    together: int = Field(50, ge=1, le=1000, description="Values in one search, with `join`.")
    longest: int = Field(3000, ge=100, description="Characters of terms in one search, with `join`.")
    fields: Mapping[str, str] = Field(
        default={}, description="How the search writes the name of a field, where it is not the record's."
    )
    escape: str = Field("", description="Characters of a value that get a backslash in front.")
    refuse: str = Field(
        "", description="Characters that no search can carry: such values are compared with the whole list."
    )
    words: Sequence[str] = Field(
        default=(),
        description="Words of the search language: a value with one is compared with the whole list.",
    )
    values: Literal["found", "read"] = Field(
        "found", description="Whether what a search shows of a record is taken, or read as `read` says."
    )
    lag: Duration = Field(
        timedelta(0),
        description="How long the search may show a record as it was before npsync wrote it: it is read meanwhile.",
    )


class Read(Part):
    """How a record is read when its id is known."""

    by: Literal["id", "list", "search"] = Field(
        "id", description="id: a call for each; list: from the list of all; search: by `term` with the id."
    )
    path: str = Field("", description="With by: id, where a record is, with {id}.")
    item: Expression = Field("@", description="With by: id, where the reply holds the record.")
    field: str = Field("", description="With by: search, what the search calls the id.")


class Update(Part):
    """How a record is changed: a call for each. Only what changes is sent."""

    method: Literal["PATCH", "PUT", "POST"] = Field("PATCH", description="The master's verb for it.")
    path: str = Field("", description="Where a record is changed, with {id}.")
    under: str = Field("", description="The key (or keys, with dots) of the body that holds the fields.")
    also: Body = Field(default={}, description="What every body says beside the fields.")
    version: Literal["none", "body", "if_match"] = Field(
        "none", description="Where the record's version is named: nowhere, in the body, or in If-Match."
    )
    version_name: str = Field("version", description="With version: body, its key.")
    conflict: Sequence[int] = Field(
        default=(409, 412), description="Statuses that may mean that the version moved: it is read again."
    )
    success: Sequence[int] = Field(default=(200, 202, 204), description="Statuses that mean it was written.")
    empty: Literal["null", "text"] = Field("null", description="What clears a field: null, or an empty text.")
    probe: bool = Field(
        False,
        description="Let `npsync connect` test the permission by an update of a record that does not exist. Only for "
        "masters that create nothing by it.",
    )


# ---------------------------------------------------------------- manners


class Limits(Part):
    """How fast npsync calls."""

    per_minute: int | None = Field(None, ge=1, description="Calls in any minute, if the master says so.")
    parallel: int = Field(4, ge=1, le=32, description="Calls under way at a time.")


class Budget(Part):
    """How much npsync calls."""

    max_calls_per_day: int | None = Field(None, ge=1, description="Calls npsync makes per UTC day at most.")


class Timeouts(Part):
    connect: float = Field(10.0, gt=0, le=120, description="Seconds to reach the master.")
    read: float = Field(60.0, gt=0, le=300, description="Seconds to wait for an answer.")


class RestMasterSettings(Settings):
    """A customer master with a REST API."""

    base_url: str = Field(description="Where the API is, like https://api.example.com.")
    allow_http: bool = Field(False, description="Allow plain http to another machine than this one.")
    auth: Auth = Field(description="How calls are let in.")
    scope: Mapping[str, str] = Field(
        default={}, description="Names that stand in paths as {name}: a tenant, an area, a data set."
    )
    names: Sequence[Names] = Field(default=(), description="Names of the scope that become ids.")
    objects: Mapping[str, OneObject] = Field(
        default={}, description="The kinds of records there are, by the names that `people` and `to` use."
    )
    schema_at: FieldsAt | None = Field(
        None, description="Where the master describes its fields; without it objects.NAME.fields does."
    )
    record: Records = Field(default=Records.model_validate({}), description="Where one record holds what.")
    find: Find = Field(description="How records are found.")
    list: Listing | None = Field(None, description="How all records are listed.")
    read: Read = Field(description="How records are read by their ids.")
    update: Update = Field(description="How a record is changed.")
    date_format: DateText | None = Field(
        None, description="How dates are written where the fields do not say."
    )
    dates: Mapping[str, DateText] = Field(
        default={}, description="How the dates of single fields are written, whatever the master says."
    )
    limits: Limits = Field(default=Limits.model_validate({}), description="How fast npsync calls.")
    budget: Budget = Field(default=Budget.model_validate({}), description="How much npsync calls.")
    timeouts: Timeouts = Field(default=Timeouts.model_validate({}), description="When a call is given up.")

    @property
    def signs_in_at(self) -> str:
        """Where the YAML says how calls are let in; "" for keys of the connection itself, which a preset may have."""
        return "auth"

    @model_validator(mode="after")
    def _everything_fits_together(self) -> Self:
        if faults := list(misfits(self)):
            raise Faults(faults)
        return self
