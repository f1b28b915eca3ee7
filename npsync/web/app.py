"""The web application. A part of it is a module with `router(site) -> APIRouter`, named in ROUTERS."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from connectors.contract import Clock, Refused
from npsync.config import Config
from npsync.web import customers, hooks, problems
from npsync.web.doorway import Doorway
from npsync.web.intake import TogetherIntake, receiving
from npsync.web.refusals import Refusals
from npsync.web.site import Intake, Site
from store.api import Store

ROUTERS: tuple[Callable[[Site], APIRouter], ...] = (hooks.router, customers.router)


def app(config: Config, store: Store, clock: Clock, *, intake: Intake | None = None) -> FastAPI:
    """One web application over one store. `intake` stores what is pushed; by default the store itself does."""
    intake = intake or TogetherIntake(receiving(store, clock))
    site = Site(config, store, clock, intake, Refusals(store, clock))
    made = FastAPI(
        title="npsync",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        middleware=[Middleware(Doorway, public_url=site.public_url)],
        exception_handlers={
            HTTPException: problems.tell_http,
            Refused: problems.tell_refused,
            RequestValidationError: problems.tell_invalid,
        },
    )
    for router in ROUTERS:
        made.include_router(router(site))
    made.state.site = site
    return made
