"""Stopping what is sent, letting it go on, and taking one invitation back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import APIRouter, Request
from starlette.responses import Response

from nps.errors import ConfigError
from npsync.asking import invited
from npsync.deciding import sends as sending
from npsync.sign_in.roles import May
from npsync.web.dashboard.action_words import name_of
from npsync.web.dashboard.house import House
from npsync.web.dashboard.visitors import form_of
from npsync.web.dashboard.words import sentence
from npsync.web.site import Site
from triggers import ledger

_DAY = timedelta(days=1)
_LISTS = ("/invitations/asked", "/invitations/due")


@dataclass(frozen=True)
class Sending:
    """Whether anything is sent, and if somebody stopped it, who, when and why."""

    halted: str | None
    by: str = ""
    why: str = ""
    at: datetime | None = None

    @property
    def stopped(self) -> bool:
        return self.at is not None


def router(site: Site, house: House) -> APIRouter:
    routes = APIRouter()

    @routes.get("/invitations/sends")
    def sends(request: Request) -> Response:
        whose = house.visitor(request, May.OPERATE)
        now = house.now()
        return house.page(
            "sends.html",
            request,
            whose,
            title="Resume sends" if sending_of(site).stopped else "Stop sending",
            due_now=site.store.count_coming(until=now),
            due_soon=site.store.count_coming(until=now + _DAY),
            in_all=site.store.count_coming(),
            sending=sending_of(site),
        )

    @routes.post("/invitations/stop")
    def stop(request: Request) -> Response:
        whose, form = house.acting(request, May.OPERATE), form_of(request)
        if not sending.stop(house.decider(whose), form.get("reason", "")):
            return house.back(whose, "/invitations", "Sends were stopped already.", failed=True)
        return house.back(whose, "/invitations", "Stopped. Nothing is sent until somebody lets it go on.")

    @routes.post("/invitations/resume")
    def resume(request: Request) -> Response:
        whose = house.acting(request, May.OPERATE)
        if not sending.resume(house.decider(whose)):
            return house.back(whose, "/invitations", "Sends were not stopped.", failed=True)
        return house.back(whose, "/invitations", "Sends go out again. What became too late is not sent.")

    @routes.post("/invitations/cancel")
    def cancel(request: Request) -> Response:
        whose, form = house.acting(request, May.OPERATE), form_of(request)
        back = form.get("back", "") if form.get("back") in _LISTS else "/invitations/asked"
        try:
            one = invited.named(site.store, form.get("invitation", "")[:200])
            sending.cancel(house.decider(whose), one, form.get("reason", ""))
        except ConfigError as error:
            return house.back(whose, back, f"{sentence(str(error))}.", failed=True)
        return house.back(whose, back, f"{one.object} {one.record_id} is not asked {one.survey}.")

    return routes


def sending_of(site: Site) -> Sending:
    switch = site.store.switches().get(ledger.SENDS)
    told = switch if isinstance(switch, dict) else {}
    at = told.get("at")
    return Sending(
        # Where nothing asks, an empty ledger is no trouble.
        halted=ledger.why_none_is_sent(site.store) if site.config.has_to_ask or at else None,
        by=name_of(str(told.get("by") or "")),
        why=str(told.get("why") or ""),
        at=datetime.fromisoformat(at) if isinstance(at, str) else None,
    )
