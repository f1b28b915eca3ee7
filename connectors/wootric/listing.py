"""Wootric's lists, oldest first, behind their wall: 30 pages of 50 rows, however many there are."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from connectors.contract import Notice
from connectors.http import Http
from connectors.replies import Reply
from connectors.wootric.rows import Moments, Row, is_id
from nps.errors import UnavailableError

PER_PAGE = 50
LAST_PAGE = 30


@dataclass(frozen=True)
class Listing:
    """One of Wootric's lists, walked by the time in `column` ("created_at"), which `filter` ("created")
    bounds.

    The wall is passed by starting over at page 1 from the second of the last row seen; rows of that second
    come again and are dropped by their id. Pages are asked for ahead, `lanes` at a time, and handed over in
    order.
    """

    http: Http
    pool: ThreadPoolExecutor
    moments: Moments
    notice: Notice
    path: str
    filter: str
    column: str
    lanes: int

    def rows_from(self, start: int) -> Iterator[tuple[list[Row], int]]:
        """Pages of rows from the UNIX second `start` on, each with the second up to which (exclusive) nothing
        is left behind. No row comes twice."""
        seen = _Boundary(start)
        ahead = 2  # the short list of a quiet day costs two calls: its one page, and the empty one after it
        while True:
            start = seen.second
            full = False
            previous: list[Row] = []
            for number, rows in self._pages(start, ahead):
                if previous and rows[0] == previous[0]:
                    raise UnavailableError(f"{self._where}: answered the same page twice; paging is broken")
                previous = rows
                fresh = seen.fresh(rows)
                self._follow(seen, rows, start)
                full = number == LAST_PAGE
                if fresh:
                    yield fresh, seen.second
            if not full:
                return
            ahead = self.lanes
            if seen.second == start:
                self.notice(
                    "wootric_second_overfull",
                    problem="more rows in one second than the wall shows; those behind it cannot be read",
                    list=self.path,
                    second=start,
                )
                seen.move(start + 1)

    @property
    def _where(self) -> str:
        return f"{self.http.policy.tools.connection}: GET {self.path}"

    def _pages(self, start: int, lanes: int) -> Iterator[tuple[int, list[Row]]]:
        """Pages 1 to 30 until an empty one, which alone is the end: a short page may be followed by more."""
        ahead: deque[Future[list[Row]]] = deque()
        asked = 0
        try:
            for number in range(1, LAST_PAGE + 1):
                while asked < min(LAST_PAGE, number - 1 + lanes):
                    asked += 1
                    ahead.append(self.pool.submit(self._page, start, asked))
                rows = ahead.popleft().result()
                if not rows:
                    return
                lanes = min(self.lanes, 2 * lanes) if len(rows) == PER_PAGE else 1
                yield number, rows
        finally:
            for page in ahead:
                page.cancel()

    def _page(self, start: int, number: int) -> list[Row]:
        reply = self.http.request(
            "GET",
            self.path,
            params={
                "page": number,
                "per_page": PER_PAGE,
                f"{self.filter}[gte]": start,
                "sort_order": "asc",
                "sort_key": self.column,
            },
        )
        return rows_of(reply)

    def _follow(self, seen: _Boundary, rows: list[Row], start: int) -> None:
        """Move the boundary to the last row's second. Everything rests on the order, so it is checked."""
        seconds = [self.moments.second(rows[n].get(self.column)) for n in (0, -1)]
        readable = [second for second in seconds if second is not None]
        if not readable:
            raise UnavailableError(f"{self._where}: a page without a readable {self.column}; cannot read on")
        if readable != sorted(readable) or readable[0] < max(start, seen.second):
            raise UnavailableError(
                f"{self._where}: rows did not come oldest first from the asked time on; cannot read on safely"
            )
        last = readable[-1]
        if last > seen.second:
            seen.move(last)
        for row in reversed(rows):
            second = self.moments.second(row.get(self.column))
            if second is not None and second < last:
                break
            if is_id(row.get("id")):
                seen.ids.add(row["id"])


class _Boundary:
    """The second of the last row seen, and the ids of the rows in it."""

    def __init__(self, second: int) -> None:
        self.second = second
        self.ids: set[object] = set()

    def move(self, second: int) -> None:
        self.second = second
        self.ids = set()

    def fresh(self, rows: list[Row]) -> list[Row]:
        if not self.ids:
            return rows
        return [row for row in rows if not is_id(row.get("id")) or row["id"] not in self.ids]


def rows_of(reply: Reply) -> list[Row]:
    """The rows of a list reply; UnavailableError when it is none."""
    if reply.status != 200:
        raise UnavailableError(f"{reply.what}: status {reply.status} where a list was expected")
    rows = reply.json()
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UnavailableError(f"{reply.what}: the answer is not a list of rows")
    return rows
