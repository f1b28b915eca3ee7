"""Signing in and out, and the files every page needs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from npsync.logs import notice
from npsync.sign_in import devices, sessions, tokens
from npsync.sign_in.passwords import Crowded
from npsync.sign_in.roles import RIGHTS, May, rights_of
from npsync.sign_in.sessions import TOKEN, USER
from npsync.sign_in.tokens import digest
from npsync.sign_in.users import Changed, proven
from npsync.web.addresses import place_of
from npsync.web.dashboard.door import Door
from npsync.web.dashboard.entrance import HEADERS
from npsync.web.dashboard.house import House
from npsync.web.dashboard.providing import routes_of
from npsync.web.dashboard.tries import Tries
from npsync.web.dashboard.visitors import Form, form_of
from npsync.web.site import Site


def router(site: Site, house: House) -> APIRouter:
    routes = APIRouter()
    tries, door = Tries(site.store), Door(house)
    if (oidc := site.config.sign_in.oidc) is not None:
        routes.include_router(routes_of(site, house, door, tries, oidc))

    @routes.get("/-/{name}")
    def file(request: Request, name: str) -> Response:
        asset = house.assets.get(name)
        encodings = request.headers.get("accept-encoding", "")
        return Response(status_code=404) if asset is None else asset.reply(encodings)

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
        has_token = "token" in form and site.config.sign_in.tokens
        return _by_token(request, form) if has_token else _by_password(request, form)

    def _by_token(request: Request, form: Form) -> Response:
        if not tries.of_token(place_of(request), now=house.now(), at=site.clock.monotonic()):
            return door.too_many(request)
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
        name, place, now = _name_in(form), place_of(request), house.now()
        device = devices.known(site.store, name, door.device(request), now=now)
        at = site.clock.monotonic()
        if not (
            tries.of_stranger(place, name, now=now, at=at)
            if device is None
            else tries.of_device(device, now=now, at=at)
        ):
            return door.too_many(request)
        given = form.get("password", "")
        try:
            found = proven(
                site.store, name, given, passwords=site.passwords, now=now, known=device is not None
            )
        except Crowded:
            notice("sign_in_crowded")
            return door.page(request, "Many people sign in just now. Try again in a few seconds.", 503)
        if found is None:
            return _refused(request)
        user, checked = found
        try:
            reply = door.open(request, USER, user.name, local_user=user.number, checked=checked)
        except Changed:
            return _refused(request)
        tries.forgive(place, name, device)
        door.remember(reply, devices.issued(site.store, user.name, device, now=now))
        return reply

    def _refused(request: Request) -> Response:
        notice("sign_in_refused", why="wrong name or password")
        return door.page(request, "This name and this password do not belong together.", 401)

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
        whose, now = house.visitor(request, May.REPORTS), house.now()
        signed_in = sessions.signed_in(site.store, house.sessions.terms, now=now)
        role = next((role for role, rights in RIGHTS.items() if rights == whose.may), None)
        return house.page(
            "me.html",
            request,
            whose,
            title="You",
            role=role,
            rights=[_RIGHTS[right] for right in May if whose.can(right)],
            own=[one for one in signed_in if one.who == whose.who],
            others=[one for one in signed_in if one.who != whose.who] if whose.can(May.ADMIN) else [],
            noted=sessions.NOTED // timedelta(minutes=1),
        )

    @routes.post("/sessions/end")
    def end(request: Request) -> Response:
        whose = house.acting(request, May.ADMIN)
        who = form_of(request).get("who", "")[:400]
        if not who.startswith(("user:", "token:")):
            return house.back(whose, "/me", "Nobody was named.", failed=True)
        ended = sessions.end(site.store, who, house.sessions.terms, by=whose.who, now=house.now())
        notice("acted", who=whose.who, what="ended sessions", about=who)
        said = f"{who} is signed out." if ended else f"{who} was not signed in any more."
        return house.back(whose, "/me", said)

    return routes


def _name_in(form: Form) -> str:
    """The same for whoever counts the tries and for whoever looks the user up."""
    return form.get("name", "").strip()[:320]


_RIGHTS: Mapping[May, str] = {
    May.REPORTS: "see figures: overview, report, accounts",
    May.VIEW: "see what npsync does: syncs, runs, connections, who did what",
    May.PEOPLE: "see who said what; that you looked is kept",
    May.OPERATE: "run and pause syncs, retry, review and release; stop and resume sends, cancel invitations",
    May.ADMIN: "undo and redo runs, have a changed file read, sign others out",
}
