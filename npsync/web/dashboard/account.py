"""One account: its figures and why, the people behind them, and what was written over time."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from npsync import opening
from npsync.reports.wish import name_of_accounts
from npsync.sign_in.roles import May
from npsync.syncing import customer_story
from npsync.web.dashboard.asked import asked
from npsync.web.dashboard.audit import looked_at
from npsync.web.dashboard.house import House
from npsync.web.dashboard.story import account_picture, telling_of
from npsync.web.site import Site
from npsync.words.accounts_text import behind_lines
from sync.story import AccountStory, Story

TOGETHER = 50


def router(site: Site, house: House) -> APIRouter:
    routes = APIRouter()

    @routes.get("/accounts/{connection}/{object_}/{record}")
    def account(request: Request, connection: str, object_: str, record: str) -> Response:
        whose = house.visitor(request, May.PEOPLE)
        wanted = asked(request, "sync", "live", root=house.root)
        live = wanted["live"] == "1"
        story = _told(record[:200], live)
        its = [
            one
            for one in story.accounts
            if (one.record.connection, one.record.object) == (connection, object_)
        ]
        if not its:
            said = (
                "npsync knows nothing of this account: nobody of it answered, and nothing was written to it."
            )
            raise house.not_known(request, whose, said, next="npsync run --accounts")
        found = next((one for one in its if one.sync == wanted["sync"]), its[0])
        looked_at(site, whose, found.record)
        start = (wanted.page - 1) * TOGETHER
        people = found.people[start : start + TOGETHER]
        target = site.config.people.get(connection)
        nps_field = _shown_in(found.sync, "nps")
        return house.page(
            "account.html",
            request,
            whose,
            title=next((str(value) for value in found.record.who.values()), None) or _called(found),
            account=found,
            others=[one.sync for one in its if one is not found],
            asked=wanted,
            people=people,
            in_all=len(found.people),
            size=TOGETHER,
            person_object=target.object if target is not None else "",
            behind=[line.strip() for line in behind_lines(found, site.config.time_zone)],
            chart=account_picture(found, nps_field, house.now()),
            line=nps_field if any(nps_field in one.fields for one in found.record.writes) else None,
            live=live,
            problems=(*story.problems, *story.unseen),
            **telling_of(found.record, site.config, story),
        )

    def _told(record: str, live: bool) -> Story:
        if not live:
            return customer_story.told(site.config, site.store, record, now=house.now())
        with opening.opened(site.config, site.store, site.clock) as connections:
            return customer_story.told(
                site.config, site.store, record, now=house.now(), connections=connections
            )

    def _called(found: AccountStory) -> str:
        """By the name that its people's records told for a report; else by its id."""
        trait = name_of_accounts(site.config)
        people = [one.record_id for one in found.people[:1]]
        known = site.store.members(found.sync, people).values() if trait else ()
        names = (one.traits.get(trait or "") for one in known if one.account == found.record.id)
        return next((str(name) for name in names if name), found.record.id)

    def _shown_in(sync: str, figure: str) -> str | None:
        """The field that shows this figure, where the YAML says so plainly."""
        spec = site.config.sync[sync].account
        named = spec.fields.items() if spec is not None else ()
        return next((field for field, value in named if _names(value) == figure), None)

    return routes


def _names(value: object) -> str | None:
    """The figure that a mapping shows as it is."""
    if isinstance(value, str):
        return value
    source = getattr(value, "from_", None)
    return source if isinstance(source, str) else None
