"""Which records a chunk of answers concerns: looked up in threads (HTTP and JSON only), told apart by the rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from connectors.contract import Lookup
from mapping.match import Conflict, Many, Matched, NoRecord, Paired
from nps.changes import Hit, Record
from store.api import Settled, State
from sync.first_look import Candidate, Chunk
from sync.job import Codecs, Job

FORGET_WAITING = timedelta(days=90)
_FIRST_LOOKS = (timedelta(hours=1), timedelta(hours=6))


@dataclass(frozen=True)
class Found:
    paired: Paired  # the records behind each match key
    records: Mapping[str, Record]
    renamed: Mapping[str, str]  # merged id → surviving id
    accounts: Mapping[str, Record]


class Belongs(msgspec.Struct, frozen=True):
    """An answer belongs to this record: the rule that says so, and the key people know the person by."""

    record_id: str
    rule: str
    key: str


def look_up(job: Job, codecs: Codecs, chunk: Chunk) -> Found:
    """Every record the chunk's keys name, and those it has to plan anew, with their live values."""
    destination = job.destination
    records: dict[str, Record] = {}
    renamed: dict[str, str] = {}
    hits: list[Hit] = []

    def note(record: Record) -> None:
        records[record.id] = record
        for old in record.merged:
            renamed[old] = record.id

    keys = [key for one in chunk.candidates for key in one.keys]
    lookups = [Lookup(ask.field, ask.kind, ask.values) for ask in job.match.lookups(keys)]
    if lookups:
        hits = destination.find(job.object, lookups, codecs.fetch, job.only)
        for hit in hits:
            note(hit.record)
    missing = sorted(chunk.touched - records.keys() - renamed.keys())
    if missing:
        for record in destination.get(job.object, missing, codecs.fetch, job.only):
            note(record)
    return Found(job.match.pair(keys, hits), records, renamed, accounts_of(job, records.values()))


def followed(job: Job, codecs: Codecs, found: Found, record_ids: Iterable[str]) -> Found:
    """The same with these records read too, or what they were merged into."""
    missing = sorted(set(record_ids) - found.records.keys() - found.renamed.keys())
    if not missing:
        return found
    more = job.destination.get(job.object, missing, codecs.fetch, job.only)
    return Found(
        found.paired,
        {**found.records, **{record.id: record for record in more}},
        {**found.renamed, **{old: record.id for record in more for old in record.merged}},
        {**found.accounts, **accounts_of(job, more)},
    )


def survivor_of(record_ids: Iterable[str], found: Found) -> str | None:
    """The one record that these were merged into, if they were."""
    survivors = {found.renamed[record_id] for record_id in record_ids if record_id in found.renamed}
    return survivors.pop() if len(survivors) == 1 else None


def accounts_of(job: Job, records: Iterable[Record]) -> dict[str, Record]:
    """The accounts of these records, where a name of theirs is asked for."""
    names = sorted(job.account_names)
    if not names or job.account_object is None or job.account_by is None:
        return {}
    ids = sorted({str(account) for one in records if (account := one.fields.get(job.account_by))})
    if not ids:
        return {}
    return {one.id: one for one in job.destination.get(job.account_object, ids, names, {})}


BY_A_PERSON = "a person's decision"  # the rule of an answer that somebody linked


def match(job: Job, one: Candidate, found: Found, chunk: Chunk, now: datetime) -> Settled | Belongs:
    """The record an answer belongs to, or its state when that is not one record."""
    if one.linked is not None:
        survivor = found.renamed.get(one.linked, one.linked)
        if survivor in found.records:
            return Belongs(survivor, BY_A_PERSON, _shown_key(one))
    if one.invited is not None:
        survivor = found.renamed.get(one.invited, one.invited)
        if survivor in found.records:
            return Belongs(survivor, "own invitation", _shown_key(one))
    number = one.taken.number
    match job.match.choose(one.keys, found.paired):
        case Matched(record_id=record_id, rule=rule):
            return Belongs(record_id, rule, _shown_key(one))
        case Many(rule=rule, record_ids=ids):
            return Settled(
                number=number,
                state=State.REVIEW,
                rule=rule,
                code="ambiguous",
                reason=f"{rule} names {len(ids)} records",
                candidates=tuple(ids),
            )
        case Conflict(rule=rule, record_ids=ids):
            return Settled(
                number=number,
                state=State.REVIEW,
                rule=rule,
                code="conflict",
                reason=f"a stronger rule names one record, {rule} another",
                candidates=tuple(ids),
            )
        case NoRecord():
            if (merged_into := _survivor(one, found, chunk)) is not None:
                return belongs_merged(one, merged_into)
            return Settled(
                number=number,
                state=State.WAITING,
                code="no_record",
                reason="no record has any of its keys yet",
                look_again=next_look(one.taken.received_at, now),
            )


def _survivor(one: Candidate, found: Found, chunk: Chunk) -> str | None:
    """Where the record went that this answer was matched to: a merge may leave none of its keys behind."""
    before = [one.taken.matched, *(chunk.earlier.get(number) for number in one.taken.earlier)]
    return survivor_of((record for record in before if record), found)


def belongs_merged(one: Candidate, survivor: str) -> Belongs:
    return Belongs(survivor, "merged", _shown_key(one))


def _shown_key(one: Candidate) -> str:
    """The key people know somebody by: the e-mail where there is one."""
    for key in one.keys:
        if key.response == "email":
            return key.value
    return one.keys[0].value if one.keys else one.taken.response.email or ""


def next_look(received_at: datetime, now: datetime) -> datetime | None:
    """When a waiting answer's keys are looked up again: 1 h and 6 h after it arrived, then daily for 90 days.
    None: only when somebody asks."""
    received_at = min(received_at, now)  # a clock was wrong then
    for wait in _FIRST_LOOKS:
        if now < received_at + wait:
            return received_at + wait
    days = (now - received_at) // timedelta(days=1) + 1
    again = received_at + timedelta(days=days)
    return again if again - received_at <= FORGET_WAITING else None
