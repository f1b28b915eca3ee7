"""Syncs: when they run, how they went, what waits in them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from npsync.deciding.deciders import Decider
from npsync.deciding.pausing import PausedInFile, pause_sync, resume_sync
from npsync.web.api.asked import Here, Reader, SyncName
from npsync.web.api.describing import ACTING, PROBLEMS, errors
from npsync.web.api.listing import reply
from npsync.web.api.once import Acts
from npsync.web.api.shapes import Sync
from npsync.web.problems import Problem
from npsync.web.site import Site
from npsync.words import sync_facts

routes = APIRouter(tags=["syncs"], responses=PROBLEMS)


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
def pause(acting: Acts, name: SyncName) -> Response:
    """The clock leaves it alone, over restarts, until it is resumed. A run under way goes on."""
    sync_known(acting.site, name)

    def do(decider: Decider) -> dict[str, Any]:
        pause_sync(decider, name)
        return facts_of(acting.site, name)

    return acting.once(None, do)


@routes.post(
    "/syncs/{name}/resume", summary="Resume a sync", response_model=Sync, responses=ACTING | errors(404)
)
def resume(acting: Acts, name: SyncName) -> Response:
    """The clock goes on with it. What it skipped is caught up in one run."""
    sync_known(acting.site, name)

    def do(decider: Decider) -> dict[str, Any]:
        try:
            resume_sync(decider, name)
        except PausedInFile:
            raise Problem(
                409, "the YAML says paused: true; take that line out of it", code="paused_in_file"
            ) from None
        return facts_of(acting.site, name)

    return acting.once(None, do)


def facts_of(site: Site, name: str) -> dict[str, Any]:
    found = sync_facts.all_facts(site.config, site.store, site.clock.now())
    return next(one for one in found if one["sync"] == name)


def sync_known(site: Site, name: str) -> str:
    """Raises Problem."""
    if name not in site.config.sync:
        raise Problem(404, "there is no such sync in the YAML", code="not_found")
    return name
