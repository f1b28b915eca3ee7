"""Asking: what arrived about events, invitations and their steps, the ledger of who was asked, and suppressions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from nps.asking import (
    Decision,
    Invitation,
    InvitationState,
    Past,
    Step,
    Suppression,
    SuppressionReason,
)
from nps.events import Arrival, Event
from nps.responses import Cursor
from nps.sending import SendOutcome
from nps.values import Json

Judge = Callable[[Sequence[Past], Sequence[Suppression], int, int], Decision]
"""Decides about a person inside the transaction, so it must be pure and quick: past (latest first), suppressions in
force, asks to the account, messages of ours sent today (0 where no account, no cap was named)."""


class Arrived(msgspec.Struct, frozen=True):
    """A hint, a signal or an answer that lies in the event inbox and is not settled."""

    number: int
    at: datetime
    attempts: int
    what: Arrival


class ArrivalRow(msgspec.Struct, frozen=True, kw_only=True):
    """An arrival as people find it: what became of it, and why."""

    number: int
    connection: str
    at: datetime
    kind: str
    state: str  # new | settled | refused
    code: str
    reason: str
    subject: str
    attempts: int = 0  # of a refused one: how often, within its hour


class EventRow(msgspec.Struct, frozen=True, kw_only=True):
    """An event as people find it; what the triggers said about it are its verdicts."""

    number: int
    noted_at: datetime
    connection: str
    kind: str
    subject: str  # object/id
    occurred_at: datetime
    decided: bool


class Noted(msgspec.Struct, frozen=True):
    """An event that is stored and that the triggers have not decided about."""

    number: int
    at: datetime
    event: Event


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a trigger said about one event (or one person whose turn it was): the trail that explains. `code`: queued,
    shadow, suppressed codes of the policy, not_meant (its `where`), no_person, stale, cancelled …"""

    trigger: str
    event: int | None = None  # its number
    at: datetime
    scope: str = ""  # connection.object of the person's record
    record_id: str | None = None
    code: str
    reason: str
    invitation: str | None = None


class Claimed(msgspec.Struct, frozen=True):
    """A due step that this process may work on until `until`, and for so many `seconds` more from the moment it begins
    to send; `token` fences it."""

    step: Step
    invitation: Invitation
    token: int
    until: datetime
    seconds: float


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


class Events(Protocol):
    """The event inbox: what was pushed to us, and the events themselves."""

    def receive(self, arrivals: Sequence[Arrival], *, now: datetime) -> int:
        """Store what was pushed, durably (fsync), except what is known by (connection, key). How many are new."""
        ...

    def refuse(self, connection: str, code: str, reason: str, *, now: datetime, times: int = 1) -> None:
        """Note that something was not taken (unsigned, unreadable, too large), so that people find it. One row per
        code and hour says how often: whoever sends rubbish by the thousand does not fill the store."""
        ...

    def arrivals(self, limit: int, *, now: datetime) -> list[Arrived]:
        """Hints and signals to be settled next: new ones, and ones whose time to be tried again has come. Oldest
        first."""
        ...

    def answers_told(self, limit: int, *, now: datetime) -> list[Arrived]:
        """The same of answers (`nps.events.Answered`): once settled, what they said is forgotten here."""
        ...

    def settle_arrivals(
        self,
        settled: Mapping[int, tuple[str, str]],
        *,
        now: datetime,
        again: Mapping[int, datetime] | None = None,
    ) -> None:
        """Number → (code, reason): read, gone, unknown_person …; with code "" all went well. `again`: those to be tried
        again at that time (the vendor could not be reached)."""
        ...

    def arrival_rows(self, *, connection: str | None = None, limit: int = 100) -> list[ArrivalRow]:
        """The latest first, settled or not."""
        ...

    def prune_arrivals(self, *, before: datetime, limit: int) -> int:
        """Forget up to so many arrivals settled or refused before then. How many; what is not settled is kept. The same
        delivery is a new one again from then on (its events are known still)."""
        ...

    def event_cursor(self, connection: str) -> Cursor | None: ...

    def forget_event_cursor(self, connection: str) -> None:
        """The next poll is the first one again."""
        ...

    def note_events(
        self,
        events: Sequence[Event],
        *,
        now: datetime,
        cursor: tuple[str, Cursor] | None = None,
        settled: Mapping[int, tuple[str, str]] | None = None,
    ) -> int:
        """Store events (what is known by (connection, key) is left alone), with the poll's (connection, cursor) and
        the arrivals they were read for, in ONE durable transaction. How many are new."""
        ...

    def undecided_events(
        self, limit: int, *, after: int = 0, but: Collection[tuple[str, str]] = ()
    ) -> list[Noted]:
        """Events no trigger has looked at, in order of arrival: those behind the number `after`, and `but` of these
        (connection, kind)."""
        ...

    def events_of(self, subjects: Sequence[tuple[str, str, str]]) -> list[Event]:
        """All events about these (connection, object, id)."""
        ...

    def event_rows(self, *, connection: str | None = None, limit: int = 100) -> list[EventRow]:
        """The latest noted first, decided or not."""
        ...

    def events_since(self, since: datetime) -> list[Event]:
        """Recorded events that occurred since then, in the order they occurred: for a simulation."""
        ...


