"""What the smaller toys have in common: named shelves of rows, knobs by name, and a page that lists them."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.knobs import Knob, turn
from sandbox.moments import naive
from sandbox.toy import NoSuchRecord, Room, Row, Show

_MOST = 20_000  # rows of one shelf; the oldest goes when one more comes, so that memory stays flat
_MOST_LISTED = 100
_LONGEST = 160  # letters of a text on a page


class Shelves:
    """A toy inherits this, names its shelves with the columns people see, and adds its knobs. `furnish` fills them
    when somebody first looks: most toys of a sandbox are never called."""

    title = ""
    fault_kinds: frozenset[str] = frozenset()

    def __init__(
        self,
        room: Room,
        columns: Mapping[str, tuple[str, ...]],
        furnish: Callable[[], None] | None = None,
    ) -> None:
        self.room = room
        self._shelves: dict[str, OrderedDict[str, Row]] = {name: OrderedDict() for name in columns}
        self._furnish = furnish
        self.knobs: dict[str, Knob] = {}
        self._columns = columns
        self._numbers = itertools.count(1)

    @property
    def shelves(self) -> dict[str, OrderedDict[str, Row]]:
        if self._furnish is not None:
            furnish, self._furnish = self._furnish, None
            furnish()
        return self._shelves

    def put(self, shelf: str, id: str, row: Row) -> Row:
        rows = self.shelves[shelf]
        rows[id] = row
        while len(rows) > _MOST:
            rows.popitem(last=False)
        return row

    def next_number(self) -> int:
        return next(self._numbers)

    # ------------------------------------------------------------ for control and the pages

    def objects(self) -> Mapping[str, int]:
        return {name: len(rows) for name, rows in self.shelves.items()}

    def rows(self, object: str) -> Iterator[Row]:
        return iter(list(self.shelves[object].values()))

    def row(self, object: str, id: str) -> Row:
        if id not in self.shelves[object]:
            raise NoSuchRecord(f"no {object} {id}")
        return self.shelves[object][id]

    def change(self, object: str, id: str, fields: Row) -> None:
        row = self.row(object, id)
        if unknown := fields.keys() - row.keys():
            raise ValueError(f"no field {', '.join(sorted(unknown))}; there are: {', '.join(row)}")
        row.update(fields)

    def add(self, object: str, fields: Row) -> str:
        raise ValueError(f"{object} come by themselves")

    def remove(self, object: str, id: str) -> None:
        self.row(object, id)
        del self.shelves[object][id]

    def merge(self, object: str, winner: str, loser: str) -> None:
        raise ValueError(f"{object} do not merge")

    def command(self, name: str, arguments: Row) -> Any:
        return turn(self.knobs, name, arguments)

    def looks(self, show: Show) -> list[Route]:
        async def listed(request: Request) -> Response:
            tables = [
                (name, columns, [_readable(row) for row in list(self.rows(name))[: -_MOST_LISTED - 1 : -1]])
                for name, columns in self._columns.items()
            ]
            return show("shelves.html", title=self.title, tables=tables)

        return [Route("/", listed)]


def _readable(row: Row) -> Row:
    """Moments as people read them, and of long texts the beginning."""
    return {name: _told(name, value) for name, value in row.items()}


def _told(name: str, value: Any) -> Any:
    if name.endswith("_at") and isinstance(value, float):
        return naive(value)
    if isinstance(value, str) and len(value) > _LONGEST:
        return value[: _LONGEST - 1].rstrip() + "…"
    return value


def switched(settings: Any, given: Row) -> Row:
    """The knob `set`: {setting: value, …} → every setting; {} only shows them."""
    for name, value in given.items():
        if not hasattr(settings, name):
            raise ValueError(f"no setting {name}; there are: {', '.join(vars(settings))}")
        if isinstance(value, str) != isinstance(getattr(settings, name), str):
            raise ValueError(f"{name} takes a {type(getattr(settings, name)).__name__}")
        setattr(settings, name, value)
    return dict(vars(settings))
