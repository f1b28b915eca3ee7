"""What the pages of the dashboard share: who may come in, how a page is made, and what is kept for a moment."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import RedirectResponse, Response

from npsync.web.dashboard import words
from npsync.web.dashboard.sessions import Sessions
from npsync.web.pages import Asset
from npsync.web.site import Site
from store.api import TokenRow

FIGURES, PEOPLE = "reports", "read"  # scopes: figures alone, or also who said what
LOCAL = ("127.0.0.1", "::1", "localhost")
SECONDS = 60.0  # that figures may be old
MOST_KEPT = 200

_HERE = Path(__file__).parent.parent
_FILES = (
    ("dashboard", ".css", "text/css"),
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
NAVIGATION = (
    ("/", "Overview"),
    ("/report", "Report"),
    ("/accounts", "Accounts"),
    ("/customers", "Customers"),
)

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
        self.root = urlsplit(site.public_url).path.rstrip("/")
        self.secure = site.public_url.startswith("https://")
        self.cookie = "__Host-npsync" if self.secure and not self.root else "npsync"
        self._host = urlsplit(site.public_url).hostname or ""
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
        self._kept: OrderedDict[Any, tuple[float, Any]] = OrderedDict()
        self._turn = threading.Lock()

    # ------------------------------------------------------------ who comes in

    def visitor(self, request: Request, scope: str = FIGURES) -> TokenRow:
        """Who is signed in. Raises Away: to the door, or because this is not for them."""
        self.check_way(request)
        whose = self.sessions.whose(request.cookies.get(self.cookie, ""), now=self.now())
        if whose is None:
            raise Away(self.to_the_door(request))
        allowed = set(whose.scopes)
        if PEOPLE not in allowed and (scope == PEOPLE or FIGURES not in allowed):
            said = f'Your token "{whose.name}" does not allow this page: it needs the scope "{scope}".'
            raise Away(
                self.page(
                    "said.html",
                    request,
                    whose,
                    status=403,
                    title="Not allowed",
                    said=said,
                    next=f"npsync tokens create NAME --scope {scope}",
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
        """A form was sent from our own page."""
        site = request.headers.get("sec-fetch-site", "same-origin")
        origin = request.headers.get("origin")
        elsewhere = origin is not None and (urlsplit(origin).hostname or "") != (request.url.hostname or "")
        if site not in ("same-origin", "none") or elsewhere:
            said = "This form came from another site."
            raise Away(
                self.page("said.html", request, None, status=403, title="Not from here", said=said, next="")
            )

    def to_the_door(self, request: Request) -> Response:
        headers = {"HX-Redirect": f"{self.root}/sign-in"} if "hx-request" in request.headers else {}
        return RedirectResponse(f"{self.root}/sign-in", 303, headers={**HEADERS, **headers})

    # ------------------------------------------------------------ pages

    def page(
        self,
        template: str,
        request: Request,
        whose: TokenRow | None,
        *,
        title: str,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **names: Any,
    ) -> Response:
        html = self._templates.get_template(template).render(
            title=title,
            root=self.root,
            urls=self._urls,
            navigation=NAVIGATION if whose is not None else (),
            here=_section(request.url.path),
            whose=whose,
            sees_people=whose is not None and PEOPLE in whose.scopes,
            **names,
        )
        return Response(html, status, media_type="text/html", headers={**HEADERS, **(headers or {})})

    # ------------------------------------------------------------ for a moment

    def now(self) -> datetime:
        return self.site.clock.now()

    def kept(self, about: Any, make: Callable[[], Found]) -> Found:
        """What was made a moment ago, or made now: a page that is looked at by ten people asks the store once."""
        at = self.site.clock.monotonic()
        with self._turn:
            before = self._kept.get(about)
        if before is not None and at - before[0] < SECONDS:
            found: Found = before[1]
            return found
        made = make()
        with self._turn:
            self._kept[about] = (at, made)
            self._kept.move_to_end(about)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return made


def _section(path: str) -> str:
    return "/" + path.strip("/").split("/")[0].partition(".")[0]
