"""The figures: of a survey and of its accounts. Small groups stay untold, anonymous programmes by their own rule."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from nps.errors import ConfigError
from nps.periods import Every
from npsync.figures import Figures
from npsync.reports import Compare, exporting, nps_surveys, wish
from npsync.reports.wish import dimensions, enough_of, guarded
from npsync.sign_in.roles import May, rights_of
from npsync.web.api.asked import SHOWN, From, Here, Limit, Name
from npsync.web.api.describing import PROBLEMS, errors
from npsync.web.api.listing import after, place_of, reply
from npsync.web.api.shapes import Accounts, ReportReply
from npsync.web.bearers import needing
from npsync.web.problems import Problem, faults
from npsync.web.site import Site
from store.api import TokenRow
from store.api.tallying import AccountFigures, Order

routes = APIRouter(tags=["figures"], responses=PROBLEMS)
Counter = Annotated[TokenRow, Depends(needing("reports", "read"))]
FURTHEST = 1_000_000  # accounts
GUARDED = (
    "a token of scope reports is told the last twelve whole months, month by month against the year before; any other "
    "time, and who answered last, takes the scope read: differences would tell what one person said"
)


@routes.get("/reports", summary="Name the surveys that have a report")
def reports(request: Request, site: Here, caller: Counter) -> dict[Literal["items"], list[str]]:
    """Those that measure an NPS."""
    return {"items": list(nps_surveys(site.config))}


@routes.get("/reports/{survey}", summary="Report a survey", response_model=ReportReply, responses=errors(404))
def report(
    request: Request,
    site: Here,
    caller: Counter,
    survey: Annotated[Name, Path(description="The survey, as the YAML names it.")],
    since: Annotated[date | None, Query(description="The first day; default twelve months.")] = None,
    until: Annotated[date | None, Query(description="The last day; default today.")] = None,
    every: Annotated[Every, Query(description="The steps of the time line.")] = Every.MONTH,
    by: Annotated[
        Name | None,
        Query(description="Group by segment, channel, source, survey, owner, or a name of report.by."),
    ] = None,
    compare: Annotated[Compare, Query(description="With what.")] = Compare.PREVIOUS,
) -> Response:
    """The NPS with its margin: over time, by group, against before. What `npsync report` says. A token of scope reports
    is told the last twelve whole months alone, against the year before, and no group of few people."""
    if survey not in nps_surveys(site.config):
        raise Problem(404, "there is no such survey that measures an NPS", code="not_found")
    if by is not None and by not in dimensions(site.config):
        raise faults({"by": f"is none of {', '.join(dimensions(site.config))}"})
    today = site.clock.now().astimezone(site.config.time_zone).date()
    chosen = (since, until, every, compare) != (None, None, Every.MONTH, Compare.PREVIOUS)
    if chosen and not sees_people(caller) and survey not in site.config.privacy.anonymous:
        raise Problem(403, GUARDED, code="scope")
    try:
        wanted = (
            wish(
                site.config,
                survey,
                today=today,
                since=since,
                until=until,
                every=every,
                by=by,
                compare=compare,
            )
            if sees_people(caller)
            else guarded(site.config, survey, today=today, by=by)
        )
    except ConfigError:
        said = "must not be later than until, nor so long ago that there are too many steps of `every`"
        raise faults({"since": said, "until": "must not be in the future"}) from None
    shown = Figures(site.config, site.store, site.clock).report(wanted)
    facts = None if shown.value is None else exporting.as_json(shown.value)
    return reply(request, {"report": facts, "as_of": shown.as_of, "counting": shown.counting})


@routes.get("/accounts", summary="List accounts by their figures", response_model=Accounts)
def accounts(
    request: Request,
    site: Here,
    caller: Counter,
    survey: Annotated[Name | None, Query(description="Of which survey; default the first.")] = None,
    order: Annotated[Order, Query(description="Which come first.")] = Order.WORST,
    limit: Limit = SHOWN,
    cursor: From = None,
) -> Response:
    """Of the last twelve months. Accounts of too few people come last, and have no figure; a token of scope reports is
    told nothing of them, and of the last twelve whole months."""
    known = [name for name in nps_surveys(site.config) if name not in site.config.privacy.anonymous]
    if survey is not None and survey not in known:
        raise faults({"survey": "is none that has figures of accounts"})
    of = survey or next(iter(known), None)
    place = place_of(request, cursor, int)
    offset = 0 if place is None else place[0]
    if not 0 <= offset <= FURTHEST:
        raise faults({"cursor": "is none of this list: take it from `next`, as it is"})
    if of is None:
        counts = {"all_of_them": 0, "with_enough": 0}
        return reply(request, {"items": [], "next": None, **counts, "as_of": None, "counting": False})
    figures = Figures(site.config, site.store, site.clock)
    if sees_people(caller):
        shown = figures.accounts(of, order, limit=limit, offset=offset)
    elif order is Order.LATEST:
        raise Problem(403, GUARDED, code="scope")
    else:
        shown = figures.large_accounts(of, order, limit=limit, offset=offset)
    found = shown.value
    more = found is not None and found.all_of_them > offset + limit
    return reply(
        request,
        {
            "items": []
            if found is None
            else [_account(site, of, one, sees_people(caller)) for one in found.accounts],
            "next": after(request, site, [offset + limit]) if more else None,
            "all_of_them": None if found is None else found.all_of_them,
            "with_enough": None if found is None else found.with_enough,
            "as_of": shown.as_of,
            "counting": shown.counting,
        },
    )


def sees_people(caller: TokenRow) -> bool:
    return May.PEOPLE in rights_of(caller.scopes)


def _account(site: Site, survey: str, one: AccountFigures, in_full: bool) -> dict[str, object]:
    """Of too few people it is told how many they are and when the last of them answered, and nothing of what they said:
    who they are is easily guessed. Not `in_full`: nor when, which would tell what they said who answered just now."""
    tally = one.tally
    told = tally.answers >= enough_of(site.config, survey)
    nps, margin = tally.nps(), tally.margin()
    return {
        "account": one.id,
        "label": one.label,
        "nps": float(nps) if told and nps is not None else None,
        "margin": float(margin) if told and margin is not None else None,
        "people": tally.answers,
        "promoters": tally.promoters if told else None,
        "passives": tally.passives if told else None,
        "detractors": tally.detractors if told else None,
        "ever_answered": one.known if in_full else None,
        "latest": one.latest if in_full else None,
    }