class Invitations(Protocol):
    """Who is to be asked, when; who was; and what became of it."""

    def decide_event(
        self,
        number: int | None,
        invitations: Sequence[tuple[Invitation, Step | None]],
        verdicts: Sequence[Verdict],
        cancelled: Mapping[str, tuple[str, str]],
        *,
        now: datetime,
    ) -> list[str]:
        """Everything the triggers said about one event, in ONE durable transaction: invitations (one whose `dedupe` is
        known is left out, and so is its verdict), verdicts, cancellations (invitation → code, reason; only of what is
        still queued or shadow), and the event counts as decided. Returns the ids that were cancelled."""
        ...

    def queued_about(self, connection: str, object: str, id: str) -> list[Invitation]:
        """Invitations that wait (queued or shadow) because of an event about this subject."""
        ...

    def claim_steps(self, owner: str, *, now: datetime, limit: int, seconds: float) -> list[Claimed]:
        """Due steps, oldest first, each for one process at a time. Steps far in the future cost nothing. What a
        process held that is known to be gone, or too long, is free again, unless it was `sending`."""
        ...

    def reserve(
        self,
        claimed: Claimed,
        keys: Sequence[str],
        judge: Judge,
        *,
        way: int,
        via: str | None = None,
        message: str | None = None,
        account: str | None,
        account_since: datetime | None,
        day_began: datetime | None,
        now: datetime,
    ) -> Decision:
        """Decide again, under a lock over everybody with one of these `keys`: `judge(past, suppressions, asks to the
        account, sent today)` is called inside the transaction. Send: the step is `sending` by this `way` and `via` this
        connection (which tells whom to ask about its fate, should the process die), its message is known as
        `message` where the sender chooses that id, and the ledger holds a reservation, committed durably before this
        returns. Wait: the step is due again then. Suppress: the step is suppressed, and
        with the first one (ask) its invitation. `account_since` and `day_began` are None where no cap is set: then
        nobody waits for others of the same account or day; the ledger keeps the account all the same. The invitation's
        own sends are no asks to its account. Raises LeaseLost when the claim is not ours any more."""
        ...

    def settle_step(
        self,
        claimed: Claimed,
        outcome: SendOutcome,
        *,
        via: str,
        channel: str,
        now: datetime,
        following: Sequence[Step] = (),
        expires_at: datetime | None = None,
    ) -> None:
        """What became of a `sending` step: the reservation is used (accepted, unknown) or released, the invitation's
        state follows, `following` steps (reminders, fallbacks) are queued. FailedRetryable: queued again, due at its
        `after`. Suppressed or failed with `following` (another channel at once): the invitation waits for those.
        Raises LeaseLost when somebody else settled it."""
        ...

    def delivered(
        self,
        id: str,
        step: int,
        *,
        now: datetime,
        following: Sequence[Step] = (),
        expires_at: datetime | None = None,
    ) -> bool:
        """The channel says that the message of this step arrived, so it was sent if that was not known: then the
        `following` steps are queued, and answers are taken until `expires_at`. False when it is not known to have
        left."""
        ...

    def undelivered(
        self,
        id: str,
        step: int,
        code: str,
        reason: str,
        *,
        now: datetime,
        following: Sequence[Step] = (),
    ) -> bool:
        """The message of this step, which had left, reached nobody: the step is failed, and its send leaves the ledger,
        for a bounce starts no rest. With `following` (another channel) the invitation
        is queued again; without, and with no other accepted step, it has failed and what is queued of it is cancelled.
        False when no message of it is known to have left, or it was told before."""
        ...

    def drop_step(
        self, claimed: Claimed, state: InvitationState, code: str, reason: str, *, now: datetime
    ) -> None:
        """A step that is not sent after all (stale, reopened, answered, unreadable): it is cancelled, and with the
        first one its invitation gets `state`."""
        ...

    def put_off(self, claimed: Claimed, until: datetime, code: str, reason: str) -> None:
        """Due again then; the claim is given back."""
        ...

    def due_again(self, code: str, *, now: datetime) -> int:
        """What waits for this reason is due now. How many."""
        ...

    def interrupted(self, owner: str, *, now: datetime, seconds: float) -> list[Claimed]:
        """Steps left `sending` by a process that is gone: claimed anew, so that their fate can be found out."""
        ...

    def cancel_invitations(self, ids: Sequence[str], code: str, reason: str, *, now: datetime) -> list[str]:
        """Those of them that could still be cancelled."""
        ...

    def answered(self, id: str, *, now: datetime) -> None:
        """The person answered: what is still queued of it is cancelled, the ledger holds the answer."""
        ...

    def expire(self, *, now: datetime, limit: int) -> int:
        """Up to so many invitations whose time to answer is over, in one transaction: call it until there is none.
        One of which a message is on its way is over later. How many."""
        ...

    def invitation(self, id: str) -> Invitation | None: ...

    def invitation_called(self, reference: str) -> Invitation | None:
        """The one with this `reference`; None for anything that is none."""
        ...

    def invitations(
        self,
        *,
        ids: Sequence[str] | None = None,
        trigger: str | None = None,
        state: InvitationState | None = None,
        scope: str | None = None,
        record_id: str | None = None,
        limit: int = 100,
    ) -> list[Invitation]:
        """The latest first."""
        ...

    def waiting_in(self, account: str, *, due_before: datetime) -> list[Invitation]:
        """Recurring invitations to people of this account whose ask waits and is due before then."""
        ...

    def steps_of(self, id: str) -> list[Step]: ...

    def is_sending(self, via: str) -> bool:
        """Whether a message is being handed to this connection, so that its id there is not known yet."""
        ...

    def by_message(self, via: str, message: str) -> str | None:
        """The invitation a vendor's message id belongs to."""
        ...

    def verdicts(
        self,
        *,
        trigger: str | None = None,
        scope: str | None = None,
        record_id: str | None = None,
        code: str | None = None,
        events: Sequence[int] | None = None,
        limit: int = 100,
    ) -> list[Verdict]:
        """Who was asked and who was not, and why. The latest first."""
        ...

    def funnel(self, *, since: datetime) -> dict[tuple[str, str], int]:
        """(trigger, state or verdict's code) → how many, since then."""
        ...


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
        with the `dedupe` of a valid one: Send; of one that was used: Suppress."""
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
