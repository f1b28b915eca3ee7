"""One run, several hands: the shards it is cut into, who holds them, and what they came to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from nps.changes import Batch
from nps.values import Json, JsonFields
from store.api.values import Lease, Taken


class ShardKind(StrEnum):
    PLAN = "plan"  # a range of persons whose answers are matched and decided
    WRITE = "write"  # a range of batches that are written


class Shard(msgspec.Struct, frozen=True):
    """A part of a run that one hand does as a whole. `token` is of the claim it was handed out with."""

    number: int
    sync: str
    run: int
    kind: ShardKind
    low: int
    high: int
    size: int  # answers, or changes
    token: int


class Trouble(msgspec.Struct, frozen=True):
    """Why a shard, and with it the run, went no further: the name of the error's type, and its text."""

    kind: str
    text: str


class Sharing(msgspec.Struct, frozen=True):
    """How far the shards of one kind are: how many nobody has begun, how many are under way, what is done."""

    free: int
    held: int
    done: int  # answers, or changes, of the shards that are done
    trouble: Trouble | None = None

    @property
    def over(self) -> bool:
        """Nobody works on any of them any more, and nobody will."""
        return not self.held and (self.trouble is not None or not self.free)


class Closing(msgspec.Struct, frozen=True):
    """A shard that is done with what a transaction does. `outcome` is told the `before` of what was replaced."""

    shard: Shard
    outcome: Callable[[Sequence[JsonFields]], Mapping[str, Json]]
    trouble: Trouble | None = None


Enlisting = Callable[[Any], None]
"""Something done to the database's own connection, within the transaction that cuts the shards."""


class Sharings(Protocol):
    def share_work(
        self, sync: str, run: int, *, size: int, lease: Lease, enlist: Enlisting | None = None
    ) -> int:
        """Cut what lies in the sync's work into shards of about `size` answers, by person. How many."""
        ...

    def share_batches(
        self, sync: str, run: int, *, together: int, lease: Lease, enlist: Enlisting | None = None
    ) -> int:
        """Cut the batches that are planned into shards of `together`, in write order. How many."""
        ...

    def claim_shard(
        self,
        run: int,
        kind: ShardKind,
        owner: str,
        *,
        lease: Lease,
        now: datetime,
        seconds: float,
        starts: int | None = None,
    ) -> Shard | None:
        """The next shard that is free, or whose hand is gone or has let its time pass; with `starts` none that was
        claimed so often. None: nothing to do (now), or one of them is in trouble. Raises LeaseLost when the run is
        somebody else's."""
        ...

    def keep_shards(self, owner: str, *, now: datetime, seconds: float) -> None:
        """They are being worked on: nobody takes them over until then."""
        ...

    def give_back(self, owner: str) -> None:
        """Whatever this owner still holds is free again."""
        ...

    def close_shard(
        self, shard: Shard, outcome: Mapping[str, Json], *, lease: Lease, trouble: Trouble | None = None
    ) -> None:
        """It is done, or in trouble. Raises ShardLost when another hand took it over."""
        ...

    def stop_sharing(
        self, run: int, kind: ShardKind, trouble: Trouble, *, lease: Lease, now: datetime
    ) -> None:
        """Nobody begins another one. What is being written comes to its end, or ends with its hand if that is gone;
        what is being planned ends now, so that whatever was counted stays as it was."""
        ...

    def shard_work(self, shard: Shard) -> list[Taken]:
        """The answers of the work that are this shard's."""
        ...

    def open_shard(self, shard: Shard, *, lease: Lease) -> tuple[list[Batch], list[tuple[Batch, str | None]]]:
        """Commit the intents of its planned batches, durably, and hand them out; and those that a hand before had
        opened, with their handles: nobody knows how far they got."""
        ...

    def prove_shard(self, shard: Shard, *, lease: Lease) -> None:
        """It is this hand's still. Raises ShardLost, or LeaseLost when the run is somebody else's."""
        ...

    def sharing(self, run: int, kind: ShardKind) -> Sharing: ...

    def shard_outcomes(self, run: int, kind: ShardKind) -> Iterator[Mapping[str, Json]]:
        """What the shards came to, in their order."""
        ...

    def met(self, sync: str, run: int) -> dict[str, str]:
        """The records that more than one shard was about, with the match key each was planned by."""
        ...

    def still_writing(self, sync: str, *, now: datetime) -> bool:
        """Whether a hand of an earlier run may still have a call under way."""
        ...

    def drop_shards(self, sync: str, *, lease: Lease, run: int | None = None) -> None:
        """This run is over; without `run`, all that were, and nobody writes for them any more."""
        ...
