"""What one YAML file does with a connection: exactly that is to be granted, and nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import cast

from connectors.contract import Accessible, Creates, Grant, Needs, Verdict
from mapping.names import field_of
from mapping.spec import AccountLink, FieldMapping
from nps.events import OF_EVERY_EVENT
from nps.schema import FieldType, ObjectSchema
from nps.surveys import Through
from npsync.checking.accounts import with_type
from npsync.checking.asking import asked_people, subject_of
from npsync.checking.live import shown_type
from npsync.config import Config
from npsync.opening import Opened
from npsync.syncing.jobs import care_of, compiled, target_of
from npsync.syncing.rolling import compiled_accounts
from sync.outbox.care import Aftercare
from sync.spec import SyncSpec


def needs_of(config: Config, connection: str) -> Needs:
    """Answers to fetch, and per object the fields read and written."""
    used = _Used()
    for name, spec in config.sync.items():
        if target_of(config, spec).connection == connection:
            _of_sync(used, config, name, spec)
    for object, names in _asked(config, connection):
        used.read[object] |= names
    if connection in config.people:
        _of_people(used, config, connection)
    return Needs(
        answers=any(connection in survey.at for survey in config.surveys.values()),
        read={name: frozenset(each) for name, each in used.read.items()},
        write={name: frozenset(each) for name, each in used.write.items()},
        types=dict(used.types),
        creates=frozenset(used.creates),
        history={name: frozenset(each) for name, each in used.history.items()},
        sends=any(connection == way.use for way in _ways(config)),
        events=frozenset(
            kind
            for spec in config.triggers.values()
            if spec.event is not None and spec.event.connection == connection
            for kind in (spec.event.kind, *spec.cancel_on)
        ),
    )


def _sets() -> defaultdict[str, set[str]]:
    return defaultdict(set)


@dataclass(frozen=True)
class _Used:
    """Fields by their object."""

    read: defaultdict[str, set[str]] = field(default_factory=_sets)
    write: defaultdict[str, set[str]] = field(default_factory=_sets)
    history: defaultdict[str, set[str]] = field(default_factory=_sets)
    types: defaultdict[str, dict[str, FieldType]] = field(default_factory=lambda: defaultdict(dict))
    creates: set[Creates] = field(default_factory=set)

    def shows(self, object: str, fields: Mapping[str, FieldMapping]) -> None:
        """These are written, and read for that."""
        self.read[object] |= set(fields)
        self.write[object] |= set(fields)
        unseen = ObjectSchema(object, {})
        known = {name: shown_type(mapping, unseen) for name, mapping in fields.items()}
        self.types[object] |= {name: type for name, type in known.items() if type is not None}


def _of_sync(used: _Used, config: Config, name: str, spec: SyncSpec) -> None:
    target, fields = target_of(config, spec), compiled(config, spec)
    people = config.people.get(spec.to) if isinstance(spec.to, str) else None
    account = None if people is None else people.account
    used.shows(target.object, spec.fields)
    read = used.read[target.object]
    read |= {rule.record for rule in target.match} | set(target.only) | set(fields.record_names)
    read |= {each.newer_than for each in spec.fields.values() if each.newer_than}
    if (care := care_of(config, name)) is not None:
        _of_care(used, spec, care, target.object, account)
    if account is not None and spec.account is not None:
        read.add(account.by)
        used.read[account.object] |= set(compiled_accounts(config, spec.account).account_names)
        used.shows(
            account.object,
            {each: with_type(told, spec.account) for each, told in spec.account.fields.items()},
        )
    for path in config.traits(name).values():
        if (of_record := field_of(path, "record")) is not None:
            read.add(of_record)
        elif account is not None and (of_account := field_of(path, "account")) is not None:
            read.add(account.by)
            used.read[account.object].add(of_account)
    if account is not None and not fields.uses.isdisjoint(("account", "account_id")):
        read.add(account.by)
        if fields.account_names:
            used.read[account.object] |= set(fields.account_names)


def _of_care(used: _Used, spec: SyncSpec, care: Aftercare, object: str, account: AccountLink | None) -> None:
    """What follows an answer: what it names, and where answers are kept."""
    used.read[object] |= care.record_names
    used.read[object] |= {each for each in (care.owner, care.name) if each and care.rules}
    if account is not None and (care.tasks or care.reads_accounts):
        used.read[object].add(account.by)
        used.read[account.object] |= care.account_names
    used.creates.update(created_by(spec))
    if spec.history is not None:
        kept = used.history[spec.history.object]
        kept |= {*spec.history.fields, *spec.history.withdrawn}
        kept |= {spec.history.key} if spec.history.key else set()


def _of_people(used: _Used, config: Config, connection: str) -> None:
    """What asking writes onto a person's record, and reads for that."""
    written: set[str] = set()
    if connection in asked_people(config):
        written |= set(config.contact_policy.written_fields)
    for way in _ways(config):
        known = config.connections[way.use]
        how = known.connector.sends(known.settings)
        if how is not None and way.use == connection:
            written |= set(how.writes)
    if written:
        used.read[config.people[connection].object] |= written
        used.write[config.people[connection].object] |= written


