"""The lists of an account and who is on them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sandbox.hubspot.definitions import in_iso
from sandbox.hubspot.records import Table

_FIRST = 8_801


@dataclass
class SegmentList:
    """`members` are record ids and since when they are there."""

    id: str
    name: str
    table: Table
    how: str  # MANUAL, SNAPSHOT or DYNAMIC
    made_at: str
    members: dict[str, str] = field(default_factory=dict)

    def living(self) -> list[str]:
        """By id, those in the recycle bin left out."""
        return sorted((id for id in self.members if self.table.by_id(id) is not None), key=int)

    def change(self, add: Iterable[str], remove: Iterable[str], at: str) -> None:
        for id in remove:
            self.members.pop(id, None)
        self.members |= dict.fromkeys(add, at)

    def as_json(self) -> dict[str, Any]:
        return {
            "listId": self.id,
            "name": self.name,
            "objectTypeId": self.table.kind.type_id,
            "processingType": self.how,
            "processingStatus": "COMPLETE",
            "listVersion": 1,
            "size": len(self.living()),
            "createdAt": self.made_at,
            "updatedAt": self.made_at,
        }


class Lists:
    def __init__(self) -> None:
        self._lists: dict[str, SegmentList] = {}
        self._numbers = itertools.count(_FIRST)

    def put(self, name: str, table: Table, how: str, at: datetime) -> SegmentList:
        one = SegmentList(str(next(self._numbers)), name, table, how, in_iso(at))
        self._lists[one.id] = one
        return one

    def remove(self, one: SegmentList) -> None:
        del self._lists[one.id]

    def all(self) -> list[SegmentList]:
        return list(self._lists.values())

    def by_id(self, id: str) -> SegmentList | None:
        return self._lists.get(id)

    def by_name(self, name: str) -> SegmentList | None:
        return next((one for one in self.all() if one.name.lower() == name.lower()), None)

    def holding(self, table: Table, id: str) -> list[SegmentList]:
        return [one for one in self.all() if one.table is table and id in one.members]

    def follow(self, table: Table, old: Iterable[str], new: str) -> None:
        """After a merge the survivor is where either was."""
        for one in self.all():
            times = [one.members.pop(id) for id in old if one.table is table and id in one.members]
            if times:
                one.members[new] = min(times)

    def forget(self, table: Table, id: str) -> None:
        for one in self.holding(table, id):
            one.members.pop(id)
