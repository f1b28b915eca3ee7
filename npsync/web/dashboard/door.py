"""The page at which people sign in, and what happens when they may."""

from __future__ import annotations

import secrets
from datetime import timedelta

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from npsync.logs import notice
from npsync.sign_in import devices
from npsync.sign_in.roles import Role
from npsync.sign_in.sessions import LASTS
from npsync.web.dashboard.entrance import HEADERS, hidden, own_path
from npsync.web.dashboard.house import House
from npsync.web.dashboard.sessions import csrf_of
from npsync.web.dashboard.visitors import form_of

_LATER = {429: {"Retry-After": "60"}, 503: {"Retry-After": "5"}}


class Door:
    def __init__(self, house: House) -> None:
        self._house = house
        self._cookie, self._device = f"{house.cookie}-door", f"{house.cookie}-device"
        self._sign_in = house.site.config.sign_in

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
            tokens=self._sign_in.tokens,
            oidc=self._sign_in.oidc,
            users=any(user.revoked_at is None for user in house.site.store.users()),
            headers=_LATER.get(status, {}),
        )
        if known is None:
            self._set(reply, self._cookie, secret, None)
        return reply

    def too_many(self, request: Request) -> Response:
        return self.page(request, "Too many tries. Wait a minute, then try again.", 429)

    def device(self, request: Request) -> str:
        """What this browser keeps of who signed in with a password here (`npsync.sign_in.devices`)."""
        return request.cookies.get(self._device, "")

    def remember(self, reply: Response, device: str | None) -> None:
        if device is not None:
            self._set(reply, self._device, device, devices.LASTS)

    def open(
        self,
        request: Request,
        kind: str,
        name: str,
        *,
        token: str | None = None,
        local_user: int | None = None,
        role: Role | None = None,
        checked: str | None = None,
        next: str = "",
        by_page: bool = False,
    ) -> Response:
        """They may: a new session, whatever cookie they came with. `by_page`: a page sends them on, not a redirect.
        Raises Changed as `Sessions.open` does."""
        house = self._house
        house.sessions.close(request.cookies.get(house.cookie, ""))
        secret = house.sessions.open(
            kind, name, now=house.now(), token=token, local_user=local_user, role=role, checked=checked
        )
        whose = house.sessions.whose(secret, now=house.now())
        if whose is not None:
            house.noted(whose, "signed in")
            notice("signed_in", who=whose.who)
        page = own_path(next or form_of(request).get("next", ""))
        reply = (
            house.page("on-the-way.html", request, None, title="You are signed in", next=page)
            if by_page
            else RedirectResponse(house.root + page, 303, headers=HEADERS)
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
