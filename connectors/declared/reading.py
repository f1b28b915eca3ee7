"""Reading a listing page by page, on from where the last run stopped, so that no answer is lost.

Pure but for `fetch`: pagination, walls and cursors of a description, without a word of HTTP. Only one page is held at
a time. What each style of pagination can promise, and what is done where it cannot, is told in
docs/decisions/0028-reading-declared-lists.md.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from connectors.declared.bounds import Bounds
from connectors.declared.description import (
    ById,
    ByLastRow,
    ByMovingStart,
    ByNextLink,
    ByOffset,
    ByPage,
    Description,
    NewestFirst,
)
from connectors.declared.expressions import found_in
from connectors.declared.paging import END, End, Row, Step, fits, following, objects, parameters
from connectors.declared.places import Place, Sweep
from connectors.declared.seeing import Seeing
from nps.errors import BudgetError, ConfigError, UnavailableError
from nps.values import Json

PASSES = 6
"""So often a segment is read in one run until it holds still."""

_EDGES = 2
"""A row that comes again at one edge alone may have changed places with one that was never shown. At so many edges, all
of them, and in two passes the same: the tool repeats rows, and hides none."""


@dataclass(frozen=True)
class Asked:
    """One page to fetch: values of the parameters that pagination and cursor set (they go into the query, the path or
    the body, as the request says), or a whole address that a reply named (`next_link`)."""

    values: Mapping[str, str]
    link: str | None = None


_KEYS_TOLD = 12

Fetch = Callable[[Asked], Json]
"""The reply's body. It raises what the call policy raises; a link to another host is an UnavailableError there."""


@dataclass(frozen=True)
class Piece:
    """Rows of one page, in the order they came, and where to read on once they are stored (any JSON object). A piece
    without rows only says that a window, or the whole, is done."""

    rows: tuple[Row, ...]
    place: Mapping[str, Json]
    body: Json  # the whole reply, for what stands beside the rows


def read(
    description: Description,
    fetch: Fetch,
    place: Mapping[str, Json] | None,
    *,
    since: datetime | None,
    now: datetime,
) -> Iterator[Piece]:
    """Pieces of one listing. `place` is the last one stored, None for a first read, which `since` bounds from below.

    Reading on from the place of any piece, together with what came up to that piece, loses nothing; what repeats is
    identical. A read that was interrupted is finished where it stopped, and followed by a new one.

    UnavailableError when the tool breaks a promise that everything rests on: the order, a page that comes twice, more
    pages than the cap, rows without the time the cursor needs, rows that do not hold still.
    """
    reading = _Reading(description, fetch)
    at = Place(since=since) if place is None else Place.of(place)
    if at.sweep is not None and reading.knows(at.sweep):
        at = yield from reading.sweep(at, resumed=True)
    yield from reading.sweep(replace(at, sweep=reading.bounds.sweep(at, now)), resumed=False)


def rows_of(description: Description, body: Json) -> tuple[Row, ...]:
    """The rows of a reply; UnavailableError when it holds no list of them. Among rows, an entry that is no object is
    handed on as it is: a row that cannot be read."""
    paths = [description.records] if isinstance(description.records, str) else description.records
    for path in paths:
        found = found_in(path, body)
        if isinstance(found, list):
            if found and not objects(found):
                raise UnavailableError(
                    f"no entry of {path} in the reply is a row (an object with fields); set records to where the "
                    "rows stand"
                )
            return tuple(found)
    raise UnavailableError(
        f"{_shape(body)}; set records to where the rows stand (looked at: {', '.join(paths)})"
    )


def _shape(body: Json) -> str:
    """What a reply without rows looks like, by its keys: a person can tell from them where the rows are."""
    if not isinstance(body, dict):
        return "the reply is no object and no list of rows"
    if not body:
        return "the reply is an empty object"
    lists = sorted(name for name, value in body.items() if isinstance(value, list))
    listed = ", ".join(sorted(body)[:_KEYS_TOLD]) + (", …" if len(body) > _KEYS_TOLD else "")
    return f"the reply has keys {listed}, {', '.join(lists) + ' with a list' if lists else 'none of them a list'}"


