"""Customers: who answered lately, finding one, and one's whole story as `npsync why` tells it. Who looked is kept."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from npsync import opening
from npsync.asking.invited import About
from npsync.config import Config
from npsync.sign_in.roles import May
from npsync.syncing import customer_story
from npsync.web.dashboard.asked import asked
from npsync.web.dashboard.audit import looked_at, looked_at_some
from npsync.web.dashboard.house import HEADERS, House
from npsync.web.dashboard.shown import Cards
from npsync.web.dashboard.story import telling_of
from npsync.web.dashboard.visitors import form_of
from npsync.web.site import Site
from npsync.words import why_events
from store.api import Settled
from sync.story import RecordStory, Story

TOGETHER = 50


def router(site: Site, house: House) -> APIRouter:
    routes = APIRouter()

    @routes.get("/customers")
    def customers(request: Request) -> Response:
        whose = house.visitor(request, May.PEOPLE)
        wanted = asked(request, "source", root=house.root)
        found = site.store.answers_page(
            source=wanted["source"] or None, before=wanted.before, limit=TOGETHER + 1
        )
        shown = found[:TOGETHER]
        states: dict[int, dict[str, Settled]] = {}
        for fate in site.store.fates([one.number for one in shown]):
            states.setdefault(fate.settled.number, {})[fate.sync] = fate.settled
        cards = Cards(site)
        looked_at_some(site, whose, "customers", len(shown))
        return house.page(
            "customers.html",
            request,
            whose,
            title="Customers",
            who="",
            asked=wanted,
            sources=sorted(
                {source for name in site.config.surveys for source in site.config.surveys[name].sources}
            ),
            cards=[cards.card(one, states.get(one.number, {})) for one in shown],
            last=shown[-1].number if len(found) > TOGETHER else None,
        )

    @routes.post("/customers")
    def find(request: Request) -> Response:
        # Not in the address: who was looked for is nobody's business but ours.
        whose = house.acting(request, May.PEOPLE)
        who = form_of(request).get("who", "").strip()[:320]
        if not who:
            return RedirectResponse(f"{house.root}/customers", 303, headers=HEADERS)
        story = customer_story.told(site.config, site.store, who, now=house.now())
        records = records_of(story)
        looked_at_some(site, whose, "search", len(records) + len(story.loose))
        if len(records) == 1 and not story.loose:
            return RedirectResponse(house.root + place_of(site.config, records[0]), 303, headers=HEADERS)
        return house.page(
            "found.html",
            request,
            whose,
            title="Customers",
            who=who,
            like_a_name=_is_like_a_name(who),
            story=story,
            found=[(place_of(site.config, one), one, _latest(one)) for one in records],
            fate=lambda answer: why_events.fate(answer, site.config.time_zone),
        )

    @routes.get("/customers/{connection}/{record}")
    def either(request: Request, connection: str, record: str) -> Response:
        """Where the object is not said, it is the one whose record it is."""
        house.visitor(request, May.PEOPLE)
        story = customer_story.told(site.config, site.store, record[:200], now=house.now())
        of_it = [one for one in records_of(story) if one.connection == connection]
        if not of_it:
            return _unknown(request)
        rest = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(house.root + place_of(site.config, of_it[0]) + rest, 303, headers=HEADERS)

    @routes.get("/customers/{connection}/{object_}/{record}")
    def customer(request: Request, connection: str, object_: str, record: str) -> Response:
        whose = house.visitor(request, May.PEOPLE)
        live = request.query_params.get("live") == "1"
        story, about = _told(record[:200], live)
        found = next(
            (one for one in story.records if (one.connection, one.object) == (connection, object_)), None
        )
        if found is None:
            return _unknown(request)
        looked_at(site, whose, found)
        return house.page(
            "customer.html",
            request,
            whose,
            title=name_of(found),
            live=live,
            problems=(*story.problems, *story.unseen),
            about=about,
            may_ask=list(site.config.surveys) if site.config.triggers else [],
            **telling_of(found, site.config, story),
        )

    def _told(record: str, live: bool) -> tuple[Story, About]:
        if not live:
            with site.store.at_one_moment():
                story = customer_story.told(site.config, site.store, record, now=house.now())
                return story, _about(record, story)
        with opening.opened(site.config, site.store, site.clock) as connections:
            story = customer_story.told(
                site.config, site.store, record, now=house.now(), connections=connections
            )
        return story, _about(record, story)

    def _about(record: str, story: Story) -> About:
        keys = (answer.key for one in story.records for answer in reversed(one.answers) if answer.key)
        return customer_story.asked(site.config, site.store, next(keys, record), story, None)

    def _unknown(request: Request) -> Response:
        said = "npsync knows nothing of this record: no answer was matched to it and nothing written."
        raise house.not_known(request, house.visitor(request, May.PEOPLE), said, next="npsync run")

    return routes


def records_of(story: Story) -> list[RecordStory]:
    """The people's and the accounts', each once."""
    found = [*story.records, *(account.record for account in story.accounts)]
    return list({(one.connection, one.object, one.id): one for one in found}.values())


def place_of(config: Config, record: RecordStory) -> str:
    """The page of a record: a customer's, or an account's."""
    people = config.people.get(record.connection)
    account = people.account if people is not None else None
    kind = "accounts" if account is not None and account.object == record.object else "customers"
    return f"/{kind}/" + "/".join(
        quote(part, safe="") for part in (record.connection, record.object, record.id)
    )


def name_of(record: RecordStory) -> str:
    """What people know them by; the record's id where nobody has looked."""
    keys = (answer.key for answer in reversed(record.answers) if answer.key)
    return next((str(value) for value in record.who.values()), None) or next(keys, record.id)


def _is_like_a_name(words: str) -> bool:
    """Words that are no address, number or id: somebody looks for a name."""
    return not any(sign.isdigit() or sign in "@:/" for sign in words)


def _latest(record: RecordStory) -> Mapping[str, object]:
    """Their latest answer, for a list."""
    answer = next((one for one in reversed(record.answers) if one.decides), None)
    if answer is None:
        return {"score": None, "segment": None, "at": None, "key": name_of(record)}
    return {
        "score": answer.score,
        "segment": answer.segment,
        "at": answer.answered_at,
        "key": answer.key or name_of(record),
    }
