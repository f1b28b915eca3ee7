"""The web application. A part of it is a module with `router(site) -> APIRouter`, named in ROUTERS; the dashboard's
router takes its house, too."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.types import Receive, Scope, Send

from connectors.contract import Clock
from nps.errors import UnavailableError
from npsync.config import Config
from npsync.operating.carrying_over import receiving
from npsync.sign_in.passwords import Passwords
from npsync.web import api, customers, dashboard, embedding, problems, strays, watching
from npsync.web.bearers import Callers
from npsync.web.dashboard.house import Away, House, tell_away
from npsync.web.doorway import Doorway
from npsync.web.gate import Gate
from npsync.web.hooks import PREFIX, Hooks
from npsync.web.intake import TogetherIntake
from npsync.web.logbook import Logbook
from npsync.web.refusals import Refusals
from npsync.web.site import Intake, Site
from store.api import Store

ROUTERS: tuple[Callable[[Site], APIRouter], ...] = (
    api.router,
    watching.router,
    customers.router,
    embedding.router,
)


class Web:
    """The whole web as one ASGI application. `routed` is what FastAPI does."""

    def __init__(self, site: Site, *, request_lines: bool = True) -> None:
        self.site = site
        self.logbook = Logbook(site.clock, lines=request_lines)
        self.routed = _routed(site, self.logbook)
        self._hooks = Doorway(Hooks(site), public_url=site.public_url)
        self._prefix = urlsplit(site.public_url).path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = _below(scope, self._prefix)
            inside = self._hooks if scope["path"].startswith(PREFIX) else self.routed
            await self.logbook.around(inside, scope, receive, send)
            return
        await self.routed(scope, receive, send)


def app(
    config: Config,
    store: Store,
    clock: Clock,
    *,
    intake: Intake | None = None,
    passwords: Passwords | None = None,
    request_lines: bool = True,
) -> Web:
    """One web application over one store. `intake` stores what is pushed; by default the store itself does.
    `request_lines`: each request has its line in the log."""
    intake = intake or TogetherIntake(receiving(store, clock))
    site = Site(config, store, clock, intake, Refusals(store, clock), passwords or Passwords())
    return Web(site, request_lines=request_lines)


def _routed(site: Site, logbook: Logbook) -> FastAPI:
    house = House(site)
    made = FastAPI(
        title="npsync",
        openapi_url=None,  # nothing is told without a token: `npsync.web.api` serves it
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,  # its redirects go to whatever name a caller says is ours
        middleware=[Middleware(Doorway, public_url=site.public_url)],
        exception_handlers={
            Away: tell_away,
            HTTPException: strays.telling(site, house.nothing_here),
            UnavailableError: strays.telling_not_now(house.not_now),
            RequestValidationError: problems.tell_invalid,
        },
    )
    made.state.site, made.state.gate = site, Gate(site)
    made.state.logbook = logbook
    made.state.callers = Callers(site.store, site.clock)
    for routes in (*(router(site) for router in ROUTERS), dashboard.router(site, house)):
        made.router.routes.extend(routes.routes)  # including it would work out all its routes once more
    return made


def _below(scope: Scope, prefix: str) -> Scope:
    """The same request as if it had been made below `prefix`."""
    path: str = scope["path"]
    if not prefix or not path.startswith(f"{prefix}/"):
        return scope
    raw: bytes = scope.get("raw_path") or path.encode()
    cut = {"path": path[len(prefix) :]}
    marked = prefix.encode("ascii", "ignore")
    return {**scope, **cut, "raw_path": raw[len(marked) :] if raw.startswith(marked) else raw}
