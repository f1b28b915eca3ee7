"""Salesforce as a place where events happen: by polling, and by reading again what a hint names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from connectors.contract import Tools, Watch
from connectors.salesforce import soql
from connectors.salesforce.errors import Refused
from connectors.salesforce.ids import long_id
from connectors.salesforce.kinds import CASE_CLOSED, STAMP
from connectors.salesforce.library import quote
from connectors.salesforce.org import open_org
from connectors.salesforce.reading import Reading
from connectors.salesforce.settings import SalesforceSettings
from connectors.salesforce.watching import Changes, Shown, Watched, shown, watched
from connectors.sweeping import Place, Places
from nps.events import Event, EventPage, Hint
from nps.events import Reading as Answered
from nps.responses import Cursor

_MOST_PAGES = 50  # of one sweep in one poll: a mass update of the org is taken in portions


class SalesforceEvents:
    """Fulfils `connectors.contract.EventSource`."""

    def __init__(self, settings: SalesforceSettings, tools: Tools) -> None:
        self._tools = tools
        self._org = open_org(settings, tools)
        self._overlap = settings.events.overlap

    # ------------------------------------------------------------ polling

    def poll(self, watches: Sequence[Watch], cursor: Cursor | None) -> Iterator[EventPage]:
        began = self._tools.clock.now()
        watching = self._watched(watches)
        places = Places(began) if cursor is None else Places.of(cursor)
        whole = True
        for one in watching:
            place = places.place(one.name)
            if isinstance(one, Changes) and one.name not in places.places:
                place = Place(began, began)  # what changed before nobody can tell
                for _ in self._begin(one, began):
                    yield EventPage((), places.cursor())  # so that whoever waits sees that we are alive
            if cursor is None:
                places = places.having(one.name, place)
                continue
            for events, reached in self._sweep(one, place):
                places = places.having(one.name, reached)
                yield EventPage(tuple(events), places.cursor())
            whole = whole and places.places[one.name].last is None
        names = {one.name for one in watching}
        yield EventPage((), places.ended(began if whole else places.began, names).cursor())

    def _begin(self, one: Changes, at: datetime) -> Iterator[None]:
        """Remember which records show the value now: for them it is no change."""
        one.showing.begin(at)
        for number, page in enumerate(self._already(one), start=1):
            one.showing.before(str(row["Id"]) for row in page)
            if number % 10 == 0:
                yield
        one.showing.begun()

    def _already(self, one: Changes) -> Iterator[list[dict[str, Any]]]:
        try:
            yield from self._org.pages(one.already, one.object, what=f"read which {one.object} show it")
        except Refused as refused:
            raise refused.as_error(one.object) from None

    def _sweep(self, one: Watched, place: Place) -> Iterator[tuple[list[Event], Place]]:
        """Everything that changed since the place's mark, and what may have been late for it."""
        start = place.start(self._overlap)
        pages = 0
        while True:
            query = _changed(one, place, start)
            try:
                for page in self._org.pages(query, one.object, what=f"poll {one.object}"):
                    records = [shown(one.reading, row) for row in page]
                    place = place.at(records[-1].stamp, records[-1].id)
                    yield _news(one.events(records), start), place
                    pages += 1
                    if pages == _MOST_PAGES:
                        self._tools.notice("poll_cut_short", object=one.object, kind=one.kind, pages=pages)
                        return
                break
            except Refused as refused:
                # The vendor lost its place between two pages: go on behind the last one.
                if not pages:
                    raise refused.as_error(one.object) from None
        yield [], place.done()

    # ------------------------------------------------------------ reading again

    def read(self, watches: Sequence[Watch], hints: Sequence[Hint]) -> Sequence[Answered]:
        watching = self._watched(watches)
        objects = {hint.subject.object for hint in hints if hint.subject is not None}
        found: dict[tuple[str, str], list[Event]] = {}
        why: dict[tuple[str, str], str] = {}
        for one in (each for each in watching if each.object in objects):
            ids = {_id(hint) for hint in hints if hint.subject and hint.subject.object == one.object} - {None}
            records, gone = self._by_id(one, [id for id in ids if id is not None])
            for event in one.events(records):
                found.setdefault((one.object, event.subject.id), []).append(event)
            for record in records:
                why.setdefault((one.object, record.id), one.why_not(record))
            for id, reason in gone.items():
                why[one.object, id] = reason
        return [_answer(hint, watching, found, why) for hint in hints]

    def still(self, watches: Sequence[Watch], events: Sequence[Event]) -> Mapping[str, str]:
        over: dict[str, str] = {}
        for one in self._watched(watches):
            meant = [event for event in events if event.kind == one.kind and _means(one, event)]
            if not meant:
                continue
            records, gone = self._by_id(one, [event.subject.id for event in meant])
            now = {record.id: record for record in records}
            for event in meant:
                if (record := now.get(event.subject.id)) is None:
                    over[event.key] = gone[event.subject.id]
                elif why := one.over(event, record):
                    over[event.key] = why
        return over

    def _by_id(self, one: Watched, ids: Sequence[str]) -> tuple[list[Shown], dict[str, str]]:
        """Records as they are now; and of those that are not there, why."""
        ids = list(dict.fromkeys(ids))
        wanted = [soql.Wanted("Id", quote(id)) for id in ids]
        rows = self._org.by_value(one.object, one.reading.select(), wanted, "", what=f"read {one.object}")
        records = [shown(one.reading, row) for row in rows]
        missing = set(ids) - {record.id for record in records}
        if not missing:
            return records, {}
        keeps = self._org.table(one.object).keeps_merged
        merged = self._org.survivors(one.object, sorted(missing)) if keeps else {}
        name = one.object.lower()
        return records, {
            id: f"the {name} was merged into another one"
            if id in merged
            else f"the {name} was deleted, or is not visible to the integration user"
            for id in missing
        }

    # ------------------------------------------------------------ the past

    def past(self, watches: Sequence[Watch], since: datetime) -> Iterator[EventPage]:
        for one in self._watched(watches):
            if one.kind != CASE_CLOSED:
                # Neither reopenings nor changes leave a trace that the API tells.
                self._tools.notice("past_not_told", kind=one.kind, object=one.object)
                continue
            query = f"{_select(one.reading)} WHERE {one.condition(since)} ORDER BY ClosedDate, Id"
            try:
                for page in self._org.pages(query, one.object, what="read closed cases"):
                    records = [shown(one.reading, row) for row in page]
                    yield EventPage(tuple(one.events(records)), Cursor({}))
            except Refused as refused:
                raise refused.as_error(one.object) from None

    def close(self) -> None:
        self._tools.shared.give_back()

    def _watched(self, watches: Sequence[Watch]) -> list[Watched]:
        return watched(self._org, self._tools.connection, self._tools.memory, watches)


