"""What is known, right before a call, about the answers and records that some entries are about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from connectors.contract import Destination
from nps.changes import Record
from nps.errors import RejectedError
from nps.newest import Answer, believed, oldest_first
from nps.responses import SurveyResponse
from nps.score import parse_score
from nps.standing import Standing
from nps.values import Fields, Json, Value
from store.api import Settled, Store
from store.api.outbox import Outgoing
from sync.deciding import no_event
from sync.first_look import FORGOTTEN
from sync.invited import Invited
from sync.job import Job
from sync.membership import account_of
from sync.merges import absorbed
from sync.outbox.care import Aftercare
from sync.outbox.wanting import COUNTS


@dataclass(frozen=True)
class Reading:
    """What a job reads of its records for what follows an answer, worked out once per run."""

    job: Job
    care: Aftercare
    fetch: tuple[str, ...]
    typed: Mapping[str, Callable[[Json], Value]]
    account_fetch: tuple[str, ...]
    account_typed: Mapping[str, Callable[[Json], Value]]
    account_owner: str | None

    @classmethod
    def of(cls, job: Job, care: Aftercare) -> Reading:
        """Raises what describing the objects raises."""
        own = {name for name in (care.owner, care.name) if name is not None}
        if job.account_by is not None and (care.tasks or care.reads_accounts):
            own.add(job.account_by)
        account_owner = _account_owner(job, care)
        account = care.account_names | ({account_owner} if account_owner else set())
        return cls(
            job=job,
            care=care,
            fetch=tuple(sorted(care.record_names | own)),
            typed=_typing(job.destination, job.object, care.record_names),
            account_fetch=tuple(sorted(account)) if job.account_object else (),
            account_typed=_typing(job.destination, job.account_object or "", care.account_names),
            account_owner=account_owner,
        )


def _typing(
    destination: Destination, object: str, names: frozenset[str]
) -> dict[str, Callable[[Json], Value]]:
    return {name: destination.typed(object, name) for name in sorted(names)} if object else {}


def _account_owner(job: Job, care: Aftercare) -> str | None:
    """Accounts name their owner as people do, where they have one."""
    if not care.tasks or care.owner is None or job.account_object is None:
        return None
    known = job.destination.describe(job.account_object).fields
    return care.owner if care.owner in known else None


@dataclass(frozen=True)
class Person:
    """One record as it is now, and all its answers, the one that counts last."""

    record: Record
    account_id: str | None
    account: Record | None
    answers: tuple[Answer, ...]
    absorbed: tuple[str, ...] = ()  # records that were merged into it

    @property
    def deciding(self) -> Answer | None:
        """The answer it shows; None when none counts."""
        return next((one for one in reversed(self.answers) if one.state in COUNTS), None)


@dataclass
class Facts:
    """About one chunk of entries."""

    reading: Reading
    states: Mapping[int, Settled] = field(default_factory=dict)
    responses: Mapping[int, SurveyResponse] = field(default_factory=dict)
    persons: Mapping[str, Person] = field(default_factory=dict)  # by every id they are known by
    event: Callable[[SurveyResponse], Mapping[str, Json]] = no_event

    def state(self, row: Outgoing) -> Settled | None:
        """None: the answer has no state just now (it was taken up again, or never settled)."""
        return None if row.response is None else self.states.get(row.response)

    def person(self, row: Outgoing) -> Person | None:
        """Whose record the answer belongs to now, or a list's entry is about; None when that is gone."""
        state = self.state(row)
        record_id = row.subject if row.kind == "list" else state.record_id if state else row.record_id
        return None if record_id is None else self.persons.get(record_id)

    def standing(self, person: Person, number: int) -> Standing | None:
        """Where the person stood with this answer; None when its score cannot be read."""
        job, care = self.reading.job, self.reading.care
        response = self.responses[number]
        upto = [one for one in person.answers if one.number == number]
        at = upto[0].at if upto else response.answered_at
        try:
            score = parse_score(response.score, job.metric, labelled=job.labelled)
        except RejectedError:
            return None
        rank = job.ranks.get(response.source, -1)
        this = upto[0] if upto else Answer(at, rank, response.id, number, score)
        before = [one for one in person.answers if one < this and one.number != number]
        if response.answered_at != at:
            response = msgspec.structs.replace(response, answered_at=at)
        return Standing(
            response=response,
            score=score,
            survey=job.survey,
            metric=job.metric,
            previous_score=before[-1].score if before else None,
            answers=len(before) + 1,
            record_id=person.record.id,
            record=_read(person.record, self.reading.typed),
            account_id=person.account_id,
            account=dict.fromkeys(self.reading.account_typed)
            if person.account is None
            else _read(person.account, self.reading.account_typed),
            event=self.event(response) if "event" in care.uses else {},
        )

    def previous_answered_at(self, person: Person, number: int) -> datetime | None:
        at = [place for place, one in enumerate(person.answers) if one.number == number]
        return person.answers[at[0] - 1].at if at and at[0] else None


