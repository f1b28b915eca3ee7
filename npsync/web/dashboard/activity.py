"""What happened: what people asked for and did, what they looked at, and what the clock did, in one list."""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from starlette.responses import Response

from nps.periods import midnight
from npsync.schedule import accounts_place, answers_place, verify_place
from npsync.sign_in.roles import May
from npsync.web.dashboard import action_words, audit_words
from npsync.web.dashboard.action_words import kind_of, name_of
from npsync.web.dashboard.asked import LONGEST, Asked, asked
from npsync.web.dashboard.house import House
from npsync.web.dashboard.run_words import record_address
from npsync.web.site import Site
from store.api import Action, Audited
from store.api.scheduling import Tick

TOGETHER = 60
KINDS = {"asked": "asked for", "did": "done", "looked": "looked at", "clock": "the clock"}
_TICKS = {
    "started": ("on time", "quiet", ""),
    "caught_up": ("caught up", "asks", "others before it passed while nothing ran"),
    "skipped_overlap": ("skipped", "asks", "the one before was still running"),
    "skipped_paused": ("skipped", "quiet", "it is paused"),
    "handed_back": ("handed back", "quiet", "npsync serve ended before it was done"),
}
CLOCK = "the clock"


@dataclass(frozen=True)
class Event:
    """One line: when, who, what, and the page that tells more. `pill` is a word and its kind, or none; `by` tells a
    token and the command line from people."""

    at: datetime
    who: str
    said: str
    link: str = ""
    pill: tuple[str, str] | None = None
    facts: str = ""
    by: str = ""


def router(site: Site, house: House) -> APIRouter:
    routes = APIRouter()

    @routes.get("/activity")
    def activity(request: Request) -> Response:
        whose = house.visitor(request, May.VIEW)
        filters = asked(request, "kind", "who", "sync", "day", root=house.root)
        before = request.query_params.get("before", "")
        found = listed(site, filters, before)
        return house.page(
            "activity.html",
            request,
            whose,
            title="Activity",
            asked=filters,
            events=found.events,
            older=found.older,
            later=bool(before),
            kinds=list(KINDS.items()),
            syncs=list(site.config.sync),
        )

    return routes


@dataclass(frozen=True)
class Listed:
    """One page of what happened; where the next one begins, "" at the end."""

    events: tuple[Event, ...]
    older: str


@dataclass(frozen=True)
class _Entry:
    """One line of one list; `event` is none where another list tells it."""

    kind: str
    number: int
    at: datetime
    event: Event | None


_Read = Callable[[int | None], list[_Entry]]


def listed(site: Site, filters: Asked, before: str) -> Listed:
    """The latest of all lists first. `before` holds the last number that was shown of each: a page goes on where the
    one before it ended, whatever happened since."""
    reached = _places_in(before)
    lists = [_down(read, reached.get(kind)) for kind, read in _lists(site, filters).items()]
    shown: list[Event] = []
    for entry in heapq.merge(*lists, key=lambda one: one.at, reverse=True):
        if entry.event is not None:
            if len(shown) == TOGETHER:
                return Listed(tuple(shown), _place(reached))
            shown.append(entry.event)
        reached[entry.kind] = entry.number
    return Listed(tuple(shown), "")


def _down(read: _Read, before: int | None) -> Iterator[_Entry]:
    """A list to its end, so many at a time."""
    while found := read(before):
        yield from found
        if len(found) <= TOGETHER:
            return
        before = found[-1].number


