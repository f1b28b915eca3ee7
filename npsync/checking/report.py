"""What a report remembers of records, beside the live CRM: fields that are there, and an amount that is a number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from connectors.contract import Destination
from mapping.names import field_of
from mapping.reporting import AMOUNT
from nps.schema import FieldType, ObjectSchema
from npsync.checking.findings import Finding, missing_field
from npsync.config import Config
from npsync.config.problems import Path

if TYPE_CHECKING:
    from mapping.reporting import ReportSpec

_AMOUNTS = (FieldType.INTEGER, FieldType.NUMBER, FieldType.OTHER)  # OTHER: the CRM does not say what it is


def report(config: Config, sync: str, schema: ObjectSchema, destination: Destination) -> Iterator[Finding]:
    """The fields of `report.by` and `report.amount`, as far as this sync's records and accounts have to show them."""
    from npsync.checking.live import described

    if config.report is None:
        return
    people = config.people.get(str(config.sync[sync].to))
    account: ObjectSchema | Finding | None = None
    for name, path in config.traits(sync).items():
        place = _place(config.report, name)
        field = field_of(path, "record")
        if place is None:  # people.*.owner, told there
            continue
        if field is not None:
            yield from _findings(schema, name, field, place)
        field = field_of(path, "account")
        if field is None or people is None or people.account is None:
            continue
        account = account or described(destination, people.account.object, place)
        if isinstance(account, Finding):
            yield account
            return
        yield from _findings(account, name, field, place)


def _findings(schema: ObjectSchema, name: str, field: str, place: Path) -> Iterator[Finding]:
    if not _has(schema, field):
        yield missing_field(schema, field, place)
    elif name == AMOUNT and (known := schema.fields.get(field)) and known.type not in _AMOUNTS:
        message = f"{schema.name}.{field} shows {known.type.in_words}, an amount is a number"
        yield Finding(place, "type_mismatch", message)


def _has(schema: ObjectSchema, field: str) -> bool:
    """One field of that whole name, or what a reference leads to ("Owner.Name")."""
    return field in schema.fields or field.partition(".")[0] in schema.fields


def _place(report: ReportSpec, name: str) -> Path | None:
    if name in report.by:
        return ("report", "by", name)
    return ("report", "amount") if name == AMOUNT else None
