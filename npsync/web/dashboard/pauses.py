"""Pausing a sync and letting it go on: done at once, by the buttons of its page."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.responses import Response

from npsync.deciding.pausing import PausedInFile, pause_sync, resume_sync
from npsync.sign_in.roles import May
from npsync.web.dashboard.house import House
from npsync.web.dashboard.syncs import known_sync
from npsync.web.site import Site


def router(site: Site, house: House) -> APIRouter:
    routes = APIRouter()

    @routes.post("/syncs/{name}/pause")
    def pause(request: Request, name: str) -> Response:
        whose = house.acting(request, May.OPERATE)
        known_sync(site, house, request, whose, name)
        done = pause_sync(house.decider(whose), name)
        said = f"{name} is paused." if done else f"{name} was paused already."
        return house.back(whose, f"/syncs/{quote(name, safe='')}", said)

    @routes.post("/syncs/{name}/resume")
    def resume(request: Request, name: str) -> Response:
        whose = house.acting(request, May.OPERATE)
        known_sync(site, house, request, whose, name)
        back = f"/syncs/{quote(name, safe='')}"
        try:
            resumed = resume_sync(house.decider(whose), name)
        except PausedInFile as error:
            return house.back(whose, back, str(error), failed=True)
        if resumed is None:
            return house.back(whose, back, f"{name} was not paused.")
        caught_up = " What it skipped is caught up in one run." if resumed.skipped else ""
        return house.back(whose, back, f"{name} goes on.{caught_up}")

    return routes
