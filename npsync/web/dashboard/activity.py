"""What happened: what people asked for and did, what they looked at, and what the clock did, in one list."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.responses import Response

from npsync.roles import May
from npsync.schedule import accounts_place, answers_place, verify_place
from npsync.web.dashboard import action_words
from npsync.web.dashboard.action_words import name_of
from npsync.web.dashboard.asked import Asked, asked
from npsync.web.dashboard.house import House
from npsync.web.dashboard.run_words import record_address
from npsync.web.site import Site
from store.api import Action, Audited
from store.api.scheduling import Tick

TOGETHER = 60
KINDS = {"asked": "asked for", "did": "done and looked at", "clock": "the clock"}
_TICKS = {
    "started": ("on time", "quiet"),
    "caught_up": ("caught up: others before it passed while nothing ran", "asks"),
    "skipped_overlap": ("skipped: the one before was still running", "asks"),
    "skipped_paused": ("skipped: paused", "quiet"),
    "handed_back": ("handed back: npsync serve ended before it was done", "quiet"),
}
_READS = ("read of people", "read a person", "read changes", "read answers", "read plan")


@dataclass(frozen=True)
class Event:
    """One line: when, who, what, and the page that tells more. `pill` is a word and its kind, or none."""

    at: datetime
    who: str
    said: str
    link: str = ""
    pill: tuple[str, str] | None = None
    facts: str = ""


def router(site: Site, house: House) -> APIRouter:
    routes = APIRouter()

    @routes.get("/activity")
    def activity(request: Request) -> Response:
        whose = house.visitor(request, May.VIEW)
        filters = asked(request, "kind", "who", "sync", root=house.root)
        events, last = listed(site, filters)
        return house.page(
            "activity.html",
            request,
            whose,
            title="Activity",
            asked=filters,
            events=events,
            last=last,
            kinds=list(KINDS.items()),
            syncs=list(site.config.sync),
        )

    return routes


def listed(site: Site, filters: Asked) -> tuple[list[Event], int | None]:
    """The latest first. Of one kind it can be read on, from a number; all together only the latest are shown."""
    kind = filters["kind"] if filters["kind"] in KINDS else ""
    if kind == "asked":
        actions = _actions(site, filters)
        return _ended([_of_action(one) for one in actions], [one.number for one in actions])
    if kind == "did":
        audited = _audited(site, filters)
        return _ended([_of_audit(one) for one in audited], [one.number for one in audited])
    if kind == "clock":
        ticks = _ticks(site, filters)
        return _ended([_of_tick(one) for one in ticks], [one.number for one in ticks])
    together = [_of_action(one) for one in _actions(site, filters)]
    # What was asked for tells itself how it went: it need not be told twice.
    together += [_of_audit(one) for one in _audited(site, filters) if "action" not in one.facts]
    if not filters["who"]:
        together += [_of_tick(one) for one in _ticks(site, filters)]
    return sorted(together, key=lambda event: event.at, reverse=True)[:TOGETHER], None


def _ended(events: list[Event], numbers: list[int]) -> tuple[list[Event], int | None]:
    more = len(events) > TOGETHER
    return events[:TOGETHER], numbers[TOGETHER - 1] if more else None


def _actions(site: Site, filters: Asked) -> list[Action]:
    found = site.store.actions(about=filters["sync"] or None, before=filters.before, limit=TOGETHER + 1)
    return [one for one in found if not filters["who"] or filters["who"] in (one.who, name_of(one.who))]


def _audited(site: Site, filters: Asked) -> list[Audited]:
    who = filters["who"]
    names = [who] if ":" in who or not who else [f"{kind}:{who}" for kind in ("user", "token", "cli")]
    found = [
        one
        for name in names
        for one in site.store.audited(
            who=name or None, about=filters["sync"] or None, before=filters.before, limit=TOGETHER + 1
        )
    ]
    return sorted(found, key=lambda one: one.number, reverse=True)[: TOGETHER + 1]


def _ticks(site: Site, filters: Asked) -> list[Tick]:
    syncs = [filters["sync"]] if filters["sync"] in site.config.sync else list(site.config.sync)
    places = [place for sync in syncs for place in _places(sync)]
    return site.store.ticks(places, before=filters.before, limit=TOGETHER + 1)


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
    )


def _of_audit(one: Audited) -> Event:
    facts = " · ".join(
        f"{name} {value}" for name, value in one.facts.items() if value not in (None, "", [], {})
    )
    return Event(
        at=one.at,
        who=name_of(one.who),
        said=f"{one.what} {one.about}".strip(),
        link=_address(one),
        pill=("looked", "quiet") if one.what in _READS else None,
        facts=facts[:300],
    )


def _of_tick(one: Tick) -> Event:
    word, kind = _TICKS[one.outcome]
    what = {"verify": "verification of ", "accounts": "accounts of ", "answers": "pushed answers of "}
    place, _, sync = one.sync.rpartition("/")
    return Event(
        at=one.noted_at,
        who="the clock",
        said=f"{what.get(place, 'run of ')}{sync}",
        link=f"/syncs/{quote(sync, safe='')}",
        pill=(word, kind),
    )


def _address(one: Audited) -> str:
    """The page of what somebody did it to, where it is told by its name."""
    if one.about.startswith("run ") and one.about[4:].isdecimal():
        return f"/runs/{one.about[4:]}"
    if one.what == "read a person" and one.about.count("/") == 2:
        connection, object_, record = one.about.split("/")
        return record_address(connection, record, object_)
    return ""
