"""Whose account the people are now: asked once a night, for somebody who changes accounts says nothing of it.

It is also how the people of a sync are learned that ran before its accounts were rolled up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from store.api import Lease, Member, Membership, Store
from sync.accounts.place import RollUp
from sync.finding import Found, accounts_of
from sync.interruption import heed
from sync.membership import whose
from sync.merges import absorbed
from sync.progress import Progress

CHUNK = 2_000  # people


def refresh(
    roll_up: RollUp,
    store: Store,
    lease: Lease,
    *,
    since: datetime,
    now: datetime,
    stop: Callable[[], bool],
    progress: Progress,
) -> None:
    """Read the account of everybody of whom an answer counts that was given at `since` or later, and what a report
    groups them by. Where that changed, both accounts are remembered to be worked out."""
    for record_ids in _people(roll_up, store):
        heed(stop)
        if counting := store.counting_since(roll_up.job.name, record_ids, since):
            news = _learned(roll_up, store, sorted(counting))
            if news:
                whom = Membership(members=news, roll_up=roll_up.name)
                store.note_members(roll_up.job.name, whom, lease=lease, now=now)
        progress.advance(len(record_ids))


def _people(roll_up: RollUp, store: Store) -> Iterator[list[str]]:
    last = ""
    while found := store.records_answered(roll_up.job.name, last, CHUNK):
        yield found
        last = found[-1]


def _learned(roll_up: RollUp, store: Store, record_ids: Sequence[str]) -> dict[str, Member | None]:
    """Those of these people of whom something is not as it was known."""
    job = roll_up.job
    fields = sorted({roll_up.by, *job.traits_of("record")})
    live = job.destination.get(job.object, record_ids, fields, job.only)
    records = {record.id: record for record in live}
    renamed = {old: record.id for record in live for old in record.merged}
    old_ids = absorbed(job, store, records, renamed)
    found = Found({}, records, renamed, accounts_of(job, live))
    gone = {record_id for record_id in record_ids if record_id not in records and record_id not in old_ids}
    learned = whose(job, found, records.keys(), gone, old_ids)
    known = store.members(job.name, list(learned.members)) if learned is not None else {}
    members = {} if learned is None else learned.members
    return {id: member for id, member in members.items() if known.get(id) != member}
