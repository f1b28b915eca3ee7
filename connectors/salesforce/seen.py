"""What was seen of cases and records before: without it a poll cannot tell a change from a state.

Nothing here is written after a page was handed over: a process that dies in between reads the same page again and
must come to the same events, under the same keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import blake2b

from connectors.contract import Memory
from connectors.record_changes import RecordChanged
from connectors.sweeping import spelled

BEFORE = "before"  # it showed the value already when npsync first looked


class Closings:
    """When each case was last seen closed. One that is open now, and is known here, was reopened."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def remember(self, closed: Mapping[str, datetime]) -> None:
        if closed:
            self._memory.put({f"closed/{id}": spelled(at) for id, at in closed.items()})

    def known(self, ids: Iterable[str]) -> dict[str, datetime]:
        found = self._memory.get([f"closed/{id}" for id in ids])
        return {key.removeprefix("closed/"): datetime.fromisoformat(at) for key, at in found.items()}


class Showing:
    """Which records show the value of one `record_changed`, and since which stamp.

    An epoch begins whenever the watch begins anew: what was remembered of an earlier one may be long out of date.
    """

    def __init__(self, memory: Memory, change: RecordChanged) -> None:
        self._memory = memory
        self._name = f"changed/{blake2b(change.said.encode(), digest_size=8).hexdigest()}"
        self._epoch = memory.get([self._name]).get(self._name, "")

    def begin(self, epoch: datetime) -> None:
        self._epoch = spelled(epoch)

    def begun(self) -> None:
        """All that showed the value before is remembered."""
        self._memory.put({self._name: self._epoch})

    def before(self, ids: Iterable[str]) -> None:
        if marks := dict.fromkeys(map(self._key, ids), BEFORE):
            self._memory.put(marks)

    def since(self, showing: Mapping[str, datetime]) -> dict[str, datetime]:
        """Record → since when it shows the value, of those that came to show it. `showing` says when each changed
        last: for one that was not known to show it, that is when."""
        known = self._memory.get([self._key(id) for id in showing])
        new = {id: stamp for id, stamp in showing.items() if self._key(id) not in known}
        if new:
            self._memory.put({self._key(id): spelled(stamp) for id, stamp in new.items()})
        told = {id: known[self._key(id)] for id in showing if self._key(id) in known}
        return new | {id: datetime.fromisoformat(at) for id, at in told.items() if at != BEFORE}

    def left(self, ids: Iterable[str]) -> None:
        """They show something else now: coming back is a change again."""
        keys = [self._key(id) for id in ids]
        if known := list(self._memory.get(keys)):
            self._memory.forget(known)

    def _key(self, id: str) -> str:
        return f"{self._name}/{self._epoch}/{id}"
