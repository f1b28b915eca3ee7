"""The records of one object as they are now: read one by one, found by their ids, or taken from the list of all."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from connectors.declared.expressions import found_in
from connectors.declared.placeholders import filled_path, is_segment
from connectors.rest_master.master import Master
from connectors.rest_master.replies import words_of
from connectors.rest_master.rows import Row
from nps.errors import ConfigError

Search = Callable[[Sequence[str]], Iterator[Row]]


@dataclass(frozen=True)
class Whole:
    """A look at everything that came to its end."""

    moment: int
    at: float


class Reading:
    """Thread-safe. Only one thread at a time goes through the list; the others take what it saw."""

    def __init__(self, master: Master, object: str, search: Search) -> None:
        self._master = master
        self._object = object
        self._search = search
        self._shelf = master.shelf(object)
        self._passing = threading.Lock()
        self._whole: Whole | None = None

    def read(self, ids: Sequence[str], *, newer_than: int = 0) -> dict[str, Row]:
        """Those that exist, as they are now; after `newer_than` (a moment of the shelf) where that matters. A record
        that was written since it was last seen is looked at again in any case."""
        asked = list(dict.fromkeys(ids))
        if not asked:
            return {}
        match self._master.settings.read.by:
            case "id":
                rows = self._by_id(asked)
            case "list":
                rows = self._from_list(asked, newer_than)
            case "search":
                rows = {row.id: row for row in self._search(asked) if row.id in asked}
                self._shelf.put(rows.values(), self._shelf.now())
        return {id: row for id, row in rows.items() if not row.gone}

    def everything(self) -> Iterator[list[Row]]:
        """Every record, page by page, as the list shows it now."""
        for page in self._pass():
            if alive := [row for row in page if not row.gone]:
                yield alive

    def lately(self) -> Iterator[list[Row]]:
        """Every record, as the list showed it not long ago."""
        with self._passing:
            whole = self._fresh_whole()
            if whole is None:
                for _ in self._pass():
                    pass
                whole = self._whole
        assert whole is not None  # a pass that came to its end says so
        for page in self._shelf.since(whole.moment):
            yield [row for row in page if not row.gone]

    # ------------------------------------------------------------ one by one

    def _by_id(self, ids: Sequence[str]) -> dict[str, Row]:
        moment = self._shelf.now()
        values = self._master.values(self._object)
        rows = self._master.all(lambda id: self._one(id, values), ids)
        found = {id: row for id, row in zip(ids, rows, strict=True) if row is not None}
        self._shelf.put(found.values(), moment)
        return found

    def _one(self, id: str, values: Mapping[str, str]) -> Row | None:
        if not is_segment(id):
            return None  # what somebody typed; no record is called like that
        master, read = self._master, self._master.settings.read
        path = filled_path(read.path, {**values, "id": id})
        reply = master.http.request("GET", path, what=f"read one of {self._object}")
        if reply.status in (404, 410):
            return None
        if reply.status != 200:
            words = words_of(reply, [id])
            raise ConfigError(
                f"{reply.what}: the master answers {reply.status}{f' ({words})' if words else ''}; check read.path"
            )
        row = master.reader.row(found_in(read.item, reply.json()), "read.item")
        if row.id != id and row.id.casefold() == id.casefold():
            return None  # the master takes no notice of case, and ids are exact
        if row.id != id:
            raise ConfigError(
                f"{reply.what}: another record came than the one asked for; check read and record.id"
            )
        etag = reply.headers.get("etag")
        if row.version is None and etag and master.settings.update.version == "if_match":
            return Row(row.id, row.fields, etag, row.gone, row.errors)
        return row

    # ------------------------------------------------------------ from the list

    def _from_list(self, ids: Sequence[str], newer_than: int) -> dict[str, Row]:
        with self._passing:
            written = self._shelf.written_at(ids)
            whole = self._fresh_whole()
            least = max(newer_than, whole.moment if whole else self._shelf.now())
            needed = {id: max(least, written.get(id, 0) + 1) for id in ids}
            missing = needed.keys() - self._good(needed).keys()
            if whole is not None:
                # Whom a look at everything that is late enough did not show does not exist.
                missing = {id for id in missing if needed[id] > whole.moment}
            if missing:
                self._look_for(missing, whole)
            return self._good(needed)

    def _good(self, needed: Mapping[str, int]) -> dict[str, Row]:
        seen = self._shelf.get(list(needed))
        return {id: one.row for id, one in seen.items() if one.at >= needed[id]}

    def _look_for(self, ids: set[str], whole: Whole | None) -> None:
        """Go through the list. The first time to its end, so that nobody has to go again; later until these were
        seen."""
        left = set(ids)
        for page in self._pass():
            left.difference_update(row.id for row in page)
            if whole is not None and not left:
                return

    def _pass(self) -> Iterator[list[Row]]:
        master, listing = self._master, self._master.settings.list
        if listing is None:
            raise ConfigError(
                f"{master.tools.connection}: `list` is missing: nothing else tells every record"
            )
        moment, at = self._shelf.now(), master.tools.clock.monotonic()
        values = master.values(self._object)
        for page in master.pages(
            listing.path, listing.query, listing.items, listing.pages, values, "list", f"list {self._object}"
        ):
            rows = {row.id: row for row in (master.reader.row(item, "list.items") for item in page)}
            # What is added or deleted meanwhile moves others to another page: a record may come twice.
            passed = {id for id, one in self._shelf.get(list(rows)).items() if one.at == moment}
            self._shelf.put(rows.values(), moment)
            yield [row for id, row in rows.items() if id not in passed]
        self._whole = Whole(moment, at)

    def _fresh_whole(self) -> Whole | None:
        whole, listing = self._whole, self._master.settings.list
        if whole is None or listing is None:
            return None
        age = self._master.tools.clock.monotonic() - whole.at
        return whole if age <= listing.fresh_for.total_seconds() else None
