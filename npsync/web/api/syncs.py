"""Syncs: when they run, how they went, what waits in them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel
from starlette.responses import Response

from npsync import pausing, sync_facts
from npsync.web.api.asked import Here, Reader, SyncName
from npsync.web.api.describing import ACTING, PROBLEMS, errors
from npsync.web.api.listing import reply
from npsync.web.api.once import Key, once
from npsync.web.api.shapes import Sync
from npsync.web.bearers import needing, who
from npsync.web.problems import Problem
from npsync.web.site import Site
from store.api import TokenRow

routes = APIRouter(tags=["syncs"], responses=PROBLEMS)
Runner = Annotated[TokenRow, Depends(needing("apply"))]


class Syncs(BaseModel):
    items: list[Sync]


@routes.get("/syncs", summary="List syncs", response_model=Syncs)
def syncs(request: Request, site: Here, caller: Reader) -> Response:
    """All of them, in the order of the YAML."""
    return reply(request, {"items": sync_facts.all_facts(site.config, site.store, site.clock.now())})


@routes.get("/syncs/{name}", summary="Show a sync", response_model=Sync, responses=errors(404))
def sync(request: Request, site: Here, caller: Reader, name: SyncName) -> Response:
    """When it runs next, how its last run went, and how many of its answers wait."""
    sync_known(site, name)
    return reply(request, facts_of(site, name))


@routes.post(
    "/syncs/{name}/pause", summary="Pause a sync", response_model=Sync, responses=ACTING | errors(404)
)
def pause(request: Request, site: Here, caller: Runner, name: SyncName, key: Key = None) -> Response:
    """The clock leaves it alone, over restarts, until it is resumed. A run under way goes on."""
    sync_known(site, name)

    def do() -> dict[str, Any]:
        if pausing.pause(site.store, name, who(caller), site.clock.now()):
            site.store.note_audit(who(caller), "pause", name, now=site.clock.now())
        return facts_of(site, name)

    return once(request, site, caller, key, None, do)


@routes.post(
    "/syncs/{name}/resume", summary="Resume a sync", response_model=Sync, responses=ACTING | errors(404)
)
def resume(request: Request, site: Here, caller: Runner, name: SyncName, key: Key = None) -> Response:
    """The clock goes on with it. What it skipped is caught up in one run."""
    sync_known(site, name)
    if site.config.sync[name].paused:
        raise Problem(409, "the YAML says paused: true; take that line out of it", code="paused_in_file")

    def do() -> dict[str, Any]:
        if pausing.resume(site.store, name, site.clock.now()) is not None:
            site.store.note_audit(who(caller), "resume", name, now=site.clock.now())
        return facts_of(site, name)

    return once(request, site, caller, key, None, do)


def facts_of(site: Site, name: str) -> dict[str, Any]:
    found = sync_facts.all_facts(site.config, site.store, site.clock.now())
    return next(one for one in found if one["sync"] == name)


def sync_known(site: Site, name: str) -> str:
    """Raises Problem."""
    if name not in site.config.sync:
        raise Problem(404, "there is no such sync in the YAML", code="not_found")
    return name