def _select(reading: Reading) -> str:
    return f"SELECT {reading.select()} FROM {reading.object}"


def _changed(one: Watched, place: Place, start: datetime) -> str:
    """The rows of a sweep: from its start, or behind its last row."""
    if place.last is None:
        behind = f"{STAMP} >= {quote(start)}"
    else:
        stamp, id = quote(place.last[0]), quote(place.last[1])
        behind = f"({STAMP} > {stamp} OR ({STAMP} = {stamp} AND Id > {id}))"
    condition = one.condition(place.since)
    where = f"{behind} AND {condition}" if condition else behind
    return f"{_select(one.reading)} WHERE {where} ORDER BY {STAMP}, Id"


def _news(events: Sequence[Event], start: datetime) -> list[Event]:
    """Without changes that an earlier sweep told: who shows the value is read again with every edit. (A closing may be
    dated back, and comes but when the case is edited.)"""
    return [event for event in events if event.kind == CASE_CLOSED or event.occurred_at >= start]


def _id(hint: Hint) -> str | None:
    return long_id(hint.subject.id) if hint.subject is not None else None


def _means(one: Watched, event: Event) -> bool:
    return one.object == event.subject.object and event.key.startswith(f"{one.name}/")


def _answer(
    hint: Hint,
    watching: Sequence[Watched],
    found: Mapping[tuple[str, str], Sequence[Event]],
    why: Mapping[tuple[str, str], str],
) -> Answered:
    if hint.subject is None or (id := _id(hint)) is None:
        return Answered(hint, why_not="it names no record")
    if not any(one.object == hint.subject.object for one in watching):
        return Answered(hint, why_not=f"no trigger asks about records of {hint.subject.object}")
    place = hint.subject.object, id
    events = tuple(found.get(place, ()))
    return Answered(hint, events, "" if events else why.get(place, "there is no such record"))
