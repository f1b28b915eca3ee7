"""The accounts of a survey, the worst first."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import Response

from npsync.config import Config
from npsync.figures import Shown
from npsync.jobs import target_of
from npsync.reports import nps_surveys
from npsync.reports.wish import enough_of
from npsync.web.dashboard.house import House
from npsync.web.site import Site
from store.api.tallying import AccountPage, Order

TOGETHER = 50
ORDERS = {
    Order.WORST: "lowest NPS",
    Order.BEST: "highest NPS",
    Order.MOST: "most people",
    Order.LATEST: "answered last",
    Order.NAME: "name",
}


def router(site: Site, house: House) -> APIRouter:
    routes = APIRouter()

    @routes.get("/accounts")
    def accounts(request: Request) -> Response:
        whose = house.visitor(request)
        surveys = [name for name in nps_surveys(site.config) if name not in site.config.privacy.anonymous]
        asked = request.query_params
        survey = asked.get("survey", "") if asked.get("survey", "") in surveys else next(iter(surveys), "")
        order = Order(asked["order"]) if asked.get("order", "") in set(Order) else Order.WORST
        number = int(asked["page"]) if asked.get("page", "").isdecimal() and len(asked["page"]) < 6 else 1
        number = max(1, number)
        enough = enough_of(site.config, survey)
        shown = (
            house.figures.accounts(survey, order, limit=TOGETHER, offset=(number - 1) * TOGETHER)
            if survey
            else Shown(AccountPage(accounts=(), all_of_them=0, with_enough=0), None)
        )
        found, connection = shown.value, rolled_up_in(site.config, survey)
        return house.page(
            "accounts.html",
            request,
            whose,
            title="Accounts",
            found=found,
            shown=shown,
            survey=survey,
            surveys=surveys,
            order=order.value,
            orders={each.value: said for each, said in ORDERS.items()},
            number=number,
            pages=-(-found.all_of_them // TOGETHER) if found is not None else 0,
            first=(number - 1) * TOGETHER + 1,
            link=lambda page: "?" + urlencode({"survey": survey, "order": order.value, "page": page}),
            enough_people=enough,
            known=any(site.config.people[name].account for name in site.config.people),
            connection=connection,
            object=object_of_accounts(site.config, connection),
            remembered=site.config.report is not None,
            zone=site.config.time_zone,
            now=house.now(),
        )

    return routes


def rolled_up_in(config: Config, survey: str) -> str:
    """The connection whose accounts show figures of this survey: those have a story to tell."""
    for sync in config.sync.values():
        if sync.survey == survey and sync.account is not None:
            return target_of(config, sync).connection
    return ""


def object_of_accounts(config: Config, connection: str) -> str:
    """What the CRM calls an account."""
    people = config.people.get(connection)
    return people.account.object if people is not None and people.account is not None else ""
