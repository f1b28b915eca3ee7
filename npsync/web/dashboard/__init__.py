"""The dashboard: what RevOps, support and leadership look at all day. Nothing of it is told to who is not signed in.

A page is a module with `router(site, house) -> APIRouter`, named in PAGES; what they share is the `House`.
"""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Depends
from fastapi.routing import APIRoute

from npsync.web.dashboard import (
    account,
    accounts,
    actions,
    activity,
    answer,
    configuration,
    connections,
    customers,
    deciding,
    decisions,
    doing,
    finding,
    follow_ups,
    invitations,
    letters,
    may_ask,
    overview,
    pauses,
    reports,
    review,
    runs,
    sends,
    signing,
    suppressions,
    syncs,
)
from npsync.web.dashboard.house import House
from npsync.web.dashboard.visitors import reading
from npsync.web.site import Site

PAGES: tuple[Callable[[Site, House], APIRouter], ...] = (
    signing.router,
    finding.router,
    overview.router,
    syncs.router,
    runs.router,
    actions.router,
    pauses.router,
    connections.router,
    configuration.router,
    activity.router,
    reports.router,
    accounts.router,
    account.router,
    customers.router,
    review.router,
    answer.router,
    deciding.router,
    doing.router,
    letters.router,
    follow_ups.router,
    decisions.router,
    invitations.router,
    sends.router,
    suppressions.router,
    may_ask.router,
)


def router(site: Site, house: House) -> APIRouter:
    routes = APIRouter(include_in_schema=False, dependencies=[Depends(reading)])
    made = [page(site, house) for page in PAGES]
    for each in made:
        routes.include_router(each)
    found = (route for each in made for route in each.routes if isinstance(route, APIRoute))
    house.leads_to(route.path_regex for route in found if "GET" in (route.methods or ()))
    return routes
