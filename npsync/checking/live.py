"""The YAML beside the live CRM: what is missing there, what cannot be written, what would not fit.

Every finding names the line of the YAML; nothing is written anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from connectors.contract import Accessible, Destination, Grant, Needs, Verdict
from mapping.fields import names_read
from mapping.names import field_of
from mapping.spec import FieldMapping, MatchRule, PeopleSpec
from nps.errors import AccessError, ConfigError, RejectedError, UnavailableError
from nps.schema import FieldSchema, FieldType, ObjectSchema
from nps.surveys import Metric
from npsync.checking import accounts as check_accounts
from npsync.checking import after as check_after
from npsync.checking import asking as check_asking
from npsync.checking import report as check_report
from npsync.checking.findings import Finding, missing_field, who_creates
from npsync.config import Config, Problem
from npsync.config.problems import Path, meant_or_known
from npsync.opening import Opened
from npsync.syncing.jobs import target_of
from sync.accounts.spec import FIGURES
from sync.spec import SyncSpec, Target

NOT_REACHED = frozenset({"access_refused", "unavailable"})
"""Codes that say nothing about the YAML: the vendor could not be asked."""

_TEXTUAL = {FieldType.TEXT, FieldType.CHOICE, FieldType.MULTI, FieldType.OTHER}
_TYPES_OF_NAMES = {
    "score": FieldType.INTEGER,
    "previous_score": FieldType.INTEGER,
    "answers": FieldType.INTEGER,
    "answered_at": FieldType.DATETIME,
    "invited_at": FieldType.DATETIME,
    **dict.fromkeys(
        ("responses", "promoters", "passives", "detractors", "lowest_score", *FIGURES), FieldType.INTEGER
    ),
    "last_answered_at": FieldType.DATETIME,
}
_SEGMENTS = ("promoter", "passive", "detractor")
_SOME_MOMENT = datetime(2026, 3, 2, 12, tzinfo=UTC)
_LONGEST_COMMENT = 4_000  # a field that takes more needs no truncate in practice


def check(config: Config, connections: Opened) -> list[Problem]:
    """Compare with the live schema of every connection; what can't be reached is a problem of its own."""
    found = [
        *_sources(config, connections),
        *_destinations(config, connections),
        *_events(config, connections),
        *_senders(config, connections),
        *_readers(config, connections),
    ]
    return sorted({Problem.at(config.place(each.path), each.path, each.code, each.message) for each in found})


def _sources(config: Config, connections: Opened) -> Iterator[Finding]:
    used = dict.fromkeys(name for spec in config.sync.values() for name in config.sources_of(spec.survey))
    for name in used:
        path = ("connections", name)
        try:
            grants = cast(Accessible, connections.source(name)).access(Needs(answers=True))
        except (AccessError, UnavailableError, ConfigError) as error:
            yield _not_reached(error, path)
            continue
        yield from _missing(grants, name)


def _destinations(config: Config, connections: Opened) -> Iterator[Finding]:
    targets = {name: target_of(config, spec) for name, spec in config.sync.items()}
    for connection in dict.fromkeys([*(each.connection for each in targets.values()), *config.people]):
        try:
            destination = connections.destination(connection)
            for name, target in targets.items():
                if target.connection == connection:
                    yield from _sync(config, name, target, destination)
            if connection in config.people:
                people = list(_people(config.people[connection], destination, ("people", connection)))
                yield from people
                if not any(each.code == "missing_object" for each in people):
                    yield from check_asking.asking(config, connection, destination)
        except (AccessError, UnavailableError, ConfigError) as error:
            yield _not_reached(error, ("connections", connection))  # once, however many syncs need it


def _events(config: Config, connections: Opened) -> Iterator[Finding]:
    """Fields of the records that events are about, where the connection can describe them."""
    used = dict.fromkeys(spec.event.connection for spec in config.triggers.values() if spec.event is not None)
    for name in used:
        if config.connections[name].connector.destination is None:
            continue
        try:
            yield from check_asking.events(config, name, connections.destination(name))
        except (AccessError, UnavailableError, ConfigError) as error:
            yield _not_reached(error, ("connections", name))


