"""The overview: the NPS of each survey, and what needs somebody."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.responses import Response

from npsync.figures import Shown
from npsync.reports import Report, nps_surveys, wish
from npsync.web.dashboard.house import House
from npsync.web.site import Site
from store.api.remarks import Undone

_SAID = {
    "review": (
        "answer matches two or more records, or none for sure",
        "answers match two or more records, or none for sure",
        "npsync review list",
    ),
    "held": (
        "answer looks suspicious and is held",
        "answers look suspicious and are held",
        "npsync review list --state held",
    ),
    "rejected": ("answer could not be written", "answers could not be written", "npsync dead-letters list"),
}


@dataclass(frozen=True)
class Need:
    """Something that waits for a person, and the next step."""

    number: int
    said: str
    next: str
    failed: bool = False


def router(site: Site, house: House) -> APIRouter:
    routes = APIRouter()

    @routes.get("/")
    def overview(request: Request) -> Response:
        whose = house.visitor(request)
        return house.page(
            "overview.html",
            request,
            whose,
            title="Overview",
            shown=shown_of(site, house),
            needs=needs_of(site),
            waiting=sum(each.answers for each in _left(site) if each.state == "waiting"),
            syncs=len(site.config.sync),
            zone=site.config.time_zone,
            now=house.now(),
        )

    return routes


def shown_of(site: Site, house: House) -> dict[str, Shown[Report]]:
    """Each survey's figures, as far as they are counted."""
    today = site.clock.now().astimezone(site.config.time_zone).date()
    return {
        name: house.figures.report(wish(site.config, name, today=today)) for name in nps_surveys(site.config)
    }


def needs_of(site: Site) -> list[Need]:
    found = [
        Need(1, f"{run.sync}: its last {run.kind} {run.status}", f"npsync runs {run.id}", failed=True)
        for name in site.config.sync
        for run in site.store.runs(sync=name, kind="run", limit=1)
        if run.status in ("failed", "stopped")
    ]
    for each in _left(site):
        if each.state in _SAID:
            one, many, command = _SAID[each.state]
            said = one if each.answers == 1 else many
            found.append(Need(each.answers, f"{each.sync}: {each.answers:,} {said}", command))
    return found


def _left(site: Site) -> list[Undone]:
    return site.store.left_to_people(list(site.config.sync))
