"""A SQL connection for tests: opened with few words, asked and written with fewer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

from fake_clock import Calls, FakeClock, Notices, fake_tools

from connectors.contract import Lookup
from connectors.sql.destination import SqlDestination, open_destination
from connectors.sql.settings import SqlSettings
from nps.changes import Batch, Change, Outcome, Record
from nps.values import Json

_numbers = count(1)


def change(record_id: str, *, undoes: int | None = None, response: int | None = 1, **after: Json) -> Change:
    return Change(
        id=next(_numbers),
        object="customer",
        record_id=record_id,
        before=dict.fromkeys(after),
        after=after,
        response=response,
        undoes=undoes,
    )


class Desk:
    """The destination, and what it said while it worked."""

    def __init__(self, url: str, *, connection: Mapping[str, Any] | None = None, **table: Any) -> None:
        self.clock, self.notices, self.calls = FakeClock(), Notices(), Calls()
        self.tools = fake_tools("master", clock=self.clock, notice=self.notices, count_call=self.calls)
        told = {"url": url, "naive_times": "UTC", "tables": {"customer": table}, **(connection or {})}
        self.settings = SqlSettings.model_validate(told)
        self.to: SqlDestination = open_destination(self.settings, self.tools)

    def write(self, *changes: Change) -> list[Outcome]:
        return list(self.to.write(Batch(1, "customer", "transaction", changes), lambda handle: None))

    def get(self, *ids: str, fields: Sequence[str] = ("nps_score",), **only: Json) -> list[Record]:
        return self.to.get("customer", ids, fields, only)

    def shown(self, id: str, field: str = "nps_score") -> Json:
        [record] = self.get(id, fields=[field])
        return record.fields[field]

    def found(
        self, field: str, *values: str, kind: str = "external_id", **only: Json
    ) -> list[tuple[str, str]]:
        """(value, record) of every hit."""
        hits = self.to.find("customer", [Lookup(field, kind, values)], [], only)
        return sorted((hit.value, hit.record.id) for hit in hits)

    def close(self) -> None:
        self.to.close()
