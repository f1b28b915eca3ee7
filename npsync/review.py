"""Answers that wait for a person's decision: finding them, looking at them, deciding."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from connectors.contract import Lookup
from nps.changes import MatchKey, Record
from nps.errors import ConfigError, NpsyncError
from nps.responses import SurveyResponse
from store.api import Asked, Link, Settled, State, Store, Stored
from sync.first_look import answer_value
from sync.invited import Invited
from sync.leasing import Busy
from sync.linking import keys_to_link

if TYPE_CHECKING:
    from datetime import datetime

    from npsync.config import Config
    from npsync.service import Opened
    from sync.job import Job
    from sync.report import Report

UNDECIDED = (State.REVIEW, State.WAITING)
MOST = 100_000


@dataclass(frozen=True)
class Item:
    """One answer in one sync."""

    sync: str
    answer: Stored
    settled: Settled


def named(config: Config, store: Store, text: str) -> Stored:
    """The answer meant by "source id", "source:id" or an id that only one source has. Raises ConfigError."""
    text = text.strip()
    found = store.answers_named(text)
    for source in config.connections:
        if text.startswith((f"{source} ", f"{source}:")):
            found += store.answers_named(text[len(source) + 1 :].strip(), source)
    found = list({one.number: one for one in found}.values())
    if not found:
        raise ConfigError(
            f'there is no answer "{text}"; write SOURCE:ID, as npsync review list and npsync runs N show it'
        )
    if len(found) > 1:
        names = ", ".join(called(one.response) for one in found)
        raise ConfigError(f'"{text}" may be any of {names}; name one of them')
    return found[0]


def called(response: SurveyResponse) -> str:
    """What a person writes to mean this answer."""
    return f"{response.source}:{response.id}"


def undecided(store: Store, sync: str, states: Sequence[State], limit: int) -> list[Item]:
    """Answers that need a decision or a record, the newest first; those of one person together, where the newest of
    them is."""
    found = [Item(sync, *one) for one in store.undecided(sync, states, limit=limit)]
    by_person: dict[int, list[Item]] = {}
    for item in found:
        by_person.setdefault(item.answer.person, []).append(item)
    return [item for its in by_person.values() for item in its]


def settled_in(config: Config, store: Store, answer: Stored, sync: str | None = None) -> list[Item]:
    """The answer in every sync that has taken it up (or in this one)."""
    names = [sync] if sync is not None else list(config.sync)
    states = {name: store.states(name, [answer.number]).get(answer.number) for name in names}
    return [Item(name, answer, state) for name, state in states.items() if state is not None]


# ------------------------------------------------------------ looking


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
    from npsync.jobs import build_job

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
        named = _named_by(job, keys, shown.fields)
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


def _named_by(
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


# ------------------------------------------------------------ deciding


@dataclass(frozen=True)
class Linked:
    """A decision that is stored. `again`: sync → the answers that are taken up again for it; `left` are the records
    they were matched to before."""

    record: str
    merged_from: str | None  # the record that was named, when that one was merged into `record`
    links: tuple[Link, ...]
    keys: tuple[MatchKey, ...]  # for which it is remembered; none: for this answer only
    again: Mapping[str, tuple[int, ...]]
    left: tuple[str, ...]


def decide_link(
    config: Config,
    store: Store,
    connections: Opened,
    items: Sequence[Item],
    record: str,
    *,
    only_this: bool,
    now: datetime,
) -> Linked:
    """This answer, and all with its key, belong to that record. Stored at once; a run then writes it (or the next run
    does). Raises ConfigError where the record does not exist."""
    from npsync.jobs import build_job, scope_of

    jobs = {item.sync: build_job(config, item.sync, connections) for item in items}
    item, job, live = _record_in(items, jobs, record)
    invited = Invited(store)
    keys = job.match.keys(item.answer.response, invited.event(item.answer.response))
    if not keys and not only_this:
        raise ConfigError(
            f"{called(item.answer.response)} carries none of the keys that `match` compares with a record"
        )
    own = answer_value(item.answer.response)
    before = store.links(job.scope, [key.value for key in keys])
    remembered: tuple[MatchKey, ...] = ()
    if not only_this:
        named = _ids(_named_by(job, keys, _fields(job)))
        chosen = keys_to_link(keys, item.settled.rule, named, live.id)
        # What was decided before about another of its keys must not outrank this.
        remembered = tuple(key for key in keys if key in chosen or key.value in before)
    links = [Link(job.scope, key.value, live.id) for key in remembered]
    if only_this or store.links(job.answer_scope, [own]):
        links.append(Link(job.answer_scope, own, live.id))
    same = [name for name in config.sync if scope_of(config, name) == job.scope]
    values = frozenset(key.value for key in remembered)
    again = {
        name: _concerned(build_job(config, name, connections), store, item, values, wrong={*before.values()})
        for name in same
    }
    again = {name: numbers for name, numbers in again.items() if numbers}
    known = [one for name, numbers in again.items() for one in store.states(name, numbers).values()]
    left = sorted({one.record_id for one in known if one.record_id} - {live.id, *live.merged})
    store.decide(links, again, now=now)
    merged_from = record if record in live.merged else None
    return Linked(live.id, merged_from, tuple(links), remembered, again, tuple(left))


def _record_in(items: Sequence[Item], jobs: Mapping[str, Job], record: str) -> tuple[Item, Job, Record]:
    """The item whose CRM has this record. An answer that several CRMs get is decided in each of them."""
    asked: dict[str, tuple[Item, Job]] = {}
    for item in items:
        asked.setdefault(jobs[item.sync].scope, (item, jobs[item.sync]))
    found = []
    for item, job in asked.values():
        for live in job.destination.get(job.object, [record], _fields(job), job.only):
            found.append((item, job, live))
    if not found:
        where = " or ".join(f"{job.connection} {job.object}" for _, job in asked.values())
        raise ConfigError(f"{where} has no record {record}, or `only` leaves it out; nothing was decided")
    if len(found) > 1:
        raise ConfigError(f"{record} is a record in more than one place; say which by --sync")
    return found[0]


def _fields(job: Job) -> list[str]:
    return list(dict.fromkeys(rule.record for rule in job.match.rules))


def _ids(named: Mapping[MatchKey, Sequence[Record]]) -> dict[MatchKey, tuple[str, ...]]:
    return {key: tuple(record.id for record in found) for key, found in named.items()}


def _concerned(
    job: Job, store: Store, item: Item, values: frozenset[str], *, wrong: set[str]
) -> tuple[int, ...]:
    """The answers of this sync that the decision moves: those with one of these key values, and the one it is about."""
    number = item.answer.number
    state = store.states(job.name, [number]).get(number)
    records = wrong | ({state.record_id} if state is not None and state.record_id else set())
    near = store.beside(job.name, [number], sorted(records), sorted(values))
    near += store.undecided(job.name, UNDECIDED, limit=MOST)
    invited = Invited(store)
    invited.learn(stored.response for stored, _ in near)
    numbers = {
        stored.number
        for stored, settled in near
        if settled.state is not State.EXCLUDED
        and any(
            key.value in values for key in job.match.keys(stored.response, invited.event(stored.response))
        )
    }
    return tuple(sorted(numbers | ({number} if state is not None else set())))


def run_decided(linked: Linked, run: Callable[[str, Asked], Report]) -> tuple[list[Report], list[str]]:
    """Write what was decided, sync by sync; and the syncs that another process is running, whose next run does it."""
    reports: list[Report] = []
    busy: list[str] = []
    for sync, numbers in linked.again.items():
        try:
            reports.append(run(sync, Asked(answers=numbers)))
        except Busy:
            busy.append(sync)
    return reports, busy


def became(store: Store, linked: Linked) -> dict[str, dict[int, Settled]]:
    """What became of the answers that were taken up again, by sync."""
    return {sync: store.states(sync, numbers) for sync, numbers in linked.again.items()}


def ignore(store: Store, items: Iterable[Item], reason: str) -> tuple[list[str], list[str]]:
    """Leave the answer out where it is undecided. Returns the syncs where that was done, and the others."""
    done: list[str] = []
    left: list[str] = []
    for item in items:
        (done if store.ignore(item.sync, item.answer.number, reason) else left).append(item.sync)
    return done, left
