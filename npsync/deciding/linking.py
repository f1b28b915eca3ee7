"""Whose an answer is: decided once for all answers with its key, stronger than any rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nps.changes import MatchKey, Record
from nps.errors import ConfigError
from npsync.deciding.deciders import Decider, Decision
from npsync.deciding.inbox import MOST, UNDECIDED, Item, called
from npsync.deciding.looking import named_by
from npsync.deciding.writing import Again, answers_again
from store.api import Link, Settled, State, Store
from sync.first_look import answer_value
from sync.invited import Invited
from sync.linking import keys_to_link

if TYPE_CHECKING:
    from npsync.opening import Opened
    from sync.job import Job


@dataclass(frozen=True)
class Linked:
    """A decision that is stored. `again`: what is planned anew for it; `left` are the records they were
    matched to before."""

    record: str
    merged_from: str | None  # the record that was named, when that one was merged into `record`
    links: tuple[Link, ...]
    keys: tuple[MatchKey, ...]  # for which it is remembered; none: for this answer only
    again: Again
    left: tuple[str, ...]


def link(
    decider: Decider, connections: Opened, items: Sequence[Item], record: str, *, only_this: bool
) -> Linked:
    """This answer, and all with its key, belong to that record. Stored at once; `write_now` then writes it (or the next
    run does). Raises ConfigError where the record does not exist."""
    linked = decide_link(decider, connections, items, record, only_this=only_this)
    decider.note(Decision.LINK, f"answer {called(items[0].answer.response)}", {"record": linked.record})
    return linked


def decide_link(
    decider: Decider, connections: Opened, items: Sequence[Item], record: str, *, only_this: bool
) -> Linked:
    """The same, of somebody whose wish is in the audit already."""
    from npsync.syncing.jobs import build_job, scope_of

    config, store = decider.config, decider.store
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
        named = _ids(named_by(job, keys, _fields(job)))
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
    store.decide(links, again, now=decider.now)
    merged_from = record if record in live.merged else None
    return Linked(live.id, merged_from, tuple(links), remembered, answers_again(again), tuple(left))


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


def became(store: Store, linked: Linked) -> dict[str, dict[int, Settled]]:
    """What became of the answers that were taken up again, by sync."""
    return {sync: store.states(sync, asked.answers) for sync, asked in linked.again.items()}


_SETTLED = (State.WRITTEN, State.UNCHANGED, State.SUPERSEDED, State.EXCLUDED)


def is_settled(became: Mapping[str, Mapping[int, Settled]]) -> bool:
    """Whether the decision moved answers, and all of them need nothing more."""
    return bool(became) and all(
        one.state in _SETTLED for states in became.values() for one in states.values()
    )
