"""Signing in and out, and the files every page needs."""

from __future__ import annotations

import secrets
from datetime import timedelta

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from npsync.logs import notice
from npsync.roles import May, rights_of
from npsync.web.dashboard.house import HEADERS, House, hidden
from npsync.web.dashboard.sessions import LASTS, csrf_of
from npsync.web.dashboard.visitors import form_of
from npsync.web.site import Site
from npsync.web.throttle import Throttle


def router(site: Site, house: House) -> APIRouter:
    routes = APIRouter()
    # An address that tries tokens is slowed down; all of them together, too, for who has many addresses.
    door_cookie = f"{house.cookie}-door"
    each, everybody = Throttle(burst=10, per_minute=6), Throttle(burst=200, per_minute=120)

    @routes.get("/-/{name}")
    def file(name: str) -> Response:
        asset = house.assets.get(name)
        return Response(status_code=404) if asset is None else asset.reply()

    @routes.get("/sign-in")
    def door(request: Request) -> Response:
        return _door(request)

    @routes.post("/sign-in")
    def sign_in(request: Request) -> Response:
        house.check_way(request)
        house.check_origin(request)
        # Nobody is signed in by a form of another site either: what they do then would be seen by whose token it was.
        house.check_form(request, csrf_of(request.cookies.get(door_cookie) or secrets.token_urlsafe()))
        return _sign_in(request, form_of(request).get("token", ""))

    @routes.post("/sign-out")
    def sign_out(request: Request) -> Response:
        house.acting(request, May.REPORTS)
        house.sessions.close(request.cookies.get(house.cookie, ""))
        reply = RedirectResponse(f"{house.root}/sign-in", 303, headers=HEADERS)
        reply.delete_cookie(
            house.cookie, path=house.root or "/", secure=house.secure, httponly=True, samesite="strict"
        )
        return reply

    def _door(request: Request, problem: str = "", status: int = 200) -> Response:
        house.check_way(request)
        headers = {"Retry-After": "60"} if status == 429 else {}
        known = request.cookies.get(door_cookie)
        secret = known or secrets.token_urlsafe(32)
        reply = house.page(
            "sign-in.html",
            request,
            None,
            status=status,
            title="Sign in",
            problem=problem,
            csrf=hidden(csrf_of(secret)),
            headers=headers,
        )
        if known is None:
            _set_cookie(reply, door_cookie, secret)
        return reply

    def _set_cookie(reply: Response, name: str, secret: str, lasts: timedelta | None = None) -> None:
        reply.set_cookie(
            name,
            secret,
            max_age=None if lasts is None else int(lasts.total_seconds()),
            path=house.root or "/",
            secure=house.secure,
            httponly=True,
            samesite="strict",
        )

    def _sign_in(request: Request, token: str) -> Response:
        address = request.client.host if request.client is not None else ""
        at = site.clock.monotonic()
        if not (each.admits(address, at) and everybody.admits("", at)):
            return _door(request, "Too many tries. Wait a minute, then try again.", 429)
        opened = house.sessions.open(token, now=house.now()) if token else None
        if opened is None:
            notice("sign_in_refused", why="unknown token")
            return _door(request, "This is no token npsync knows, or it was revoked.", 401)
        secret, whose = opened
        if May.REPORTS not in rights_of(whose.scopes):
            house.sessions.close(secret)
            said = f'The token "{whose.name}" is for other things. Make one with --scope reports or --scope read.'
            return _door(request, said, 403)
        notice("signed_in", token=whose.name)
        reply = RedirectResponse(f"{house.root}/", 303, headers=HEADERS)
        _set_cookie(reply, house.cookie, secret, LASTS)
        return reply

    return routes
