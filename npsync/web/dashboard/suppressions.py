"""Who is never asked, and why."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from nps.asking import SuppressionReason
from npsync.asking.funnel import SUPPRESSED
from npsync.sign_in.roles import May
from npsync.web.dashboard.asked import asked
from npsync.web.dashboard.audit import looked_at_some
from npsync.web.dashboard.house import House
from npsync.web.dashboard.navigation import INVITATION_TABS
from npsync.web.site import Site

TOGETHER = 50


def router(site: Site, house: House) -> APIRouter:
    routes = APIRouter()

    @routes.get("/suppressions")
    def suppressions(request: Request) -> Response:
        whose = house.visitor(request, May.PEOPLE)
        wanted = asked(request, "reason", root=house.root)
        reason = SuppressionReason(wanted["reason"]) if wanted["reason"] in set(SuppressionReason) else None
        found = site.store.suppressions_page(reason=reason, before=wanted.before, limit=TOGETHER + 1)
        shown = found[:TOGETHER]
        looked_at_some(site, whose, "suppressions", len(shown))
        return house.page(
            "suppressions.html",
            request,
            whose,
            title="Invitations",
            tabs=INVITATION_TABS,
            asked=wanted,
            counts=suppressed(site, house),
            found=shown,
            said=SUPPRESSED,
            last=shown[-1].number if len(found) > TOGETHER else None,
        )

    return routes


def suppressed(site: Site, house: House) -> list[tuple[SuppressionReason, int]]:
    counts = house.kept("suppressed", site.store.suppressed_counts)
    return sorted(counts.items(), key=lambda each: -each[1])
