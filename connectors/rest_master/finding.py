"""Which records hold a value: by the master's search, and by going through the list where it cannot be asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from connectors.contract import Lookup
from connectors.declared.expressions import found_in
from connectors.rest_master.fields import Table
from connectors.rest_master.master import Master
from connectors.rest_master.reading import Reading
from connectors.rest_master.remembering import Remembered
from connectors.rest_master.rows import Row, meant
from connectors.rest_master.searching import Asked, is_safe, searches
from nps.errors import ConfigError

Pair = tuple[str, str, Row]  # the lookup's field, its value, the record


class Finding:
    """Thread-safe."""

    def __init__(self, master: Master, object: str, remembered: Remembered) -> None:
        self._master = master
        self._object = object
        self._remembered = remembered
        self._find = master.settings.find
        self._shelf = master.shelf(object)
        self.reading = Reading(master, object, self.by_id)

    def found(self, known: Table, lookups: Sequence[Lookup]) -> list[Pair]:
        """Every record that a value names, with what is true of it now."""
        pairs: list[Pair] = []
        for lookup in lookups:
            if lookup.field in ("id", self._master.settings.record.id):
                rows = self.reading.read([value.strip() for value in lookup.values])
                pairs += [
                    (lookup.field, one, rows[one.strip()]) for one in lookup.values if one.strip() in rows
                ]
                continue
            asked = Asked(known.field(lookup.field), lookup.kind, lookup.values)
            pairs += [
                (lookup.field, value, row) for row in self._rows(asked) for value in asked.answered_by(row)
            ]
        return pairs

    def by_id(self, ids: Sequence[str]) -> Iterator[Row]:
        """Records by a search for their ids, where `read.by` says so."""
        yield from self.searched(self._master.settings.read.field, ids)

    # ------------------------------------------------------------ inside

    def _rows(self, asked: Asked) -> list[Row]:
        """Records that answer the lookup, each once."""
        safe = [value for value in asked.values if is_safe(self._find, value)]
        found = {row.id: row for row in self.searched(asked.known.name, safe) if asked.answered_by(row)}
        if len(safe) < len(asked.values):
            found |= {row.id: row for row in self._listed(asked)}
        doubted = self._doubted(list(found))
        if doubted:
            now = self.reading.read(doubted)
            found |= now
            found = {id: row for id, row in found.items() if id in now or id not in set(doubted)}
        return [row for row in found.values() if not row.gone]

    def _doubted(self, ids: Sequence[str]) -> list[str]:
        """Those whose values a search may not show as they are."""
        if self._find.values == "read":
            return list(ids)
        if not self._find.lag or self._master.settings.read.by == "search":
            return []
        since: datetime = self._master.tools.clock.now() - self._find.lag
        return self._remembered.written_since(ids, since)

    def _listed(self, asked: Asked) -> Iterator[Row]:
        self._master.tools.notice(
            "rest_master_compared_with_all", object=self._object, field=asked.known.name
        )
        for page in self.reading.lately():
            yield from (row for row in page if asked.answered_by(row))

    def searched(self, field: str, values: Sequence[str]) -> Iterator[Row]:
        """What the search shows for these values. Where it shows fewer than it counts, fewer are asked together."""
        groups = list(self._groups(field, values))
        while groups:
            again: list[list[str]] = []
            calls = self._master.together(lambda one: self._search(field, one), groups)
            for group, future in calls:
                rows, complete = future.result()
                yield from rows
                if not complete:
                    again.append(group)
            groups = [part for group in again for part in self._halved(field, group)]

    def _groups(self, field: str, values: Sequence[str]) -> Iterator[list[str]]:
        scope = self._master.values(self._object)
        for group, _ in searches(self._find, field, values, scope):
            yield group

    def _halved(self, field: str, group: Sequence[str]) -> list[list[str]]:
        if len(group) == 1:
            raise ConfigError(
                f"{self._master.tools.connection}: the search for one value of {field} finds more records than it "
                "shows; let it show more (find.query, find.pages), or match by a field that tells records apart"
            )
        middle = len(group) // 2
        return [list(group[:middle]), list(group[middle:])]

    def _search(self, field: str, group: Sequence[str]) -> tuple[list[Row], bool]:
        master, find = self._master, self._find
        [(_, values)] = searches(
            find.model_copy(update={"longest": 10**9}), field, group, master.values(self._object)
        )
        totals: list[int] = []

        def told(body: object) -> None:
            total = None if find.total is None else found_in(find.total, body)
            if isinstance(total, int) and not isinstance(total, bool):
                totals.append(total)

        body = None if find.method == "GET" else dict(find.body or {})
        items = [
            item
            for page in master.pages(
                find.path, find.query, find.items, find.pages, values, "find", f"find {self._object}",
                body=body, hidden=group, told=told,
            )
            for item in page
        ]  # fmt: skip
        rows = [master.reader.row(item, "find.items") for item in meant(items, find.only, values)]
        self._shelf.tell(row for row in rows if row.version is not None)
        return rows, not totals or totals[-1] <= len(items)
