"""What is created because of an answer: wanted, opened before the call, settled exactly once, looked back on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from store.api.values import Lease


class Kind(StrEnum):
    """What is created beside a customer's record."""

    HISTORY = "history"  # the answer as a record of its own
    TASK = "task"
    ALERT = "alert"
    LIST = "list"  # a place on a list


class Stage(StrEnum):
    """The one current state of an entry."""

    WANTED = "wanted"  # not begun
    OPEN = "open"  # committed before the call; its outcome is not known yet
    DONE = "done"
    REJECTED = "rejected"  # refused; kept for a person to retry
    UNKNOWN = "unknown"  # nobody knows whether the call arrived; looked up before anything is repeated
    VOID = "void"  # not wanted any more
    REMOVED = "removed"  # was there, and is not any more


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Something to create because of an answer, or to look at again because of it. `subject` is the answer
    (source:id) or, for a list, the record; `slot` tells apart what one subject may have several of. `known_only`: only
    if it is known already (an answer that was withdrawn creates nothing new)."""

    kind: Kind
    slot: str = ""
    subject: str
    response: int | None
    record_id: str | None
    connection: str
    object: str
    key: str
    known_only: bool = False


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the outbox. `vendor_id` is there as long as what was created is (as far as we know); `digest` is of
    what was sent, while it is open or arrived; `run` opened it last."""

    id: int
    sync: str
    kind: Kind
    slot: str
    subject: str
    response: int | None
    connection: str
    object: str
    record_id: str | None
    key: str
    stage: Stage
    vendor_id: str | None
    digest: int | None
    run: int | None
    wanted_at: datetime
    opened_at: datetime | None
    settled_at: datetime | None
    closed_at: datetime | None
    look_again: datetime | None
    attempts: int
    code: str
    reason: str


class Opening(msgspec.Struct, frozen=True):
    """What is about to be sent for an entry: the digest of it, and the record it belongs to by now."""

    id: int
    digest: int | None
    record_id: str | None


class Settling(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an entry. `vendor_id` None: nothing of ours is there. `look_again`: not before then. `tried` false
    takes back the attempt: the call was never made."""

    id: int
    stage: Stage
    vendor_id: str | None = None
    code: str = ""
    reason: str = ""
    look_again: datetime | None = None
    tried: bool = True
    as_before: bool = False  # it was looked at again and is what it was: its moment stays


class GivenTask(msgspec.Struct, frozen=True, kw_only=True):
    """A task that was given because of an answer, and when it was closed, as far as the CRM told."""

    id: int
    sync: str
    subject: str  # source:id of the answer
    connection: str
    record_id: str
    vendor_id: str
    given_at: datetime
    closed_at: datetime | None


class Waiting(msgspec.Struct, frozen=True):
    """What a next run makes or looks at, and why the latest of it that was tried is not made yet ("" if none was)."""

    count: int
    reason: str


class Outbox(Protocol):
    """Rows come into it in the transaction of `Planning.settle`."""

    def wanted_entries(
        self, sync: str, kind: Kind, *, now: datetime, since: datetime | None = None
    ) -> list[int]:
        """The entries that are wanted and whose time has come, in the order in which they were first wanted; with
        `since` only those wanted (again) from then on."""
        ...

    def doubtful_entries(self, sync: str, kind: Kind) -> list[int]:
        """Those that an ended call left open or unknown."""
        ...

    def entries(self, ids: Sequence[int]) -> list[Outgoing]:
        """By their numbers."""
        ...

    def entries_of(self, sync: str, kind: Kind, slot: str, subjects: Sequence[str]) -> dict[str, Outgoing]:
        """Those of these subjects, by subject."""
        ...

    def entries_about(self, numbers: Sequence[int], record_ids: Sequence[str]) -> list[Outgoing]:
        """Everything that was wanted because of these answer versions (any version of the same answers) or for these
        records, oldest first."""
        ...

    def entries_like(
        self,
        *,
        sync: str | None = None,
        kind: Kind | None = None,
        stage: Stage | None = None,
        run: int | None = None,
        limit: int = 100,
    ) -> list[Outgoing]:
        """The latest first."""
        ...

    def waiting_entries(self, *, sync: str | None = None, kind: Kind | None = None) -> Waiting: ...

    def open_entries(
        self, run: int, opening: Sequence[Opening], *, lease: Lease, now: datetime
    ) -> frozenset[int]:
        """Commit, durably (fsync), that these are about to be sent. Each must be wanted, or discarded by a person since
        it was read. Returns those that may be sent."""
        ...

    def settle_entries(
        self, settling: Sequence[Settling], *, lease: Lease, now: datetime, durable: bool = False
    ) -> None:
        """What became of entries that are not settled yet: exactly once each, in one transaction. What a person has
        discarded meanwhile stays discarded."""
        ...

    def drop_entries(self, ids: Sequence[int], *, lease: Lease) -> None:
        """These were wanted by no rule after all, and nothing of ours was ever there."""
        ...

    def retry_entries(self, ids: Sequence[int], *, now: datetime) -> list[int]:
        """Rejected ones of these are wanted again, and alerts of which nobody knows whether they arrived: a person has
        looked. (Everything else that is unknown is looked up by each run.) Returns them."""
        ...

    def discard_entries(self, ids: Sequence[int], reason: str, *, now: datetime) -> list[int]:
        """Rejected, unknown and wanted ones of these are not wanted any more. Returns them."""
        ...

    def given_tasks(
        self, syncs: Sequence[str], *, since: datetime | None = None, still_open: bool = False
    ) -> list[GivenTask]:
        """The tasks that were given, the oldest first."""
        ...

    def close_tasks(self, closed: Sequence[tuple[int, datetime]], *, lease: Lease) -> None:
        """These tasks (by entry) were closed then."""
        ...

    def lose_tasks(self, ids: Sequence[int], reason: str, *, lease: Lease, now: datetime) -> None:
        """These tasks are not in the CRM any more: somebody deleted them."""
        ...
