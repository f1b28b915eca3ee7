"""What follows an answer, as things to create: figures on accounts, records of history, lists."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from connectors.provisioning import Wanted, WantedField, WantedList, WantedObject
from mapping.spec import AccountMapping, FieldMapping
from nps.schema import FieldType, ObjectSchema
from nps.surveys import Metric
from npsync.checking.accounts import with_type
from npsync.checking.live import shown_type, type_of_value
from npsync.config import Config
from npsync.provisioning.fields import field, label, type_of
from npsync.syncing.jobs import target_of
from sync.accounts.spec import FIGURES, AccountSpec
from sync.outbox.spec import HistorySpec
from sync.spec import SyncSpec

_POINTS = 3  # -100 to 100
_COUNT = 9


def accounts(config: Config, connection: str) -> Iterator[WantedField]:
    """The figures that accounts show."""
    for sync, spec in config.sync.items():
        link = config.people[spec.to].account if isinstance(spec.to, str) else None
        if spec.account is None or link is None or spec.to != connection:
            continue
        for name, mapping in spec.account.fields.items():
            yield _figure(link.object, name, mapping, spec.account, f"survey {spec.survey}", sync)


def _figure(
    object: str, name: str, mapping: AccountMapping, spec: AccountSpec, of: str, sync: str
) -> WantedField:
    shown = with_type(mapping, spec)
    type = shown_type(shown, ObjectSchema(object, {}))
    figure = mapping.from_ if mapping.map is None else None
    told = f"{label(figure or 'value')} of the account's people, {of}."
    days = f" Answers of {spec.window.days} days." if spec.window.days else ""
    made = field(object, name, shown, type, Metric.NPS, help=f"{told}{days} Written by npsync (sync {sync}).")
    if figure in FIGURES or figure == "lowest_score":
        return replace(
            made,
            digits=_POINTS,
            decimals=spec.places if figure in FIGURES else 0,
            percent=figure == "coverage",
        )
    return replace(made, digits=_COUNT) if type is FieldType.INTEGER else made


def history(config: Config, connection: str) -> Iterator[Wanted]:
    """Each object of kept answers once, before its fields."""
    made: dict[str, WantedObject] = {}
    for spec in config.sync.values():
        target = target_of(config, spec)
        if spec.history is None or target.connection != connection:
            continue
        people = config.people.get(spec.to) if isinstance(spec.to, str) else None
        link = people.account.object if people is not None and people.account is not None else None
        own = _object(spec.history, target.object, link)
        before = made.get(own.object)
        made[own.object] = own if before is None else _both(before, own)
    for one in made.values():
        yield one
        yield from _fields(config, connection, one)


def _object(spec: HistorySpec, person: str, account: str | None) -> WantedObject:
    key = None
    if spec.key is not None:
        told = "Which answer this is: npsync finds it again by this. Written by npsync."
        key = WantedField(
            spec.object, spec.key, FieldType.TEXT, label=label(spec.key), help=told, unique=True
        )
    words = label(spec.object)
    return WantedObject(
        spec.object,
        words,
        f"{words}s",
        help="Each answer to a survey, once. Written by npsync.",
        key=key,
        belongs_to=tuple(dict.fromkeys(filter(None, (person, account)))),
    )


def _both(one: WantedObject, other: WantedObject) -> WantedObject:
    """Two syncs may keep their answers together."""
    return replace(
        one, key=one.key or other.key, belongs_to=tuple(dict.fromkeys((*one.belongs_to, *other.belongs_to)))
    )


def _fields(config: Config, connection: str, of: WantedObject) -> Iterator[WantedField]:
    made: dict[str, WantedField] = {} if of.key is None else {of.key.name: of.key}
    for sync, spec in config.sync.items():
        target = target_of(config, spec)
        if spec.history is None or spec.history.object != of.object or target.connection != connection:
            continue
        for name, mapping in spec.history.fields.items():
            made.setdefault(name, _kept(config, sync, spec, of, name, mapping))
        for name, value in spec.history.withdrawn.items():
            told = f"What an answer that was withdrawn shows. Written by npsync (sync {sync})."
            made.setdefault(
                name, WantedField(of.object, name, type_of_value(value), label=label(name), help=told)
            )
    yield from made.values()


def _kept(
    config: Config, sync: str, spec: SyncSpec, of: WantedObject, name: str, mapping: FieldMapping
) -> WantedField:
    assert spec.history is not None
    metric = config.surveys[spec.survey].metric
    type = type_of(config, spec, mapping, of.object)
    told = f"{(mapping.from_ or 'value').replace('_', ' ').capitalize()}. Written by npsync (sync {sync})."
    made = field(of.object, name, mapping, type, metric, help=told)
    if mapping.from_ == "record.id":
        made = replace(made, references=target_of(config, spec).object)
    elif mapping.from_ == "account_id" and len(of.belongs_to) > 1:
        made = replace(made, references=of.belongs_to[-1])
    if name in spec.history.withdrawn and made.options:
        said = spec.history.withdrawn[name]
        made = replace(made, options=tuple(dict.fromkeys((*made.options, str(said)))))
    return made


def lists(config: Config, connection: str) -> Iterator[WantedList]:
    for spec in config.sync.values():
        target = target_of(config, spec)
        if target.connection != connection:
            continue
        for rule in spec.follow_up:
            if rule.add_to is not None:
                yield WantedList(target.object, rule.add_to.list)
