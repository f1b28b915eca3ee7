"""Who was asked, who was not and why, and who will be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from fastapi import APIRouter, Request
from starlette.responses import Response

from nps.asking import InvitationState
from npsync.asking import invited
from npsync.asking.funnel import SUPPRESSED, funnel, why_not
from npsync.figures import DAYS, since
from npsync.sign_in.roles import May
from npsync.web.dashboard.asked import asked, number
from npsync.web.dashboard.audit import looked_at_some
from npsync.web.dashboard.house import House
from npsync.web.dashboard.navigation import INVITATION_TABS
from npsync.web.dashboard.sends import sending_of
from npsync.web.dashboard.suppressions import suppressed
from npsync.web.site import Site
from npsync.words.asking_text import WORDS
from store.api.figures import Funnelled, Refused

TOGETHER = 50
PERIODS: Mapping[str, str] = {str(days): f"{days} days" if days < 365 else "a year" for days in DAYS}
_CANCELLABLE = (InvitationState.QUEUED, InvitationState.SHADOW)


def router(site: Site, house: House) -> APIRouter:
    routes = APIRouter()

    @routes.get("/invitations")
    def overview(request: Request) -> Response:
        whose = house.visitor(request, May.VIEW)
        wanted = asked(request, "days", "trigger", "survey", root=house.root)
        days = wanted["days"] if wanted["days"] in PERIODS else "30"
        shown = house.figures.invitations(int(days))
        rows: Sequence[Funnelled] = shown.value.funnel if shown.value is not None else ()
        refused: Sequence[Refused] = shown.value.refused if shown.value is not None else ()
        return house.page(
            "invitations.html",
            request,
            whose,
            title="Invitations",
            tabs=INVITATION_TABS,
            asked=wanted,
            days=days,
            periods=list(PERIODS.items()),
            period=PERIODS[days],
            shown=shown,
            same=house.root + request.url.path + (f"?{request.url.query}" if request.url.query else ""),
            triggers=_triggers(site, rows),
            surveys=sorted({*site.config.surveys, *(one.survey for one in rows)}),
            funnel=funnel(rows, trigger=wanted["trigger"], survey=wanted["survey"]),
            not_asked=_by_reason(refused, wanted["trigger"]),
            why_not=why_not,
            suppressed=suppressed(site, house),
            suppressed_said=SUPPRESSED,
            sending=sending_of(site),
        )

    @routes.get("/invitations/asked")
    def who_was(request: Request) -> Response:
        whose = house.visitor(request, May.PEOPLE)
        wanted = asked(request, "trigger", "state", "after", root=house.root)
        state = InvitationState(wanted["state"]) if wanted["state"] in set(InvitationState) else None
        found = site.store.invitations_page(
            trigger=wanted["trigger"] or None,
            state=state,
            before=invited.read_on(site.store, wanted["after"]),
            limit=TOGETHER + 1,
        )
        shown = found[:TOGETHER]
        looked_at_some(site, whose, "invitations", len(shown))
        return house.page(
            "invited.html",
            request,
            whose,
            title="Invitations",
            tabs=INVITATION_TABS,
            asked=wanted,
            triggers=sorted(site.config.triggers),
            states=[each.value for each in InvitationState],
            invitations=shown,
            more=shown[-1].reference if len(found) > TOGETHER else None,
            cancellable=_CANCELLABLE,
            words=WORDS,
        )

    @routes.get("/invitations/not-asked")
    def who_was_not(request: Request) -> Response:
        whose = house.visitor(request, May.PEOPLE)
        wanted = asked(request, "days", "trigger", "code", root=house.root)
        days = wanted["days"] if wanted["days"] in PERIODS else "30"
        found = site.store.not_asked_page(
            since=since(
                int(days), house.now().astimezone(site.config.time_zone).date(), site.config.time_zone
            ),
            trigger=wanted["trigger"] or None,
            code=wanted["code"] or None,
            before=wanted.before,
            limit=TOGETHER + 1,
        )
        shown = found[:TOGETHER]
        looked_at_some(site, whose, "not asked", len(shown))
        return house.page(
            "not-asked.html",
            request,
            whose,
            title="Invitations",
            tabs=INVITATION_TABS,
            asked=wanted,
            days=days,
            periods=list(PERIODS.items()),
            triggers=sorted(site.config.triggers),
            found=shown,
            last=shown[-1].number if len(found) > TOGETHER else None,
            why_not=why_not,
        )

    @routes.get("/invitations/due")
    def due(request: Request) -> Response:
        whose = house.visitor(request, May.PEOPLE)
        wanted = asked(request, "after", root=house.root)
        place = _place(wanted["after"])
        step = number(place[1]) if place is not None else None
        after = (place[0], step) if place is not None and step is not None else None
        found = site.store.coming_page(after=after, limit=TOGETHER + 1)
        shown = found[:TOGETHER]
        looked_at_some(site, whose, "due", len(shown))
        return house.page(
            "due.html",
            request,
            whose,
            title="Invitations",
            tabs=INVITATION_TABS,
            asked=wanted,
            coming=shown,
            in_all=site.store.count_coming(),
            more=_after(shown[-1].at, str(shown[-1].step.number)) if len(found) > TOGETHER else None,
            sending=sending_of(site),
        )

    return routes


def _triggers(site: Site, rows: Sequence[Funnelled]) -> list[str]:
    return sorted({*site.config.triggers, *(one.trigger for one in rows)})


def _by_reason(refused: Iterable[Refused], trigger: str) -> list[tuple[str, int]]:
    """(code, how many), the most frequent first."""
    by_code: dict[str, int] = {}
    for one in refused:
        if trigger in ("", one.trigger):
            by_code[one.code] = by_code.get(one.code, 0) + one.times
    return sorted(by_code.items(), key=lambda each: (-each[1], each[0]))


def _after(at: datetime, id: str) -> str:
    """A place in a list that is ordered by time, for the address."""
    return f"{int(at.timestamp() * 1000)}.{id}"


def _place(text: str) -> tuple[datetime, str] | None:
    milliseconds, dot, id = text.partition(".")
    if not (dot and id and milliseconds.isascii() and milliseconds.isdecimal()) or len(milliseconds) > 14:
        return None
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC), id
