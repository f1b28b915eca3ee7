"""Who did and looked at what."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from npsync.web.api.asked import SHOWN, From, Here, Limit, Name, Since
from npsync.web.api.describing import PROBLEMS
from npsync.web.api.listing import Page, before, page
from npsync.web.api.shapes import Audited
from npsync.web.bearers import needing
from store.api import TokenRow

routes = APIRouter(tags=["audit"], responses=PROBLEMS)


@routes.get("/audit", summary="List who did what", response_model=Page[Audited])
def audit(
    request: Request,
    site: Here,
    caller: Annotated[TokenRow, Depends(needing("audit"))],
    who: Annotated[Name | None, Query(description="Only theirs.", examples=["token:nightly-job"])] = None,
    about: Annotated[Name | None, Query(description="Only about this.")] = None,
    since: Since = None,
    limit: Limit = SHOWN,
    cursor: From = None,
) -> Response:
    """Every action and every read of a person, at pages, through the API and on the command line; the latest first."""
    found = site.store.audited(
        who=who, about=about, since=since, before=before(request, cursor), limit=limit + 1
    )
    return page(
        request,
        site,
        found,
        limit,
        lambda its: [
            {
                "number": one.number,
                "at": one.at,
                "who": one.who,
                "what": one.what,
                "about": one.about,
                "facts": one.facts,
            }
            for one in its
        ],
        lambda one: [one.number],
    )
