"""Who was asked, who was not and why, and who will be; stopping that, and the gatekeeper's word about one person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, Request
from starlette.responses import Response

from nps.asking import InvitationState, Send, SuppressionReason
from nps.errors import ConfigError, NpsyncError
from nps.values import Json
from npsync import opening
from npsync.asking import gatekeeper, invited
from npsync.asking.funnel import SUPPRESSED, funnel, why_not
from npsync.deciding import sends as sending
from npsync.figures import DAYS, since
from npsync.sign_in.roles import May
from npsync.web.dashboard.action_words import name_of
from npsync.web.dashboard.asked import asked, number
from npsync.web.dashboard.audit import looked_at_some
from npsync.web.dashboard.house import House
from npsync.web.dashboard.visitors import Visitor, form_of
from npsync.web.dashboard.words import sentence
from npsync.web.site import Site
from npsync.words.asking_text import WORDS
from store.api.figures import Funnelled, Refused
from triggers import ledger

TOGETHER = 50
PERIODS: Mapping[str, str] = {str(days): f"{days} days" if days < 365 else "a year" for days in DAYS}
_CANCELLABLE = (InvitationState.QUEUED, InvitationState.SHADOW)
_DAY = timedelta(days=1)


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
            tabs=_tabs(),
            asked=wanted,
            days=days,
            periods=list(PERIODS.items()),
            period=PERIODS[days],
            shown=shown,
            same=house.root + request.url.path + (f"?{request.url.query}" if request.url.query else ""),
            triggers=_triggers(rows),
            surveys=sorted({*site.config.surveys, *(one.survey for one in rows)}),
            funnel=funnel(rows, trigger=wanted["trigger"], survey=wanted["survey"]),
            not_asked=_by_reason(refused, wanted["trigger"]),
            why_not=why_not,
            suppressed=_suppressed(),
            suppressed_said=SUPPRESSED,
            sending=_sending(),
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
            tabs=_tabs(),
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
            tabs=_tabs(),
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
            tabs=_tabs(),
            asked=wanted,
            coming=shown,
            in_all=site.store.count_coming(),
            more=_after(shown[-1].at, str(shown[-1].step.number)) if len(found) > TOGETHER else None,
            sending=_sending(),
        )

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
            tabs=_tabs(),
            asked=wanted,
            counts=_suppressed(),
            found=shown,
            said=SUPPRESSED,
            last=shown[-1].number if len(found) > TOGETHER else None,
        )

    # ------------------------------------------------------------ doing something

    @routes.get("/invitations/sends")
    def sends(request: Request) -> Response:
        whose = house.visitor(request, May.OPERATE)
        now = house.now()
        return house.page(
            "sends.html",
            request,
            whose,
            title="Resume sends" if _sending().stopped else "Stop sending",
            due_now=site.store.count_coming(until=now),
            due_soon=site.store.count_coming(until=now + _DAY),
            in_all=site.store.count_coming(),
            sending=_sending(),
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

    @routes.get("/invitations/may-ask")
    def ask_form(request: Request) -> Response:
        return _may_ask(request, house.visitor(request, May.PEOPLE), "", "", None)

    @routes.post("/invitations/may-ask")
    def may_ask(request: Request) -> Response:
        # A form, so that who is asked about stands in no address.
        whose, form = house.acting(request, May.PEOPLE), form_of(request)
        who, survey = form.get("who", "").strip()[:320], form.get("survey", "")[:200]
        said: dict[str, Json] | None = None
        problem = ""
        try:
            if who:
                said = _judged(who, survey)
        except NpsyncError as error:
            problem = str(error)
        if who:
            house.noted(whose, "asked whether somebody may be asked", survey=survey)
        return _may_ask(request, whose, who, survey, said, problem)

    def _judged(who: str, survey: str) -> dict[str, Json]:
        with opening.opened(site.config, site.store, site.clock) as connections:
            wish = gatekeeper.Wish(tool="dashboard", survey=survey or None)
            named = gatekeeper.named_by(site.config, who)
            verdict = gatekeeper.may_ask(site.config, site.store, connections, named, wish)
        decision = verdict.decision
        if isinstance(decision, Send):
            return {"may": True, "channels": [channel.value for channel in decision.channels]}
        until = decision.until
        return {
            "may": False,
            "code": decision.code,
            "reason": decision.reason,
            "until": until.isoformat() if until is not None else None,
        }

    def _may_ask(
        request: Request,
        whose: Visitor,
        who: str,
        survey: str,
        said: Mapping[str, Json] | None,
        problem: str = "",
    ) -> Response:
        until = said.get("until") if said is not None else None
        return house.page(
            "may-ask.html",
            request,
            whose,
            title="May they be asked?",
            tabs=_tabs(),
            who=who,
            survey=survey,
            surveys=list(site.config.surveys),
            said=said,
            until=datetime.fromisoformat(until) if isinstance(until, str) else None,
            why_not=why_not,
            problem=problem,
        )

    # ------------------------------------------------------------ what it is made of

    def _sending() -> Sending:
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

    def _suppressed() -> list[tuple[SuppressionReason, int]]:
        counts = house.kept("suppressed", site.store.suppressed_counts)
        return sorted(counts.items(), key=lambda each: -each[1])

    def _triggers(rows: Sequence[Funnelled]) -> list[str]:
        return sorted({*site.config.triggers, *(one.trigger for one in rows)})

    return routes


_LISTS = ("/invitations/asked", "/invitations/due")


def _tabs() -> list[tuple[str, str, int, bool]]:
    return [
        ("/invitations", "Funnel", 0, False),
        ("/invitations/asked", "Who was asked", 0, False),
        ("/invitations/not-asked", "Who was not", 0, False),
        ("/invitations/due", "Due later", 0, False),
        ("/suppressions", "Never ask", 0, False),
        ("/invitations/may-ask", "May they be asked?", 0, False),
    ]


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
