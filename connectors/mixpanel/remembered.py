"""What was written to profiles that nobody can look at: all that is known of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import orjson

from connectors.contract import Memory
from nps.values import Json


class Remembered:
    """In the connection's memory, by distinct id."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def read(self, ids: Sequence[str]) -> dict[str, Mapping[str, Json]]:
        """Everybody is believed to be there, with what was written, or nothing."""
        known = self._memory.get([_key(id) for id in ids])
        return {id: orjson.loads(known.get(_key(id), "{}")) for id in ids}

    def note(self, written: Iterable[tuple[str, Mapping[str, Json]]]) -> None:
        """These were confirmed."""
        new = dict(written)
        before = self.read(list(new))
        self._memory.put({_key(id): orjson.dumps({**before[id], **new[id]}).decode() for id in new})


def _key(id: str) -> str:
    return f"profile/{id}"
