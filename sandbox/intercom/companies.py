"""Companies: made by the `company_id` they are given, read and updated by the id Intercom gives them."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from sandbox.intercom.words import APP_ID
from sandbox.toy import NoSuchRecord, Room, Row


class Companies:
    """Loaded when somebody first looks."""

    def __init__(self, room: Room) -> None:
        self._room = room

    @property
    def how_many(self) -> int:
        return len(self.rows) if "rows" in vars(self) else 0

    @cached_property
    def rows(self) -> dict[str, Row]:
        rows: dict[str, Row] = {}
        for person in self._room.world.customers():
            if (company := person.company) is None:
                continue
            id = intercom_id(company.number)
            row = rows.get(id)
            if row is None:
                row = rows[id] = _company(id, company_id(company.number), self._born())
                row |= {"name": company.name, "website": f"https://{company.domain}"}
            row["user_count"] += 1
        return rows

    def row(self, id: str) -> Row:
        if id not in self.rows:
            raise NoSuchRecord(f"no company {id}")
        return self.rows[id]

    def called(self, company_id: str) -> Row | None:
        return next((one for one in self.rows.values() if one["company_id"] == company_id), None)

    def written(self, company_id: str, values: Row, custom: Row) -> tuple[Row, dict[str, tuple[Any, Any]]]:
        """Creates or updates; only what is sent changes. The row, and what each field was and is."""
        now = int(self._room.clock.time())
        row = self.called(company_id)
        if row is None:
            id = f"6762fb{len(self.rows) + 1:018x}"
            row = self.rows[id] = _company(id, company_id, now)
        before = {name: row.get(name) for name in values}
        before |= {name: row["custom_attributes"].get(name) for name in custom}
        row |= values
        row["custom_attributes"] |= custom
        row["updated_at"] = now
        return row, {name: (before[name], value) for name, value in {**values, **custom}.items()}

    def _born(self) -> int:
        return int(self._room.world.until.timestamp()) - (self._room.world.days + 30) * 86_400


def intercom_id(number: int) -> str:
    return f"6762fa{number:018x}"


def company_id(number: int) -> str:
    """What the product calls a company."""
    return f"A-{number:06d}"


def _company(id: str, company_id: str, at: int) -> Row:
    return {
        "type": "company",
        "id": id,
        "app_id": APP_ID,
        "company_id": company_id,
        "name": None,
        "website": None,
        "plan": {},
        "size": None,
        "industry": None,
        "monthly_spend": 0,
        "user_count": 0,
        "remote_created_at": None,
        "created_at": at,
        "updated_at": at,
        "custom_attributes": {},
    }
