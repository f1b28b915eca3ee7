"""Reading contacts: by search, by external id, by id, all of them; merged ones are followed to who they became."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from connectors.contract import Lookup, Only
from connectors.intercom import replies
from connectors.intercom.attributes import CONTACTS, Attributes, Known, value_of
from connectors.intercom.replies import Row
from connectors.intercom.searching import (
    Query,
    answered,
    by_values,
    everybody,
    narrowed,
    together,
)
from connectors.intercom.workspace import Workspace
from connectors.replies import Reply
from nps.errors import ConfigError, UnavailableError

_PAGE = 150  # the most a search gives at a time
_MOST_PAGES = 1_000_000
_MOST_STEPS = 5  # along a chain of merges; Intercom leads to its end
_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")


@dataclass(frozen=True)
class Read:
    """A contact as it is now, and the id it was asked for by when it was merged since."""

    row: Row
    merged: tuple[str, ...] = ()
    followed: bool = False  # whether Intercom led here from the contact that was asked for


class Contacts:
    """Thread-safe."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    # ------------------------------------------------------------ by values

    def found(self, known: Attributes, lookup: Lookup, only: Only) -> list[tuple[str, Read]]:
        """Every contact that a value names, with that value; as many times as values name it."""
        field = known.field(lookup.field)
        if lookup.field == "id":
            return [
                (id, read)
                for read in self.read(lookup.values)
                for id in {read.row["id"], *read.merged} & {*lookup.values}
            ]
        if not field.is_searchable:
            raise ConfigError(
                f"{self._workspace.tools.connection}: contacts cannot be found by {lookup.field}: Intercom's search "
                "does not compare it exactly"
            )
        values = list(dict.fromkeys(lookup.values))
        told = answered(lookup, field)
        pairs: list[tuple[str, Read]] = []
        for row in self._searched(known, field, values, only):
            pairs += [(value, Read(row)) for value in told(value_of(row, lookup.field))]
        if lookup.field == "external_id":
            missing = [value for value in values if value not in {value for value, _ in pairs}]
            pairs += self._by_external_id(missing)
        return pairs

    def _searched(self, known: Attributes, field: Known, values: Sequence[str], only: Only) -> list[Row]:
        size = together(field)
        queries = [
            narrowed(query, known, only)
            for start in range(0, len(values), size)
            if (query := by_values(field, values[start : start + size])) is not None
        ]
        found = self._workspace.all(
            lambda query: [row for page in self._pages(query) for row in page], queries
        )
        rows = {row["id"]: row for rows in found for row in rows}
        return self._as_they_are([*rows.values()])

    def _by_external_id(self, values: Sequence[str]) -> list[tuple[str, Read]]:
        """Of users that the search does not show: those that are new, and those that were merged into others."""

        asked = [value for value in values if value.strip()]
        found = self._workspace.all(self._user, asked)
        return [(value, read) for value, read in zip(asked, found, strict=True) if read is not None]

    def _user(self, external_id: str) -> Read | None:
        path = f"/contacts/find_by_external_id/{quote(external_id, safe='')}"
        return self._followed(path, "find a contact by its external id")

    def _as_they_are(self, rows: list[Row]) -> list[Row]:
        """What the search shows; those that npsync wrote a moment ago are read, as the search may lag behind."""
        written = self._workspace.written_lately([row["id"] for row in rows])
        if not written:
            return rows
        now = {read.row["id"]: read.row for read in self.read(sorted(written))}
        as_read = (now.get(row["id"]) if row["id"] in written else row for row in rows)
        return [row for row in as_read if row is not None]

    # ------------------------------------------------------------ by ids

    def read(self, ids: Sequence[str]) -> list[Read]:
        """Live; those that are gone are missing, those that became one come once."""

        def one(id: str) -> Read | None:
            if not _ID.fullmatch(id):
                return None
            read = self._followed(f"/contacts/{id}", "read a contact") or self._by_what_it_was(id)
            return read if read is None or read.row["id"] == id else Read(read.row, (id,))

        found: dict[str, Read] = {}
        for read in self._workspace.all(one, list(dict.fromkeys(ids))):
            if read is not None:
                before = found.get(read.row["id"])
                merged = (*(before.merged if before else ()), *read.merged)
                found[read.row["id"]] = Read(read.row, merged)
        return [*found.values()]

    def _by_what_it_was(self, id: str) -> Read | None:
        """A contact that is not there any more, by the external id it had when npsync last wrote it: only that is
        certain to lead on to the contact it was merged into."""
        external = self._workspace.external_id(id)
        if external is None:
            return None
        read = self._user(external)
        return read if read is not None and read.followed else None  # else somebody made it anew

    def _followed(self, path: str, what: str) -> Read | None:
        for step in range(_MOST_STEPS):
            reply = self._workspace.http.request("GET", path, what=what)
            if reply.status == 404:
                return None
            if reply.status == 410:
                became = _became(reply)
                if became is None:
                    return None  # deleted, not merged
                path = f"/contacts/{became}"
                continue
            row = replies.mapped(replies.body(reply))
            return Read(row, followed=step > 0) if isinstance(row.get("id"), str) else None
        raise UnavailableError(
            f"{self._workspace.tools.connection}: {what}: it was merged too many times to follow"
        )

    # ------------------------------------------------------------ all of them

    def everything(self, known: Attributes, only: Only) -> Iterator[list[Row]]:
        return self._pages(narrowed(everybody(), known, only))

    def _pages(self, query: Query) -> Iterator[list[Row]]:
        after: str | None = None
        for _ in range(_MOST_PAGES):
            reply = self._workspace.http.request(
                "POST",
                "/contacts/search",
                json={
                    "query": query,
                    "pagination": {"per_page": _PAGE, **({"starting_after": after} if after else {})},
                    "sort": {"field": "created_at", "order": "ascending"},
                },
                what="search contacts",
                idempotent=True,
                reads=True,
            )
            said = replies.mapped(replies.body(reply))
            rows = [row for row in replies.listed(said.get("data")) if _is_contact(row)]
            if rows:
                yield rows
            following = replies.mapped(replies.mapped(said.get("pages")).get("next")).get("starting_after")
            if not isinstance(following, str) or not following:
                return
            if following == after:
                raise UnavailableError(f"{reply.what}: the next page is the one that was shown")
            after = following


def _is_contact(row: object) -> bool:
    return isinstance(row, dict) and isinstance(row.get("id"), str)


def _became(reply: Reply) -> str | None:
    """The id of the contact that a merged one became, from the Link header; only the id is taken from the address."""
    found = re.search(r"<([^>]*)>", reply.headers.get("link", ""))
    if found is None:
        return None
    before, _, id = urlsplit(found[1]).path.rpartition("/")
    return id if before.endswith(f"/{CONTACTS}") and _ID.fullmatch(id) else None
