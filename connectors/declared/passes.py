"""Whether a pass over a listing saw every row: what came twice, and a print to hold against the next pass.

Where a tool counts rows to find a page, a row that goes lets another slip past the edge between two pages. Only a
second pass can tell. If a pass missed a row that was there all the time, then either another row came twice in it
(rows with the same time changed places), or a row it saw was gone by its end. So a pass in which nothing came twice,
and that saw the same rows as the one before it, missed none.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson

from connectors.declared.description import Description, FieldRule
from connectors.declared.expressions import NotForThis, first_of
from connectors.declared.paging import Row, token

_SIZE = 1 << 64


class Sighting(NamedTuple):
    """A row as far as paging is concerned."""

    id: str
    time: datetime | None

    @property
    def print(self) -> int:
        said = f"{self.id}\n{self.time}".encode()
        return int.from_bytes(blake2b(said, digest_size=8).digest())


class Sightings:
    """How rows of a description are told apart."""

    def __init__(self, description: Description) -> None:
        rule = description.fields.id
        self._id = first_of(rule.path if isinstance(rule, FieldRule) else rule)

    def of(self, row: Row, time: datetime | None) -> Sighting:
        found: Any = None
        with suppress(NotForThis):  # told about where the row is read
            found = self._id(row)
        return Sighting(token(found) or orjson.dumps(row, option=orjson.OPT_SORT_KEYS).decode(), time)


class Recent:
    """The rows that could come twice because they changed places: those of the page before, and all with the time of
    its last row. No more are remembered, however long the listing is."""

    def __init__(self) -> None:
        self._page: Sequence[Sighting] = ()
        self._moment: set[Sighting] = set()

    def __bool__(self) -> bool:
        return bool(self._page)

    def twice(self, page: Sequence[Sighting]) -> int:
        """How many rows of this page came before."""
        known = {*self._page, *self._moment}
        return sum(each in known for each in page)

    def shifted(self, page: Sequence[Sighting]) -> int:
        """How many rows of this page's beginning are the end of the page before: so many came in before them."""
        for count in range(min(len(page), len(self._page)), 0, -1):
            if list(page[:count]) == list(self._page[-count:]):
                return count
        return 0

    def remember(self, page: Sequence[Sighting]) -> None:
        if not page:
            return
        last = page[-1].time
        moment = {each for each in page if each.time == last}
        if self._page and self._page[-1].time == last:
            moment |= self._moment
        self._page, self._moment = tuple(page), moment


def added(print: int, page: Sequence[Sighting]) -> int:
    """A print that is the same in whatever order rows came."""
    return (print + sum(each.print for each in page)) % _SIZE
