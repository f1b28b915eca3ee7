"""One customer's story: what `npsync why` says, as a page. Who looked at whom is kept."""

from __future__ import annotations

from urllib.parse import parse_qs, quote

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from npsync import service
from npsync.cli.why_text import summary, timeline, why_shown
from npsync.logs import notice
from npsync.views import views_of
from npsync.web.dashboard.house import HEADERS, PEOPLE, House
from npsync.web.site import Site
from store.api import TokenRow
from store.api.privacy import Receipt
from sync.story import Story
from sync.telling import tell


def router(site: Site, house: House) -> APIRouter:
    routes = APIRouter()

    @routes.get("/customers")
    def search(request: Request) -> Response:
        whose = house.visitor(request, PEOPLE)
        return house.page("customers.html", request, whose, title="Customers", who="", story=None)

    @routes.post("/customers")
    async def find(request: Request) -> Response:
        # Not in the address: who was looked for is nobody's business but ours.
        form = parse_qs((await request.body()).decode("utf-8", "replace"))
        return await run_in_threadpool(_find, request, (form.get("who") or [""])[0].strip()[:320])

    def _find(request: Request, who: str) -> Response:
        whose = house.visitor(request, PEOPLE)
        house.check_origin(request)
        story = told(site, who, live=False) if who else None
        if story is not None:
            audit(site, whose, "search", len(story.records))
        if story is not None and len(story.records) == 1 and not story.loose:
            [one] = story.records
            to = f"{house.root}/customers/{quote(one.connection, safe='')}/{quote(one.id, safe='')}"
            return RedirectResponse(to, 303, headers=HEADERS)
        return house.page("customers.html", request, whose, title="Customers", who=who, story=story)

    @routes.get("/customers/{connection}/{record}")
    def customer(request: Request, connection: str, record: str) -> Response:
        whose = house.visitor(request, PEOPLE)
        live = request.query_params.get("live") == "1"
        story = told(site, record[:200], live=live)
        found = next((one for one in story.records if one.connection == connection), None)
        if found is None:
            said = "npsync knows nothing of this record: no answer was matched to it and nothing written."
            next_step = "npsync run NAME reads newer answers"
            return house.page(
                "said.html", request, whose, status=404, title="Not known", said=said, next=next_step
            )
        audit(site, whose, "customer", 1)
        zone = site.config.time_zone
        return house.page(
            "customer.html",
            request,
            whose,
            title=next((str(value) for value in found.who.values()), found.id),
            record=found,
            summary=summary(found, zone),
            events=timeline(found, zone)[::-1],
            fields=[(one, why_shown(one, found)) for one in found.fields],
            live=live,
            problems=story.problems,
            zone=zone,
            now=house.now(),
        )

    return routes


def told(site: Site, who: str, *, live: bool) -> Story:
    """What is known of them; `live`: the CRM is asked what it shows now."""
    views = views_of(site.config)
    if not live:
        return tell(who, views, site.store, region=site.config.phone_region, look=None)
    with service.opened(site.config, site.store, site.clock) as connections:
        return tell(who, views, site.store, region=site.config.phone_region, look=connections.destination)


def audit(site: Site, whose: TokenRow, page: str, people: int) -> None:
    """Who read of people, when, and where; not of whom: the receipt outlives them."""
    notice("person_read", token=whose.name, page=page, people=people)
    site.store.note_receipt(
        Receipt(
            kind="read",
            at=site.clock.now(),
            who=f"token {whose.name}",
            report={"page": page, "people": people},
        )
    )
