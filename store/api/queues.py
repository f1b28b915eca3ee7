"""What waits for a person, counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec


class Queue(msgspec.Struct, frozen=True):
    """Of one sync."""

    review: int = 0  # several records fit an answer, or rules contradict each other
    held: int = 0  # answers that look like a program's
    waiting: int = 0  # no record has their keys yet; they are looked up again by themselves
    pending: int = 0  # stored and not settled: the next run goes on with them
    dead_letters: int = 0  # refused, and nobody has looked at it


class Queues(Protocol):
    def queues(self, syncs: Sequence[str]) -> dict[str, Queue]:
        """Of each of these. Counted over what waits alone, by indexes that hold nothing else."""
        ...
