"""What a listing is bounded by: where it begins, in which windows it is read, and how the tool is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from connectors.declared.description import ById, ByMovingStart, ByTime, Description, Everything
from connectors.declared.moments import EARLIEST, floored, granule, written
from connectors.declared.paging import SHIFTING
from connectors.declared.places import Place, Sweep

_LONG_AGO = datetime(
    2015, 1, 1, tzinfo=UTC
)  # what is older is read in one window, not in hundreds of empty ones
_SECOND = timedelta(seconds=1)


class Bounds:
    """The part of a description that says which rows are asked for."""

    def __init__(self, description: Description) -> None:
        self._since = description.since
        self._pages = description.pages
        moving = isinstance(self._pages, ByMovingStart)
        self.ascending = isinstance(self._since, ByTime) and (moving or self._since.order == "ascending")
        self.bounded = isinstance(self._since, ByTime) and self._since.until is not None
        self.overlap = timedelta(0) if isinstance(self._since, ById | Everything) else self._since.overlap
        self._step = max(granule(self._since.format), _SECOND) if isinstance(self._since, ByTime) else _SECOND
        # Rows that count from the newest shift when a recent one goes: the old ones are then a window by themselves.
        self._split = self.bounded and not self.ascending and isinstance(self._pages, SHIFTING)

    def sweep(self, place: Place, now: datetime) -> Sweep:
        """A new reading, from the overlap before the mark on."""
        began = _whole(now)
        floor = place.since or EARLIEST
        if place.mark is not None:
            floor = max(floor, place.mark - self.overlap)
        floor = min(_whole(floor), began)
        blank = Sweep(began, floor, self._pages.kind, floor)
        return blank.window(floor, self.window_end(blank, floor))

    def settled(self, sweep: Sweep) -> datetime:
        """What is older will not be read again by the next run."""
        return sweep.began - self.overlap

    def window_end(self, sweep: Sweep, start: datetime) -> datetime | None:
        """Of the window that begins at `start`; None: it is the last."""
        if not isinstance(self._since, ByTime) or self._since.until is None:
            return None
        ends = []
        if self._since.window is not None:
            ends.append(max(start + self._since.window, _LONG_AGO))
        if self._split:
            ends.append(self.settled(sweep))
        shortest = self._edge(start) + self._step
        later = [max(self._edge(end), shortest) for end in ends if end > start]
        return min((end for end in later if end < sweep.began), default=None)

    def halved(self, sweep: Sweep) -> datetime | None:
        """An earlier end for a window that shows more rows than its wall lets through; None: it cannot be shorter."""
        if not self.bounded:
            return None
        start = sweep.start if sweep.oldest is None else max(sweep.start, self._edge(sweep.oldest))
        middle = self._edge(start + ((sweep.end or sweep.began) - start) / 2)
        return middle if middle > sweep.start and middle < (sweep.end or sweep.began) else None

    def moved(self, sweep: Sweep) -> datetime | None:
        """Where a segment that ends with the last row seen goes on; None: it could not move."""
        if not isinstance(self._since, ByTime) or sweep.last is None:
            return None
        to = floored(sweep.last, self._since.format)
        return to if to > floored(sweep.start, self._since.format) else None

    def earliest_row(self, sweep: Sweep) -> datetime:
        """No row is older, if the tool heeds the time it is asked for."""
        assert isinstance(self._since, ByTime)
        slack = granule(self._since.format)
        # Days begin at different times in different places.
        return floored(sweep.start, self._since.format) - (
            2 * slack if self._since.format == "date" else slack
        )

    def parameters(self, place: Place, sweep: Sweep) -> dict[str, str]:
        """How the tool is told."""
        match self._since:
            case ByTime() as since:
                back = granule(since.format) if since.bound == "exclusive" else timedelta(0)
                asked = {since.param: written(max(sweep.start - back, EARLIEST), since.format)}
                if since.until is not None:
                    end = (sweep.end or sweep.began) + since.until.plus
                    asked[since.until.param] = written(end, since.until.format or since.format)
                return asked
            case ById() as since:
                after = place.after or (_object_id(place.since) if since.first == "objectid" else None)
                return {} if after is None else {since.param: after}
            case _:
                return {}

    def _edge(self, moment: datetime) -> datetime:
        """Windows meet at times both parameters can say, so that nothing falls between them."""
        return EARLIEST + (moment - EARLIEST) // self._step * self._step


def _whole(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)


def _object_id(since: datetime | None) -> str | None:
    """The first id MongoDB could have made at that time."""
    return None if since is None else f"{int(since.timestamp()):08x}{0:016x}"
