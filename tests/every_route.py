"""All addresses the web answers at, and a walk over all pages that link to each other."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

from asgi_caller import Replied
from dashboard_desk import Desk


class Route(NamedTuple):
    method: str
    template: str  # /runs/{run}

    @property
    def path(self) -> str:
        """With something in every place."""
        return re.sub(r"\{[^}]*\}", "1", self.template)


def routes(web: Any) -> list[Route]:
    return sorted(set(_routes(web.routed.routes, "")))


def _routes(found: Iterable[Any], prefix: str) -> Iterator[Route]:
    for each in found:
        inner = getattr(each, "original_router", None)
        if inner is not None:
            yield from _routes(inner.routes, prefix + (getattr(each.include_context, "prefix", "") or ""))
        else:
            yield from (Route(method, prefix + each.path) for method in each.methods or ())


class Read(HTMLParser):
    """What a page holds that could act: its tags with their attributes, and where it leads."""

    def __init__(self, replied: Replied) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.feed(replied.body.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    @property
    def links(self) -> list[str]:
        leads = ("href", "hx-get", "data-href")
        return [value for _, attrs in self.tags for name, value in attrs.items() if name in leads]


def walked(desk: Desk, *begin: str, each: int = 6) -> dict[str, Replied]:
    """Every page that links lead to, at most so many of one shape (digits and ids are one shape)."""
    found: dict[str, Replied] = {}
    shapes: dict[str, int] = {}
    waiting = deque(begin)
    while waiting:
        path = waiting.popleft()
        shape = of_shape(path)
        if path in found or shapes.get(shape, 0) >= each:
            continue
        shapes[shape] = shapes.get(shape, 0) + 1
        replied = found[path] = desk.get(path)
        if "text/html" in replied.headers.get("content-type", ""):
            waiting.extend(_ours(path, Read(replied).links))
        if replied.status in (302, 303):
            waiting.append(replied.headers["location"])
    return found


def of_shape(path: str) -> str:
    """The same for pages that differ in a number, an id or what is asked for."""
    place, _, query = path.partition("?")
    asked = "&".join(sorted(part.partition("=")[0] for part in query.split("&") if part))
    return re.sub(r"(?<=/)[^/]*\d[^/]*", "#", place) + (f"?{asked}" if asked else "")


def _ours(page: str, links: Iterable[str]) -> Iterator[str]:
    for link in links:
        parts = urlsplit(urljoin(page, link))
        if not parts.netloc and parts.path.startswith("/") and "live=1" not in parts.query:
            yield parts.path + (f"?{parts.query}" if parts.query else "")