def _read(record: Record, codecs: Mapping[str, Callable[[Json], Value]]) -> Fields:
    return {name: read(record.fields.get(name)) for name, read in codecs.items()}


def gather(reading: Reading, store: Store, rows: Sequence[Outgoing]) -> Facts:
    """Raises what the destination raises."""
    job = reading.job
    numbers = [row.response for row in rows if row.response is not None]
    states = store.states(job.name, numbers)
    record_ids = {row.subject for row in rows if row.kind == "list"}
    record_ids |= {one.record_id for one in states.values() if one.record_id}
    record_ids |= {row.record_id for row in rows if row.record_id and row.kind != "list"}
    persons = _persons(reading, store, record_ids)
    shown = {one.deciding.number for one in persons.values() if one.deciding is not None}
    states |= store.states(job.name, sorted(shown - states.keys()))
    states |= _forgotten(store, states)
    responses = store.responses(sorted({*numbers, *shown}))
    event = no_event
    if "event" in reading.care.uses:
        invited = Invited(store)
        invited.learn(responses.values())
        event = invited.event
    return Facts(reading, states, responses, persons, event)


def _forgotten(store: Store, states: Mapping[int, Settled]) -> dict[int, Settled]:
    """Nothing follows the answers of people who were forgotten, whatever their state is still."""
    return {
        number: msgspec.structs.replace(
            states[number], state=FORGOTTEN.state, code=FORGOTTEN.code, reason=FORGOTTEN.reason
        )
        for number in store.forgotten_answers(list(states))
    }


def _persons(reading: Reading, store: Store, record_ids: set[str]) -> dict[str, Person]:
    job = reading.job
    if not record_ids:
        return {}
    records = {
        one.id: one for one in job.destination.get(job.object, sorted(record_ids), reading.fetch, job.only)
    }
    renamed = {old: one.id for one in records.values() for old in one.merged}
    old_ids = absorbed(job, store, records, renamed)
    answers: dict[str, list[Answer]] = {id: [] for id in records}
    for one in store.counted(job.name, [*records, *old_ids]):
        try:
            score = parse_score(one.score, job.metric, labelled=job.labelled)
        except RejectedError:
            continue
        at, _ = believed(one.answered_at, one.received_at)
        rank = job.ranks.get(one.source, -1)
        answers[old_ids.get(one.record_id, one.record_id)].append(
            Answer(at, rank, one.id, one.number, score, one.state)
        )
    accounts = _accounts(reading, records.values())
    persons = {}
    for id, record in records.items():
        account_id = account_of(job, record)
        persons[id] = Person(
            record=record,
            account_id=account_id,
            account=accounts.get(account_id or ""),
            answers=tuple(oldest_first(answers[id])),
            absorbed=tuple(old for old, new in old_ids.items() if new == id),
        )
    return persons | {old: persons[new] for old, new in (old_ids | renamed).items() if new in persons}


def _accounts(reading: Reading, records: Iterable[Record]) -> dict[str, Record]:
    job = reading.job
    if not reading.account_fetch or job.account_object is None or job.account_by is None:
        return {}
    ids = sorted({str(id) for one in records if (id := one.fields.get(job.account_by))})
    if not ids:
        return {}
    return {one.id: one for one in job.destination.get(job.account_object, ids, reading.account_fetch, {})}
