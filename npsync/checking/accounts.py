"""`account:` beside the live CRM: the object of the accounts, fields that are there and hold the figures."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.contract import Destination
from mapping.fields import names_read
from mapping.names import field_of
from mapping.spec import AccountMapping
from nps.schema import ObjectSchema
from nps.surveys import Metric
from npsync.checking.findings import Finding, missing_field, who_creates
from npsync.config import Config
from npsync.config.problems import Path
from sync.accounts.spec import FIGURES, AccountSpec


def accounts(config: Config, sync: str, schema: ObjectSchema, destination: Destination) -> Iterator[Finding]:
    """`schema` is that of the people. What is wrong with the object or the link itself, `people` says."""
    from npsync.checking.live import described, findings_of_field

    spec, to = config.sync[sync].account, config.sync[sync].to
    link = config.people[to].account if isinstance(to, str) else None
    if spec is None or link is None:
        return
    path: Path = ("sync", sync, "account", "fields")
    account = described(destination, link.object, path)
    if isinstance(account, Finding):
        return
    creates = who_creates(config, str(to))
    for name, mapping in spec.fields.items():
        place = (*path, name)
        for read in names_read(mapping):
            field = field_of(read, "account")
            if (
                field is not None
                and field.partition(".")[0] not in account.fields
                and field not in account.fields
            ):
                yield missing_field(account, field, place)
        as_shown = with_type(mapping, spec)
        yield from findings_of_field(name, as_shown, account, Metric.NPS, destination, place, creates=creates)
    if schema.found_by is not None and link.by not in schema.found_by:
        for name, mapping in spec.fields.items():
            if "coverage" in names_read(mapping):
                message = f'{schema.name} are not found by "{link.by}", so coverage would always be empty'
                yield Finding((*path, name), "not_countable", message)


def with_type(mapping: AccountMapping, spec: AccountSpec) -> AccountMapping:
    """With decimals a figure is a number, not a whole one."""
    if spec.places and mapping.from_ in FIGURES and mapping.as_ is None and mapping.map is None:
        return mapping.model_copy(update={"as_": "number"})
    return mapping
