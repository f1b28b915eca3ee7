"""Whose account the records of a chunk are, and what a report groups them by: learned on the way, without a call of its
own."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from nps.changes import Record
from nps.values import Json
from store.api import Member, Membership, Store
from sync.finding import Found
from sync.job import Job


def whose(
    job: Job,
    found: Found,
    record_ids: Collection[str],
    gone: Collection[str],
    old_ids: Mapping[str, str],
) -> Membership | None:
    """What is learned of these live records, of those that are `gone` and of those merged into them (merged id →
    survivor): what was matched to these goes on counting, for the survivor's account. None where nobody asks."""
    if not job.keeps_members:
        return None
    members: dict[str, Member | None] = dict.fromkeys(gone)
    for record_id in record_ids:
        members[record_id] = _member(job, found, record_id)
    for old, new in old_ids.items():
        if (member := members.get(new)) is not None:
            members[old] = msgspec.structs.replace(member, record_id=old)
    return Membership(members=members, roll_up=job.roll_up_name if job.rolled_up else None)


def count_again(job: Job, store: Store) -> None:
    """A roll-up leaves out what nobody knows the fate of. What turns out to be written is in a figure from now on."""
    for batch, _ in store.unsettled(job.name):
        members = store.members(job.name, [change.record_id for change in batch.changes])
        store.touch_accounts(job.roll_up_name, [one.account for one in members.values() if one.account])


def account_of(job: Job, record: Record) -> str | None:
    """The id of the account that a record belongs to."""
    account = record.fields.get(job.account_by) if job.account_by is not None else None
    return None if account is None or account == "" else str(account)


def _member(job: Job, found: Found, record_id: str) -> Member:
    record = found.records[record_id]
    account = account_of(job, record)
    traits: dict[str, Json] = {}
    for name, path in (job.traits or {}).items():
        root, _, rest = path.partition(".")
        if path == "record.id":
            traits[name] = record_id
        elif root == "record":
            traits[name] = record.fields.get(rest)
        else:
            known = found.accounts.get(account or "")
            traits[name] = None if known is None else known.fields.get(rest)
    return Member(record_id=record_id, account=account, traits=traits)
