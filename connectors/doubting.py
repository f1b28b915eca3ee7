"""What to send alone because nobody knows what became of it among others.

A call that creates is never sent twice, so one thing that a vendor always stumbles over would take its whole call with
it, run after run. What was in such a call and is not there is sent by itself the next time, also by another process.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from connectors.contract import Making, Memory
from connectors.marking import mark
from nps.changes import Unknown


class Doubts:
    """Of one kind of thing, by our keys."""

    def __init__(self, memory: Memory, kind: str) -> None:
        self._memory = memory
        self._kind = kind

    def groups(self, keys: Collection[str]) -> list[list[str]]:
        """The doubtful ones first, each alone; then all others together."""
        doubtful = self._doubtful(keys)
        others = [key for key in keys if key not in doubtful]
        return [*([key] for key in keys if key in doubtful), *([others] if others else [])]

    def heed(self, told: Iterable[Making]) -> Iterator[Making]:
        """The same outcomes, learnt from."""
        unknown: list[str] = []
        settled: list[str] = []
        try:
            for one in told:
                (unknown if isinstance(one, Unknown) else settled).append(one.record_id)
                yield one
        finally:
            if unknown:
                self._memory.put({self._name(key): "unknown" for key in unknown})
            if over := self._doubtful(settled):
                self._memory.forget([self._name(key) for key in over])

    def _doubtful(self, keys: Collection[str]) -> set[str]:
        if not keys:
            return set()
        known = self._memory.get([self._name(key) for key in keys])
        return {key for key in keys if self._name(key) in known}

    def _name(self, key: str) -> str:
        return f"doubt {self._kind} {mark(key)}"