def _lists(site: Site, filters: Asked) -> dict[str, _Read]:
    """What is asked for, each from a number down."""
    store, about, wanted = site.store, filters["sync"] or None, filters["kind"]
    whose, during = _names(filters["who"]), _day(filters["day"], site.config.time_zone)
    looking = {"did": False, "looked": True}.get(wanted)

    def asked_for(before: int | None) -> list[_Entry]:
        found = store.actions(about=about, whose=whose, during=during, before=before, limit=TOGETHER + 1)
        return [_Entry("asked", one.number, one.wanted_at, _of_action(one)) for one in found]

    def done(before: int | None) -> list[_Entry]:
        found = store.audited(
            about=about, whose=whose, looking=looking, during=during, before=before, limit=TOGETHER + 1
        )
        return [
            _Entry("did", one.number, one.at, None if _tells_itself(one) else _of_audit(one)) for one in found
        ]

    def ticked(before: int | None) -> list[_Entry]:
        syncs = [about] if about and about in site.config.sync else list(site.config.sync)
        places = [place for sync in syncs for place in _places(sync)]
        found = store.ticks(places, during=during, before=before, limit=TOGETHER + 1)
        return [_Entry("clock", one.number, one.noted_at, _of_tick(one)) for one in found]

    if filters["who"] in ("", CLOCK):
        people = {} if filters["who"] else {"asked": asked_for, "did": done}
        every = {**people, "clock": ticked}
    else:
        every = {"asked": asked_for, "did": done}
    kind = "did" if wanted == "looked" else wanted
    return {name: read for name, read in every.items() if kind not in KINDS or kind == name}


def _names(who: str) -> list[str] | None:
    """Whom somebody means who types a name: a person, a token, or who sits at the command line."""
    if not who:
        return None
    return [who] if ":" in who else [f"{kind}:{who}" for kind in ("user", "token", "cli")]


def _day(text: str, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
    """From its midnight to the next, where the business is."""
    try:
        day = date.fromisoformat(text)
        return midnight(day, zone), midnight(day + timedelta(days=1), zone)
    except (ValueError, OverflowError):
        return None


_PLACE = re.compile(r"(asked|did|clock)(\d{1,18})")


def _places_in(text: str) -> dict[str, int]:
    found = (_PLACE.fullmatch(part) for part in text[:LONGEST].split("."))
    return {each[1]: int(each[2]) for each in found if each is not None}


def _place(reached: Mapping[str, int]) -> str:
    return ".".join(f"{kind}{number}" for kind, number in reached.items())


def _places(sync: str) -> Iterator[str]:
    yield sync
    yield verify_place(sync)
    yield accounts_place(sync)
    yield answers_place(sync)


def _of_action(one: Action) -> Event:
    return Event(
        at=one.wanted_at,
        who=name_of(one.who),
        said=f"asked for {action_words.wanted(one)}",
        link=f"/actions/{one.number}",
        pill=action_words.pill(one),
        facts=action_words.problem(one),
        by=kind_of(one.who),
    )


def _tells_itself(one: Audited) -> bool:
    """What was asked for is told with how it went. Who read what it came to is another matter."""
    return "action" in one.facts and one.what != audit_words.READ_PLAN


def _of_audit(one: Audited) -> Event:
    said = audit_words.said(one)
    return Event(
        at=one.at,
        who=name_of(one.who),
        said=said,
        link=_address(one),
        facts=audit_words.facts(one),
        by=kind_of(one.who),
    )


def _of_tick(one: Tick) -> Event:
    word, kind, why = _TICKS[one.outcome]
    what = {"verify": "verification of ", "accounts": "accounts of ", "answers": "pushed answers of "}
    place, _, sync = one.sync.rpartition("/")
    return Event(
        at=one.noted_at,
        who=CLOCK,
        said=f"{what.get(place, 'run of ')}{sync}",
        link=f"/syncs/{quote(sync, safe='')}",
        pill=(word, kind),
        facts=why,
    )


def _address(one: Audited) -> str:
    """The page of what somebody did it to, where it is told by its name."""
    if one.about.startswith("run ") and one.about[4:].isdecimal():
        return f"/runs/{one.about[4:]}"
    if one.what == audit_words.READ_PLAN and isinstance(action := one.facts.get("action"), int):
        return f"/actions/{action}"
    if one.what == "read of people":
        return audit_words.PAGES.get(one.about, ("", ""))[1]
    if one.what == "read a person" and one.about.count("/") == 2:
        connection, object_, record = one.about.split("/")
        return record_address(connection, record, object_)
    return ""
