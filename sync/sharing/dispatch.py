"""Who else may work on a run. The engine knows this much of it: it can be told that there is something to do."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import msgspec

from store.api import Lease
from store.api.sharing import Enlisting, ShardKind


class Summons(msgspec.Struct, frozen=True):
    """What a hand has to know. It proves the run's own lease, so that whoever takes the run over fences all of its
    hands at once; and it decides by the run's clock."""

    sync: str
    run: int
    kind: ShardKind
    lease: Lease
    now: datetime
    began: datetime
    adopt: bool = False


class Cut(msgspec.Struct, frozen=True):
    """From where on calling others is worth it: fewer answers or batches are done before anybody has come."""

    answers: int = 5_000
    batches: int = 4
    least: int = 500  # answers in one shard


class Dispatch(Protocol):
    @property
    def cut(self) -> Cut: ...

    @property
    def alone(self) -> bool:
        """Nobody else will come: nothing is cut."""
        ...

    def enlist(self, summons: Summons) -> Enlisting | None:
        """Calls for hands in the transaction that cuts the shards, on the database's own connection."""
        ...

    def remind(self, summons: Summons) -> None:
        """There is still something to do, and somebody may be idle by now. Said often."""
        ...


class Alone:
    """One process does it all, in its own threads."""

    cut = Cut()
    alone = True

    def enlist(self, summons: Summons) -> Enlisting | None:
        return None

    def remind(self, summons: Summons) -> None:
        pass
