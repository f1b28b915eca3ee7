"""What outlives the process about records that were written: when, and which version they should have now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from connectors.contract import Memory
from nps.values import Json


class Wrote(msgspec.Struct, frozen=True):
    """`version` is what the record had after the write: told, or one more than before. A guess that is wrong costs a
    refused call, and the record is read again."""

    at: datetime
    version: Any = None  # JSON


class Remembered:
    """The memory of one object. Thread-safe as the connection's is."""

    def __init__(self, memory: Memory, object: str) -> None:
        self._memory = memory
        self._prefix = f"wrote/{object}/"

    def note(self, wrote: Mapping[str, Wrote]) -> None:
        if wrote:
            self._memory.put(
                {f"{self._prefix}{id}": msgspec.json.encode(one).decode() for id, one in wrote.items()}
            )

    def of(self, ids: Sequence[str]) -> dict[str, Wrote]:
        kept = self._memory.get([f"{self._prefix}{id}" for id in ids])
        return {
            key.removeprefix(self._prefix): msgspec.json.decode(text, type=Wrote)
            for key, text in kept.items()
        }

    def written_since(self, ids: Sequence[str], since: datetime) -> list[str]:
        return [id for id, one in self.of(ids).items() if one.at >= since]


def following(version: Json) -> Json:
    """The version after this one, where versions are counted; None where nobody can tell."""
    if isinstance(version, int) and not isinstance(version, bool):
        return version + 1
    if isinstance(version, str) and version.isascii() and version.isdigit():
        return str(int(version) + 1)
    return None
