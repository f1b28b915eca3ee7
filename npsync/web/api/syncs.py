"""Syncs: when they run, how they went, what waits in them."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from npsync import sync_facts
from npsync.web.api.asked import Here, Reader, SyncName
from npsync.web.api.describing import PROBLEMS, errors
from npsync.web.api.listing import reply
from npsync.web.api.shapes import Sync
from npsync.web.problems import Problem
from npsync.web.site import Site

routes = APIRouter(tags=["syncs"], responses=PROBLEMS)


class Syncs(BaseModel):
    items: list[Sync]


@routes.get("/syncs", summary="List syncs", response_model=Syncs)
def syncs(request: Request, site: Here, caller: Reader) -> Response:
    """All of them, in the order of the YAML."""
    return reply(request, {"items": sync_facts.all_facts(site.config, site.store)})


@routes.get("/syncs/{name}", summary="Show a sync", response_model=Sync, responses=errors(404))
def sync(request: Request, site: Here, caller: Reader, name: SyncName) -> Response:
    """When it runs next, how its last run went, and how many of its answers wait."""
    return reply(request, sync_facts.one(site.config, site.store, sync_known(site, name)))


def sync_known(site: Site, name: str) -> str:
    """Raises Problem."""
    if name not in site.config.sync:
        raise Problem(404, "there is no such sync in the YAML", code="not_found")
    return name
