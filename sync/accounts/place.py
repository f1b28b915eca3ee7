"""One sync's roll-up, ready to run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from connectors.contract import Destination
from mapping.fields import CompiledFields
from mapping.selftest import neutral
from nps.errors import ConfigError
from nps.schema import ObjectSchema
from nps.values import Json, Value
from sync.accounts.spec import AccountSpec
from sync.codecs import refuse
from sync.job import Job


@dataclass(frozen=True)
class RollUp:
    """A place of `sync.job.Place`: the accounts of the people whose records a sync writes."""

    job: Job
    object: str
    by: str  # the field of a person that names the account
    spec: AccountSpec
    fields: CompiledFields

    @property
    def name(self) -> str:
        return self.job.roll_up_name

    @property
    def connection(self) -> str:
        return self.job.connection

    @property
    def destination(self) -> Destination:
        return self.job.destination

    @property
    def asks_for_contacts(self) -> bool:
        """Whether a figure needs to know how many contacts an account has."""
        return not self.fields.uses.isdisjoint(("coverage", "margin"))


@dataclass(frozen=True)
class Codecs:
    """The account's fields, ready to be read and written. A field the CRM lacks is in `absent`: a plan shows it."""

    schema: ObjectSchema
    fetch: tuple[str, ...]
    canonical: Mapping[str, Callable[[Value], Json]]
    typed: Mapping[str, Callable[[Json], Value]]
    absent: tuple[str, ...] = ()


def open_codecs(roll_up: RollUp, *, refuse_absent: bool) -> Codecs:
    """Raises ConfigError where the CRM has no such object or, with `refuse_absent`, no such field."""
    destination, object, fields = roll_up.destination, roll_up.object, roll_up.fields
    schema = destination.describe(object)
    absent = tuple(name for name in fields.shows if name not in schema.fields)
    if refuse_absent:
        refuse(roll_up, fields.shows, schema)
    needed = sorted(fields.account_names)
    if unknown := [name for name in needed if name.partition(".")[0] not in schema.fields]:
        raise ConfigError(
            f'{roll_up.connection}: {object} has no field "{unknown[0]}", or the credential may not see it'
        )
    return Codecs(
        schema=schema,
        fetch=(*(name for name in fields.shows if name not in absent), *needed),
        canonical={
            name: neutral if name in absent else destination.canonical(object, name) for name in fields.shows
        },
        typed={name: destination.typed(object, name) for name in needed},
        absent=absent,
    )
