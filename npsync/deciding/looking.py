"""One answer with everything that helps to decide: the records it may belong to, as they are now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from connectors.contract import Lookup
from nps.changes import MatchKey, Record
from nps.errors import NpsyncError
from npsync.deciding.inbox import Item
from store.api import Store
from sync.invited import Invited

if TYPE_CHECKING:
    from npsync.config import Config
    from npsync.opening import Opened
    from sync.job import Job


@dataclass(frozen=True)
class Candidate:
    """A record it may belong to, as it is now; None when it is gone."""

    id: str
    name: str | None = None
    email: str | None = None
    account: str | None = None
    there: bool = True


@dataclass(frozen=True)
class Looked:
    """One answer in one sync, with everything that helps to decide."""

    item: Item
    keys: Mapping[MatchKey, tuple[str, ...]]  # each of the answer's keys → the records that have it now
    candidates: tuple[Candidate, ...]
    others: tuple[Item, ...]  # other answers of the same person
    problem: str | None = None  # why the CRM could not be asked


def look(config: Config, store: Store, connections: Opened, item: Item) -> Looked:
    """Reads the candidates live."""
    from npsync.syncing.jobs import build_job

    job = build_job(config, item.sync, connections)
    response = item.answer.response
    keys = job.match.keys(response, Invited(store).event(response))
    others = tuple(
        Item(item.sync, *one)
        for one in store.beside(item.sync, [item.answer.number], [], [])
        if one[0].number != item.answer.number
    )
    shown = _Shown.of(config, job)
    try:
        named = named_by(job, keys, shown.fields)
        ids = dict.fromkeys([*item.settled.candidates, *(r.id for found in named.values() for r in found)])
        if item.settled.record_id:
            ids[item.settled.record_id] = None
        live = {one.id: one for one in job.destination.get(job.object, list(ids), shown.fields, job.only)}
    except NpsyncError as error:
        candidates = tuple(Candidate(id) for id in item.settled.candidates)
        return Looked(item, dict.fromkeys(keys, ()), candidates, others, problem=str(error))
    return Looked(
        item,
        {key: tuple(record.id for record in named.get(key, ())) for key in keys},
        tuple(shown.candidate(id, live.get(id)) for id in ids),
        others,
    )


def named_by(
    job: Job, keys: Sequence[MatchKey], fields: Sequence[str]
) -> Mapping[MatchKey, Sequence[Record]]:
    lookups = [Lookup(ask.field, ask.kind, ask.values) for ask in job.match.lookups(keys)]
    if not lookups:
        return {}
    return job.match.pair(keys, job.destination.find(job.object, lookups, fields, job.only))


@dataclass(frozen=True)
class _Shown:
    """The fields by which people recognise a record."""

    name: str | None
    email: str | None
    account: str | None
    matched: tuple[str, ...] = field(default=())

    @classmethod
    def of(cls, config: Config, job: Job) -> _Shown:
        to = config.sync[job.name].to
        people = config.people.get(to) if isinstance(to, str) else None
        matched = tuple(rule.record for rule in job.match.rules)
        if people is None:
            return cls(None, None, job.account_by, matched)
        return cls(people.name, people.email, job.account_by, matched)

    @property
    def fields(self) -> list[str]:
        told = [self.name, self.email, self.account, *self.matched]
        return list(dict.fromkeys(name for name in told if name is not None))

    def candidate(self, id: str, record: Record | None) -> Candidate:
        if record is None:
            return Candidate(id, there=False)

        def live(name: str | None) -> str | None:
            value = record.fields.get(name) if name is not None else None
            return None if value is None else str(value)

        return Candidate(id, live(self.name), live(self.email), live(self.account))
