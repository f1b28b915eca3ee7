"""The gatekeeper's word about one person."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from nps.asking import Decision, Send
from nps.errors import NpsyncError
from npsync import opening
from npsync.asking import gatekeeper
from npsync.asking.funnel import why_not
from npsync.sign_in.roles import May
from npsync.web.dashboard.house import House
from npsync.web.dashboard.navigation import INVITATION_TABS
from npsync.web.dashboard.visitors import Visitor, form_of
from npsync.web.site import Site


def router(site: Site, house: House) -> APIRouter:
    routes = APIRouter()

    @routes.get("/invitations/may-ask")
    def ask_form(request: Request) -> Response:
        return page(request, house.visitor(request, May.PEOPLE))

    @routes.post("/invitations/may-ask")
    def may_ask(request: Request) -> Response:
        # A form, so that who is asked about stands in no address.
        whose, form = house.acting(request, May.PEOPLE), form_of(request)
        who, survey = form.get("who", "").strip()[:320], form.get("survey", "")[:200]
        if not who:
            return page(request, whose, survey=survey)
        decision, problem = None, ""
        try:
            decision = _decided(site, who, survey)
        except NpsyncError as error:
            problem = str(error)
        house.noted(whose, "asked whether somebody may be asked", survey=survey)
        return page(request, whose, who, survey, decision, problem)

    def page(
        request: Request,
        whose: Visitor,
        who: str = "",
        survey: str = "",
        decision: Decision | None = None,
        problem: str = "",
    ) -> Response:
        return house.page(
            "may-ask.html",
            request,
            whose,
            title="May they be asked?",
            tabs=INVITATION_TABS,
            who=who,
            survey=survey,
            surveys=list(site.config.surveys),
            may=isinstance(decision, Send),
            said=decision,
            why_not=why_not,
            problem=problem,
        )

    return routes


def _decided(site: Site, who: str, survey: str) -> Decision:
    with opening.opened(site.config, site.store, site.clock) as connections:
        wish = gatekeeper.Wish(tool="dashboard", survey=survey or None)
        named = gatekeeper.named_by(site.config, who)
        return gatekeeper.may_ask(site.config, site.store, connections, named, wish).decision