def _senders(config: Config, connections: Opened) -> Iterator[Finding]:
    """Whether the ways triggers ask by let npsync in, where they can tell."""
    used = dict.fromkeys(
        way.use for spec in config.triggers.values() for way in config.surveys[spec.survey].through
    )
    for name in used:
        path = ("connections", name)
        try:
            sender = connections.sender(name)
            grants = sender.access(Needs(sends=True)) if hasattr(sender, "access") else ()
        except (AccessError, UnavailableError, ConfigError) as error:
            yield _not_reached(error, path)
            continue
        yield from _missing(grants, name)


def _missing(grants: Iterable[Grant], connection: str) -> Iterator[Finding]:
    for grant in grants:
        if grant.verdict is Verdict.MISSING:
            message = f"{grant.permission} is missing; see npsync connect {connection}"
            yield Finding(("connections", connection), "missing_permission", message)


def _readers(config: Config, connections: Opened) -> Iterator[Finding]:
    """Whether people see what is written, where the connection can tell."""
    from npsync.checking.readers import readers  # it asks what is granted, which asks here what is shown

    for name in dict.fromkeys(target_of(config, spec).connection for spec in config.sync.values()):
        try:
            yield from readers(config, name, connections.destination(name))
        except (AccessError, UnavailableError, ConfigError) as error:
            yield _not_reached(error, ("connections", name))


def _sync(config: Config, name: str, target: Target, destination: Destination) -> Iterator[Finding]:
    spec = config.sync[name]
    where: Path = ("sync", name, "to") if isinstance(spec.to, Target) else ("people", spec.to)
    schema = described(destination, target.object, (*where, "object"))
    if isinstance(schema, Finding):
        yield schema
        return
    yield from _findings_of_records(schema, target.match, target.only, where)
    yield from _findings_of_fields(config, name, spec, schema, destination)
    yield from check_after.after(config, name, schema, destination)
    yield from check_accounts.accounts(config, name, schema, destination)
    yield from check_report.report(config, name, schema, destination)


_KEYS_OF_PEOPLE = (
    "name", "email", "phone", "opted_out", "owner", "consent", "time_zone", "language", "customer_since"
)  # fmt: skip


def _people(people: PeopleSpec, destination: Destination, path: Path) -> Iterator[Finding]:
    """The fields `people:` names, whether a sync uses them yet or not."""
    schema = described(destination, people.object, (*path, "object"))
    if isinstance(schema, Finding):
        yield schema
        return
    yield from _findings_of_records(schema, people.match, people.only, path)
    for key in _KEYS_OF_PEOPLE:
        field = getattr(people, key)
        if field and field not in schema.fields:
            yield missing_field(schema, field, (*path, key))
    if people.account is not None:
        account = described(destination, people.account.object, (*path, "account", "object"))
        if isinstance(account, Finding):
            yield account
        elif people.account.by not in schema.fields:
            yield missing_field(schema, people.account.by, (*path, "account", "by"))


def described(destination: Destination, object: str, path: Path) -> ObjectSchema | Finding:
    try:
        return destination.describe(object)
    except ConfigError as error:
        return Finding(path, "missing_object", str(error))


def _not_reached(error: Exception, path: Path) -> Finding:
    if isinstance(error, ConfigError):
        return Finding(path, "bad_connection", str(error))
    return Finding(path, "access_refused" if isinstance(error, AccessError) else "unavailable", str(error))


# ---------------------------------------------------------------- records


def _findings_of_records(
    schema: ObjectSchema, match: Sequence[MatchRule], only: Iterable[str], path: Path
) -> Iterator[Finding]:
    for at, rule in enumerate(match):
        if rule.record not in schema.fields:
            yield missing_field(schema, rule.record, (*path, "match", at, "record"))
        elif schema.found_by is not None and rule.record not in schema.found_by:
            message = (
                f'{schema.name} are not found by "{rule.record}", only by {_some(sorted(schema.found_by))}'
            )
            yield Finding((*path, "match", at, "record"), "not_matchable", message)
    for name in only:
        if name not in schema.fields:
            yield missing_field(schema, name, (*path, "only", name))


