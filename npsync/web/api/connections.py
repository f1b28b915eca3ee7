"""Connections: how their calls went, what is left of their budget. And the YAML as it was read."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from npsync.config.secrets import redact
from npsync.config.shown import as_read
from npsync.operating import calls
from npsync.operating.connection_health import Health, health_of
from npsync.web.api.asked import Here, Reader
from npsync.web.api.describing import PROBLEMS
from npsync.web.api.listing import reply
from npsync.web.api.shapes import Connection, Settings
from npsync.words import quota_text

routes = APIRouter(tags=["connections"], responses=PROBLEMS)


class Connections(BaseModel):
    items: list[Connection]


@routes.get("/connections", summary="List connections", response_model=Connections)
def connections(request: Request, site: Here, caller: Reader) -> Response:
    """All of them: calls made, calls left, and whether the last ones got through."""
    now = site.clock.now()
    health = health_of(site.store, list(site.config.connections), now)
    found = calls.quotas(site.config, site.store, now)
    return reply(
        request, {"items": [quota_text.facts(one) | _health(health[one.connection]) for one in found]}
    )


def _health(health: Health) -> dict[str, object]:
    trouble = health.trouble
    return {
        "fine_at": health.fine_at,
        "trouble": None if trouble is None else {"kind": trouble.kind, "at": trouble.at},
    }


@routes.get("/config", summary="Show the YAML as it was read", response_model=Settings, tags=["config"])
def settings(request: Request, site: Here, caller: Reader) -> Response:
    """With what was left out filled in, and every secret hidden."""
    warnings = [redact(str(one)) for one in site.config.warnings]
    return reply(
        request, {"file": site.config.file.name, "config": as_read(site.config), "warnings": warnings}
    )
