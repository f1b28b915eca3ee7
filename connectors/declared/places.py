"""How far a listing was read, as it is remembered between pages and between runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from connectors.declared.paging import Step
from nps.values import Json


@dataclass(frozen=True)
class Sweep:
    """One reading of the listing that is under way: windows, in each of them segments (a wall, or a start that moves,
    ends one), in each of them passes, in each of them pages."""

    began: datetime
    """When; what comes later is the next sweep's."""
    floor: datetime
    """The earliest time it looks at."""
    kind: str
    """The style of pagination `step` was made by."""
    start: datetime
    """Of the segment."""
    end: datetime | None = None
    """Of the window; None: it is the last, up to `began`."""
    step: Step = None
    """The page to fetch; None: the first of the segment."""
    pages: int = 0
    """Of this pass, so far."""
    newest: datetime | None = None
    """The newest time seen, not later than `began`."""
    oldest: datetime | None = None
    """The oldest time seen in this window."""
    longest: int = 0
    """The most rows a page of this window had."""
    top: str | None = None
    """The greatest id seen, where ids are the cursor."""
    last: datetime | None = None
    """The time of the last row of this pass."""
    edges: int = 0
    """Pages of this pass that were seen right after another."""
    repeats: int = 0
    """Each of them began with so many of the rows the page before ended with."""
    print: int = 0
    """Of the rows of this pass, whatever their order."""
    before: int | None = None
    """The print of the pass before, if none of its rows came twice."""
    shaken: bool = False
    """A row came twice in this pass: others may have slipped through."""
    risky: bool = False
    """What slips through this pass is not read again by a later sweep."""

    def first_page(self, start: datetime) -> Sweep:
        """The next segment, from `start` on."""
        return replace(
            self,
            start=start,
            step=None,
            pages=0,
            last=None,
            edges=0,
            repeats=0,
            print=0,
            before=None,
            shaken=False,
            risky=False,
        )

    def window(self, start: datetime, end: datetime | None) -> Sweep:
        return replace(self.first_page(start), end=end, oldest=None, longest=0)

    def again(self) -> Sweep:
        """The same segment once more."""
        before = None if self.shaken else self.print
        return replace(self.first_page(self.start), before=before)


@dataclass(frozen=True)
class Place:
    """`mark`: all up to here was read, by a sweep that began at `read`. `after`: the same for a listing by id. `since`
    bounded the first read. `repeats`: every page was seen to begin with so many rows of the page before."""

    since: datetime | None = None
    mark: datetime | None = None
    read: datetime | None = None
    after: str | None = None
    repeats: int = 0
    sweep: Sweep | None = None

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Place:
        sweep = stored.get("sweep")
        return cls(
            _time(stored.get("since")),
            _time(stored.get("mark")),
            _time(stored.get("read")),
            stored.get("after"),
            stored.get("repeats", 0),
            None if sweep is None else _sweep(sweep),
        )

    def stored(self) -> dict[str, Json]:
        """As JSON; what is not known is left out."""
        told: dict[str, Json] = {
            "since": _told(self.since),
            "mark": _told(self.mark),
            "read": _told(self.read),
            "after": self.after,
            "repeats": self.repeats or None,
            "sweep": None if self.sweep is None else _shown(self.sweep),
        }
        return {name: value for name, value in told.items() if value is not None}


def _sweep(stored: Mapping[str, Any]) -> Sweep:
    return Sweep(
        began=datetime.fromisoformat(stored["began"]),
        floor=datetime.fromisoformat(stored["floor"]),
        kind=stored["kind"],
        start=datetime.fromisoformat(stored["start"]),
        end=_time(stored.get("end")),
        step=stored.get("step"),
        pages=stored.get("pages", 0),
        newest=_time(stored.get("newest")),
        oldest=_time(stored.get("oldest")),
        longest=stored.get("longest", 0),
        top=stored.get("top"),
        last=_time(stored.get("last")),
        edges=stored.get("edges", 0),
        repeats=stored.get("repeats", 0),
        print=int(stored.get("print", "0"), 16),
        before=None if stored.get("before") is None else int(stored["before"], 16),
        shaken=stored.get("shaken", False),
        risky=stored.get("risky", False),
    )


def _shown(sweep: Sweep) -> dict[str, Json]:
    told: dict[str, Json] = {
        "began": _told(sweep.began),
        "floor": _told(sweep.floor),
        "kind": sweep.kind,
        "start": _told(sweep.start),
        "end": _told(sweep.end),
        "step": sweep.step,
        "pages": sweep.pages or None,
        "newest": _told(sweep.newest),
        "oldest": _told(sweep.oldest),
        "longest": sweep.longest or None,
        "top": sweep.top,
        "last": _told(sweep.last),
        "edges": sweep.edges or None,
        "repeats": sweep.repeats or None,
        # As text: a print has more digits than JSON numbers keep everywhere.
        "print": f"{sweep.print:x}" if sweep.print else None,
        "before": None if sweep.before is None else f"{sweep.before:x}",
        "shaken": sweep.shaken or None,
        "risky": sweep.risky or None,
    }
    return {name: value for name, value in told.items() if value is not None}


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _told(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()
