"""What takes long or asks a vendor: wanted here, done by `npsync serve`, looked at until it is done."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Annotated, Any, cast

import orjson
from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from nps.errors import ConfigError
from nps.values import Json
from npsync.actions.asking import ask_for
from npsync.actions.wanting import KINDS
from npsync.web.api.asked import SHOWN, From, Here, Limit, Name, Number, Reader, SyncName
from npsync.web.api.describing import ACTING, PROBLEMS, errors
from npsync.web.api.listing import Page, before, page, place_of, reply
from npsync.web.api.once import Key, reused
from npsync.web.api.runs import run_known
from npsync.web.api.shapes import Act, Planned
from npsync.web.api.syncs import sync_known
from npsync.web.bearers import decider, is_of, key_of, needing
from npsync.web.problems import Problem
from npsync.web.reading import noted
from npsync.web.site import Site
from store.api import Action, Stand, TokenRow

SECONDS_BETWEEN = 5  # looks at an action that is under way
ENDED = (Stand.DONE, Stand.FAILED)

routes = APIRouter(tags=["actions"], responses=PROBLEMS)

Planner = Annotated[TokenRow, Depends(needing("plan", "apply"))]
Runner = Annotated[TokenRow, Depends(needing("apply"))]
Undoer = Annotated[TokenRow, Depends(needing("undo"))]
PlanReader = Annotated[TokenRow, Depends(needing("read", "plan"))]
Looker = Annotated[TokenRow, Depends(needing("read", "plan", "apply", "undo"))]

WANTED: dict[int | str, dict[str, Any]] = {
    202: {
        "description": "Wanted. Look at `Location` until its `state` is done or failed, `Retry-After` seconds apart.",
        "headers": {
            "Location": {"schema": {"type": "string"}, "description": "Where to look how far it is."},
            "Retry-After": {"schema": {"type": "string"}, "description": "Seconds until the next look."},
        },
    },
    **ACTING,
    **errors(404),
}


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RunOptions(_Asked):
    """How to run; all of it may be left out."""

    everything: bool = Field(
        default=False, description="Plan every answer anew, for a changed mapping (`run --all`)."
    )
    full: bool = Field(default=False, description="Read the sources from their beginning (`run --full`).")
    recheck: bool = Field(default=False, description="Look waiting answers up again (`run --recheck`).")
    accept_breaker: bool = Field(
        default=False, description="Write although the breaker has reasons against it."
    )


class PlanOptions(_Asked):
    """How to plan; all of it may be left out."""

    everything: bool = Field(default=False, description="As after a changed mapping (`plan --all`).")


class UndoOptions(_Asked):
    """How to take back; all of it may be left out."""

    plan: bool = Field(default=False, description="Only see what it would do; nothing is written.")


class Nothing(_Asked):
    """Nothing has to be said."""


AS_USUAL, AS_PLANNED, TAKEN_BACK, NOTHING = RunOptions(), PlanOptions(), UndoOptions(), Nothing()


@routes.post(
    "/syncs/{name}/run", summary="Run a sync now", status_code=202, response_model=Act, responses=WANTED
)
def run(
    site: Here, caller: Runner, name: SyncName, key: Key = None, options: RunOptions = AS_USUAL
) -> Response:
    """As `npsync run SYNC`: pull, plan and write."""
    return wanted(site, caller, key, "run", {"sync": sync_known(site, name), **dict(options)})


@routes.post(
    "/syncs/{name}/plan", summary="Plan a sync", status_code=202, response_model=Act, responses=WANTED
)
def plan(
    site: Here, caller: Planner, name: SyncName, key: Key = None, options: PlanOptions = AS_PLANNED
) -> Response:
    """What a run would change; nothing is written. The changes are at /actions/{number}/changes once it is done."""
    return wanted(site, caller, key, "plan", {"sync": sync_known(site, name), **dict(options)})


@routes.post(
    "/syncs/{name}/verify", summary="Verify a sync", status_code=202, response_model=Act, responses=WANTED
)
def verify(
    site: Here, caller: Planner, name: SyncName, key: Key = None, options: Nothing = NOTHING
) -> Response:
    """Compare a sample of the records with what was written; nothing is written."""
    return wanted(site, caller, key, "verify", {"sync": sync_known(site, name)})


@routes.post(
    "/runs/{number}/undo", summary="Undo a run", status_code=202, response_model=Act, responses=WANTED
)
def undo(
    site: Here, caller: Undoer, number: Number, key: Key = None, options: UndoOptions = TAKEN_BACK
) -> Response:
    """Restore what the run overwrote, where the record still shows it. An undo is a run, and can be undone."""
    return wanted(site, caller, key, "undo", {"run": run_known(site, number).id, **dict(options)})


@routes.post(
    "/runs/{number}/redo", summary="Redo a run", status_code=202, response_model=Act, responses=WANTED
)
def redo(
    site: Here, caller: Undoer, number: Number, key: Key = None, options: UndoOptions = TAKEN_BACK
) -> Response:
    """Write again what was undone; the run is the undo, or the one that was undone."""
    return wanted(site, caller, key, "redo", {"run": run_known(site, number).id, **dict(options)})


# ------------------------------------------------------------ how far it is


@routes.get("/actions", summary="List actions", response_model=Page[Act])
def actions(
    request: Request,
    site: Here,
    caller: Reader,
    about: Annotated[Name | None, Query(description="Only about this: a sync, or `run 41`.")] = None,
    unfinished: Annotated[bool, Query(description="Only those that are not done.")] = False,
    limit: Limit = SHOWN,
    cursor: From = None,
) -> Response:
    """The latest first, from pages and from the API."""
    found = site.store.actions(
        about=about, unfinished=unfinished, before=before(request, cursor), limit=limit + 1
    )
    return page(
        request, site, found, limit, lambda its: [facts(one) for one in its], lambda one: [one.number]
    )


@routes.get("/actions/{number}", summary="Show an action", response_model=Act, responses=errors(404))
def action(request: Request, site: Here, caller: Looker, number: Number) -> Response:
    """How far it is. A token without the scope read sees its own."""
    found = known(site, caller, number)
    return reply(request, facts(found), headers=_look_again(found))


@routes.get(
    "/actions/{number}/changes",
    summary="List what a plan would change",
    response_model=Page[Planned],
    responses=errors(404, 409),
)
def planned(
    request: Request,
    site: Here,
    caller: PlanReader,
    number: Number,
    limit: Limit = SHOWN,
    cursor: From = None,
) -> Response:
    """Of a plan that is done, field by field; of a long one the first. They hold what customers said, so they are kept
    for a day, and that you read them is noted."""
    found = known(site, caller, number)
    if found.stand not in ENDED:
        raise Problem(409, "it is not done yet", code="not_done", headers={"Retry-After": "5"})
    told = _changes_of(found)
    place = place_of(request, cursor, int)
    start = 0 if place is None else max(0, min(place[0], len(told)))
    shown = list(enumerate(told))[start : start + limit + 1]
    if shown:
        noted(site, caller, "plan", f"action {number}", people=min(limit, len(shown)))
    return page(request, site, shown, limit, lambda its: [one for _, one in its], lambda one: [one[0] + 1])


def _changes_of(found: Action) -> list[dict[str, Any]]:
    return [
        {
            "object": one.get("object", ""),
            "id": one["id"],
            "fields": {name: [one["before"].get(name), value] for name, value in one["after"].items()},
        }
        for name, told in (found.outcome or {}).items()
        if _is_changes(told)
        for one in cast(list[Any], told)
    ]


def known(site: Site, caller: TokenRow, number: int) -> Action:
    """Raises Problem."""
    found = site.store.action(number)
    if found is None or ("read" not in caller.scopes and not is_of(caller, found.key)):
        raise Problem(404, "there is no such action", code="not_found")
    return found


def wanted(
    site: Site, caller: TokenRow, key: str | None, kind: str, arguments: Mapping[str, Any]
) -> Response:
    """Wanted now, or by an earlier request with this key: 202, and where to look. Raises Problem."""
    try:
        given = key_of(caller, key or secrets.token_urlsafe(16))
        found, new = ask_for(decider(site, caller), kind, arguments, key=given)
    except ConfigError:  # what it names was looked up before: it has gone meanwhile
        raise Problem(409, "what this is about is not there any more", code="gone") from None
    asked = KINDS[kind].model_validate(dict(arguments)).model_dump(mode="json")
    if not new and (found.kind != kind or dict(found.arguments) != asked):
        raise reused()
    headers = {"Location": f"{site.root}/api/v1/actions/{found.number}", **_look_again(found)}
    if not new:
        headers["Idempotency-Replayed"] = "true"
    return Response(orjson.dumps(facts(found)), 202, headers=headers, media_type="application/json")


def facts(one: Action) -> dict[str, Any]:
    return {
        "action": one.number,
        "kind": one.kind,
        "about": one.about,
        "arguments": one.arguments,
        "state": one.stand.value,
        "who": one.who,
        "wanted_at": one.wanted_at,
        "began_at": one.began_at,
        "ended_at": one.ended_at,
        "run": one.run,
        "outcome": None
        if one.outcome is None
        else {name: _valueless(told) for name, told in one.outcome.items() if not _is_changes(told)},
    }


def _is_changes(told: Json) -> bool:
    """Changes of records, each with its values: what customers said is told by itself."""
    return isinstance(told, list) and any(isinstance(one, dict) and "after" in one for one in told)


def _valueless(told: Json) -> Json:
    """What an undo would leave alone says in its sentence what stands there now: `why` says it without."""
    if not isinstance(told, list):
        return told
    return [
        {name: its for name, its in one.items() if name != "said"} if isinstance(one, dict) else one
        for one in told
    ]


def _look_again(found: Action) -> dict[str, str]:
    return {} if found.stand in ENDED else {"Retry-After": str(SECONDS_BETWEEN)}
