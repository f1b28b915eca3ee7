"""Signing in at a provider: the way there and the way back.

The browser leaves with a secret in a cookie that nothing but the way back is told. The page it comes back to
sends it on by itself: a redirect would still belong to the provider's site, and the session's cookie goes to requests
from our own pages alone.
"""

from __future__ import annotations

import hmac
import secrets
import threading
from base64 import urlsafe_b64decode, urlsafe_b64encode

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from nps.errors import UnavailableError
from npsync.logs import notice
from npsync.sign_in.claims import Turned, judged
from npsync.sign_in.provider import Provider, Refused, Way
from npsync.sign_in.sessions import PROVIDER
from npsync.sign_in.spec import OidcSpec
from npsync.web.addresses import place_of
from npsync.web.dashboard.door import Door
from npsync.web.dashboard.entrance import HEADERS, own_path
from npsync.web.dashboard.house import House
from npsync.web.dashboard.tries import Tries
from npsync.web.site import Site

THERE, BACK = "/sign-in/oidc", "/sign-in/oidc/back"
SECONDS = 600  # for signing in at the provider
LONGEST = 4096  # of a code
AT_ONCE = 8  # that come back: each has a thread wait for the provider, which others need for their pages


def routes_of(site: Site, house: House, door: Door, tries: Tries, spec: OidcSpec) -> APIRouter:
    routes = APIRouter()
    provider = Provider(spec, f"{site.public_url}{BACK}", site.clock)
    cookie = f"{house.cookie}-way"
    asking = threading.BoundedSemaphore(AT_ONCE)

    @routes.get(THERE)
    def there(request: Request) -> Response:
        house.check_way(request)
        if not tries.of_way(place_of(request), at=site.clock.monotonic()):
            return door.too_many(request)
        way = Way(secrets.token_urlsafe(32))
        try:
            address = provider.address(way)
        except (UnavailableError, Refused) as error:
            return _unreachable(request, error)
        reply = RedirectResponse(address, 303, headers=HEADERS)
        next_page = own_path(request.query_params.get("next", ""))
        _set(reply, f"{way.secret}.{urlsafe_b64encode(next_page.encode()).decode()}", SECONDS)
        return reply

    @routes.get(BACK)
    def back(request: Request) -> Response:
        house.check_way(request)
        if not tries.of_way(place_of(request), at=site.clock.monotonic()):
            return door.too_many(request)
        if not asking.acquire(blocking=False):
            return door.page(request, "Many people sign in just now. Try again in a few seconds.", 503)
        try:
            reply = _came_back(request)
        finally:
            asking.release()
        _set(reply, "", 0)  # the way is walked once
        return reply

    def _came_back(request: Request) -> Response:
        told = request.query_params
        secret, _, coded = request.cookies.get(cookie, "").partition(".")
        way = Way(secret)
        if not secret or not hmac.compare_digest(told.get("state", "").encode(), way.state.encode()):
            said = "This did not begin in this browser, or took too long. Sign in once more."
            return door.page(request, said, 403)
        if told.get("code", "") == "" or "error" in told:
            notice("sign_in_refused", why="the provider said no")
            return door.page(request, f"{spec.title} did not sign you in.", 403)
        try:
            if told.get("iss", provider.issuer) != provider.issuer:
                raise Refused("it was another provider that answered")
            claims = provider.claims(way, told["code"][:LONGEST])
        except Refused as error:
            notice("sign_in_refused", why=str(error))
            said = f"What {spec.title} said of you cannot be relied on, so nobody is signed in. The log says why."
            return door.page(request, said, 401)
        except UnavailableError as error:
            return _unreachable(request, error)
        found = judged(spec, claims)
        if isinstance(found, Turned):
            return _turned(request, found)
        return door.open(request, PROVIDER, found.name, role=found.role, next=_page_of(coded), by_page=True)

    def _unreachable(request: Request, error: Exception) -> Response:
        notice("sign_in_unavailable", problem=str(error))
        if isinstance(error, Refused):
            return door.page(request, f"{spec.title} is not set up as the YAML says. The log says how.", 502)
        said = f"{spec.title} cannot be reached just now. Try again in a minute."
        return door.page(request, said, 503)

    def _turned(request: Request, found: Turned) -> Response:
        notice("sign_in_refused", why="no role", who=f"user:{found.name}")
        return house.page(
            "turned.html", request, None, status=403, title="No role", found=found, at=spec.title
        )

    def _set(reply: Response, value: str, seconds: int) -> None:
        # Lax: it comes along when the provider sends the browser back, and at no other request from elsewhere.
        reply.set_cookie(
            cookie,
            value,
            max_age=seconds,
            path=house.root or "/",
            secure=house.secure,
            httponly=True,
            samesite="lax",
        )

    return routes


def _page_of(coded: str) -> str:
    try:
        return own_path(urlsafe_b64decode(coded.encode()).decode())
    except ValueError:
        return "/"
