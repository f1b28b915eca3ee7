"""The people who own records, some of whom left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_BORN = "2024-01-08T09:00:00.000Z"


@dataclass(frozen=True, slots=True)
class Owner:
    id: str
    user_id: int  # another number, which owns nothing
    first: str
    last: str
    archived: bool = False

    @property
    def email(self) -> str:
        return f"{self.first.lower()}@acme.example"

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "email": self.email,
            "type": "PERSON",
            "firstName": self.first,
            "lastName": self.last,
            "userId": self.user_id,
            "userIdIncludingInactive": self.user_id,
            "createdAt": _BORN,
            "updatedAt": _BORN,
            "archived": self.archived,
        }


OWNERS = (
    Owner("64492917", 9_580_001, "Alex", "Morgan"),
    Owner("64492918", 9_580_002, "Priya", "Shah"),
    Owner("64492919", 9_580_003, "Tom", "Becker"),
    Owner("64492920", 9_580_004, "Nora", "Winter", archived=True),
)
