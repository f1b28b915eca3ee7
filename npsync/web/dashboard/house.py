"""What the pages of the dashboard share: who may come in, how a page is made, and what is kept for a moment.

A page begins with `whose = house.visitor(request, May.VIEW)`. What a POST does begins with `house.acting(request,
May.OPERATE)`, reads `form_of(request)`, and ends with `house.back(whose, "/syncs", "Paused.")`. Forms carry
`{{ csrf }}`.
"""

from __future__ import annotations

import hmac
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import RedirectResponse, Response

from npsync.figures import Figures
from npsync.roles import May
from npsync.web.dashboard import navigation, words
from npsync.web.dashboard.navigation import Entry
from npsync.web.dashboard.needs import Need, needs_of, waiting_by_page
from npsync.web.dashboard.sessions import Sessions
from npsync.web.dashboard.visitors import Told, Visitor, form_of
from npsync.web.pages import Asset
from npsync.web.site import Site

FIGURES, PEOPLE = May.REPORTS, May.PEOPLE
CSRF, CSRF_HEADER = "csrf", "x-csrf-token"
LOCAL = ("127.0.0.1", "::1", "localhost")
SECONDS = 60.0  # that figures may be old
AT_ONCE = 5.0  # the same for what waits for a person
MOST_KEPT = 200

_HERE = Path(__file__).parent.parent
_FILES = (
    ("dashboard", ".css", "text/css"),
    ("dashboard-parts", ".css", "text/css"),
    ("dashboard", ".js", "text/javascript"),
    ("htmx.min", ".js", "text/javascript"),
    ("icon", ".svg", "image/svg+xml"),
)
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
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

_NEEDED: Mapping[May, str] = {
    May.REPORTS: "it takes the scope or the role reports.",
    May.VIEW: "it takes the scope read, or the role viewer.",
    May.PEOPLE: "it takes the scope read, or the role viewer.",
    May.OPERATE: "it takes the scope apply, or the role operator.",
    May.ADMIN: "it takes the scope undo, or the role admin.",
}
_NEXT: Mapping[May, str] = {
    May.REPORTS: "npsync tokens create NAME --scope reports",
    May.VIEW: "npsync tokens create NAME --scope read",
    May.PEOPLE: "npsync tokens create NAME --scope read",
    May.OPERATE: "npsync tokens create NAME --scope read --scope apply",
    May.ADMIN: "npsync tokens create NAME --scope read --scope undo",
}

Found = TypeVar("Found")


class Away(Exception):
    """Instead of a page."""

    def __init__(self, reply: Response) -> None:
        super().__init__("away")
        self.reply = reply


async def tell_away(request: Request, error: Exception) -> Response:
    assert isinstance(error, Away)
    return error.reply