def _nearest(name: str, known: Iterable[str]) -> str:
    hint = meant_or_known(name, known)
    return hint if "mean" in hint else ""


# ---------------------------------------------------------------- fields


def _findings_of_fields(
    config: Config, sync: str, spec: SyncSpec, schema: ObjectSchema, destination: Destination
) -> Iterator[Finding]:
    metric = config.surveys[spec.survey].metric
    connection = target_of(config, spec).connection
    creates = who_creates(config, connection)
    for name, why in schema.to_fill.items():
        if name not in spec.fields:
            message = f"{schema.name}.{name} is not filled: {why}"
            yield Finding(("sync", sync, "fields"), "not_filled", message)
    for name, mapping in spec.fields.items():
        path: Path = ("sync", sync, "fields", name)
        yield from reads_of(mapping, schema, path)
        yield from findings_of_field(name, mapping, schema, metric, destination, path, creates=creates)


def findings_of_field(
    name: str,
    mapping: FieldMapping,
    schema: ObjectSchema,
    metric: Metric,
    destination: Destination,
    path: Path,
    *,
    creates: str = "",
) -> Iterator[Finding]:
    """Whether this field is there, may be written, and holds what the mapping shows."""
    field = schema.fields.get(name)
    if field is None:
        yield missing_field(schema, name, path, creates=creates)
    elif not field.writable:
        message = f"{schema.name}.{name} can't be written with this credential (read-only or calculated)"
        yield Finding(path, "not_writable", message)
    else:
        problems = list(_misfits(mapping, field, schema, metric, path))
        yield from problems or _refusals(mapping, field, schema, metric, destination, path)


def reads_of(mapping: FieldMapping, schema: ObjectSchema, path: Path) -> Iterator[Finding]:
    for name in names_read(mapping):
        field = field_of(name, "record")
        if field is not None and field.partition(".")[0] not in schema.fields and field not in schema.fields:
            yield missing_field(schema, field, path)
    if mapping.newer_than is not None:
        dated = schema.fields.get(mapping.newer_than)
        if dated is None:
            yield missing_field(schema, mapping.newer_than, (*path, "newer_than"))
        elif dated.type not in (FieldType.DATE, FieldType.DATETIME):
            message = f"{schema.name}.{dated.name} is {dated.type.in_words}; newer_than compares with a date"
            yield Finding((*path, "newer_than"), "type_mismatch", message)


def _misfits(
    mapping: FieldMapping, field: FieldSchema, schema: ObjectSchema, metric: Metric, path: Path
) -> Iterator[Finding]:
    """What the declared types, lengths and options already tell."""
    shown = shown_type(mapping, schema)
    if shown is not None and field.type is not FieldType.OTHER and not field.type.takes(shown):
        yield Finding(path, "type_mismatch", _mismatch(shown, field, schema))
        return
    yield from _lengths(mapping, field, schema, shown, path)
    if field.options is not None and field.restricted:
        for value, where in outputs(mapping, metric):
            if value not in (None, "") and _as_option(value) not in field.options:
                hint = _nearest(_as_option(value), field.options) or f"; options: {_some(field.options)}"
                message = f'"{_as_option(value)}" is no option of {schema.name}.{field.name}{hint}'
                yield Finding((*path, *where), "not_an_option", message)


def _mismatch(shown: FieldType, field: FieldSchema, schema: ObjectSchema) -> str:
    message = f"shows {shown.in_words}, but {schema.name}.{field.name} is {field.type.in_words}"
    if shown is FieldType.DATETIME and field.type is FieldType.DATE:
        return f"{message}; add as: date"
    if shown is FieldType.DATE and field.type is FieldType.DATETIME:
        return f"{message}; use as: datetime"
    return message


