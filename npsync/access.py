"""What one YAML file does with a connection: exactly that is to be granted, and nothing else."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import cast

from connectors.contract import Accessible, Grant, Needs, Verdict
from npsync.config import Config
from npsync.jobs import compiled, target_of
from npsync.service import Opened


def needs_of(config: Config, connection: str) -> Needs:
    """Answers to fetch, and per object the fields read and written."""
    read: defaultdict[str, set[str]] = defaultdict(set)
    write: defaultdict[str, set[str]] = defaultdict(set)
    for spec in config.sync.values():
        target = target_of(config, spec)
        if target.connection != connection:
            continue
        fields = compiled(config, spec)
        read[target.object] |= {rule.record for rule in target.match} | set(target.only)
        read[target.object] |= set(fields.record_names) | set(spec.fields)
        read[target.object] |= {each.newer_than for each in spec.fields.values() if each.newer_than}
        write[target.object] |= set(spec.fields)
        people = config.people.get(spec.to) if isinstance(spec.to, str) else None
        if people and people.account and not fields.uses.isdisjoint(("account", "account_id")):
            read[target.object].add(people.account.by)
            if fields.account_names:
                read[people.account.object] |= set(fields.account_names)
    return Needs(
        answers=any(connection in survey.at for survey in config.surveys.values()),
        read={name: frozenset(each) for name, each in read.items()},
        write={name: frozenset(each) for name, each in write.items()},
    )


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
    return Tested(name, to_grant(config, name), tuple(dict.fromkeys(grants)))
