"""Mixpanel as a place where events happen: features used, by the raw export; cohorts entered, by their sync.

The export tells whole days, an event may reach it days late, and its order is that of when things happened. So every
poll reads the last days again and picks what Mixpanel has processed since: the cursor stands on that clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from connectors.contract import Tools, Watch
from connectors.mixpanel import people
from connectors.mixpanel.cohorts import Cohorts
from connectors.mixpanel.export import Export, Row
from connectors.mixpanel.kinds import ENTERED_COHORT, FEATURE_USED, FeatureUsed
from connectors.mixpanel.settings import MixpanelSettings
from connectors.sweeping import spelled
from nps.errors import ConfigError
from nps.events import OF_EVERY_EVENT, Event, EventPage, Hint, Reading
from nps.keys import email_key
from nps.responses import Cursor
from nps.values import Json

_PAGE = 500
_LONGEST_GAP = timedelta(days=30)  # after a longer standstill nobody wants to be asked about it
_PROPERTY = "properties."
_FACTS = {FEATURE_USED: frozenset({"name"}), ENTERED_COHORT: frozenset({"cohort", "cohort_id"})}


@dataclass(frozen=True)
class _Place:
    """A cursor, read. `began`: since when each name is watched; `asked`: when the export was last read; `seen`: the
    latest moment of processing that it told."""

    began: Mapping[str, datetime]
    asked: datetime
    seen: datetime

    @classmethod
    def at(cls, names: Sequence[str], now: datetime) -> _Place:
        return cls(dict.fromkeys(names, now), now, now)

    @classmethod
    def of(cls, cursor: Cursor) -> _Place:
        state: Any = cursor.state
        began = {name: _moment(at) for name, at in state["began"].items()}
        return cls(began, _moment(state["asked"]), _moment(state["seen"]))

    def cursor(self) -> Cursor:
        began: dict[str, Json] = {name: _milliseconds(at) for name, at in self.began.items()}
        return Cursor({"began": began, "asked": _milliseconds(self.asked), "seen": _milliseconds(self.seen)})

    def watching(self, names: Sequence[str]) -> _Place:
        """A name that is new is watched since the last reading."""
        return _Place({name: self.began.get(name, self.asked) for name in names}, self.asked, self.seen)


class MixpanelEvents:
    """Fulfils `connectors.contract.EventSource`."""

    def __init__(self, settings: MixpanelSettings, tools: Tools) -> None:
        self._settings, self._tools = settings, tools
        self._export = Export(settings, tools)
        self._cohorts = Cohorts(settings, tools)

    # ------------------------------------------------------------ polling

    def poll(self, watches: Sequence[Watch], cursor: Cursor | None) -> Iterator[EventPage]:
        self._refuse_unknown(watches)
        now, names = self._tools.clock.now(), _names(watches)
        if cursor is None or not names:
            yield EventPage((), _Place.at(names, now).cursor())
            return
        if now - _Place.of(cursor).asked < self._settings.every:
            yield EventPage((), cursor)
            return
        place = _Place.of(cursor).watching(names)
        seen = place.seen
        for rows in _batched(self._since(place, now), _PAGE):
            seen = max(seen, *(min(row.processed, now) for row in rows))
            yield EventPage(self._events(watches, rows), cursor)
        yield EventPage((), _Place(place.began, now, seen).cursor())

    def past(self, watches: Sequence[Watch], since: datetime) -> Iterator[EventPage]:
        self._refuse_unknown(watches)
        if not (names := _names(watches)):
            return
        zone, now = self._settings.zone, self._tools.clock.now()
        rows = self._export.rows(names, since.astimezone(zone).date(), now.astimezone(zone).date())
        for some in _batched((row for row in rows if row.at >= since), _PAGE):
            yield EventPage(self._events(watches, some), Cursor({}))

    def _since(self, place: _Place, now: datetime) -> Iterator[Row]:
        zone = self._settings.zone
        if now - place.asked > _LONGEST_GAP:
            self._tools.notice("poll_cut_short", object="export", days=_LONGEST_GAP.days)
        asked = max(place.asked, now - _LONGEST_GAP).astimezone(zone).date()
        days = -(-self._settings.look_back // timedelta(days=1))  # whole ones
        mark = place.seen - self._settings.overlap
        for row in self._export.rows(
            list(place.began), asked - timedelta(days=days), now.astimezone(zone).date()
        ):
            if row.name in place.began and row.processed >= max(place.began[row.name], mark):
                yield row

    def _events(self, watches: Sequence[Watch], rows: Sequence[Row]) -> tuple[Event, ...]:
        facts = sorted({name for watch in watches if watch.kind == FEATURE_USED for name in watch.facts})
        return tuple(self._event(row, facts) for row in rows if people.names_somebody(row.distinct_id))

    def _event(self, row: Row, names: Sequence[str]) -> Event:
        subject = people.subject(row.distinct_id)
        own: dict[str, Json] = {
            "name": row.name,
            "id": subject.id,
            "kind": FEATURE_USED,
            "object": subject.object,
            "occurred_at": spelled(row.at),
        }
        properties = [name for name in names if name.startswith(_PROPERTY)]
        return Event(
            connection=self._tools.connection,
            kind=FEATURE_USED,
            key=f"{FEATURE_USED}/{row.key}",
            subject=subject,
            occurred_at=row.at,
            person=people.keys(row.distinct_id),
            facts={**{name: _property(row, name) for name in properties}, **own},
        )

    # ------------------------------------------------------------ what was pushed

    def read(self, watches: Sequence[Watch], hints: Sequence[Hint]) -> Sequence[Reading]:
        self._refuse_unknown(watches)
        return self._cohorts.read(hints)

    def still(self, watches: Sequence[Watch], events: Sequence[Event]) -> Mapping[str, str]:
        """What somebody did stays done."""
        return {}

    def close(self) -> None:
        self._export.close()

    # ------------------------------------------------------------ configuration

    def _refuse_unknown(self, watches: Sequence[Watch]) -> None:
        for watch in watches:
            if watch.kind == FEATURE_USED and self._settings.service_account is None:
                raise ConfigError(
                    f"{self._tools.connection}: feature_used is read from the export: say service_account"
                )
            if watch.kind == ENTERED_COHORT and self._settings.hooks is None:
                raise ConfigError(
                    f"{self._tools.connection}: entered_cohort comes by a cohort sync: say hooks"
                )
            for name in watch.facts:
                if not _is_told(watch.kind, name):
                    raise ConfigError(
                        f'a {watch.kind} has no "{name}" (event.{name}); there are: '
                        f"{', '.join(sorted(OF_EVERY_EVENT | _FACTS[watch.kind]))}"
                        + (", and event.properties.NAME" if watch.kind == FEATURE_USED else "")
                    )


def _batched(rows: Iterator[Row], most: int) -> Iterator[list[Row]]:
    while some := list(islice(rows, most)):
        yield some


def _is_told(kind: str, name: str) -> bool:
    if kind == FEATURE_USED and name.startswith(_PROPERTY):
        return True
    return name in OF_EVERY_EVENT or name in _FACTS[kind]


def _names(watches: Sequence[Watch]) -> list[str]:
    used = [watch.parameters for watch in watches if watch.kind == FEATURE_USED]
    return sorted({name for one in used if isinstance(one, FeatureUsed) for name in one.name})


def _property(row: Row, name: str) -> Json:
    """A property by its name, which may hold dots, or by its path. Addresses are for finding people, and not kept."""
    path = name.removeprefix(_PROPERTY)
    value: Any = row.properties.get(path)
    if value is None:
        value = row.properties
        for step in path.split("."):
            value = value.get(step) if isinstance(value, dict) else None
    if isinstance(value, str) and "@" in value and email_key(value) is not None:
        return None
    return value if isinstance(value, str | int | float | bool) else None


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
