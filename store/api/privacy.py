"""What is owed to people: who was forgotten, who read what, what old answers became."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from nps.values import Json


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """Something done with or for a person's data. `who` did it; `report` holds numbers and keyed hashes, never a name,
    an address or an id of the person it was about."""

    id: int = 0
    kind: str  # read | export | erase
    at: datetime
    who: str
    report: Mapping[str, Json]


class Privacy(Protocol):
    def check_pepper(self) -> None:
        """Raises ConfigError where people were forgotten with another pepper than the store was opened with."""
        ...

    def bury(self, names: Sequence[str], *, now: datetime) -> int:
        """Forget these names (`nps.forgetting`): from here on nothing that carries one of them is taken in, and nobody
        who goes by one is asked. Returns how many were new. Raises ConfigError without a pepper."""
        ...

    def buried(self, names: Sequence[str]) -> frozenset[str]:
        """Which of these names are of people who were forgotten."""
        ...

    def forgotten_answers(self, numbers: Sequence[int]) -> frozenset[int]:
        """Which of these stored answers are of people who were forgotten. There are some only between an erasing that
        was broken off and the next one; nothing may take them up."""
        ...

    def forgotten_on(self, names: Sequence[str]) -> Mapping[str, datetime]:
        """When, of those of these names that are of people who were forgotten. Raises ConfigError where people were and
        the store was opened without their pepper: then nobody can tell."""
        ...

    def publish(self, survey: str, places: Mapping[str, Sequence[str]], least: int, *, now: datetime) -> bool:
        """Move the figures of an anonymous survey on, to all its answers so far, where `least` new ones came since they
        moved last; whether they did. `places`: connection → the survey's ids there (none: all)."""
        ...

    def published(self, survey: str) -> int:
        """Up to which answer (its number) the figures of an anonymous survey are told; 0: none yet."""
        ...

    def note_receipt(self, receipt: Receipt, *, what: str = "", about: str = "") -> int:
        """Keep it; its number. With `what`, the audit keeps in the same breath who did that, and to what."""
        ...

    def receipts(
        self, *, kind: str | None = None, person: str | None = None, limit: int = 100
    ) -> list[Receipt]:
        """The latest first. `person`: a hash that the report holds as "person"."""
        ...
