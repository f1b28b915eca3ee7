"""What was to follow answers: refused, of unknown fate, and tasks that nobody has closed."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from nps.errors import ConfigError
from npsync.deciding import follow_ups as following
from npsync.deciding.to_do import LATE
from npsync.deciding.writing import want_written
from npsync.sign_in.roles import May
from npsync.web.dashboard.asked import asked, number
from npsync.web.dashboard.audit import looked_at_some
from npsync.web.dashboard.house import House
from npsync.web.dashboard.review import tabs_of
from npsync.web.dashboard.under_way import under_way
from npsync.web.dashboard.visitors import form_of
from npsync.web.dashboard.words import many, sentence
from npsync.web.site import Site
from npsync.words import followed_text

TOGETHER = 50


def router(site: Site, house: House) -> APIRouter:
    routes = APIRouter()

    @routes.get("/follow-ups")
    def follow_ups(request: Request) -> Response:
        whose = house.visitor(request, May.PEOPLE)
        wanted = asked(request, "sync", root=house.root)
        before = house.now() - LATE
        refused = site.store.refused_page(
            sync=wanted["sync"] or None, before=wanted.before, limit=TOGETHER + 1
        )
        late = site.store.late_tasks(given_before=before, limit=TOGETHER, offset=(wanted.page - 1) * TOGETHER)
        looked_at_some(site, whose, "follow-ups", len(refused[:TOGETHER]) + len(late))
        waiting = site.store.waiting_entries()
        return house.page(
            "follow-ups.html",
            request,
            whose,
            title="Follow-ups · Review",
            tabs=tabs_of(site, house),
            asked=wanted,
            refused=refused[:TOGETHER],
            last=refused[TOGETHER - 1].id if len(refused) > TOGETHER else None,
            late=late,
            late_in_all=site.store.count_late_tasks(given_before=before),
            late_after=LATE.days,
            waiting=waiting,
            what=followed_text.what,
            how_it_is=followed_text.how_it_is,
            settles=followed_text.settles,
            size=TOGETHER,
            doing=under_way(site),
        )

    @routes.post("/follow-ups/{act}")
    def act(request: Request, act: str) -> Response:
        whose, form = house.acting(request, May.OPERATE), form_of(request)
        ids = [one for text in form.all("entry") if (one := number(text)) is not None]
        decider = house.decider(whose)
        if not ids or act not in ("retry", "discard"):
            return house.back(whose, "/follow-ups", "Nothing is ticked: nothing was done.", failed=True)
        if act == "retry":
            retried = following.retry(decider, ids)
            want_written(decider, retried.again)
            done = retried.done
            said = f"{many(len(done), 'follow-up')} retried, as the answer and the YAML say today."
        else:
            try:
                done = following.discard(decider, ids, form.get("reason", "")).done
            except ConfigError as error:
                return house.back(whose, "/follow-ups", sentence(str(error)), failed=True)
            said = f"{many(len(done), 'follow-up')} discarded. Nothing is deleted in the CRM."
        if not done:
            return house.back(
                whose, "/follow-ups", "None of them is open any more: nothing was done.", failed=True
            )
        return house.back(whose, "/follow-ups", said)

    return routes
