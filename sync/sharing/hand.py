"""One process's hand in a run: what it claimed stays its own as long as it lives, and no longer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from connectors.contract import Clock
from nps import errors
from nps.errors import Collided, NpsyncError
from store.api import Lease, Store
from store.api.sharing import Shard, ShardKind, Trouble
from sync.canary import CanaryFailed
from sync.leasing import HEARTBEAT_SECONDS, LEASE_SECONDS

T = TypeVar("T")
PAUSE = 0.2  # between two looks at how far the others are
MOST_TRIES = 8  # of a transaction that another one was in the way of


@dataclass
class Hand:
    """Claims shards of one kind of one run, one after the other."""

    store: Store
    lease: Lease
    run: int
    kind: ShardKind
    owner: str
    clock: Clock
    seen: Callable[[], None] = lambda: None  # before each claim
    starts: int | None = None  # what was claimed so often, and is not done, is left to others
    claimed: int = field(default=0, init=False)

    def claim(self) -> Shard | None:
        self.seen()
        shard = repeated(
            lambda: self.store.claim_shard(
                self.run,
                self.kind,
                self.owner,
                lease=self.lease,
                now=self.clock.now(),
                seconds=LEASE_SECONDS,
                starts=self.starts,
            )
        )
        self.claimed += shard is not None
        return shard

    def shards(self, stop: Callable[[], bool]) -> Iterator[Shard]:
        while not stop() and (shard := self.claim()) is not None:
            yield shard

    @contextmanager
    def at_work(self) -> Iterator[Hand]:
        """What is still held at the end is given back."""
        ended = threading.Event()

        def beat() -> None:
            while not ended.wait(HEARTBEAT_SECONDS):
                try:
                    self.store.keep_shards(self.owner, now=self.clock.now(), seconds=LEASE_SECONDS)
                except NpsyncError:
                    continue  # a busy database: the claims last for some beats more

        heart = threading.Thread(target=beat, name="npsync-hand", daemon=True)
        heart.start()
        try:
            yield self
        finally:
            ended.set()
            heart.join()
            self.store.give_back(self.owner)


def repeated(transaction: Callable[[], T]) -> T:
    """Hands of one run may be in each other's way; the database then gives one of them up, and it tries again."""
    for _ in range(MOST_TRIES - 1):
        try:
            return transaction()
        except Collided:
            continue
    return transaction()


def trouble_with(error: NpsyncError) -> Trouble:
    return Trouble(type(error).__name__, str(error))


def error_of(trouble: Trouble) -> NpsyncError:
    """The error that a hand ended with, for the run to end with."""
    ours: dict[str, type[NpsyncError]] = {"CanaryFailed": CanaryFailed}
    kind: Any = ours.get(trouble.kind) or getattr(errors, trouble.kind, None)
    one_word = isinstance(kind, type) and issubclass(kind, NpsyncError) and kind is not errors.RejectedError
    return kind(trouble.text) if one_word else NpsyncError(trouble.text)
