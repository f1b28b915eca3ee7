"""Our own pages for customers: the survey, the way out of it, and a look at both beforehand."""

from __future__ import annotations

from fastapi import APIRouter

from npsync.web import previewing, survey, unsubscribing
from npsync.web.pages import Pages
from npsync.web.site import Site


def router(site: Site) -> APIRouter:
    """The routes. They are no part of the API's description: people go there."""
    pages = Pages(site.config)
    routes = APIRouter(include_in_schema=False)
    for part in (previewing, survey, unsubscribing):
        routes.include_router(part.router(site, pages))
    return routes
