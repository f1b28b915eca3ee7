"""The accounts of a survey, the worst first."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from npsync.config import Config
from npsync.figures import Shown
from npsync.reports import nps_surveys
from npsync.reports.wish import enough_of
from npsync.sign_in.roles import May
from npsync.syncing.jobs import target_of
from npsync.web.dashboard.asked import asked
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
        wanted = asked(request, "survey", "order", root=house.root)
        survey = wanted["survey"] if wanted["survey"] in surveys else next(iter(surveys), "")
        guarded = not whose.can(May.PEOPLE)
        # In which order accounts answered would tell who did just now.
        orders = {each: said for each, said in ORDERS.items() if not guarded or each is not Order.LATEST}
        order = Order(wanted["order"]) if wanted["order"] in orders else Order.WORST
        enough = enough_of(site.config, survey, guarded=guarded)
        ask = house.figures.large_accounts if guarded else house.figures.accounts
        shown = (
            ask(survey, order, limit=TOGETHER, offset=(wanted.page - 1) * TOGETHER)
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
            orders={each.value: said for each, said in orders.items()},
            asked=wanted,
            size=TOGETHER,
            same=house.root + request.url.path + (f"?{request.url.query}" if request.url.query else ""),
            enough_people=enough,
            known=any(site.config.people[name].account for name in site.config.people),
            connection=connection,
            object=object_of_accounts(site.config, connection),
            remembered=site.config.report is not None,
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
