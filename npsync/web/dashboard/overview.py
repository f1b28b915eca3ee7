"""The overview: what needs somebody, and the NPS of each survey."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from npsync.figures import Shown
from npsync.reports import Report, nps_surveys, wish
from npsync.reports.wish import guarded
from npsync.sign_in.roles import May
from npsync.web.dashboard import run_words
from npsync.web.dashboard.house import House
from npsync.web.dashboard.needs import waiting_in
from npsync.web.dashboard.syncs import glances, served
from npsync.web.dashboard.visitors import Visitor
from npsync.web.site import Site


def router(site: Site, house: House) -> APIRouter:
    routes = APIRouter()

    @routes.get("/")
    def overview(request: Request) -> Response:
        whose = house.visitor(request)
        now, sees_work = house.now(), whose.can(May.VIEW)
        return house.page(
            "overview.html",
            request,
            whose,
            title="Overview",
            shown=shown_of(site, house, whose),
            needs=house.needs() if sees_work else [],
            waiting=waiting_in(site) if sees_work else 0,
            syncs=len(site.config.sync),
            glances=glances(site, now) if sees_work else [],
            served=served(site, now),
            words=run_words,
        )

    return routes


def shown_of(site: Site, house: House, whose: Visitor) -> dict[str, Shown[Report]]:
    """Each survey's figures, as far as they are counted and this visitor may see them."""
    today = site.clock.now().astimezone(site.config.time_zone).date()
    wanted = wish if whose.can(May.PEOPLE) else guarded
    return {
        name: house.figures.report(wanted(site.config, name, today=today))
        for name in nps_surveys(site.config)
    }
