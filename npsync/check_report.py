"""What a report remembers of records, beside the live CRM: fields that are there and can be read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from connectors.contract import Destination
from mapping.names import field_of
from nps.schema import ObjectSchema
from npsync.check_asking import Finding
from npsync.config import Config
from npsync.config.problems import Path

if TYPE_CHECKING:
    from mapping.reporting import ReportSpec


def report(config: Config, sync: str, schema: ObjectSchema, destination: Destination) -> Iterator[Finding]:
    """The fields of `report.by` and `report.amount`, as far as this sync's records and accounts have to show them."""
    from npsync.check import described, missing_field

    if config.report is None:
        return
    people = config.people.get(str(config.sync[sync].to))
    account: ObjectSchema | Finding | None = None
    for name, path in config.traits(sync).items():
        place = _place(config.report, name)
        field = field_of(path, "record")
        if place is None:  # people.*.owner, told there
            continue
        if field is not None and not _has(schema, field):
            yield missing_field(schema, field, place)
        field = field_of(path, "account")
        if field is None or people is None or people.account is None:
            continue
        account = account or described(destination, people.account.object, place)
        if isinstance(account, Finding):
            yield account
            return
        if not _has(account, field):
            yield missing_field(account, field, place)


def _has(schema: ObjectSchema, field: str) -> bool:
    """One field of that whole name, or what a reference leads to ("Owner.Name")."""
    return field in schema.fields or field.partition(".")[0] in schema.fields


def _place(report: ReportSpec, name: str) -> Path | None:
    if name in report.by:
        return ("report", "by", name)
    return ("report", "amount") if name == "amount" else None