def _lengths(
    mapping: FieldMapping, field: FieldSchema, schema: ObjectSchema, shown: FieldType | None, path: Path
) -> Iterator[Finding]:
    if field.length is None or shown is not FieldType.TEXT or field.type is not FieldType.TEXT:
        return
    where = f"{schema.name}.{field.name} takes {field.length} characters"
    if mapping.truncate is not None:
        if mapping.truncate > field.length:
            message = f"keeps {mapping.truncate} characters, but {where}"
            yield Finding((*path, "truncate"), "too_long", message)
        return
    if mapping.map is not None:
        for value, place in outputs(mapping, Metric.NPS):
            if isinstance(value, str) and len(value) > field.length:
                yield Finding((*path, *place), "too_long", f"has {len(value)} characters, but {where}")
    elif unbounded(mapping) and field.length < _LONGEST_COMMENT:
        yield Finding(path, "no_truncate", f"can be longer than that: {where}; add truncate: {field.length}")


def unbounded(mapping: FieldMapping) -> bool:
    return mapping.template is not None or mapping.from_ == "comment"


def _refusals(
    mapping: FieldMapping,
    field: FieldSchema,
    schema: ObjectSchema,
    metric: Metric,
    destination: Destination,
    path: Path,
) -> Iterator[Finding]:
    """What only the connector knows: it is shown every value the mapping is known to give."""
    canonical = destination.canonical(schema.name, field.name)
    for value, where in outputs(mapping, metric):
        try:
            canonical(cast(Any, value))
        except RejectedError as error:
            yield Finding((*path, *where), "refused_value", str(error))
    if field.type is FieldType.DATETIME and shown_type(mapping, schema) is FieldType.DATETIME:
        try:
            canonical(_SOME_MOMENT)
        except (RejectedError, ConfigError) as error:
            yield Finding(path, "refused_value", str(error))


# ---------------------------------------------------------------- what a mapping shows


def shown_type(mapping: FieldMapping, schema: ObjectSchema) -> FieldType | None:
    """The type of what a field shows, as far as it is known without an answer."""
    if mapping.as_ is not None:
        return FieldType(mapping.as_)
    if mapping.map is not None:
        kinds = {type_of_value(value) for value in mapping.map.values() if value is not None}
        return kinds.pop() if len(kinds) == 1 else None
    if mapping.template is not None:
        return FieldType.TEXT
    if mapping.says("value"):
        return type_of_value(mapping.value)
    if mapping.from_ is None or mapping.from_.startswith(("properties.", "event.", "account.")):
        return None
    if field := field_of(mapping.from_, "record"):
        known = schema.fields.get(field)
        return known.type if known and known.type not in _TEXTUAL else None
    return _TYPES_OF_NAMES.get(mapping.from_, FieldType.TEXT)


def outputs(mapping: FieldMapping, metric: Metric) -> list[tuple[object, Path]]:
    """Values a field is known to show, each with the key that says it."""
    known: list[tuple[object, Path]] = []
    if mapping.says("default") and mapping.map is None:
        known.append((mapping.default, ("default",)))
    if mapping.map is not None:
        known += [(value, ("map", word)) for word, value in mapping.map.items()]
        if mapping.says("other"):
            known.append((mapping.other, ("other",)))
    elif mapping.says("value"):
        known.append((mapping.value, ("value",)))
    elif mapping.from_ in ("segment", "previous_segment"):
        known += [(segment, ()) for segment in _SEGMENTS]
    elif mapping.from_ in ("score", "previous_score") and mapping.as_ in (None, "integer"):
        known += [(score, ()) for score in _scale(metric)]
    if mapping.as_ not in (None, "integer", "text") or mapping.truncate is not None:
        return []  # what `as` and `truncate` make of them is not known here
    return [(tuple(value) if isinstance(value, list) else value, where) for value, where in known]


def _scale(metric: Metric) -> range:
    return {Metric.NPS: range(11), Metric.CSAT: range(1, 6), Metric.CES: range(1, 8)}[metric]


def type_of_value(value: object) -> FieldType | None:
    for kind, type in ((bool, FieldType.BOOLEAN), (int, FieldType.INTEGER), (float, FieldType.NUMBER)):
        if isinstance(value, kind):
            return type
    if isinstance(value, str):
        return FieldType.TEXT
    return FieldType.MULTI if isinstance(value, list) else None


def _as_option(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _some(options: Sequence[str]) -> str:
    return ", ".join(options[:8]) + (", …" if len(options) > 8 else "")