class House:
    """One per application."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.sessions = Sessions(site.store)
        self.figures = Figures(site.config, site.store, site.clock)
        self.root = urlsplit(site.public_url).path.rstrip("/")
        self.secure = site.public_url.startswith("https://")
        self.cookie = "__Host-npsync" if self.secure and not self.root else "npsync"
        public = urlsplit(site.public_url)
        self._host = public.hostname or ""
        self._origin = f"{public.scheme}://{public.netloc}".lower() if public.netloc else ""
        self.assets: dict[str, Asset] = {}
        self._urls: dict[str, str] = {}
        for stem, suffix, kind in _FILES:
            asset = Asset.of(stem, suffix, (_HERE / "static" / (stem + suffix)).read_bytes(), kind)
            self.assets[asset.name] = asset
            self._urls[f"{stem}{suffix}"] = f"{self.root}/-/{asset.name}"
        self._templates = Environment(
            loader=FileSystemLoader(_HERE / "templates" / "dashboard"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._templates.globals |= words.GLOBALS
        self._pages: tuple[re.Pattern[str], ...] = ()
        self._kept: OrderedDict[Any, tuple[float, Any]] = OrderedDict()
        self._turn = threading.Lock()

    # ------------------------------------------------------------ who comes in

    def visitor(self, request: Request, needs: May = May.REPORTS) -> Visitor:
        """Who looks. Raises Away: to the door, or because this is not for them."""
        self.check_way(request)
        whose = self.sessions.whose(request.cookies.get(self.cookie, ""), now=self.now())
        if whose is None:
            raise Away(self.to_the_door(request))
        return self._allowed(request, whose, needs)

    def acting(self, request: Request, needs: May = May.OPERATE) -> Visitor:
        """Who does something, from a form of ours or through htmx. Raises Away, also where another site sent it."""
        self.check_way(request)
        self.check_origin(request)
        whose = self.sessions.whose(request.cookies.get(self.cookie, ""), now=self.now())
        if whose is None:
            raise Away(self.to_the_door(request))
        self.check_form(request, whose.csrf)
        return self._allowed(request, whose, needs)

    def _allowed(self, request: Request, whose: Visitor, needs: May) -> Visitor:
        if not whose.can(needs):
            said = f"{whose.name} may not do this: {_NEEDED[needs]}"
            next_step = _NEXT[needs]
            raise Away(
                self.page(
                    "said.html", request, whose, status=403, title="Not allowed", said=said, next=next_step
                )
            )
        return whose

    def check_way(self, request: Request) -> None:
        """The dashboard is shown on this machine, or behind TLS at the address of the YAML. A strange host name means
        that another site's page had its name lead here."""
        host = (request.url.hostname or "").lower()
        if host not in LOCAL and (not self.secure or host != self._host):
            said = "The dashboard is shown on this machine alone, or behind TLS."
            here = f"http://127.0.0.1:{request.url.port or 80}/"
            next_step = f"Open {here} on it, or set public_url: https://… in the YAML."
            raise Away(
                self.page("said.html", request, None, status=403, title="Not here", said=said, next=next_step)
            )

    def check_origin(self, request: Request) -> None:
        """A form was sent from our own page: the same scheme, name and port."""
        site = request.headers.get("sec-fetch-site", "same-origin")
        origin = request.headers.get("origin")
        if site not in ("same-origin", "none") or (
            origin is not None and origin not in self._origins(request)
        ):
            said = "This form came from another site."
            raise Away(
                self.page("said.html", request, None, status=403, title="Not from here", said=said, next="")
            )

    def _origins(self, request: Request) -> tuple[str, ...]:
        host = (request.url.hostname or "").lower()
        here = f"http://{request.headers.get('host', '')}" if host in LOCAL else ""
        return tuple(filter(None, (here, self._origin)))

    def check_form(self, request: Request, csrf: str) -> None:
        """A form holds what only a page that was made for this session could know."""
        given = request.headers.get(CSRF_HEADER) or form_of(request).get(CSRF, "")
        if not hmac.compare_digest(given.encode(), csrf.encode()):
            said = "This page was open for too long, or from before you signed in. Nothing was done."
            next_step = "Go back, load the page again, and press the button once more."
            raise Away(
                self.page("said.html", request, None, status=403, title="Not done", said=said, next=next_step)
            )

    def to_the_door(self, request: Request) -> Response:
        headers = {"HX-Redirect": f"{self.root}/sign-in"} if "hx-request" in request.headers else {}
        return RedirectResponse(f"{self.root}/sign-in", 303, headers={**HEADERS, **headers})

    # ------------------------------------------------------------ pages

    def page(
        self,
        template: str,
        request: Request,
        whose: Visitor | None,
        *,
        title: str,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **names: Any,
    ) -> Response:
        if whose is not None and whose.told is not None:
            self.sessions.tell(whose, None)  # it is said once
        entries = self._navigation(whose)
        here = request.url.path
        html = self._templates.get_template(template).render(
            title=title,
            root=self.root,
            urls=self._urls,
            navigation=entries,
            section=next((entry for entry in entries if entry.holds(here)), None),
            here=here,
            there=self.is_there,
            whose=whose,
            told=None if whose is None else whose.told,
            sees_work=whose is not None and whose.can(May.VIEW),
            sees_people=whose is not None and whose.can(May.PEOPLE),
            operates=whose is not None and whose.can(May.OPERATE),
            administers=whose is not None and whose.can(May.ADMIN),
            **{
                "zone": self.site.config.time_zone,
                "now": self.now(),
                "csrf": hidden(whose.csrf if whose is not None else ""),
                **names,
            },
        )
        return Response(html, status, media_type="text/html", headers={**HEADERS, **(headers or {})})

    def back(self, whose: Visitor, path: str, said: str, *, failed: bool = False) -> Response:
        """After something was done: to a page of ours, which says what became of it. `path` begins with a slash."""
        self.changed()
        self.sessions.tell(whose, Told(said, failed))
        return RedirectResponse(self.root + path, 303, headers=HEADERS)

    def leads_to(self, pages: Iterable[re.Pattern[str]]) -> None:
        """The addresses of all pages: the navigation leads to those that are there."""
        self._pages = tuple(pages)

    def is_there(self, address: str) -> bool:
        """Whether a page answers at this address below the root."""
        path = address.partition("?")[0]
        return any(page.fullmatch(path) for page in self._pages)

    def _navigation(self, whose: Visitor | None) -> tuple[Entry, ...]:
        if whose is None:
            return ()
        waiting = waiting_by_page(self.needs()) if whose.can(May.VIEW) else {}
        return navigation.shown(self.is_there, whose.may, waiting)

    def needs(self) -> list[Need]:
        """What waits for a person, as of a few seconds ago."""
        return self.kept("needs", lambda: needs_of(self.site), seconds=AT_ONCE)

    # ------------------------------------------------------------ for a moment

    def now(self) -> datetime:
        return self.site.clock.now()

    def kept(self, about: Any, make: Callable[[], Found], seconds: float = SECONDS) -> Found:
        """What was made a moment ago, or made now: a page that is looked at by ten people asks the store once."""
        at = self.site.clock.monotonic()
        with self._turn:
            before = self._kept.get(about)
        if before is not None and at - before[0] < seconds:
            found: Found = before[1]
            return found
        made = make()
        with self._turn:
            self._kept[about] = (at, made)
            self._kept.move_to_end(about)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return made

    def changed(self) -> None:
        """Somebody did something: what waits for a person is found out anew."""
        with self._turn:
            self._kept.pop("needs", None)


def hidden(csrf: str) -> Markup:
    """The field of a form that proves it is ours."""
    return Markup('<input type="hidden" name="{}" value="{}">').format(CSRF, csrf)
