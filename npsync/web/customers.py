"""Our own pages for customers: the survey, and the way out of it."""

from __future__ import annotations

from fastapi import APIRouter

from npsync.web import survey, unsubscribing
from npsync.web.pages import Pages
from npsync.web.site import Site


def router(site: Site) -> APIRouter:
    """The routes. They are no part of the API's description: people go there."""
    pages = Pages(site.config)
    routes = APIRouter(include_in_schema=False)
    for part in (survey, unsubscribing):
        routes.include_router(part.router(site, pages))
    return routes
