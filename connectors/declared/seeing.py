"""What a page shows beside its rows: how far it reaches, and whether the tool keeps what everything rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from typing import Any

from connectors.cells import NoTime, moments
from connectors.declared.bounds import Bounds
from connectors.declared.description import ById, ByLastRow, ByMovingStart, ByTime, Description, NewestFirst
from connectors.declared.expressions import Find, NotForThis, compiled
from connectors.declared.paging import SHIFTING, Row, objects, token
from connectors.declared.passes import Recent, Sighting, Sightings, added
from connectors.declared.places import Place, Sweep
from nps.errors import UnavailableError


class Seeing:
    """Judges the pages of one listing as they come. It remembers the page before, nothing more."""

    def __init__(self, description: Description, bounds: Bounds) -> None:
        self._bounds = bounds
        self._since = description.since
        self._pages = description.pages
        walled = description.walls.max_pages is not None
        self._starts_move = isinstance(self._pages, ByMovingStart) or (walled and bounds.ascending)
        self._moments = moments(tuple(description.dates), description.time_zone)
        self._sightings = Sightings(description)
        self._time_of = _time_of(description)
        self._id_of = compiled(self._since.field) if isinstance(self._since, ById) else None
        self.begin_pass()

    def begin_pass(self) -> None:
        self._recent = Recent()
        self._before: Sequence[Row] = ()

    def page(self, sweep: Sweep, rows: Sequence[Row]) -> Sweep:
        """The sweep with one more page seen."""
        once_more = (
            isinstance(self._pages, ByLastRow) and len(rows) == 1
        )  # the last row of all: paging ends there
        if rows and rows == self._before and not once_more:
            raise UnavailableError("the tool answered the same page twice; paging is broken")
        self._before = rows
        times = self._times(rows)
        told = [time for time in times if time is not None]
        self._in_order(told)
        if told and self._starts_move:
            self._from_the_start(sweep, told[0])
        sweep = _reached(sweep, told, len(rows))
        if self._id_of is not None and rows:
            sweep = replace(sweep, top=self._greatest(sweep.top, rows))
        if not isinstance(self._pages, (*SHIFTING, ByMovingStart)):
            return sweep  # nothing can shift
        return self._counted(
            sweep, [self._sightings.of(row, time) for row, time in zip(rows, times, strict=True)]
        )

    def risky(self, at: Place, sweep: Sweep) -> bool:
        """Whether a row that slips past the edge behind this page would not be seen again by the next run."""
        if not isinstance(self._pages, (*SHIFTING, ByMovingStart)):
            return False
        # What an earlier run read need not be proved again; what changed since is read again by the next.
        unproved = at.read is None or 2 * (sweep.began - at.read) >= self._bounds.overlap
        match self._since:
            case ByTime() if self._bounds.ascending:
                return unproved and sweep.last is not None and sweep.last < self._bounds.settled(sweep)
            case ByTime() if self._bounds.bounded:
                return sweep.end is not None and sweep.end <= self._bounds.settled(sweep)
            case ByTime() | NewestFirst():
                return unproved
            case ById():
                return True
            case _:
                return False

    def wholly_older(self, rows: Sequence[Row], than: datetime) -> bool:
        times = [time for time in self._times(rows) if time is not None]
        return bool(times) and max(times) < than

    def last_id(self, row: Row) -> str:
        """The id of a page's last row, after which the tool goes on."""
        assert self._id_of is not None
        found = token(_worked_out(self._id_of, row))
        if found is None:
            raise UnavailableError(
                "the last row of a page has no id (a text or a whole number); cannot read on"
            )
        return found

    # ------------------------------------------------------------ inside

    def _times(self, rows: Sequence[Row]) -> list[datetime | None]:
        if self._time_of is None:
            return [None] * len(rows)
        values = [_worked_out(self._time_of, row) for row in rows]
        times = [self._time(value) for value in values]
        if rows and not any(times):
            raise UnavailableError(
                f"no row of a page has a time in {_field(self._since)}, which the cursor needs: "
                f"it {self._why_not(values[-1])}"
            )
        return times

    def _time(self, value: object) -> datetime | None:
        try:
            return self._moments.read(value)
        except NoTime:
            return None

    def _why_not(self, value: object) -> str:
        if value is None or value == "":
            return "is empty"
        try:
            self._moments.read(value)
        except NoTime as told:
            return str(told)
        return "is none"

    def _in_order(self, times: Sequence[datetime]) -> None:
        if self._bounds.ascending and list(times) != sorted(times):
            raise UnavailableError("the rows of a page do not come oldest first; cannot read on safely")
        if isinstance(self._since, NewestFirst) and list(times) != sorted(times, reverse=True):
            raise UnavailableError("the rows of a page do not come newest first; cannot tell where to stop")

    def _from_the_start(self, sweep: Sweep, first: datetime) -> None:
        if isinstance(self._since, ByTime) and first < self._bounds.earliest_row(sweep):
            raise UnavailableError(
                f"rows are older than the time asked for in {self._since.param}; cannot read on safely"
            )

    def _counted(self, sweep: Sweep, page: Sequence[Sighting]) -> Sweep:
        """Twice seen, or for the first time: what tells whether a pass missed something."""
        twice = self._recent.twice(page)
        at_the_edge = self._recent.shifted(page) == twice
        fresh = page[twice:] if at_the_edge else page
        if not at_the_edge:
            sweep = replace(sweep, shaken=True)
        elif self._bounds.bounded or self._bounds.ascending:
            # Otherwise nothing bounds the listing from above: new rows come in before the others and push them on.
            sweep = self._with_edge(sweep, page, twice)
        self._recent.remember(page)
        counted = [each for each in fresh if self._counts(sweep, each.time)]
        return replace(sweep, print=added(sweep.print, counted))

    def _with_edge(self, sweep: Sweep, page: Sequence[Sighting], repeats: int) -> Sweep:
        """Shaken where rows came again at the edge of this page and not so at another: some tools repeat the last row
        at every edge, but rows that change places do not."""
        if not (page and self._recent):
            return sweep
        uneven = sweep.edges > 0 and repeats != sweep.repeats
        crowd = repeats > 0 and isinstance(self._pages, ByMovingStart)
        return replace(sweep, edges=sweep.edges + 1, repeats=repeats, shaken=sweep.shaken or uneven or crowd)

    def _counts(self, sweep: Sweep, time: datetime | None) -> bool:
        """Rows that come during the read, or will be read again anyway, say nothing about what was missed."""
        if time is None:
            return True
        return time < self._bounds.settled(sweep) if self._bounds.ascending else time <= sweep.began

    def _greatest(self, top: str | None, rows: Sequence[Row]) -> str:
        ids = [self.last_id(row) for row in objects(rows)]
        if all(not _comes_after(first, second) for first, second in pairwise(ids)):
            return ids[-1] if top is None or not _comes_after(top, ids[-1]) else top
        raise UnavailableError("the ids of a page do not grow; cannot tell what comes after them")


