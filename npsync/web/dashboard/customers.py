"""One customer's story: what `npsync why` says, as a page. Who looked at whom is kept."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from nps.asking import person_keys
from nps.keys import email_key
from nps.values import Json
from npsync import service
from npsync.cli.accounts_text import behind_lines
from npsync.cli.why_text import summary, timeline, why_shown
from npsync.logs import notice
from npsync.roles import May
from npsync.subjects import receipts
from npsync.views import views_of
from npsync.web.dashboard.house import HEADERS, House
from npsync.web.dashboard.visitors import Visitor, form_of
from npsync.web.site import Site
from store.api.privacy import Receipt
from sync.story import RecordStory, Story
from sync.telling import tell


def router(site: Site, house: House) -> APIRouter:
    routes = APIRouter()

    @routes.get("/customers")
    def search(request: Request) -> Response:
        whose = house.visitor(request, May.PEOPLE)
        return house.page("customers.html", request, whose, title="Customers", who="", story=None, told_of=())

    @routes.post("/customers")
    def find(request: Request) -> Response:
        # Not in the address: who was looked for is nobody's business but ours.
        whose = house.acting(request, May.PEOPLE)
        who = form_of(request).get("who", "").strip()[:320]
        story = told(site, who, live=False) if who else None
        if story is not None:
            audit(site, whose, "search", len(story.records))
        if story is not None and len(story.records) == 1 and not (story.loose or story.accounts):
            [one] = story.records
            to = f"{house.root}/customers/{quote(one.connection, safe='')}/{quote(one.id, safe='')}"
            return RedirectResponse(to, 303, headers=HEADERS)
        return house.page(
            "customers.html", request, whose, title="Customers", who=who, story=story, told_of=_records(story)
        )

    @routes.get("/customers/{connection}/{record}")
    def customer(request: Request, connection: str, record: str) -> Response:
        whose = house.visitor(request, May.PEOPLE)
        live = request.query_params.get("live") == "1"
        story = told(site, record[:200], live=live)
        found = next((one for one in _records(story) if one.connection == connection), None)
        if found is None:
            said = "npsync knows nothing of this record: no answer was matched to it and nothing written."
            next_step = "npsync run NAME reads newer answers"
            return house.page(
                "said.html", request, whose, status=404, title="Not known", said=said, next=next_step
            )
        _read(site, whose, found)
        zone = site.config.time_zone
        return house.page(
            "customer.html",
            request,
            whose,
            title=next((str(value) for value in found.who.values()), found.id),
            record=found,
            summary=summary(found, zone),
            behind=[
                line.strip()
                for account in story.accounts
                if account.record is found
                for line in behind_lines(account, zone)
            ],
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


def _records(story: Story | None) -> list[RecordStory]:
    """The people's and the accounts'."""
    return [] if story is None else [*story.records, *(account.record for account in story.accounts)]


_READ = {"search": "searched for people", "comments": "read comments"}


def audit(site: Site, whose: Visitor, page: str, people: int) -> None:
    """Who read of people, when and where, and of how many."""
    notice("person_read", who=whose.who, page=page, people=people)
    site.store.note_audit(whose.who, _READ[page], "", {"people": people}, now=site.clock.now())
    told: dict[str, Json] = {"page": page, "people": people}
    site.store.note_receipt(Receipt(kind="read", at=site.clock.now(), who=whose.who, report=told))


def _read(site: Site, whose: Visitor, record: RecordStory) -> None:
    """Somebody looked at this one: found again by a keyed hash, where there is a pepper."""
    notice("person_read", who=whose.who, page="customer", people=1)
    about = f"{record.connection}/{record.object}/{record.id}"
    site.store.note_audit(whose.who, "read a person", about, {"page": "customer"}, now=site.clock.now())
    emails = {email_key(answer.key) for answer in record.answers if answer.key and "@" in answer.key}
    names = {
        name
        for email in emails or {None}
        for name in person_keys(
            connection=record.connection, object=record.object, record_id=record.id, email=email
        )
    }
    receipts.read(
        site.config,
        site.store,
        page="customer",
        who=whose.who,
        names=sorted(names),
        now=site.clock.now(),
    )
