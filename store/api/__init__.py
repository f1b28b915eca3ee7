"""What the engine asks of the store (`store.open` gives one). Each method is one transaction unless it says otherwise.

The words: an answer's *version* is one row of the inbox, numbered in order of arrival; an edit adds a version and the
older one is no longer `newest`. A sync *takes up* versions: they lie in its `work` until they have a *state*. Changes
are *planned* (spooled), *cut* into batches, a batch is *opened* (that commit is the intent journal) and *settled*.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Protocol

from store.api.access import KeptReply, Replies, TokenRow, Tokens
from store.api.acting import Acting, Action, Audited, Stand
from store.api.answers import Inbox, Taking
from store.api.arrivals import ArrivalRow, Arrived, EventRow, Events, Noted
from store.api.asking import Claimed, Invitations, Judge, Verdict
from store.api.changes import Journal, Planning, Undoing
from store.api.comparing import Comparing
from store.api.figures import Figures
from store.api.gauges import Gauges
from store.api.holding import Holding
from store.api.ledger import REPORTED, Ledger, LedgerEntry, Unshown
from store.api.listing import Listing
from store.api.looking import Looking
from store.api.members import Member, Members, Membership
from store.api.messages import Messages
from store.api.outbox import Outbox, Wanted
from store.api.pacing import Paces
from store.api.people import Decisions, History, Letters
from store.api.privacy import Privacy, Receipt
from store.api.queues import Queue, Queues
from store.api.reasons import ReasonDue, Reasons
from store.api.remarks import Remarks
from store.api.retention import Retention
from store.api.running import Leases, Runs
from store.api.scheduling import Due, Scheduling, Serving, Tick
from store.api.sharing import Sharings
from store.api.signing import LocalUser, Session, Signing
from store.api.subjects import Subjects
from store.api.tallying import Tallies
from store.api.values import (
    Asked,
    Counted,
    DeadLetterRow,
    Lease,
    Link,
    Live,
    Progress,
    Received,
    Restoring,
    RunRow,
    Settled,
    State,
    Stored,
    Taken,
    Tried,
    Unwritten,
    Wrote,
)

__all__ = [
    "REPORTED",
    "Action",
    "ArrivalRow",
    "Arrived",
    "Asked",
    "Asking",
    "Audited",
    "Claimed",
    "Counted",
    "DeadLetterRow",
    "Due",
    "EventRow",
    "Judge",
    "KeptReply",
    "Lease",
    "LedgerEntry",
    "Link",
    "Live",
    "LocalUser",
    "Member",
    "Membership",
    "Noted",
    "Progress",
    "Queue",
    "ReasonDue",
    "Receipt",
    "Received",
    "Restoring",
    "RunRow",
    "Serving",
    "Session",
    "Settled",
    "Stand",
    "State",
    "Store",
    "Stored",
    "Taken",
    "Tick",
    "TokenRow",
    "Tried",
    "Unshown",
    "Unwritten",
    "Verdict",
    "Wanted",
    "Wrote",
]


class Asking(Events, Invitations, Ledger, Reasons, Protocol):
    """What the triggers ask of the store."""


class Store(
    Inbox,
    Taking,
    Planning,
    Members,
    Journal,
    Undoing,
    Runs,
    Letters,
    Decisions,
    Holding,
    Comparing,
    History,
    Outbox,
    Messages,
    Leases,
    Scheduling,
    Paces,
    Asking,
    Remarks,
    Tallies,
    Figures,
    Gauges,
    Queues,
    Tokens,
    Replies,
    Signing,
    Sharings,
    Acting,
    Listing,
    Looking,
    Privacy,
    Retention,
    Subjects,
    Protocol,
):
    """All of it. `store.sql` puts the same rooms together."""

    def migrate(self) -> None:
        """Bring the schema to this version (alembic), under a lock; a no-op when it is."""
        ...

    def at_one_moment(self) -> AbstractContextManager[None]:
        """Whatever this thread reads meanwhile is of one moment, and costs one transaction in all: for what is told of
        in one piece. Not for longer than that takes; what is written meanwhile is not seen."""
        ...

    def overlay(self) -> AbstractContextManager[Store]:
        """A private copy to plan in: whatever is done to it is gone afterwards, and the original is untouched and
        unlocked. SQLite: a 0600 temporary copy. PostgreSQL: temporary tables on one connection that shadow ours."""
        ...

    def dump(self) -> Iterator[str]:
        """Every table and row as text, in a stable order: two equal dumps are two equal stores. Counted calls are left
        out, and what vendors said of theirs: looking costs calls too, and changes nothing."""
        ...

    def backup(self, path: Path, told: Callable[[int], None] = ...) -> None:
        """A consistent copy into a new SQLite file only its owner can read, while others go on working. `told` hears
        how many rows were copied, where they are copied one by one. Raises ConfigError when the file is there, OSError
        when it cannot be written."""
        ...

    def restore(
        self, path: Path, told: Callable[[int], None] = ..., prepare: Callable[[Store], None] = ...
    ) -> int:
        """Hold what the backup at `path` holds, in place of what is held now; how many rows. The file stays as it is;
        one of an older version is brought to this one's tables on the way. `prepare` may change what is to be held
        before anything is. Raises ConfigError when it is no backup."""
        ...

    def is_empty(self) -> bool:
        """Whether nothing has happened in it yet."""
        ...

    def at_work(self, now: datetime) -> list[str]:
        """What processes that live hold in it: the names of their leases."""
        ...

    def revision(self) -> str | None:
        """The schema's revision."""
        ...

    def is_ready(self) -> bool:
        """Whether the store is there, with this version's schema. Makes and changes nothing."""
        ...

    def rest(self) -> None:
        """Give back what is kept in memory for the next question; to be asked when nothing much goes on for a while."""
        ...

    def close(self) -> None: ...
