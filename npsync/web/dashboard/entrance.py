"""Who may come in: at the right address, signed in, with the right it takes, and by a form of our own."""

from __future__ import annotations

import hmac
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from fastapi import Request
from markupsafe import Markup
from starlette.responses import RedirectResponse, Response

from nps.values import Json
from npsync.deciding.deciders import Decider
from npsync.sign_in.roles import May, Role
from npsync.web.dashboard.sessions import Sessions
from npsync.web.dashboard.visitors import Kind, Visitor, form_of
from npsync.web.site import Site

LOCAL = ("127.0.0.1", "::1", "localhost")
CSRF, CSRF_HEADER = "csrf", "x-csrf-token"
LONGEST_NEXT = 2_000
ASK = "Ask an admin of npsync for it, who gives it like this:"

_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Robots-Tag": "noindex, nofollow",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

_TAKES: Mapping[May, tuple[str, Role]] = {
    May.REPORTS: ("reports", Role.REPORTS),
    May.VIEW: ("read", Role.VIEWER),
    May.PEOPLE: ("read", Role.VIEWER),
    May.OPERATE: ("apply", Role.OPERATOR),
    May.ADMIN: ("undo", Role.ADMIN),
}
"""The scope of a token and the role of a user that each right takes."""

_PATH = re.compile(
    r"/(?![/\\])[!#-\[\]-~]*"
)  # ours: no other host can be named by it, and no header be broken


class Away(Exception):
    """Instead of a page."""

    def __init__(self, reply: Response) -> None:
        super().__init__("away")
        self.reply = reply


async def tell_away(request: Request, error: Exception) -> Response:
    assert isinstance(error, Away)
    return error.reply


