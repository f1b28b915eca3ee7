"""Who was asked, who must not be, and whether anything is sent at all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from nps import asking
from nps.asking import InvitationState
from npsync.web.api.asked import SHOWN, From, Here, Limit, Name, Reader
from npsync.web.api.describing import ACTING, PROBLEMS
from npsync.web.api.listing import Page, after, moment_of, place_of, reply
from npsync.web.api.once import Key, once
from npsync.web.api.shapes import Invitation, Sending, Suppressions
from npsync.web.bearers import needing, who
from npsync.web.reading import noted
from npsync.web.site import Site
from store.api import TokenRow
from triggers import ledger
from triggers.ledger import LEDGER, SENDS, why_none_is_sent

routes = APIRouter(tags=["asking"], responses=PROBLEMS)
Operator = Annotated[TokenRow, Depends(needing("apply"))]
MOST_AT_A_TIME = 5_000  # invitations of one and the same millisecond


@routes.get("/invitations", summary="List invitations", response_model=Page[Invitation])
def invitations(
    request: Request,
    site: Here,
    caller: Reader,
    trigger: Annotated[Name | None, Query(description="Only of this trigger.")] = None,
    state: Annotated[InvitationState | None, Query(description="Only those that got this far.")] = None,
    limit: Limit = SHOWN,
    cursor: From = None,
) -> Response:
    """The latest decided first."""
    place = place_of(request, cursor, int, int)
    found, skipped = _page(site, trigger, state, place, limit + 1)
    if found:
        noted(site, caller, "invitations", "invitations", people=min(limit, len(found)))
    following = None
    if len(found) > limit:
        shown = found[:limit]
        last = _milliseconds(shown[-1].created_at)
        same = sum(_milliseconds(one.created_at) == last for one in shown)
        # The place is a time and how many of it were shown: an invitation's id is nobody's but its person's.
        before = skipped if place is not None and place[0] == last else 0
        following = after(request, site, [last, before + same])
    return reply(request, {"items": [_facts(one) for one in found[:limit]], "next": following})


def _page(
    site: Site, trigger: str | None, state: InvitationState | None, place: list[Any] | None, limit: int
) -> tuple[Sequence[asking.Invitation], int]:
    """From a place on; and how many of its time were shown before."""
    if place is None:
        return site.store.invitations_page(trigger=trigger, state=state, limit=limit), 0
    at, shown = moment_of(place[0]), max(0, min(place[1], MOST_AT_A_TIME))
    before = (at + timedelta(milliseconds=1), "")
    found = site.store.invitations_page(trigger=trigger, state=state, before=before, limit=limit + shown)
    return found[shown:], shown


def _milliseconds(at: datetime) -> int:
    return round(at.astimezone(UTC).timestamp() * 1000)


def _facts(one: asking.Invitation) -> dict[str, Any]:
    return {
        "trigger": one.trigger,
        "survey": one.survey,
        "connection": one.connection,
        "object": one.object,
        "record": one.record_id,
        "state": one.state.value,
        "via": one.via,
        "created_at": one.created_at,
        "due_at": one.due_at,
        "sent_at": one.sent_at,
        "answered_at": one.answered_at,
        "expires_at": one.expires_at,
        "code": one.code,
        "reason": one.reason,
    }


@routes.get("/suppressions", summary="Count who must not be asked", response_model=Suppressions)
def suppressions(request: Request, site: Here, caller: Reader) -> Response:
    """By reason, those in force."""
    counted = site.store.suppressed_counts()
    items = [{"reason": reason.value, "names": counted.get(reason, 0)} for reason in asking.SuppressionReason]
    return reply(request, {"items": items})


@routes.get("/sending", summary="Tell whether anything is sent", response_model=Sending)
def sending(request: Request, site: Here, caller: Reader) -> Response:
    """As `npsync sends status` says."""
    return reply(request, sending_facts(site))


class Reason(BaseModel):
    """Why; it may be left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: str = Field(default="", max_length=500, description="For those who look later.")


NO_REASON = Reason()


@routes.post("/sending/stop", summary="Stop all sends", response_model=Sending, responses=ACTING)
def stop(
    request: Request, site: Here, caller: Operator, key: Key = None, why: Reason = NO_REASON
) -> Response:
    """At once, in every process, over restarts, until they are resumed. What falls due meanwhile waits."""

    def do() -> dict[str, Any]:
        now = site.clock.now()
        if ledger.stop(site.store, by=who(caller), why=why.reason, now=now):
            site.store.note_audit(who(caller), "stop", "sends", now=now)
        return sending_facts(site)

    return once(request, site, caller, key, why.model_dump(), do)


@routes.post("/sending/resume", summary="Let sends go on", response_model=Sending, responses=ACTING)
def resume(request: Request, site: Here, caller: Operator, key: Key = None) -> Response:
    """What became too late meanwhile is not sent."""

    def do() -> dict[str, Any]:
        if ledger.resume(site.store):
            site.store.note_audit(who(caller), "resume", "sends", now=site.clock.now())
        return sending_facts(site)

    return once(request, site, caller, key, None, do)


def sending_facts(site: Site) -> dict[str, Any]:
    halted, switches = why_none_is_sent(site.store), site.store.switches()
    return {
        "sends": halted is None,
        "why_not": halted,
        "ledger_entries": site.store.ledger_size(),
        "stopped": switches.get(SENDS),
        "ledger": switches.get(LEDGER),
    }
