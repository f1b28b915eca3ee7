"""`history:` and `follow_up:` beside the live CRM: objects and fields that are there, lists that may be changed,
colleagues who can be given a task."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import cast

from connectors.contract import Destination, GivesTasks, KeepsHistory, KeepsLists
from mapping.names import field_of
from mapping.templates import names_of, parse_template
from nps.errors import ConfigError
from nps.schema import ObjectSchema
from npsync.checking.findings import Finding, missing_field, who_creates
from npsync.config import Config
from npsync.config.problems import Path
from npsync.syncing.jobs import target_of
from sync.outbox.spec import BRIEFING, FollowUpRule, HistorySpec


def after(config: Config, sync: str, schema: ObjectSchema, destination: Destination) -> Iterator[Finding]:
    """`schema` is that of the records the sync writes. Raises what the destination raises."""
    spec = config.sync[sync]
    if spec.history is not None:
        yield from _history(config, sync, spec.history, schema, destination)
    for at, rule in enumerate(spec.follow_up):
        path: Path = ("sync", sync, "follow_up", at)
        yield from _names(rule, schema, path)
        if rule.add_to is not None:
            yield from _list(rule.add_to.list, schema, destination, (*path, "add_to", "list"))
        if rule.task is not None:
            yield from _colleagues(rule.task.otherwise, destination, (*path, "task", "otherwise"))


def _history(
    config: Config, sync: str, spec: HistorySpec, schema: ObjectSchema, destination: Destination
) -> Iterator[Finding]:
    from npsync.checking.live import described, findings_of_field, reads_of

    path: Path = ("sync", sync, "history")
    kept = described(destination, spec.object, (*path, "object"))
    connection = target_of(config, config.sync[sync]).connection
    creates = who_creates(config, connection)
    if isinstance(kept, Finding):
        hint = f"; to create it: npsync provision {creates}" if creates else ""
        yield Finding(kept.path, kept.code, f"{kept.message}{hint}")
        return
    metric = config.surveys[config.sync[sync].survey].metric
    for name, mapping in spec.fields.items():
        place = (*path, "fields", name)
        yield from reads_of(mapping, schema, place)
        yield from findings_of_field(name, mapping, kept, metric, destination, place, creates=creates)
    for name in spec.withdrawn:
        if name not in kept.fields:
            yield missing_field(kept, name, (*path, "withdrawn", name), creates=creates)
    if spec.key is None:
        try:
            cast(KeepsHistory, destination).kept(spec.object, "", [])
        except ConfigError as error:
            yield Finding(path, "no_key", f"{error} (key:)")
    else:
        field = kept.fields.get(spec.key)
        if field is None:
            yield missing_field(kept, spec.key, (*path, "key"), creates=creates)
        elif not field.unique:
            message = f"{kept.name}.{spec.key} is not unique there, so an answer could be kept twice"
            yield Finding((*path, "key"), "not_unique", message)


def _names(rule: FollowUpRule, schema: ObjectSchema, path: Path) -> Iterator[Finding]:
    for place, names in _named(rule):
        for name in names:
            field = field_of(name, "record")
            if (
                field is not None
                and field not in schema.fields
                and field.partition(".")[0] not in schema.fields
            ):
                yield missing_field(schema, field, (*path, *place))


def _named(rule: FollowUpRule) -> Iterator[tuple[Path, Iterable[str]]]:
    """Where names of a mapping stand in a rule, and which."""
    from zoneinfo import ZoneInfo

    from mapping.expressions import Expressions

    if rule.where is not None:
        yield ("where",), Expressions(ZoneInfo("UTC")).compile(rule.where).names
    if rule.task is not None:
        yield ("task", "subject"), names_of(parse_template(rule.task.subject))
        yield ("task", "body"), names_of(parse_template(rule.task.body or "", BRIEFING))
        yield ("task", "owner"), (rule.task.owner or "score",)
    if rule.notify is not None:
        yield ("notify", "text"), names_of(parse_template(rule.notify.text))


def _list(name: str, schema: ObjectSchema, destination: Destination, path: Path) -> Iterator[Finding]:
    try:
        cast(KeepsLists, destination).list_id(name, schema.name)
    except ConfigError as error:
        yield Finding(path, "no_list", str(error))


def _colleagues(named: Iterable[str], destination: Destination, path: Path) -> Iterator[Finding]:
    giver = cast(GivesTasks, destination)
    ids = [one for one in named if "@" not in one]
    found = giver.owners(ids) if ids else {}
    for at, one in enumerate(named):
        if "@" in one:
            if giver.owner_of(one) is None:
                yield Finding((*path, at), "no_colleague", "nobody active has this address in the CRM")
        elif one not in found:
            yield Finding((*path, at), "no_colleague", f'the CRM knows nobody with the id "{one}"')
        elif not found[one].active:
            yield Finding((*path, at), "no_colleague", f'"{one}" is not active any more in the CRM')
