"""What people decided, to be looked at again and undone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.responses import Response

from npsync.deciding.deciders import Decision
from npsync.deciding.inbox import called
from npsync.sign_in.roles import May
from npsync.web.dashboard.asked import asked
from npsync.web.dashboard.audit import looked_at_some
from npsync.web.dashboard.house import House
from npsync.web.dashboard.review import tabs_of
from npsync.web.dashboard.under_way import under_way
from npsync.web.site import Site
from store.api import Audited, Settled, Stored

TOGETHER = 50
_LOOKED_THROUGH = 500  # of what was noted: enough for what somebody wants to undo
_DECIDED = frozenset(
    {Decision.LINK, Decision.IGNORE, Decision.RECHECK, Decision.RELEASE, Decision.DISCARD, Decision.UNDO}
)
_ABOUT = ("answer", "dead letter", "link of ")  # not runs, which are undone as well


@dataclass(frozen=True)
class LeftOut:
    """An answer that somebody left out, wherever they did: of which syncs, and by whom, when and why."""

    number: int
    name: str
    key: str
    syncs: tuple[str, ...]
    why: str


def router(site: Site, house: House) -> APIRouter:
    routes = APIRouter()

    @routes.get("/decisions")
    def decisions(request: Request) -> Response:
        whose = house.visitor(request, May.PEOPLE)
        wanted = asked(request, root=house.root)
        offset = (wanted.page - 1) * TOGETHER
        links = site.store.manual_links(limit=TOGETHER + 1, offset=offset)
        held = site.store.held_decisions(limit=TOGETHER + 1, offset=offset)
        left_out = site.store.left_out(list(site.config.sync), limit=TOGETHER + 1, offset=offset)
        numbers = {
            one.about.removeprefix("answer "): _number(one.about.removeprefix("answer ")) for one in _done()
        }
        numbers |= {f"{one.source}:{one.id}": _number(f"{one.source}:{one.id}") for one in held[:TOGETHER]}
        looked_at_some(site, whose, "decisions", len(links) + len(held) + len(left_out))
        return house.page(
            "decisions.html",
            request,
            whose,
            title="Decided · Review",
            tabs=tabs_of(site, house),
            asked=wanted,
            done=_done(),
            words={each.value: each.done for each in _DECIDED},
            links=links[:TOGETHER],
            held=held[:TOGETHER],
            left_out=[_left_out(answer, by_sync) for answer, by_sync in left_out[:TOGETHER]],
            numbers=numbers,
            more=max(len(links), len(held), len(left_out)) > TOGETHER,
            doing=under_way(site),
        )

    def _done() -> list[Audited]:
        return [one for one in site.store.audited(looking=False, limit=_LOOKED_THROUGH) if _is_decision(one)][
            :20
        ]

    def _number(name: str) -> int | None:
        source, colon, id = name.partition(":")
        found = site.store.answers_named(id, source) if colon else []
        return found[0].number if found else None

    return routes


def _left_out(answer: Stored, by_sync: Mapping[str, Settled]) -> LeftOut:
    ignored = {sync: one for sync, one in by_sync.items() if one.code == "ignored"}
    reasons = dict.fromkeys(one.reason for one in ignored.values() if one.reason)
    its = answer.response
    key = its.email or its.external_id or its.phone or called(its)
    return LeftOut(answer.number, called(its), key, tuple(ignored), "; ".join(reasons))


def _is_decision(one: Audited) -> bool:
    return one.what in _DECIDED and one.about.startswith(_ABOUT)
