"""What a SQL connection says about itself in the YAML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Literal, Self
from zoneinfo import available_timezones

from pydantic import ConfigDict, Field, SecretStr, field_validator, model_validator

from connectors.contract import Settings
from nps.durations import Period

_SCHEME = re.compile(r"^[a-z][a-z0-9]*(\+[a-z0-9_]+)?://", re.ASCII)


class Match(Settings):
    """How a field is looked up."""

    column: str | None = Field(
        None,
        min_length=1,
        description="The column that is compared, if it is another one: a normalised copy beside what people typed.",
    )
    expression: Literal["exact", "lower"] | None = Field(
        None,
        description="exact: as it stands. lower: upper and lower case are one; give the column an index on lower(…). "
        "Without it e-mails are compared in lower case, and everything else as it stands.",
    )


class Crosswalk(Settings):
    """The table that leads from other systems' ids to the customer's key."""

    table: str = Field("customer_xref", min_length=1, description="Its name.")
    system: str = Field("source_system", min_length=1, description="The column that names the other system.")
    id: str = Field("source_id", min_length=1, description="The column with the customer's id there.")
    key: str = Field("customer_key", min_length=1, description="The column with the customer's key here.")
    valid_from: str | None = Field(None, min_length=1, description="A row counts from this column's time on.")
    valid_to: str | None = Field(None, min_length=1, description="A row counts until this column's time.")
    fields: Mapping[str, str] = Field(
        min_length=1,
        description="Field to match by → the other system's name in the table: {salesforce_id: salesforce}.",
    )


class Merges(Settings):
    """The table that tells which customers became one."""

    table: str = Field("customer_merge", min_length=1, description="Its name.")
    from_key: str = Field("from_key", min_length=1, description="The column with the key that is no more.")
    into_key: str = Field("into_key", min_length=1, description="The column with the key it was merged into.")
    hops: int = Field(10, ge=1, le=100, description="How many merges in a row are followed.")


class TableSettings(Settings):
    """How one table is used; what is not said is found in the database."""

    key: str | None = Field(
        None,
        min_length=1,
        description="The column that names a customer. Left out: the primary key. A view has to say it.",
    )
    mode: Literal["wide", "satellite"] = Field(
        "wide",
        description="wide: the columns written are the table's own. satellite: the table is only read, and a table of "
        "ours holds what is written, a row per customer.",
    )
    satellite: str = Field(
        "nps_customer", min_length=1, description="In mode satellite: the name of our own table."
    )
    satellite_key: str | None = Field(
        None,
        min_length=1,
        description="In mode satellite: our table's column with the customer's key, if it is called otherwise.",
    )
    match: Mapping[str, Match] = Field(
        default_factory=dict,
        description="Field to match by → how it is looked up: {email: {column: email_norm}}.",
    )
    guard: str | None = Field(
        None,
        min_length=1,
        description="The column with the time of the answer a row shows, which the mapping has to set. An older answer "
        "never replaces a newer one, whoever wrote it.",
    )
    version: str | None = Field(
        None,
        min_length=1,
        description="A whole-number column that counts a row's changes: nobody's change in between is overwritten.",
    )
    crosswalk: Crosswalk | None = Field(None, description="Other systems' ids of a customer.")
    merges: Merges | None = Field(None, description="Customers that became one.")
    naive_times: str | None = Field(
        None, description="For this table, instead of the connection's `naive_times`."
    )

    @field_validator("naive_times")
    @classmethod
    def _a_known_zone(cls, name: str | None) -> str | None:
        return known_zone(name)


_AS_FOUND = TableSettings.model_validate({})


class SqlSettings(Settings):
    """Which database, and how its tables are used."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    url: SecretStr = Field(
        description="The database, with its login: postgresql://user:password@host/name, mysql+pymysql://…, or "
        "sqlite:///customers.db for a file beside the YAML. Nothing of it is ever shown but host and name."
    )
    schema_: str | None = Field(
        None,
        alias="schema",
        min_length=1,
        description="The schema the tables are in, if it is not the usual.",
    )
    tables: Mapping[str, TableSettings] = Field(
        default_factory=dict,
        description="Table or view → how it is used. A table with a primary key needs no entry.",
    )
    naive_times: str | None = Field(
        None,
        description="The time zone of columns that hold times without one. They are not used before it is said.",
    )
    batch: int = Field(500, ge=1, le=1000, description="Rows written in one transaction.")
    statement_timeout: Period = Field(
        timedelta(minutes=1), description="How long one statement may take before it is given up."
    )

    @field_validator("url")
    @classmethod
    def _a_database(cls, url: SecretStr) -> SecretStr:
        if not _SCHEME.match(url.get_secret_value().strip()):
            raise ValueError(
                "must be a database like postgresql://user:password@host/name or sqlite:///file.db"
            )
        return url

    @field_validator("naive_times")
    @classmethod
    def _a_known_zone(cls, name: str | None) -> str | None:
        return known_zone(name)

    @model_validator(mode="after")
    def _of_one_customer(self) -> Self:
        for name, table in self.tables.items():
            if table.mode == "wide" and {"satellite", "satellite_key"} & table.model_fields_set:
                raise ValueError(f"tables.{name}: satellite is for mode: satellite")
            fields = table.crosswalk.fields if table.crosswalk else {}
            if both := sorted(fields.keys() & table.match.keys()):
                raise ValueError(
                    f"tables.{name}: {', '.join(both)} is looked up in the crosswalk and in the table; say one"
                )
        return self

    def of(self, object: str) -> TableSettings:
        return self.tables.get(object, _AS_FOUND)


def known_zone(name: str | None) -> str | None:
    if name is not None and name not in available_timezones():
        raise ValueError(f'"{name}" is no time zone; write it like "Europe/Berlin"')
    return name
