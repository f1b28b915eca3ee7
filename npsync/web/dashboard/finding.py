"""The search of every page: a run by its number, a sync or a connection by its name, else a customer."""

from __future__ import annotations

import re
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from npsync.sign_in.roles import May
from npsync.web.dashboard.asked import LONGEST, number
from npsync.web.dashboard.house import HEADERS, House
from npsync.web.dashboard.visitors import form_of
from npsync.web.site import Site

_RUN = re.compile(r"(?:run\s*)?#?\s*(\d+)", re.IGNORECASE)


def router(site: Site, house: House) -> APIRouter:
    routes = APIRouter()

    @routes.post("/find")
    def find(request: Request) -> Response:
        # Not in the address: who was looked for is nobody's business but ours.
        house.acting(request, May.PEOPLE)
        words = form_of(request).get("who", "").strip()
        to = _place(site, words[:LONGEST])
        if to and house.is_there(to):
            return RedirectResponse(house.root + to, 303, headers=HEADERS)
        return RedirectResponse(
            f"{house.root}/customers", 307, headers=HEADERS
        )  # asked again there, as it is

    return routes


def _place(site: Site, words: str) -> str:
    """The page of what these words name exactly; "" where they name nothing of ours."""
    if words in site.config.sync:
        return f"/syncs/{quote(words, safe='')}"
    if words in site.config.connections:
        return f"/connections/{quote(words, safe='')}"
    run = _RUN.fullmatch(words)
    wanted = number(run[1]) if run is not None else None
    if wanted is not None and site.store.run(wanted) is not None:
        return f"/runs/{wanted}"
    return ""
