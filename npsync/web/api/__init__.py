"""/api/v1: what npsync knows and does, for machines. DESIGN 7; decision 0047.

A part of it is a module with `routes`, named in PARTS. An operation reads through the functions that the command line's
`--json` uses too, so both say the same; what it does, the command line does in the same way.
"""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.responses import Response

from npsync import __version__
from npsync.web.api import (
    actions,
    asking,
    auditing,
    connections,
    deciding,
    figures,
    gatekeeping,
    pending,
    people,
    runs,
    syncs,
    waiting,
)
from npsync.web.api.asked import strict
from npsync.web.api.describing import PROBLEMS, complete, scopes_of
from npsync.web.api.listing import reply
from npsync.web.bearers import needing
from npsync.web.site import Site
from store.api import TokenRow

PREFIX = "/api/v1"
DESCRIPTION = """\
What npsync knows and does, for machines.

- **Who calls**: every operation needs a token (`npsync tokens create NAME --scope …`), sent as
  `Authorization: Bearer …`. Each operation names its scope; one scope never includes another.
- **Errors** are `application/problem+json` (RFC 9457) with a stable `code`. What was sent is not repeated in them.
- **Lists** come in pages: follow `next` until it is null.
- **Times** are ISO 8601 with a zone, in UTC.
- **Actions** take an `Idempotency-Key` of your own: sent again with the same body, nothing is done twice and the
  answer is the same.
- **Unchanged?** Reads carry an `ETag`; send it back as `If-None-Match`.
- What is not known here is refused: a parameter or field with a typing error is never quietly ignored.
"""
TAGS = [
    {"name": "syncs", "description": "When they run, how they went, what waits in them."},
    {"name": "runs", "description": "What became of answers, and what was written."},
    {"name": "actions", "description": "What takes long: wanted here, done by `npsync serve`."},
    {"name": "decisions", "description": "What waits for a person, and deciding it."},
    {"name": "people", "description": "One customer's story. Every read is noted."},
    {"name": "figures", "description": "NPS with its margin. Small groups stay untold."},
    {"name": "connections", "description": "How their calls went, what is left of their budget."},
    {"name": "config", "description": "The YAML as it was read, without secrets."},
    {"name": "audit", "description": "Who did and looked at what."},
    {
        "name": "asking",
        "description": "May I ask this person? What other tools sent. What waits in your product.",
    },
]

own = APIRouter(tags=["the API"])


@own.get("/openapi.json", include_in_schema=False, responses=PROBLEMS)
def openapi(request: Request, caller: Annotated[TokenRow, Depends(needing())]) -> Response:
    """This description."""
    return reply(request, described())


PARTS = (
    syncs.routes,
    runs.routes,
    actions.routes,
    waiting.routes,
    deciding.routes,
    people.routes,
    figures.routes,
    connections.routes,
    asking.routes,
    pending.routes,
    auditing.routes,
    gatekeeping.routes,
    own,
)


def router(site: Site) -> APIRouter:
    """The same for every site: an operation finds its own in the request."""
    return _routes()


@cache
def _routes() -> APIRouter:
    routes = APIRouter(prefix=PREFIX, dependencies=[Depends(strict)])
    for part in PARTS:
        routes.include_router(part)
    return routes


@cache
def described() -> dict[str, Any]:
    """The whole API as OpenAPI."""
    found = get_openapi(
        title="npsync", version=__version__, description=DESCRIPTION, routes=_routes().routes, tags=TAGS
    )
    operations = {
        (PREFIX + route.path, method.lower()): scopes_of(route)
        for part in PARTS
        for route in part.routes
        if isinstance(route, APIRoute) and route.include_in_schema
        for method in route.methods or ()
    }
    return complete(found, operations)
