"""What the pages of the dashboard share: who may come in, how a page is made, and what is kept for a moment.

A page begins with `whose = house.visitor(request, May.VIEW)`. What a POST does begins with `house.acting(request,
May.OPERATE)`, reads `form_of(request)`, and ends with `house.back(whose, "/syncs", "Paused.")`. Forms carry
`{{ csrf }}`.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import RedirectResponse, Response

from npsync.figures import Figures
from npsync.sign_in.roles import May
from npsync.sign_in.sessions import terms_of
from npsync.web.dashboard import navigation, words
from npsync.web.dashboard.commands import with_commands
from npsync.web.dashboard.entrance import HEADERS, Away, Entrance, hidden, own_path, tell_away
from npsync.web.dashboard.navigation import Entry
from npsync.web.dashboard.needs import Need, needs_of, waiting_by_page
from npsync.web.dashboard.sessions import Sessions
from npsync.web.dashboard.visitors import Told, Visitor
from npsync.web.pages import Asset
from npsync.web.problems import TRY_AGAIN
from npsync.web.site import Site

__all__ = ["HEADERS", "Away", "House", "tell_away"]

SECONDS = 60.0  # that figures may be old
AT_ONCE = 5.0  # the same for what waits for a person
MOST_KEPT = 200

_HERE = Path(__file__).parent.parent
_FILES = (
    ("dashboard", ".css", "text/css"),
    ("dashboard-parts", ".css", "text/css"),
    ("dashboard-people", ".css", "text/css"),
    ("dashboard", ".js", "text/javascript"),
    ("htmx.min", ".js", "text/javascript"),
    ("trend", ".js", "text/javascript"),
    ("uplot.min", ".js", "text/javascript"),
    ("uplot.min", ".css", "text/css"),
    ("icon", ".svg", "image/svg+xml"),
)
Found = TypeVar("Found")


class House(Entrance):
    """One per application."""

    def __init__(self, site: Site) -> None:
        super().__init__(site, Sessions(site.store, terms_of(site.config)))
        self.figures = Figures(site.config, site.store, site.clock)
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
        self._templates.filters |= words.FILTERS
        names = frozenset((*site.config.sync, *site.config.connections, *site.config.triggers))
        self._templates.globals["with_commands"] = partial(with_commands, names=names)
        self._pages: tuple[re.Pattern[str], ...] = ()
        self._kept: OrderedDict[Any, tuple[float, Any]] = OrderedDict()
        self._turn = threading.Lock()

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

    def not_known(
        self, request: Request, whose: Visitor, said: str, *, title: str = "Not known", next: str = ""
    ) -> Away:
        """To be raised where a page is about something that is not there. `next`: the command that may help."""
        return Away(self.page("said.html", request, whose, status=404, title=title, said=said, next=next))

    def nothing_here(self, request: Request) -> Response | None:
        """For who is signed in and strayed; None for everybody else, who hears nothing of the dashboard."""
        whose = self.sessions.whose(request.cookies.get(self.cookie, ""), now=self.now())
        try:
            self.check_way(request)
        except Away:
            return None
        if whose is None:
            return None
        said = "There is no page at this address. The navigation leads to all there are."
        return self.page("said.html", request, whose, status=404, title="Nothing is here", said=said, next="")

    def not_now(self, request: Request) -> Response:
        """While the store cannot be reached: without it nobody knows who looks."""
        said = (
            "npsync cannot reach its store just now, so there is nothing to show, and nothing was done. Load "
            "this page again in half a minute; the log says what is wrong, as does:"
        )
        return self.page(
            "said.html",
            request,
            None,
            status=503,
            title="Not now",
            said=said,
            next="npsync health",
            headers=TRY_AGAIN,
        )

    def part(self, template: str, **names: Any) -> Response:
        """A piece of a page, for htmx to put in its place: without the frame, and nothing is said there."""
        about = {"root": self.root, "zone": self.site.config.time_zone, "now": self.now()}
        html = self._templates.get_template(template).render(**about, **names)
        return Response(html, media_type="text/html", headers=HEADERS)

    def back(self, whose: Visitor, path: str, said: str, *, failed: bool = False) -> Response:
        """After something was done: to a page of ours, which says what became of it. `path` begins with a slash."""
        self.changed()
        self.sessions.tell(whose, Told(said, failed))
        return RedirectResponse(self.root + own_path(path), 303, headers=HEADERS)

    def leads_to(self, pages: Iterable[re.Pattern[str]]) -> None:
        """The addresses of all pages: the navigation leads to those that are there."""
        self._pages = tuple(pages)

    def is_there(self, address: str) -> bool:
        """Whether a page answers at this address below the root."""
        path = address.partition("#")[0].partition("?")[0]
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