def created_by(spec: SyncSpec) -> Iterator[Creates]:
    """What a sync creates beside the records."""
    if spec.history is not None:
        yield Creates.HISTORY
    if any(rule.task is not None for rule in spec.follow_up):
        yield Creates.TASKS
    if any(rule.add_to is not None for rule in spec.follow_up):
        yield Creates.LISTS


def _asked(config: Config, connection: str) -> Iterator[tuple[str, set[str]]]:
    """What triggers read of a connection: of the people they ask, their accounts, and what events are about."""
    from npsync.asking.triggering import Compiled

    compiled = Compiled(config) if config.triggers else None
    if compiled is None:
        return
    if connection in asked_people(config):
        people = compiled.people(connection)
        audiences = (spec.audience for spec in config.triggers.values() if spec.audience is not None)
        narrowed = (set(each.only) for each in audiences if each.connection == connection)
        yield people.object, {*people.fields, *people.only}.union(*narrowed)
        if people.account_object is not None and people.account_names:
            yield people.account_object, set(people.account_names)
    kinds = {kind.name: kind for kind in config.connections[connection].connector.event_kinds}
    for name, spec in config.triggers.items():
        if spec.event is None or spec.event.connection != connection:
            continue
        for watch in compiled.rules[name].watches:
            for object, fields in kinds[watch.kind].reads(watch.parameters).items():
                yield object, set(fields)
        if (subject := subject_of(spec, tuple(kinds.values()))) is not None:
            yield subject, set(compiled.rules[name].facts) - OF_EVERY_EVENT


def _ways(config: Config) -> Iterator[Through]:
    return (way for spec in config.triggers.values() for way in config.surveys[spec.survey].through)


@dataclass(frozen=True)
class Tested:
    """What to grant for one connection, and what a test of every permission said."""

    connection: str
    to_grant: tuple[str, ...]
    grants: tuple[Grant, ...]

    @property
    def is_enough(self) -> bool:
        return all(grant.verdict is not Verdict.MISSING for grant in self.grants)


def to_grant(config: Config, name: str) -> tuple[str, ...]:
    """The permissions to grant, in the vendor's words; calls nobody."""
    connection = config.connections[name]
    return tuple(connection.connector.grants(connection.settings, needs_of(config, name)))


def to_provision(config: Config, name: str) -> tuple[str, ...]:
    """What the credential of `npsync provision` has to be granted, for as long as that takes."""
    connection = config.connections[name]
    told = connection.connector.provision_grants
    return tuple(told(connection.settings, needs_of(config, name))) if told is not None else ()


def try_out(config: Config, name: str, connections: Opened) -> Tested:
    """Ask the vendor about every permission; raises AccessError when the credential itself is refused."""
    needs = needs_of(config, name)
    connector = config.connections[name].connector
    reads_answers = connector.source is not None and (needs.answers or connector.destination is None)
    writes = connector.destination is not None and (bool(needs.read) or not reads_answers)
    grants: list[Grant] = []
    if reads_answers:
        grants += cast(Accessible, connections.source(name)).access(needs)
    if writes:
        grants += cast(Accessible, connections.destination(name)).access(needs)
    if connector.sender is not None and (needs.sends or not (connector.source or connector.destination)):
        sender = connections.sender(name)
        grants += cast(Accessible, sender).access(needs) if hasattr(sender, "access") else []
    if connector.alerter is not None and connector.sender is None:
        grants += cast(Accessible, connections.alerter(name)).access(needs)
    return Tested(name, to_grant(config, name), tuple(dict.fromkeys(grants)))
