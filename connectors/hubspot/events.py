"""HubSpot as a place where events happen: by searching, and by reading again what a hint names.

A search only tells which records to look at. Its index is some seconds behind, so what they show is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from connectors.contract import Tools, Watch
from connectors.hubspot.finding import (
    MERGED_IDS,
    READ_BATCH,
    SEARCH_PAGE,
    absorbed,
    chunks,
    others,
    record_key,
    since_body,
)
from connectors.hubspot.opening import open_account
from connectors.hubspot.properties import object_type
from connectors.hubspot.settings import HubSpotSettings
from connectors.hubspot.stages import Stages
from connectors.hubspot.watching import Shown, Watched, moment, shown, watched
from connectors.sweeping import Place, Places
from nps.events import Event, EventPage, Hint, Reading
from nps.responses import Cursor

HISTORY_BATCH = 50
_MOST_PAGES = 100  # of one sweep in one poll: a mass update of the account is taken in portions
_GONE = "the {} was deleted, or is not visible to npsync's credential"
_MERGED = "the {} was merged into another one"


class HubSpotEvents:
    """Fulfils `connectors.contract.EventSource`."""

    def __init__(self, settings: HubSpotSettings, tools: Tools) -> None:
        self._settings = settings.events
        self._tools = tools
        self._account = open_account(settings, tools)
        self._stages = Stages(self._account, tools.clock)

    # ------------------------------------------------------------ polling

    def poll(self, watches: Sequence[Watch], cursor: Cursor | None) -> Iterator[EventPage]:
        began = self._tools.clock.now()
        watching = self._watched(watches)
        places = Places(began) if cursor is None else Places.of(cursor)
        whole = True
        for one in watching:
            place = places.place(one.name)
            if cursor is None:
                places = places.having(one.name, place)
                continue
            for events, reached in self._sweep(one, place, began):
                places = places.having(one.name, reached)
                yield EventPage(tuple(events), places.cursor())
            whole = whole and places.places[one.name].last is None
        names = {one.name for one in watching}
        yield EventPage((), places.ended(began if whole else places.began, names).cursor())

    def _sweep(self, one: Watched, place: Place, began: datetime) -> Iterator[tuple[list[Event], Place]]:
        start = place.start(self._settings.overlap)
        for pages, found in enumerate(
            self._found(one, start, place.last[1] if place.last else None), start=1
        ):
            newest = max((at for at in found.values() if at is not None), default=start)
            place = place.by_id(newest, list(found)[-1], began)
            events = self._events(one, list(found))
            # What happened before was told by an earlier sweep, or before this watch began.
            yield [event for event in events if event.occurred_at >= max(start, place.since)], place
            if pages == _MOST_PAGES:
                self._tools.notice("poll_cut_short", object=one.known.object_type, kind=one.kind, pages=pages)
                return
        yield [], place.done()

    def _found(self, one: Watched, start: datetime, last: str | None) -> Iterator[dict[str, datetime | None]]:
        """Record ids and their stamps, a page at a time in the order of the ids: no wall stops that."""
        while True:
            body = since_body(one.stamp, start, one.filters(), last)
            rows = self._account.searched(one.known, body, by=one.stamp)
            if rows:
                yield {str(row["id"]): moment(row["properties"].get(one.stamp)) for row in rows}
            if len(rows) < SEARCH_PAGE:
                return
            last = str(rows[-1]["id"])

    # ------------------------------------------------------------ reading again

    def read(self, watches: Sequence[Watch], hints: Sequence[Hint]) -> Sequence[Reading]:
        watching = self._watched(watches)
        places = [_place(hint) for hint in hints]
        found: dict[tuple[str, str], list[Event]] = {}
        why: dict[tuple[str, str], str] = {}
        for one in watching:
            object = one.known.object_type
            ids = list(
                dict.fromkeys(place[1] for place in places if place is not None and place[0] == object)
            )
            now, gone = self._by_id(one, ids)
            for record in now:
                if (event := one.event(record)) is not None:
                    found.setdefault((object, record.id), []).append(event)
                else:
                    why.setdefault((object, record.id), one.why_not(record))
            why.update({(object, id): reason for id, reason in gone.items()})
        objects = {one.known.object_type for one in watching}
        return [_reading(hint, place, objects, found, why) for hint, place in zip(hints, places, strict=True)]

    def still(self, watches: Sequence[Watch], events: Sequence[Event]) -> Mapping[str, str]:
        over: dict[str, str] = {}
        for one in self._watched(watches):
            meant = [event for event in events if event.key.startswith(f"{one.name}/")]
            now, gone = self._by_id(one, [event.subject.id for event in meant], contacts=False)
            records = {record.id: record for record in now}
            for event in meant:
                if (record := records.get(event.subject.id)) is None:
                    over[event.key] = gone[event.subject.id]
                elif why := one.over(event, record):
                    over[event.key] = why
        return over

    def past(self, watches: Sequence[Watch], since: datetime) -> Iterator[EventPage]:
        for one in self._watched(watches):
            for found in self._found(one, since, None):
                events = self._events(one, list(found))
                yield EventPage(tuple(event for event in events if event.occurred_at >= since), Cursor({}))

    def close(self) -> None:
        self._tools.shared.give_back()

    # ------------------------------------------------------------ inside

    def _watched(self, watches: Sequence[Watch]) -> list[Watched]:
        return watched(self._account, self._stages, self._settings, watches)

    def _events(self, one: Watched, ids: Sequence[str]) -> list[Event]:
        now, _ = self._by_id(one, ids)
        return [event for record in now if (event := one.event(record)) is not None]

    def _by_id(
        self, one: Watched, ids: Sequence[str], *, contacts: bool = True
    ) -> tuple[list[Shown], dict[str, str]]:
        """Records as they are now; and of those that are not there, why."""
        key = record_key(one.known.object_type)
        asked = [id for id in dict.fromkeys(ids) if key.asks(id)]
        rows = []
        for chunk in chunks(asked, HISTORY_BATCH if one.history else READ_BATCH):
            rows += self._account.read(one.known, key, chunk, (*one.reads, MERGED_IDS), one.history)[0]
        here = {str(row["id"]): row for row in rows}
        merged = {old for row in rows for old in absorbed(row)}
        people = self._contacts(one, list(here)) if contacts and one.asks_contacts else {}
        name = one.known.object_type.removesuffix("s")
        gone = {id: (_MERGED if id in merged else _GONE).format(name) for id in ids if id not in here}
        # A record that another one was merged into answers for it; only what was asked for is told.
        return [shown(row, people.get(id, ())) for id, row in here.items() if id in set(asked)], gone

    def _contacts(self, one: Watched, ids: Sequence[str]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for id, association in self._account.associated(one.known, "contacts", ids, enough=lambda _: False):
            found.setdefault(id, []).extend(others(association))
        return found


def _place(hint: Hint) -> tuple[str, str] | None:
    if hint.subject is None or not (hint.subject.id.isascii() and hint.subject.id.isdigit()):
        return None
    return object_type(hint.subject.object), hint.subject.id


def _reading(
    hint: Hint,
    place: tuple[str, str] | None,
    objects: set[str],
    found: Mapping[tuple[str, str], Sequence[Event]],
    why: Mapping[tuple[str, str], str],
) -> Reading:
    if place is None:
        return Reading(hint, why_not="it names no record")
    if place[0] not in objects:
        return Reading(hint, why_not=f"no trigger asks about {place[0]}")
    events = tuple(found.get(place, ()))
    return Reading(hint, events, "" if events else why.get(place, "there is no such record"))
