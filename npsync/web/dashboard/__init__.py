"""The dashboard: what RevOps, support and leadership look at all day. Nothing of it is told to who is not signed in.

A page is a module with `router(site, house) -> APIRouter`, named in PAGES; what they share is the `House`.
"""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Depends

from npsync.web.dashboard import accounts, customers, overview, reports, signing
from npsync.web.dashboard.house import House
from npsync.web.dashboard.visitors import reading
from npsync.web.site import Site

PAGES: tuple[Callable[[Site, House], APIRouter], ...] = (
    signing.router,
    overview.router,
    reports.router,
    accounts.router,
    customers.router,
)


def router(site: Site) -> APIRouter:
    house = House(site)
    routes = APIRouter(include_in_schema=False, dependencies=[Depends(reading)])
    for page in PAGES:
        routes.include_router(page(site, house))
    return routes
