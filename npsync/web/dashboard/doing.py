"""What somebody asked for here and that is being done: decisions that a vendor has to be asked about, or written."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from npsync.sign_in.roles import May
from npsync.web.dashboard.house import House
from npsync.web.dashboard.under_way import under_way
from npsync.web.site import Site


def router(site: Site, house: House) -> APIRouter:
    routes = APIRouter()

    @routes.get("/review/doing")
    def doing(request: Request) -> Response:
        whose = house.visitor(request, May.PEOPLE)
        return house.page("doing.html", request, whose, title="Being done", doing=under_way(site))

    return routes
