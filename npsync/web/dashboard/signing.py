"""Signing in and out, and the files every page needs."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import timedelta

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from npsync import tokens
from npsync.logs import notice
from npsync.roles import RIGHTS, May, Role, rights_of
from npsync.sign_in.users import proven
from npsync.tokens import digest
from npsync.web.dashboard.entrance import HEADERS, hidden, own_path
from npsync.web.dashboard.house import House
from npsync.web.dashboard.sessions import LASTS, TOKEN, USER, csrf_of
from npsync.web.dashboard.tries import Tries
from npsync.web.dashboard.visitors import Form, form_of
from npsync.web.site import Site


def router(site: Site, house: House) -> APIRouter:
    routes = APIRouter()
    tries = Tries(site.store)
    door = Door(house)

    @routes.get("/-/{name}")
    def file(name: str) -> Response:
        asset = house.assets.get(name)
        return Response(status_code=404) if asset is None else asset.reply()

    @routes.get("/sign-in")
    def show(request: Request) -> Response:
        house.check_way(request)
        return door.page(request, next=request.query_params.get("next", ""))

    @routes.post("/sign-in")
    def sign_in(request: Request) -> Response:
        house.check_way(request)
        house.check_origin(request)
        # Nobody is signed in by a form of another site either: what they do then would be seen by whose token it was.
        house.check_form(request, door.csrf(request))
        form = form_of(request)
        if not _admitted(request, form):
            return door.page(request, "Too many tries. Wait a minute, then try again.", 429)
        return _by_token(request, form) if "token" in form else _by_password(request, form)

    def _admitted(request: Request, form: Form) -> bool:
        user = "" if "token" in form else form.get("name", "")[:320]
        return tries.admits(address_of(request), user, now=house.now(), at=site.clock.monotonic())

    def _by_token(request: Request, form: Form) -> Response:
        token = form["token"].strip()
        found = tokens.known(site.store, token, now=house.now()) if token else None
        if found is None:
            notice("sign_in_refused", why="unknown token")
            return door.page(request, "This is no token npsync knows, or it was revoked.", 401)
        if May.REPORTS not in rights_of(found.scopes):
            said = f'The token "{found.name}" is for other things. Make one with --scope reports or --scope read.'
            return door.page(request, said, 403)
        return door.open(request, TOKEN, found.name, token=digest(token))

    def _by_password(request: Request, form: Form) -> Response:
        name = form.get("name", "").strip()
        user = proven(site.store, name, form.get("password", ""), passwords=site.passwords, now=house.now())
        if user is None:
            notice("sign_in_refused", why="wrong name or password")
            return door.page(request, "This name and this password do not belong together.", 401)
        tries.forgive(name)
        return door.open(request, USER, user.name, local_user=user.number)

    @routes.post("/sign-out")
    def sign_out(request: Request) -> Response:
        whose = house.acting(request, May.REPORTS)
        if "everywhere" in form_of(request):
            ended = house.sessions.close_all(whose)
            house.noted(whose, "signed out everywhere", sessions=ended)
        house.sessions.close(request.cookies.get(house.cookie, ""))
        reply = RedirectResponse(f"{house.root}/sign-in", 303, headers=HEADERS)
        reply.delete_cookie(
            house.cookie, path=house.root or "/", secure=house.secure, httponly=True, samesite="strict"
        )
        return reply

    @routes.get("/me")
    def me(request: Request) -> Response:
        whose = house.visitor(request, May.REPORTS)
        role = next((role for role, rights in RIGHTS.items() if rights == whose.may), None)
        return house.page(
            "me.html",
            request,
            whose,
            title="You",
            role=role,
            rights=[_RIGHTS[right] for right in May if whose.can(right)],
        )

    return routes


_RIGHTS: Mapping[May, str] = {
    May.REPORTS: "see figures: overview, report, accounts",
    May.VIEW: "see what npsync does: syncs, runs, connections, who did what",
    May.PEOPLE: "see who said what; that you looked is kept",
    May.OPERATE: "run, pause, retry, review and release; stop and resume sends",
    May.ADMIN: "undo and redo runs, and have a changed file read",
}


class Door:
    """The page at which people sign in, and what happens when they may."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._cookie = f"{house.cookie}-door"

    def csrf(self, request: Request) -> str:
        """What a form of this page, shown to this browser, holds."""
        return csrf_of(request.cookies.get(self._cookie) or secrets.token_urlsafe())

    def page(self, request: Request, problem: str = "", status: int = 200, *, next: str = "") -> Response:
        house = self._house
        known = request.cookies.get(self._cookie)
        secret = known or secrets.token_urlsafe(32)
        form = form_of(request)
        reply = house.page(
            "sign-in.html",
            request,
            None,
            status=status,
            title="Sign in",
            problem=problem,
            csrf=hidden(csrf_of(secret)),
            next=own_path(next or form.get("next", "")),
            name=form.get("name", "")[:320],
            users=any(user.revoked_at is None for user in house.site.store.users()),
            headers={"Retry-After": "60"} if status == 429 else {},
        )
        if known is None:
            self._set(reply, self._cookie, secret, None)
        return reply

    def open(
        self,
        request: Request,
        kind: str,
        name: str,
        *,
        token: str | None = None,
        local_user: int | None = None,
        role: Role | None = None,
    ) -> Response:
        """They may: a new session, whatever cookie they came with."""
        house = self._house
        house.sessions.close(request.cookies.get(house.cookie, ""))
        secret = house.sessions.open(
            kind, name, now=house.now(), token=token, local_user=local_user, role=role
        )
        whose = house.sessions.whose(secret, now=house.now())
        if whose is not None:
            house.noted(whose, "signed in")
            notice("signed_in", who=whose.who)
        reply = RedirectResponse(
            house.root + own_path(form_of(request).get("next", "")), 303, headers=HEADERS
        )
        self._set(reply, house.cookie, secret, LASTS)
        return reply

    def _set(self, reply: Response, name: str, secret: str, lasts: timedelta | None) -> None:
        reply.set_cookie(
            name,
            secret,
            max_age=None if lasts is None else int(lasts.total_seconds()),
            path=self._house.root or "/",
            secure=self._house.secure,
            httponly=True,
            samesite="strict",
        )


def address_of(request: Request) -> str:
    return request.client.host if request.client is not None else ""