class _Reading:
    def __init__(self, description: Description, fetch: Fetch) -> None:
        self._description = description
        self._fetch = fetch
        self._pages = description.pages
        self._since = description.since
        self.bounds = Bounds(description)
        self._seeing = Seeing(description, self.bounds)
        # Asked for what comes after an id, each page is a listing of its own: nothing can shift.
        self._by_each_id = isinstance(self._since, ById) and (
            isinstance(self._pages, ByPage | ByOffset)
            or (isinstance(self._pages, ByLastRow) and self._pages.param == self._since.param)
        )
        self._fetched = 0
        self._passes = 1

    def knows(self, sweep: Sweep) -> bool:
        """Whether a remembered sweep can go on: the description may have been changed since."""
        return sweep.kind == self._pages.kind and fits(self._pages, sweep.step)

    def sweep(self, at: Place, *, resumed: bool) -> Generator[Piece, None, Place]:
        """Read on until the sweep is done."""
        self._seeing.begin_pass()
        self._fetched, self._passes = 0, 1
        handed = at.stored()
        while at.sweep is not None:
            sweep, body = self._page(at, at.sweep, resumed=resumed)
            resumed = False
            rows = rows_of(self._description, body)
            ahead = self._after(at, sweep, rows, body)
            if rows or (_moved_on(sweep, ahead.sweep) and ahead.stored() != handed):
                handed = ahead.stored()
                yield Piece(rows, handed, body)
            at = ahead
        return at

    # ------------------------------------------------------------ inside

    def _page(self, at: Place, sweep: Sweep, *, resumed: bool) -> tuple[Sweep, Json]:
        """One reply, and the sweep it belongs to: tokens and links do not live for ever, so that one from an earlier
        run which leads nowhere is forgotten, and its segment begins again."""
        if self._fetched >= self._description.walls.page_cap:
            raise UnavailableError(
                f"one listing has more than {self._fetched} pages; if that is so, raise walls.page_cap"
            )
        self._fetched += 1
        try:
            return sweep, self._fetch(self._asked(at, sweep))
        except (ConfigError, UnavailableError) as error:  # a token that is gone may be a 400 or a 404, too
            if not resumed or not isinstance(sweep.step, str) or isinstance(error, BudgetError):
                raise
        sweep = sweep.first_page(sweep.start)
        return sweep, self._fetch(self._asked(at, sweep))

    def _asked(self, at: Place, sweep: Sweep) -> Asked:
        values = {**self.bounds.parameters(at, sweep), **parameters(self._pages, sweep.step)}
        linked = isinstance(self._pages, ByNextLink) and isinstance(sweep.step, str)
        return Asked(values, str(sweep.step) if linked else None)

    def _after(self, at: Place, sweep: Sweep, rows: Sequence[Row], body: Json) -> Place:
        """Where to read on after this page."""
        longest = sweep.longest
        sweep = self._seeing.page(sweep, rows)
        step = following(self._pages, sweep.step, rows, body, longest)
        if self._by_each_id:
            return self._after_id(at, sweep, rows, step)
        if isinstance(self._since, NewestFirst) and self._seeing.wholly_older(rows, sweep.floor):
            step = END
        if isinstance(self._pages, ByMovingStart) and not isinstance(step, End):
            confirming = longest == 0 and len(rows) < self._pages.size
            to = self.bounds.moved(sweep)
            if to is not None and not (confirming and self._pages.param):
                return self._segment_done(at, sweep, to)
            if self._pages.param is None:
                if len(rows) >= self._pages.size:
                    raise _more_in_a_moment()
                step = END
        if isinstance(step, End):
            return self._segment_done(at, sweep, None)
        wall = self._description.walls.max_pages
        if wall is not None and sweep.pages >= wall:
            return self._at_the_wall(at, sweep)
        return replace(
            at, sweep=replace(sweep, step=step, risky=sweep.risky or self._seeing.risky(at, sweep))
        )

    def _after_id(self, at: Place, sweep: Sweep, rows: Sequence[Row], step: Step | End) -> Place:
        """The same where each page is asked for by the id it comes after."""
        known = objects(rows)
        if known:
            last = self._seeing.last_id(known[-1])
            if last == at.after and len(rows) > 1:
                raise UnavailableError("a page ends with the row it was to begin after; rows would be lost")
            if last == at.after:
                step = END  # the last row of all, once more
            at = replace(at, after=last)
        if isinstance(step, End):
            return replace(at, read=sweep.began, sweep=None)
        return replace(at, sweep=replace(sweep, step=None))

    def _at_the_wall(self, at: Place, sweep: Sweep) -> Place:
        """The tool shows no more pages: go on from the last row's time, or, without an order, in a shorter window."""
        if self.bounds.ascending:
            to = self.bounds.moved(sweep)
            if to is None:
                raise _more_in_a_moment()
            return self._segment_done(at, sweep, to)
        end = self.bounds.halved(sweep)
        if end is None:
            raise UnavailableError(
                f"the tool shows {sweep.pages} pages and no more, and cannot be asked for what lies behind them; "
                "set a later `since`"
            )
        return self._segment(at, sweep.window(sweep.start, end))

    def _segment_done(self, at: Place, sweep: Sweep, to: datetime | None) -> Place:
        """The segment once more if this pass may have missed a row; else the next, from `to` on, or the next window."""
        repeating = sweep.repeats > 0 and sweep.repeats != at.repeats
        if repeating and sweep.edges < _EDGES:
            sweep = replace(sweep, shaken=True)
        if sweep.shaken or ((sweep.risky or repeating) and sweep.print != sweep.before):
            if self._passes >= PASSES:
                raise UnavailableError(
                    f"rows of one listing changed places in each of {PASSES} readings; declare an ascending order, "
                    "a shorter window, or pages of kind moving_start"
                )
            self._passes += 1
            self._fetched = 0
            return self._segment(at, sweep.again())
        if sweep.edges > 0:
            at = replace(at, repeats=sweep.repeats)
        self._passes = 1
        if to is not None:
            return self._segment(at, sweep.first_page(to))
        self._fetched = 0
        if sweep.end is not None:
            return self._segment(at, sweep.window(sweep.end, self.bounds.window_end(sweep, sweep.end)))
        return _done(at, sweep)

    def _segment(self, at: Place, sweep: Sweep) -> Place:
        self._seeing.begin_pass()
        return replace(at, sweep=sweep)


def _done(at: Place, sweep: Sweep) -> Place:
    """All is read: the cursor moves. What lies before the last window was read as well, if it held nothing at all."""
    empty = min(sweep.start, sweep.began) if sweep.start > sweep.floor else None
    known = [at.mark, sweep.newest, empty]
    mark = max((moment for moment in known if moment is not None), default=None)
    return replace(at, mark=mark, read=sweep.began, after=sweep.top or at.after, sweep=None)


def _moved_on(sweep: Sweep, ahead: Sweep | None) -> bool:
    return ahead is None or (ahead.start, ahead.end, ahead.before) != (sweep.start, sweep.end, sweep.before)


def _more_in_a_moment() -> UnavailableError:
    return UnavailableError(
        "more rows have one and the same time than the tool shows; those behind them cannot be read"
    )
