"""Signing in and out, and the files every page needs."""

from __future__ import annotations

from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from npsync.logs import notice
from npsync.web.dashboard.house import FIGURES, HEADERS, PEOPLE, House
from npsync.web.dashboard.sessions import LASTS
from npsync.web.site import Site
from npsync.web.throttle import Throttle


def router(site: Site, house: House) -> APIRouter:
    routes = APIRouter()
    # An address that tries tokens is slowed down; all of them together, too, for who has many addresses.
    each, everybody = Throttle(burst=10, per_minute=6), Throttle(burst=200, per_minute=120)

    @routes.get("/-/{name}")
    def file(name: str) -> Response:
        asset = house.assets.get(name)
        return Response(status_code=404) if asset is None else asset.reply()

    @routes.get("/sign-in")
    def door(request: Request) -> Response:
        return _door(request)

    @routes.post("/sign-in")
    async def sign_in(request: Request) -> Response:
        form = parse_qs((await request.body()).decode("utf-8", "replace"))
        return await run_in_threadpool(_sign_in, request, (form.get("token") or [""])[0])

    @routes.post("/sign-out")
    def sign_out(request: Request) -> Response:
        house.check_origin(request)
        house.sessions.close(request.cookies.get(house.cookie, ""))
        reply = RedirectResponse(f"{house.root}/sign-in", 303, headers=HEADERS)
        reply.delete_cookie(
            house.cookie, path=house.root or "/", secure=house.secure, httponly=True, samesite="strict"
        )
        return reply

    def _door(request: Request, problem: str = "", status: int = 200) -> Response:
        house.check_way(request)
        headers = {"Retry-After": "60"} if status == 429 else {}
        return house.page(
            "sign-in.html", request, None, status=status, title="Sign in", problem=problem, headers=headers
        )

    def _sign_in(request: Request, token: str) -> Response:
        house.check_way(request)
        house.check_origin(request)
        address = request.client.host if request.client is not None else ""
        at = site.clock.monotonic()
        if not (each.admits(address, at) and everybody.admits("", at)):
            return _door(request, "Too many tries. Wait a minute, then try again.", 429)
        opened = house.sessions.open(token, now=house.now()) if token else None
        if opened is None:
            notice("sign_in_refused", why="unknown token")
            return _door(request, "This is no token npsync knows, or it was revoked.", 401)
        secret, whose = opened
        if not {FIGURES, PEOPLE} & set(whose.scopes):
            house.sessions.close(secret)
            said = f'The token "{whose.name}" is for other things. Make one with --scope {FIGURES} or --scope {PEOPLE}.'
            return _door(request, said, 403)
        notice("signed_in", token=whose.name)
        reply = RedirectResponse(f"{house.root}/", 303, headers=HEADERS)
        reply.set_cookie(
            house.cookie,
            secret,
            max_age=int(LASTS.total_seconds()),
            path=house.root or "/",
            secure=house.secure,
            httponly=True,
            samesite="strict",
        )
        return reply

    return routes
