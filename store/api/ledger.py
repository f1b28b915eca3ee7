"""The ledger of who was asked, and who must not be."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from nps.asking import Decision, Past, Suppression, SuppressionReason
from nps.values import Json
from store.api.asking import Judge

REPORTED = "api/"
"""How the `dedupe` of what other tools reserve, and tell of as they send it, begins."""


class LedgerEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One send, answer, decline or reservation to remember. `dedupe` makes importing it again harmless."""

    dedupe: str
    keys: tuple[str, ...]  # `nps.asking.person_keys`
    past: Past
    account: str | None = None
    channel: str = ""
    until: datetime | None = None  # a reservation that is not used by then is void


class Unshown(msgspec.Struct, frozen=True):
    """A send of ours that the person's record does not show yet."""

    number: int
    connection: str
    object: str
    record_id: str
    at: datetime


class Ledger(Protocol):
    """One memory of who was asked, over all tools and channels; and who must not be."""

    def past(self, keys: Sequence[str], *, since: datetime, now: datetime) -> list[Past]:
        """Everything the ledger holds about these keys but void reservations, and every answer in the inbox that
        carries one of them as e-mail, phone or external id or is matched to the record. Latest first. An answer of the
        inbox names its survey as its source does (the YAML's `at:`), and no metric."""
        ...

    def keys_of(self, invitation: str) -> tuple[str, ...]:
        """The `person_keys` that the ledger holds for an invitation: whom it was sent to."""
        ...

    def names_beside(self, keys: Sequence[str]) -> tuple[str, ...]:
        """These, and the other names under which the same sends, answers and reservations were entered."""
        ...

    def enter(self, entries: Sequence[LedgerEntry], *, now: datetime) -> int:
        """Remember these; how many are new. What has the `dedupe` of a reservation made by `reserve_for` uses it."""
        ...

    def reserve_for(
        self,
        entry: LedgerEntry,
        judge: Judge,
        *,
        account_since: datetime | None,
        day_began: datetime | None,
        now: datetime,
    ) -> Decision:
        """`Invitations.reserve` for another department: Send leaves the entry's reservation in the ledger. Asked again
        with the `dedupe` of a valid one it is judged as if there were none, and replaced; of one that was used, or is
        somebody else's: Suppress."""
        ...

    def release_reservation(self, dedupe: str) -> bool:
        """Take a reservation back that was not used."""
        ...

    def prune_reservations(self, *, before: datetime, limit: int) -> int:
        """Forget up to so many reservations of other tools that were void before then. How many."""
        ...

    def account_asks(self, accounts: Sequence[str], *, since: datetime, now: datetime) -> dict[str, int]:
        """How many asks went to each of these accounts since then, of those that got any: an invitation counts once,
        with all its reminders."""
        ...

    def account_ends(self, account: str, *, per: timedelta, at: datetime, now: datetime) -> list[datetime]:
        """When each ask that counts against this account at the moment `at` will do so no more: it is `per` ago then,
        or a reservation has run out. The first comes first."""
        ...

    def last_asked(self, scope: str, record_ids: Sequence[str]) -> dict[str, datetime]:
        """When these records were asked last, of those that were."""
        ...

    def unshown(self, limit: int, *, now: datetime) -> list[Unshown]:
        """Sends of ours to be shown on their records next."""
        ...

    def shown(self, numbers: Sequence[int]) -> None:
        """Their records show them."""
        ...

    def show_later(self, numbers: Sequence[int], at: datetime) -> None:
        """To be tried again then."""
        ...

    def ledger_size(self) -> int: ...

    def ledger_is_empty(self) -> bool:
        """Whether nothing is known of who was asked before: no send of ours, imported or rebuilt. What other tools
        reserve or tell of as they send it, and answers, do not count: they say nothing about the rest."""
        ...

    def suppressions(self, keys: Sequence[str]) -> list[Suppression]:
        """Those in force."""
        ...

    def all_suppressions(
        self, *, reason: SuppressionReason | None = None, limit: int = 100
    ) -> list[Suppression]:
        """In force, the latest first."""
        ...

    def suppress(self, suppressions: Sequence[Suppression]) -> int:
        """Remember these; how many are new."""
        ...

    def lift(self, key: str, reason: SuppressionReason, *, by: str, now: datetime, why: str = "") -> bool:
        """Only the person's own act lifts one; `by` and `why` say which. The trail stays, and what is told again of
        before does not count."""
        ...

    def switches(self) -> dict[str, Json]:
        """What was switched and survives restarts: by hand "sends" (stopped, by whom, when, why) and "ledger" (accepted
        as empty, or rebuilt), by itself "followed" (the YAML's triggers,
        and since when) and "refusing" (connections whose settings were refused, and a mark of those)."""
        ...

    def switch(self, name: str, value: Json) -> None:
        """None takes it back."""
        ...
