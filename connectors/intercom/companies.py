"""Reading companies: by their `company_id`, which never changes, and by Intercom's own id."""

from __future__ import annotations

import re
from collections.abc import Sequence

from connectors.contract import Lookup
from connectors.intercom import replies
from connectors.intercom.replies import Row
from connectors.intercom.workspace import Workspace
from nps.errors import ConfigError

_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")


class Companies:
    """Thread-safe. There is no search for companies: each is a call."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def found(self, lookup: Lookup) -> list[tuple[str, Row]]:
        values = [value for value in dict.fromkeys(lookup.values) if value.strip()]
        match lookup.field:
            case "id":
                return [(str(row["id"]), row) for row in self.read(values)]
            case "company_id":
                rows = self._workspace.all(self._by_company_id, values)
            case other:
                raise ConfigError(
                    f"{self._workspace.tools.connection}: companies cannot be found by {other}; Intercom finds them by "
                    "company_id"
                )
        return [(value, row) for value, row in zip(values, rows, strict=True) if row is not None]

    def read(self, ids: Sequence[str]) -> list[Row]:
        """Live; those that are gone are missing."""
        rows = self._workspace.all(self.one, list(dict.fromkeys(ids)))
        return [row for row in rows if row is not None]

    def one(self, id: str) -> Row | None:
        if not _ID.fullmatch(id):
            return None
        row = self._asked(f"/companies/{id}", None)
        return row if row is not None and row.get("id") == id else None

    def _by_company_id(self, value: str) -> Row | None:
        row = self._asked("/companies", {"company_id": value})
        return row if row is not None and row.get("company_id") == value else None

    def _asked(self, path: str, params: dict[str, str | int] | None) -> Row | None:
        reply = self._workspace.http.request("GET", path, params=params, what="read a company")
        if reply.status in (404, 410):
            return None
        row = replies.mapped(replies.body(reply))
        return row if isinstance(row.get("id"), str) else None
