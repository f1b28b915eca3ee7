"""Everything the store holds about one person: told, and taken out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

import msgspec

from nps.values import Json
from store.api.privacy import Receipt

Holdings = Mapping[str, Sequence[Mapping[str, Json]]]
"""What is held, by the name of what it is (answers, journal, dead_letters …), as rows of names and values."""


class Place(msgspec.Struct, frozen=True, order=True):
    """One record. `syncs` are those that write its kind of record. `shared`: other people's answers are on it, too, and
    what belongs to those stays."""

    connection: str
    object: str
    id: str
    syncs: tuple[str, ...] = ()
    shared: bool = False

    @property
    def scope(self) -> str:
        return f"{self.connection}.{self.object}"


class Traces(msgspec.Struct, frozen=True, kw_only=True):
    """By what a person is known here. `names` as ledger and suppressions spell them (`nps.asking.person_keys`);
    `numbers` are all versions of their answers; `words` is every spelling that may stand somewhere in a text."""

    names: tuple[str, ...] = ()
    numbers: tuple[int, ...] = ()
    records: tuple[Place, ...] = ()
    words: tuple[str, ...] = ()
    roll_ups: Mapping[str, str] = {}
    """Syncs that roll accounts up → the name of that: the person's accounts are looked at again."""


class Subjects(Protocol):
    def holdings(self, traces: Traces) -> Holdings:
        """Every row about the person. Read only."""
        ...

    def erase(self, traces: Traces, receipt: Receipt, *, zone: ZoneInfo, now: datetime) -> Mapping[str, int]:
        """Take all of it out in ONE transaction: their answers become anonymous monthly counts (months as `zone` has
        them), what other people's rows say of them is blacked out, and the receipt is kept. Returns how many rows of
        what went; the receipt holds the same."""
        ...

    def scrub(self, stop: Callable[[], bool] = ...) -> bool:
        """Overwrite what was deleted, so that not even its bytes are left in the file. False: others are using the
        store just now, and it is to be done again. Remembered until it was done (`scrubbing_due`). When `stop` says so
        meanwhile, it raises BrokenOff, and is to be done again too."""
        ...

    def scrubbing_due(self) -> bool:
        """Whether something was erased and its bytes may still be in the file."""
        ...
