"""Where a poll stands: several sweeps over what changed, each with its own place, in one cursor.

Vendors stamp what changed, with a coarse clock, and a change may show up after a later one. So a sweep begins a while
before the last mark (the overlap), goes up by (stamp, id), and remembers its last row, so that one that is cut short
goes on right there: never from the overlap again, or a crowd with one stamp would keep it there for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from nps.responses import Cursor
from nps.values import Json


@dataclass(frozen=True)
class Place:
    """How far one sweep got. `since`: nothing earlier counts. `mark`: all up to here was handed over. `last`: the last
    row of a sweep that is under way."""

    since: datetime
    mark: datetime
    last: tuple[datetime, str] | None = None
    until: datetime | None = None
    """Of a sweep in the order of ids: when it began. What changes later may lie behind it, and is the next one's."""

    def start(self, overlap: timedelta) -> datetime:
        """The earliest stamp this sweep looks at."""
        return self.mark - overlap

    def at(self, stamp: datetime, id: str) -> Place:
        return replace(self, last=(stamp, id))

    def by_id(self, newest: datetime, id: str, began: datetime) -> Place:
        """The same for a sweep in the order of ids: `newest` is the newest stamp of the page."""
        until = self.until or began
        seen = max(self.last[0], newest) if self.last else newest
        return replace(self, last=(min(seen, until), id), until=until)

    def done(self) -> Place:
        return Place(self.since, max(self.mark, self.last[0]) if self.last else self.mark)


@dataclass(frozen=True)
class Places:
    """A cursor, read. `began` is when the poll that wrote it began: a sweep that is new starts there."""

    began: datetime
    places: Mapping[str, Place] = field(default_factory=dict)

    @classmethod
    def of(cls, cursor: Cursor) -> Places:
        state: Any = cursor.state
        return cls(
            datetime.fromisoformat(state["began"]),
            {name: _place(shown) for name, shown in state["places"].items()},
        )

    def cursor(self) -> Cursor:
        places: dict[str, Json] = {name: _shown(place) for name, place in self.places.items()}
        return Cursor({"began": spelled(self.began), "places": places})

    def place(self, name: str) -> Place:
        return self.places.get(name) or Place(self.began, self.began)

    def having(self, name: str, place: Place) -> Places:
        return Places(self.began, {**self.places, name: place})

    def ended(self, began: datetime, names: set[str]) -> Places:
        """All sweeps are done; those nobody asks for any more are forgotten."""
        return Places(began, {name: place for name, place in self.places.items() if name in names})


def _place(shown: Any) -> Place:
    last = shown.get("last")
    return Place(
        datetime.fromisoformat(shown["since"]),
        datetime.fromisoformat(shown["mark"]),
        (datetime.fromisoformat(last[0]), last[1]) if last else None,
        datetime.fromisoformat(shown["until"]) if "until" in shown else None,
    )


def _shown(place: Place) -> dict[str, Json]:
    shown: dict[str, Json] = {"since": spelled(place.since), "mark": spelled(place.mark)}
    if place.last is not None:
        shown["last"] = [spelled(place.last[0]), place.last[1]]
    if place.until is not None:
        shown["until"] = spelled(place.until)
    return shown


def spelled(moment: datetime) -> str:
    """A moment as keys and cursors say it: UTC, and fractions only where there are some."""
    text = moment.astimezone(UTC).isoformat().removesuffix("+00:00")
    return f"{text.rstrip('0') if '.' in text else text}Z"