class Entrance(ABC):
    """What every page and action passes."""

    def __init__(self, site: Site, sessions: Sessions) -> None:
        self.site, self.sessions = site, sessions
        public = urlsplit(site.public_url)
        self.root = public.path.rstrip("/")
        self.secure = public.scheme == "https"
        self.cookie = "__Host-npsync" if self.secure and not self.root else "npsync"
        self._host = public.hostname or ""
        self._origin = f"{public.scheme}://{public.netloc}".lower() if public.netloc else ""

    @abstractmethod
    def page(
        self, template: str, request: Request, whose: Visitor | None, *, title: str, **names: Any
    ) -> Response: ...

    def now(self) -> datetime:
        return self.site.clock.now()

    # ------------------------------------------------------------ who

    def visitor(self, request: Request, needs: May = May.REPORTS) -> Visitor:
        """Who looks. Raises Away: to the door, or because this is not for them."""
        self.check_way(request)
        return self._allowed(request, self._signed_in(request), needs)

    def acting(self, request: Request, needs: May = May.OPERATE) -> Visitor:
        """Who does something, from a form of ours or through htmx. Raises Away, also where another site sent it."""
        self.check_way(request)
        self.check_origin(request)
        whose = self._signed_in(request)
        self.check_form(request, whose.csrf)
        return self._allowed(request, whose, needs)

    def decider(self, whose: Visitor) -> Decider:
        """They, as decisions know them."""
        return Decider(self.site.config, self.site.store, whose.who, self.now())

    def noted(self, whose: Visitor, what: str, about: str = "", **facts: Json) -> None:
        """The audit keeps that they did or read it. Ids alone: no address, no name, no word of a customer."""
        self.site.store.note_audit(whose.who, what, about, facts, now=self.now())

    def _signed_in(self, request: Request) -> Visitor:
        whose = self.sessions.whose(request.cookies.get(self.cookie, ""), now=self.now())
        if whose is None:
            raise Away(self.to_the_door(request))
        request.state.who = whose.who  # for the line of the log
        return whose

    def _allowed(self, request: Request, whose: Visitor, needs: May) -> Visitor:
        if not whose.can(needs):
            scope, role = _TAKES[needs]
            said = f"{whose.name} may not do this: it takes the scope {scope}, or the role {role}."
            raise self._no(request, "Not allowed", said, _way_to(whose, scope, role), whose=whose, ask=ASK)
        return whose

    # ------------------------------------------------------------ from where

    def check_way(self, request: Request) -> None:
        """The dashboard is shown on this machine, or behind TLS at the address of the YAML. A strange host name means
        that another site's page had its name lead here."""
        host = _host(request)
        if host not in LOCAL and (not self.secure or host != self._host):
            said = "The dashboard is shown on this machine alone, or behind TLS."
            here = f"http://127.0.0.1:{request.url.port or 80}/"
            next_step = f"Open {here} on it, or set public_url: https://… in the YAML."
            raise self._no(request, "Not here", said, next_step)

    def check_origin(self, request: Request) -> None:
        """A form was sent from our own page: the same scheme, name and port."""
        site = request.headers.get("sec-fetch-site", "same-origin")
        origin = request.headers.get("origin")
        if site not in ("same-origin", "none") or (
            origin is not None and origin not in self._origins(request)
        ):
            raise self._no(request, "Not from here", "This form came from another site.", "")

    def _origins(self, request: Request) -> tuple[str, ...]:
        host = _host(request)
        here = f"http://{request.headers.get('host', '')}" if host in LOCAL else ""
        return tuple(filter(None, (here, self._origin)))

    def check_form(self, request: Request, csrf: str) -> None:
        """A form holds what only a page that was made for this session could know."""
        given = request.headers.get(CSRF_HEADER) or form_of(request).get(CSRF, "")
        if not hmac.compare_digest(given.encode(), csrf.encode()):
            said = "This page was open for too long, or from before you signed in. Nothing was done."
            next_step = "Go back, load the page again, and press the button once more."
            raise self._no(request, "Not done", said, next_step)

    def _no(
        self,
        request: Request,
        title: str,
        said: str,
        next_step: str,
        *,
        whose: Visitor | None = None,
        ask: str = "",
    ) -> Away:
        """`ask` stands before the next step, which somebody else takes."""
        names = {"title": title, "said": said, "ask": ask, "next": next_step}
        return Away(self.page("said.html", request, whose, status=403, **names))

    # ------------------------------------------------------------ to where

    def to_the_door(self, request: Request) -> Response:
        door = f"{self.root}/sign-in"
        if "hx-request" in request.headers:
            return RedirectResponse(door, 303, headers={**HEADERS, "HX-Redirect": door})
        asked = quote(request.scope["path"]) + (f"?{request.url.query}" if request.url.query else "")
        if request.method == "GET" and _from_elsewhere(request) and own_path(asked) == asked:
            # A link in a mail or a chat: browsers keep the cookie back until a page of ours leads there.
            return self.page("on-the-way.html", request, None, title="One moment", next=asked)
        if request.method == "GET" and asked != "/" and own_path(asked) == asked:
            door += "?" + urlencode({"next": asked})
        return RedirectResponse(door, 303, headers=HEADERS)


def _from_elsewhere(request: Request) -> bool:
    """Somebody followed a link on another site."""
    headers = request.headers
    return (
        headers.get("sec-fetch-site") in ("cross-site", "same-site")
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") == "document"
    )


def _host(request: Request) -> str:
    """The name they call us by. Without one they did not come from a browser that looked for us."""
    try:
        return (urlsplit(f"//{request.headers.get('host', '')}").hostname or "").lower()
    except ValueError:
        return ""


def own_path(given: str) -> str:
    """`given`, if it is a path of ours and of nobody else; else the overview."""
    return given if len(given) <= LONGEST_NEXT and _PATH.fullmatch(given) else "/"


def hidden(csrf: str) -> Markup:
    """The field of a form that proves it is ours."""
    return Markup('<input type="hidden" name="{}" value="{}">').format(CSRF, csrf)


def _way_to(whose: Visitor, scope: str, role: Role) -> str:
    """How they would get it."""
    if whose.kind is Kind.TOKEN:
        scopes = "" if scope in ("reports", "read") else " --scope read"
        return f"npsync tokens create NAME{scopes} --scope {scope}"
    if "@" not in whose.name:
        return f"npsync users role {whose.name} --role {role}"
    return f"Who keeps the groups of your sign-in gives the role {role}: sign_in.oidc.roles in the YAML."
