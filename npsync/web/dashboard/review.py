"""The inbox of what waits for a decision: answers of nobody in particular, suspicious ones, ones without a record."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.responses import Response

from npsync.deciding.to_do import to_do
from npsync.sign_in.roles import May
from npsync.web.dashboard.asked import asked
from npsync.web.dashboard.audit import looked_at_some
from npsync.web.dashboard.deciding import ACTS
from npsync.web.dashboard.house import House
from npsync.web.dashboard.shown import Card, Cards
from npsync.web.dashboard.under_way import under_way
from npsync.web.site import Site
from npsync.words.review_text import why
from store.api import Action, Stand, State

TOGETHER = 25


@dataclass(frozen=True)
class Tab:
    """One list of the inbox: what it holds, and what can be done with all of a pattern."""

    path: str
    name: str
    state: State
    about: str
    empty: str
    acts: tuple[str, ...]


TABS = (
    Tab(
        "/review",
        "Whose are they?",
        State.REVIEW,
        "These match two or more records, or two rules disagree. Say once whose they are: it is remembered for every "
        "answer of the same person.",
        "No answer waits for somebody to say whose it is.",
        ("ignore", "recheck"),
    ),
    Tab(
        "/held",
        "Suspicious",
        State.HELD,
        "These look as if a mail scanner or a script gave them. Until somebody says otherwise they count nowhere and "
        "ask nobody to call.",
        "No answer is held.",
        ("release", "discard"),
    ),
    Tab(
        "/waiting",
        "No record yet",
        State.WAITING,
        "No record has any of their keys. They attach by themselves when one appears; nobody has to do anything.",
        "No answer waits for a record.",
        ("recheck", "ignore"),
    ),
)
_TITLES = {tab.path: tab for tab in TABS}


def router(site: Site, house: House) -> APIRouter:
    routes = APIRouter()

    @routes.get("/review")
    def review(request: Request) -> Response:
        return _list(request, _TITLES["/review"])

    @routes.get("/held")
    def held(request: Request) -> Response:
        return _list(request, _TITLES["/held"])

    @routes.get("/waiting")
    def waiting(request: Request) -> Response:
        return _list(request, _TITLES["/waiting"])

    def _list(request: Request, tab: Tab) -> Response:
        whose = house.visitor(request, May.PEOPLE)
        wanted = asked(request, "sync", "code", root=house.root)
        names = [wanted["sync"]] if wanted["sync"] in site.config.sync else list(site.config.sync)
        found = site.store.waiting_page(
            names, (tab.state,), code=wanted["code"] or None, before=wanted.before, limit=TOGETHER + 1
        )
        shown = Cards(site).cards(found[:TOGETHER])
        doing = under_way(site)
        released = _released(shown)
        looked_at_some(site, whose, tab.path.removeprefix("/"), len(shown))
        return house.page(
            "inbox.html",
            request,
            whose,
            title=f"{tab.name} · Review",
            tab=tab,
            tabs=tabs_of(site, house),
            asked=wanted,
            syncs=list(site.config.sync),
            patterns=_patterns(site, names, tab),
            cards=shown,
            last=shown[-1].number if len(found) > TOGETHER else None,
            why=lambda settled: why(settled, site.config.time_zone, candidates=False),
            acts=ACTS,
            doing=doing,
            busy=lambda name: _busy(name, doing, released),
        )

    def _released(cards: list[Card]) -> set[str]:
        """Those that were released, and that the next run takes up."""
        names = [(card.name.partition(":")[0], card.name.partition(":")[2]) for card in cards]
        decided = site.store.hold_decisions(names) if names else {}
        return {f"{source}:{id}" for (source, id), one in decided.items() if one.released}

    return routes


def _busy(name: str, doing: list[Action], released: set[str]) -> str:
    """What is just now being done with an answer; "" where nothing is."""
    if any(one.about == f"answer {name}" and one.stand in (Stand.WANTED, Stand.DOING) for one in doing):
        return "being linked"
    return "released, being written" if name in released else ""


def tabs_of(site: Site, house: House) -> list[tuple[str, str, int, bool]]:
    """(address, name, how many, whether they need somebody), for every list of the inbox."""
    counts = house.kept("to do", lambda: to_do(site.config, site.store, now=house.now()), seconds=2)
    return [
        ("/review", "Whose are they?", counts.decide, True),
        ("/held", "Suspicious", counts.held, True),
        ("/waiting", "No record yet", counts.waiting, False),
        ("/dead-letters", "Not written", counts.letters, True),
        ("/follow-ups", "Follow-ups", counts.follow_ups + counts.late, True),
        ("/decisions", "Decided", 0, False),
    ]


def _patterns(site: Site, names: list[str], tab: Tab) -> list[tuple[str, int]]:
    """(code, how many), the most frequent first. Why many wait for a record is one and the same: none has the key."""
    if tab.state is State.WAITING:
        return []
    counts: dict[str, int] = {}
    for one in site.store.patterns(names, (tab.state,)):
        counts[one.code] = counts.get(one.code, 0) + one.answers
    return sorted(counts.items(), key=lambda each: -each[1])
