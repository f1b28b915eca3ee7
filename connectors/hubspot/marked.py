"""Finding what we created by the mark in its text, among what is attached to a record: HubSpot has no unique key for
tasks and notes, and its search finds them only some moments later."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from connectors.hubspot.account import Account
from connectors.hubspot.finding import READ_BATCH, Row, chunks, others, record_key
from connectors.marking import mark, marks


class Marked:
    """Things of one type (tasks, notes), whose mark stands in `text`."""

    def __init__(self, account: Account, type: str, text: str) -> None:
        self._account = account
        self._type = type
        self._text = text

    def found(self, wanted: Mapping[str, tuple[str, str]]) -> dict[str, str]:
        """Our key → HubSpot's id, of those that are there. `wanted`: key → type and id of a record it is attached
        to."""
        by_type: dict[str, dict[str, None]] = {}
        for type, id in wanted.values():
            by_type.setdefault(type, {})[id] = None
        attached = dict.fromkeys(
            thing for type, ids in by_type.items() for thing in self._attached_to(type, list(ids))
        )
        own = keys_of(self._text, wanted)
        return {key: id for id, row in self.read(list(attached), [self._text]).items() for key in own(row)}

    def read(self, ids: Sequence[str], properties: Sequence[str]) -> dict[str, Row]:
        """Those that are there, by id."""
        key = record_key(self._type)
        asked = [id for id in dict.fromkeys(ids) if key.asks(id)]
        if not asked:
            return {}
        known = self._account.known(self._type)
        found: dict[str, Row] = {}
        for chunk in chunks(asked, READ_BATCH):
            rows, _ = self._account.read(known, key, chunk, properties)
            found |= {str(row["id"]): row for row in rows}
        return found

    def _attached_to(self, type: str, ids: Sequence[str]) -> Iterator[str]:
        asks = record_key(type).asks
        known = self._account.known(type)
        for _, association in self._account.associated(
            known, self._type, [id for id in ids if asks(id)], enough=lambda _: False
        ):
            yield from others(association)


def keys_of(text: str, wanted: Collection[str]) -> Callable[[Row], frozenset[str]]:
    """Which of these keys a record's text bears the mark of."""
    by_mark = {mark(key): key for key in wanted}

    def own(row: Row) -> frozenset[str]:
        found = marks((row.get("properties") or {}).get(text))
        return frozenset(by_mark[one] for one in found if one in by_mark)

    return own
