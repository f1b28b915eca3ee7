"""Pages for people: the systems, a search, and a record as a CRM would show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route

from sandbox.faces import Card, Face, Faced
from sandbox.toy import House, Looked, NoSuchRecord, Row, Toy
from sandbox.traffic import Write
from sandbox.vendors import BY_NAME, GROUPS

_FILES = Path(__file__).parent / "templates"
_SAFE = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; frame-src 'self'; form-action 'self'; "
    "base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
}
_MOST_HITS = 25


@dataclass(frozen=True)
class FieldChange:
    """One line of a record's field history."""

    at: datetime
    label: str
    name: str
    old: str | None
    new: str | None


def app(toys: Mapping[str, Toy], house: House) -> Starlette:
    pages = _Pages(toys, house)
    return Starlette(
        routes=[
            Route("/", pages.home),
            Route("/sandbox.css", pages.style),
            Route("/{vendor}/record/{id}", pages.record),
            Route("/look/deliveries", pages.deliveries),
            *(
                Mount(f"/look/{vendor}", routes=toy.looks(pages.show))
                for vendor, toy in toys.items()
                if isinstance(toy, Looked)
            ),
        ],
        exception_handlers={404: pages.missing},
    )


class _Pages:
    def __init__(self, toys: Mapping[str, Toy], house: House) -> None:
        self._toys = toys
        self._house = house
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_FILES), autoescape=True, undefined=jinja2.StrictUndefined
        )
        self._templates.filters["ago"] = self._ago
        self._templates.filters["when"] = lambda seconds: datetime.fromtimestamp(seconds, UTC)
        self._templates.filters["moment"] = lambda moment: f"{moment:%Y-%m-%d %H:%M:%S} UTC"
        self._css = (_FILES / "sandbox.css").read_text(encoding="utf-8")

    async def style(self, request: Request) -> Response:
        return Response(self._css, media_type="text/css")

    async def home(self, request: Request) -> Response:
        wanted = request.query_params.get("q", "").strip()
        traffic = self._house.traffic.summary()
        systems = [
            {
                "group": BY_NAME[vendor].group,
                "title": BY_NAME[vendor].title,
                "vendor": vendor,
                "role": BY_NAME[vendor].role,
                "look": f"/look/{vendor}" if isinstance(toy, Looked) else None,
                "objects": [(object, count) for object, count in toy.objects().items() if count],
                "calls": traffic.get(vendor, {}).get("calls", 0),
                "written": sum(traffic.get(vendor, {}).get("records_written", {}).values()),
            }
            for vendor, toy in self._toys.items()
        ]
        hits, more = self._search(wanted.lower()) if wanted else ([], False)
        return self.show(
            "home.html",
            groups=GROUPS,
            systems=systems,
            wanted=wanted,
            hits=hits,
            more=more,
            latest=self._latest(),
        )

    async def record(self, request: Request) -> Response:
        vendor, id = request.path_params["vendor"], request.path_params["id"]
        face, row = self._found(vendor, id)
        card = face.card(self._toys[face.vendor], row)
        writes = self._house.traffic.history(face.vendor, face.object, card.id)
        changes = _changes(face, writes)
        beside = face.related(self._toys[face.vendor], row)
        return self.show(
            "record.html", face=face, card=card, changes=changes, written=len(writes), beside=beside
        )

    async def deliveries(self, request: Request) -> Response:
        sent = list(self._house.deliveries.all())[:-101:-1]
        return self.show("deliveries.html", sent=sent)

    async def missing(self, request: Request, problem: Exception) -> Response:
        return self.show("missing.html", 404)

    def _search(self, wanted: str) -> tuple[list[tuple[Face, Card]], bool]:
        """People whose name, e-mail or id holds the text; whether there are more."""
        hits: list[tuple[Face, Card]] = []
        for face in self._faces():
            toy = self._toys[face.vendor]
            for row in toy.rows(face.object):
                if wanted not in face.hay(row):
                    continue
                if len(hits) == _MOST_HITS:
                    return hits, True
                hits.append((face, face.card(toy, row)))
        return hits, False

    def _latest(self) -> list[tuple[Face, Card, datetime]]:
        """The records written last, newest first, each once."""
        latest: dict[tuple[str, str], tuple[Face, Card, datetime]] = {}
        for vendor, object, id, at in reversed(self._house.traffic.latest):
            face = next((one for one in self._faces(vendor) if one.object == object), None)
            if face is None or (vendor, id) in latest:
                continue
            toy = self._toys[vendor]
            try:
                card = face.card(toy, toy.row(object, id))
            except NoSuchRecord:
                continue  # removed since it was written
            latest[vendor, id] = (face, card, datetime.fromtimestamp(at, UTC))
        return list(latest.values())[:10]

    def _found(self, vendor: str, id: str) -> tuple[Face, Row]:
        """The first object of the vendor that has a record of this id."""
        for face in self._faces(vendor):
            try:
                return face, self._toys[vendor].row(face.object, id)
            except NoSuchRecord:
                continue
        raise HTTPException(404)

    def _faces(self, vendor: str | None = None) -> list[Face]:
        toys = [toy for name, toy in self._toys.items() if vendor in (None, name)]
        return [face for toy in toys if isinstance(toy, Faced) for face in toy.faces]

    def _ago(self, moment: datetime) -> str:
        seconds = int((self._house.clock.now() - moment).total_seconds())
        for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
            if seconds >= length:
                count = seconds // length
                return f"{count} {unit}{'s' if count > 1 else ''} ago"
        return "just now"

    def show(self, template: str, status: int = 200, **values: Any) -> Response:
        text = self._templates.get_template(template).render(now=self._house.clock.now(), **values)
        return HTMLResponse(text, status, headers=_SAFE)


def _changes(face: Face, writes: list[Write]) -> list[FieldChange]:
    """Newest first; a field written as it was is left out."""
    return [
        FieldChange(
            datetime.fromtimestamp(write.at, UTC), face.labels.get(name, name), name, _text(old), _text(new)
        )
        for write in reversed(writes)
        for name, (old, new) in write.fields.items()
        if old != new
    ]


def _text(value: Any) -> str | None:
    if value is None or value == "":
        return None
    return f"{value:g}" if isinstance(value, float) else str(value)
