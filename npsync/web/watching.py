"""What watches npsync asks: /health for a container or a load balancer, /metrics for Prometheus.

/health answers without a login, and then names nobody and nothing: red or not, and which check. What is worked out is
kept for a moment, so that nobody makes the store work by asking.
"""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Request
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from npsync.operating.health import health, is_ready
from npsync.operating.measuring import Measures
from npsync.web.addresses import place_of
from npsync.web.bearers import Given, needing
from npsync.web.kept import Kept
from npsync.web.site import Site
from store.api import TokenRow

SECONDS = 2.0
SECONDS_OF_METRICS = 5.0
SEEING = {"read", "metrics"}


def router(site: Site) -> APIRouter:
    routes = APIRouter(include_in_schema=False)
    ready = Kept(site.clock, SECONDS, lambda: is_ready(site.store))
    well = Kept(site.clock, SECONDS, lambda: health(site.config, site.store, site.clock.now()))
    measures = Measures(site.config, site.store, site.clock)
    measured = Kept(site.clock, SECONDS_OF_METRICS, measures.text)

    def live() -> Response:
        return _json(200, {"status": "ok"})

    def readiness() -> Response:
        there = ready()
        return _json(200 if there else 503, {"status": "ok" if there else "red", "checks": {"store": there}})

    def whole(request: Request, given: Any) -> Response:
        found = well()
        details = False
        if given is not None and found.problem is None:
            caller = request.app.state.callers.vouched(given.credentials, place_of(request))
            details = caller is not None and bool(SEEING & set(caller.scopes))
        return _json(200 if found.well else 503, found.as_json(details=details))

    def metrics(request: Request, caller: Any) -> Response:
        return Response(
            measured() + request.app.state.logbook.metrics(), media_type=None, headers=_AS_METRICS
        )

    # FastAPI reads from a function what it is given; only here is the store known.
    whole.__annotations__ = {"request": Request, "given": Given, "return": Response}
    metrics.__annotations__ = {
        "request": Request,
        "caller": Annotated[TokenRow, Depends(needing("metrics", "read"))],
        "return": Response,
    }
    for path, what in (("live", live), ("ready", readiness)):
        routes.add_api_route(f"/health/{path}", what, methods=["GET", "HEAD"])
    routes.add_api_route("/health", whole, methods=["GET", "HEAD"])
    routes.add_api_route("/metrics", metrics, methods=["GET"])
    return routes


_AS_METRICS = {"Content-Type": CONTENT_TYPE_LATEST}


def _json(status: int, facts: dict[str, object]) -> Response:
    headers = {"Retry-After": "5"} if status == 503 else {}
    return Response(orjson.dumps(facts), status, headers=headers, media_type="application/json")
