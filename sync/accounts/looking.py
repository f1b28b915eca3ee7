"""What the CRM says of some accounts: what they show now, and how many contacts they have. HTTP and JSON only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connectors.contract import Lookup
from nps.changes import Record
from sync.accounts.place import Codecs, RollUp

BY_ACCOUNT = (
    "account"  # what kind of value contacts are looked up by, for connectors (`connectors.contract.Lookup`)
)


@dataclass(frozen=True)
class Seen:
    """Live accounts by the id they were asked for: one that was merged comes as its survivor. An account that is not
    among `contacts` has none, or nobody says (`contacts` is None)."""

    accounts: Mapping[str, Record]
    contacts: Mapping[str, int] | None


def look_up(roll_up: RollUp, codecs: Codecs, ids: Sequence[str], *, counting: bool) -> Seen:
    """`counting`: the contacts are wanted too, in as few further calls as the connector needs."""
    found = roll_up.destination.get(roll_up.object, ids, codecs.fetch, {})
    accounts = {id: record for record in found for id in (record.id, *record.merged)}
    live = [id for id in ids if id in accounts]
    return Seen(accounts, _contacts(roll_up, live) if counting and live else None)


def can_count(roll_up: RollUp) -> bool:
    """Whether the CRM finds people by their account."""
    if not roll_up.asks_for_contacts:
        return False
    found_by = roll_up.destination.describe(roll_up.job.object).found_by
    return found_by is None or roll_up.by in found_by


def _contacts(roll_up: RollUp, ids: Sequence[str]) -> Counter[str]:
    """Every contact counts once, in each of these accounts that names it."""
    job = roll_up.job
    lookup = Lookup(roll_up.by, BY_ACCOUNT, ids)
    hits = job.destination.find(job.object, [lookup], [roll_up.by], job.only)
    return Counter(account for account, _ in {(hit.value, hit.record.id) for hit in hits})