def _reached(sweep: Sweep, times: Sequence[datetime], count: int) -> Sweep:
    sweep = replace(sweep, pages=sweep.pages + 1, longest=max(sweep.longest, count))
    if not times:
        return sweep
    # A row dated in the future must not carry the cursor past those that are still to come.
    newest = min(max(times), sweep.began)
    oldest = min(times)
    return replace(
        sweep,
        last=times[-1],
        newest=newest if sweep.newest is None else max(sweep.newest, newest),
        oldest=oldest if sweep.oldest is None else min(sweep.oldest, oldest),
    )


def _comes_after(first: str, second: str) -> bool:
    """Whether the first of two ids is certainly the later one. Numbers are compared as such, whatever their length."""
    if first.isascii() and second.isascii() and first.isdigit() and second.isdigit():
        # Not by `int`, which refuses thousands of digits.
        first, second = first.lstrip("0"), second.lstrip("0")
        return (len(first), first) > (len(second), second)
    return len(first) == len(second) and first > second


def _worked_out(find: Find, row: Row) -> Any:
    """None where an expression does not fit a row: the row is told about where it is read."""
    try:
        return find(row)
    except NotForThis:
        return None


def _time_of(description: Description) -> Find | None:
    field = _field(description.since)
    return None if field is None else compiled(field)


def _field(since: object) -> str | None:
    return since.field if isinstance(since, ByTime | NewestFirst) else None
