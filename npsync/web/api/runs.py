"""Runs: what became of answers, and what was written."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from npsync.web.api.asked import SHOWN, From, Here, Limit, Name, Number, OfSync, Reader, Since
from npsync.web.api.describing import PROBLEMS, errors
from npsync.web.api.listing import Page, before, page, reply
from npsync.web.api.shapes import Change, Run, RunInFull, RunStatus
from npsync.web.problems import Problem
from npsync.web.reading import noted
from npsync.web.site import Site
from npsync.words import run_facts
from store.api import RunRow
from store.api.looking import Journaled

MOST_LEFT = 100  # of each state
Kind = Literal["run", "undo", "redo", "verify"]
Outcome = Literal["planned", "open", "written", "rejected", "deferred", "unknown"]

routes = APIRouter(tags=["runs"], responses=PROBLEMS)


@routes.get("/runs", summary="List runs", response_model=Page[Run])
def runs(
    request: Request,
    site: Here,
    caller: Reader,
    sync: OfSync = None,
    kind: Annotated[Kind | None, Query(description="Only these.")] = None,
    status: Annotated[RunStatus | None, Query(description="Only those that ended so.")] = None,
    since: Since = None,
    limit: Limit = SHOWN,
    cursor: From = None,
) -> Response:
    """The latest first, each with its report."""
    found = site.store.runs(
        sync=sync, kind=kind, status=status, since=since, before=before(request, cursor), limit=limit + 1
    )
    progress = site.store.progress()
    return page(
        request,
        site,
        found,
        limit,
        lambda its: [run_facts.facts(one, progress.get(one.id)) for one in its],
        lambda one: [one.id],
    )


@routes.get("/runs/{number}", summary="Show a run", response_model=RunInFull, responses=errors(404))
def run(request: Request, site: Here, caller: Reader, number: Number) -> Response:
    """Its report, and the answers it left open that are open still."""
    known = run_known(site, number)
    left = run_facts.left(site.store, known, MOST_LEFT)
    if left:
        noted(site, caller, "run", f"run {number}", people=len(left))
    return reply(request, run_facts.facts(known, site.store.progress_of(number)) | {"left": left})


@routes.get(
    "/runs/{number}/changes",
    summary="List the changes of a run",
    response_model=Page[Change],
    responses=errors(404),
)
def changes(
    request: Request,
    site: Here,
    caller: Reader,
    number: Number,
    outcome: Annotated[Outcome | None, Query(description="Only those that came to this.")] = None,
    record: Annotated[Name | None, Query(description="Only of this record.")] = None,
    limit: Limit = SHOWN,
    cursor: From = None,
) -> Response:
    """Field by field, old and new, in the order in which they were planned."""
    run_known(site, number)
    found = site.store.journal_page(
        number,
        outcome=outcome,
        record=record,
        after=before(request, cursor) or 0,
        limit=limit + 1,
    )
    if found:
        noted(site, caller, "changes", f"run {number}", people=min(limit, len(found)))
    return page(
        request,
        site,
        found,
        limit,
        lambda its: [run_facts.change_facts(one.change, one.outcome) | _why(one) for one in its],
        lambda one: [one.number],
    )


def _why(one: Journaled) -> dict[str, str]:
    return {"code": one.code, "message": one.message}


def run_known(site: Site, number: int) -> RunRow:
    """Raises Problem."""
    found = site.store.run(number)
    if found is None:
        raise Problem(404, "there is no such run", code="not_found")
    return found
