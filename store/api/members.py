"""Whose account the records are that answers were matched to, and what a report groups them by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from nps.values import JsonFields
from store.api.values import Lease


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A record that answers were matched to. `traits` are its values of what `report` names (dimension → value)."""

    record_id: str
    account: str | None = None
    traits: JsonFields = {}


class Membership(msgspec.Struct, frozen=True, kw_only=True):
    """What a chunk of the plan learned of its records; None: no record of the sync any more (deleted, left out).

    `roll_up` names the sync's account roll-up, where it has one: the accounts these records belong to, and those they
    belonged to until now, are remembered under that name until it has looked at them (`Store.clearings`).
    """

    members: Mapping[str, Member | None]
    roll_up: str | None = None


class Members(Protocol):
    """Kept only for syncs with `account:`, or where there is a `report:`."""

    def members(self, sync: str, record_ids: Sequence[str]) -> dict[str, Member]:
        """Those of these records that are known."""
        ...

    def accounts(self, sync: str, roll_up: str, after: str, limit: int) -> list[str]:
        """Accounts beyond `after`, in their order: those that members belong to, and those that `roll_up` has to look
        at besides."""
        ...

    def count_accounts(self, sync: str) -> int:
        """How many accounts members belong to."""
        ...

    def people_between(self, sync: str, first: str, last: str) -> Iterator[list[tuple[str, str]]]:
        """(account, record) of every member of an account from `first` to `last`, in this order, a page at a time.
        Memory stays flat."""
        ...

    def people_of(self, sync: str, account: str) -> list[str]:
        """The records of one account."""
        ...

    def newest_of_accounts(self, sync: str, accounts: Sequence[str]) -> dict[str, int]:
        """The latest version (by its number) that counts for anybody of these accounts."""
        ...

    def move_members(self, sync: str, account: str, into: str, *, lease: Lease, roll_up: str) -> None:
        """An account was merged into another: its people are there now, and that one has to be looked at."""
        ...

    def records_answered(self, sync: str, after: str, limit: int) -> list[str]:
        """Records beyond `after`, in their order, to which answers of the sync were matched."""
        ...

    def counting_since(self, sync: str, record_ids: Sequence[str], since: datetime) -> set[str]:
        """Those of these records of which an answer counts that was given then or later."""
        ...

    def touch_accounts(self, roll_up: str, accounts: Sequence[str]) -> None:
        """Remember that these have to be looked at."""
        ...

    def note_members(self, sync: str, whose: Membership, *, lease: Lease, now: datetime) -> None:
        """The same as settling a chunk does, for records that were only looked at again."""
        ...
