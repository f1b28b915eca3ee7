"""One answer: what it says, where it stands in every sync, and the records it may belong to, side by side."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.responses import Response

from npsync import opening
from npsync.deciding.answers import is_left_out
from npsync.deciding.inbox import UNDECIDED, Item, settled_in
from npsync.deciding.looking import Candidate, Looked, look
from npsync.sign_in.roles import May
from npsync.web.dashboard.audit import looked_at_some
from npsync.web.dashboard.deciding import answers_of
from npsync.web.dashboard.house import House
from npsync.web.dashboard.review import tabs_of
from npsync.web.dashboard.shown import Cards, Place
from npsync.web.dashboard.under_way import under_way
from npsync.web.site import Site
from npsync.words.review_text import why
from store.api import State


@dataclass(frozen=True)
class Standing:
    """One answer in one sync: where it stands, and whom it may belong to."""

    place: Place
    says: str
    candidates: tuple[Candidate, ...]
    keys: tuple[tuple[str, str, tuple[str, ...]], ...] = ()  # (what, its value, the records that have it)
    others: tuple[Item, ...] = ()
    problem: str | None = None
    looked: bool = False

    @property
    def open(self) -> bool:
        return self.place.settled.state in (*UNDECIDED, State.HELD)


def router(site: Site, house: House) -> APIRouter:
    routes = APIRouter()

    @routes.get("/review/answers/{number}")
    def answer(request: Request, number: int) -> Response:
        whose = house.visitor(request, May.PEOPLE)
        found = answers_of(site, [number]).get(number)
        if found is None:
            raise house.not_known(request, whose, "There is no such answer (any more).")
        items = settled_in(site.config, site.store, found)
        live = request.query_params.get("live") == "1"
        looks = _looked(items) if live else {}
        card = Cards(site).card(found, {item.sync: item.settled for item in items})
        standings = [
            _standing(item, place, looks.get(item.sync))
            for item, place in zip(items, card.places, strict=True)
        ]
        looked_at_some(site, whose, "answer", 1)
        response = found.response
        decided = site.store.hold_decisions([(response.source, response.id)])
        return house.page(
            "answer.html",
            request,
            whose,
            title=card.name,
            card=card,
            tabs=tabs_of(site, house),
            standings=standings,
            live=live,
            left_out=[item.sync for item in items if is_left_out(item)],
            held=next(iter(decided.values()), None),
            doing=[one for one in under_way(site) if one.about in (f"answer {card.name}", *site.config.sync)],
            key=secrets.token_hex(8),
        )

    def _looked(items: list[Item]) -> dict[str, Looked]:
        """Asks the CRMs."""
        with opening.opened(site.config, site.store, site.clock) as connections:
            return {item.sync: look(site.config, site.store, connections, item) for item in items}

    def _standing(item: Item, place: Place, looked: Looked | None) -> Standing:
        zone = site.config.time_zone
        settled = item.settled
        says = (
            why(settled, zone, candidates=False)
            if settled.state in (*UNDECIDED, State.HELD)
            else (settled.reason or settled.code.replace("_", " "))
        )
        if looked is None:
            return Standing(place, says, tuple(Candidate(id) for id in settled.candidates))
        keys = tuple(
            (f"{key.response} = {key.field}", key.value, tuple(ids)) for key, ids in looked.keys.items()
        )
        return Standing(place, says, looked.candidates, keys, looked.others, looked.problem, looked=True)

    return routes
