"""The claim of the declarative source: whatever the pages, and whatever changes between them, no answer is lost.

For every style of pagination, any page size and any arrangement of equal times, the listing changes while it is read
(rows come in, move, go, change places with others of their time) and the reader is killed after any piece. Then the
world holds still, and two more runs must leave every answer stored as it is. What was given up on loudly (the tool did
not hold still, paging looked broken) is a run that failed, like one that was killed.

`make properties` runs thousands of these; NPSYNC_LISTINGS says how many.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from played_listing import Listing, Style

from connectors.declared.description import Description
from connectors.declared.reading import read
from nps.errors import UnavailableError
from nps.values import Json

START = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)
OVERLAP = timedelta(days=7)
LATENESS = timedelta(days=3)
"""How long after its time an answer may still come in, be edited in place, or go: well within the overlap."""
CASES = int(os.environ.get("NPSYNC_LISTINGS", "20"))

PAGES: dict[Style, dict[str, Any]] = {
    "none": {"kind": "none"},
    "page": {"kind": "page"},
    "total": {"kind": "page", "pages": "pages"},
    "total_text": {"kind": "page", "pages": "pages"},
    "next_number": {"kind": "next_link"},
    "next_token": {"kind": "next_link"},
    "last_row": {"kind": "last_row", "param": "token", "more": "more"},
    "offset": {"kind": "offset", "param": "skip"},
    "moving_start": {"kind": "moving_start", "param": "skip"},
    "cursor": {"kind": "cursor", "param": "token", "next": "token", "more": "more"},
}
SIZED = {"offset", "moving_start"}


@dataclass(frozen=True)
class Change:
    """What happens before one page is served. `which` picks an answer, `late` how old an inserted one is."""

    kind: str  # insert | move | edit | delete | shuffle
    which: int
    late: int


@dataclass(frozen=True)
class Run:
    gap: timedelta  # since the run before
    changes: dict[int, list[Change]]  # before which page
    killed_after: int | None  # pieces


@dataclass(frozen=True)
class Tool:
    """One survey tool, and how its description speaks of it."""

    style: Style
    size: int
    asked_size: int
    order: str  # ascending | descending | unknown | id
    since: str  # time | newest_first | everything | id
    format: str
    exclusive: bool
    until: bool
    window: int | None
    wall: bool
    moves: bool  # the listing's time is that of the last change: edits move an answer
    first_since: timedelta | None

    @property
    def one_overlap(self) -> bool:
        """Rows count from the newest and nothing bounds the listing from above: what slips through is read again only
        within the overlap, and rows that came and went in one pass can hide one that slipped."""
        return self.since == "newest_first" or (
            self.since == "time" and self.order != "ascending" and not self.until
        )

    @property
    def may_shuffle(self) -> bool:
        return not self.one_overlap and self.since not in ("everything", "id")

    @cached_property
    def description(self) -> Description:
        pages = dict(PAGES[self.style])
        if self.style in SIZED:
            pages["size"] = self.asked_size
        if self.since == "id" and self.style == "last_row":
            pages["param"] = "after_id"
        return Description.model_validate(
            {
                "base_url": "https://tool.example",
                "request": {"path": "/rows"},
                "records": "rows",
                "fields": {"id": "id", "answered_at": "at"},
                "dates": {"unix_s": ["unix"], "unix_ms": ["unix_ms"]}.get(self.format, ["iso"]),
                "pages": pages,
                "since": self._since(),
                "walls": {"max_pages": self.max_pages, "page_cap": 3000},
            }
        )

    @property
    def max_pages(self) -> int | None:
        return 2 + 30 // self.size if self.wall else None

    def _since(self) -> dict[str, Any]:
        if self.since == "id":
            return {"kind": "id", "param": "after_id"}
        if self.since == "newest_first":
            return {"kind": "newest_first", "field": "at", "overlap": "7 days"}
        if self.since == "everything":
            return {"kind": "everything"}
        said = {
            "kind": "time",
            "field": "at",
            "param": "from",
            "format": self.format,
            "bound": "exclusive" if self.exclusive else "inclusive",
            "overlap": "7 days",
            "order": self.order,
        }
        if self.until:
            said["until"] = {"param": "to", "plus": "1 day"} if self.format == "date" else {"param": "to"}
            if self.window is not None:
                said["window"] = f"{self.window} days"
        return said

    def listing(self) -> Listing:
        return Listing(
            self.style,
            self.size,
            by=self.order,  # type: ignore[arg-type]
            exclusive=self.exclusive,
            format=self.format,  # type: ignore[arg-type]
            wall=self.max_pages,
        )


@dataclass
class Life:
    """A tool whose answers change, and a reader that is killed now and then."""

    tool: Tool
    listing: Listing
    now: datetime = START
    place: dict[str, Json] | None = None
    stored: dict[Any, int] = field(default_factory=dict)
    versions: set[tuple[Any, int]] = field(default_factory=set)
    numbers: int = 0
    fresh: set[Any] = field(default_factory=set)
    """Came in during this run."""

    def populate(self, ages: list[int]) -> None:
        """Hours before the beginning; in a listing by id the oldest have the smallest ids."""
        for age in sorted(ages, reverse=True):
            self._insert(START - timedelta(hours=age))
        self.fresh.clear()

    def run(self, run: Run) -> bool:
        """Whether it came to its end."""
        self.now += run.gap
        self.fresh.clear()
        fetches = iter(range(10_000))

        def meanwhile() -> None:
            self.now += timedelta(seconds=1)
            for change in run.changes.get(next(fetches), []):
                self._happen(change)

        self.listing.before_page = meanwhile
        before = self.listing.calls
        pieces = read(
            self.tool.description, self.listing.fetch, self.place, since=self._first(), now=self.now
        )
        try:
            for count, piece in enumerate(pieces, start=1):
                for row in piece.rows:
                    self.stored[row["id"]] = row["version"]
                self.place = orjson.loads(orjson.dumps(piece.place))
                if count == run.killed_after:
                    return False
        except UnavailableError:
            return False
        finally:
            assert self.listing.calls - before < 3000
        return True

    def settle(self) -> None:
        """The world holds still, and is read twice more."""
        self.listing.restless = False
        quiet = Run(timedelta(hours=1), {}, None)
        for _ in range(2):
            assert self.run(quiet), "a quiet world could not be read"

    def expected(self) -> dict[Any, int]:
        first = self._first()
        return {
            answer.id: answer.version
            for answer in self.listing.answers.values()
            if first is None or self.tool.since in ("everything", "id") or answer.stamp >= first
        }

    # ------------------------------------------------------------ what happens meanwhile

    def _first(self) -> datetime | None:
        return None if self.tool.first_since is None else START - self.tool.first_since

    def _insert(self, stamp: datetime) -> None:
        self.numbers += 1
        id: Any = (
            2**60 + self.numbers if self.numbers % 2 == 0 or self.tool.since == "id" else f"r{self.numbers}"
        )
        self.listing.add(id, stamp)
        self.fresh.add(id)

    def _happen(self, change: Change) -> None:
        late = min(timedelta(hours=change.late), LATENESS)
        if change.kind == "insert":
            self._insert(self.now - late)
            return
        if change.kind == "shuffle":
            self.listing.restless = self.tool.may_shuffle
            return
        ids = sorted(self.listing.answers, key=str)
        if not ids:
            return
        id = ids[change.which % len(ids)]
        recent = self.listing.answers[id].stamp >= self.now - LATENESS
        if change.kind == "edit" and self.tool.since != "id" and (self.tool.moves or recent):
            self.listing.edit(id, moved_to=self.now if self.tool.moves else None)
        if change.kind == "delete" and not (self.tool.one_overlap and id in self.fresh):
            self.listing.delete(id)


# ---------------------------------------------------------------- any tool, any life


@st.composite
def tools(draw: st.DrawFn, style: Style) -> Tool:
    since = draw(st.sampled_from(["time", "time", "time", "time", "newest_first", "everything", "id"]))
    if style == "moving_start":
        since = "time"
    order = "ascending"
    if since == "newest_first":
        order = "descending"
    elif since == "id":
        order = "id"
    elif since == "everything" or (since == "time" and style != "moving_start"):
        order = draw(st.sampled_from(["ascending", "descending", "unknown"]))
    size = draw(st.integers(1, 4))
    until = since == "time" and draw(st.booleans())
    wall = style in ("page", "total", "next_number") and (
        since == "time" and (order == "ascending" or until) and draw(st.booleans())
    )
    format = draw(st.sampled_from(["unix_s", "unix_ms", "iso8601", "date"]))
    if format == "date" and (wall or style == "moving_start"):
        format = "iso8601"
    return Tool(
        style=style,
        size=size,
        asked_size=size + draw(st.sampled_from([0, 0, 3])),
        order=order,
        since=since,
        format=format,
        exclusive=draw(st.booleans()),
        until=until,
        window=draw(st.sampled_from([None, 3, 11])) if until else None,
        wall=wall,
        moves=since == "time" and draw(st.booleans()),
        first_since=draw(st.sampled_from([None, None, timedelta(days=20)])),
    )


CHANGES = st.builds(
    Change,
    kind=st.sampled_from(["insert", "insert", "edit", "delete", "shuffle"]),
    which=st.integers(0, 60),
    late=st.integers(0, 80),
)


@st.composite
def runs(draw: st.DrawFn, tool: Tool) -> Run:
    hours = draw(st.sampled_from([0, 1, 5] if tool.one_overlap else [0, 1, 24, 100, 400]))
    return Run(
        timedelta(hours=hours),
        draw(st.dictionaries(st.integers(0, 25), st.lists(CHANGES, min_size=1, max_size=3), max_size=6)),
        draw(st.one_of(st.none(), st.integers(1, 12))),
    )


AGES = st.lists(
    st.one_of(st.integers(0, 6), st.integers(0, 24 * 40), st.just(200), st.just(700)), max_size=24
)


@pytest.mark.parametrize("style", PAGES)
@settings(max_examples=CASES, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_answer_is_lost_whatever_changes_between_pages_and_whenever_reading_is_killed(
    style: Style, data: st.DataObject
) -> None:
    tool = data.draw(tools(style), "tool")
    life = Life(tool, tool.listing())
    life.populate(data.draw(AGES, "ages"))
    for number in range(data.draw(st.integers(1, 3), "runs")):
        life.run(data.draw(runs(tool), f"run {number}"))
    life.settle()
    for id, version in life.expected().items():
        assert life.stored.get(id) == version, f"{id} is {life.stored.get(id)}, should be {version}"


@pytest.mark.parametrize("style", PAGES)
@settings(max_examples=CASES, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_reader_that_is_killed_after_every_page_gets_through_all_the_same(
    style: Style, data: st.DataObject
) -> None:
    """It never begins from the overlap again before it was through: a crowd of answers would keep it there for ever."""
    tool = data.draw(tools(style), "tool")
    if tool.window is not None:
        tool = replace(tool, first_since=timedelta(days=20))  # else there are hundreds of empty windows
    life = Life(tool, tool.listing())
    life.populate(data.draw(AGES, "ages"))
    killed = Run(timedelta(minutes=5), {}, 1)
    for _ in range(400):
        life.run(killed)
        if life.place is not None and "read" in life.place:
            break
    else:
        pytest.fail("it did not get through in 400 runs")
    assert life.stored.items() >= life.expected().items()
