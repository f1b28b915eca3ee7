"""Who was asked, who must not be, and whether anything is sent at all."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from nps import asking
from nps.asking import InvitationState
from nps.errors import ConfigError
from npsync.asking import invited
from npsync.deciding import sends
from npsync.deciding.deciders import Decider
from npsync.web.api.asked import NO_CONTROL, SHOWN, From, Here, Limit, Name, Reader
from npsync.web.api.describing import ACTING, PROBLEMS, errors
from npsync.web.api.listing import Page, page, place_of, reply, strange
from npsync.web.api.once import Acts
from npsync.web.api.shapes import Invitation, Sending, Suppressions
from npsync.web.problems import Problem
from npsync.web.reading import noted
from npsync.web.site import Site
from triggers.ledger import LEDGER, SENDS, why_none_is_sent

routes = APIRouter(tags=["asking"], responses=PROBLEMS)


class Reason(BaseModel):
    """Why; it may be left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: str = Field(default="", max_length=500, description="For those who look later.")


NO_REASON = Reason()
Reference = Annotated[
    str,
    Path(
        max_length=40,
        pattern=NO_CONTROL,
        description="Which: its `invitation` in the list.",
        examples=["1772461800000-0f5a3c9d1b7e2f46"],
    ),
]


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
    place = place_of(request, cursor, str)
    before = None if place is None else invited.read_on(site.store, place[0])
    if place is not None and before is None:
        raise strange()
    found = site.store.invitations_page(trigger=trigger, state=state, before=before, limit=limit + 1)
    if found:
        noted(site, caller, "invitations", "invitations", people=min(limit, len(found)))
    return page(
        request, site, found, limit, lambda its: [_facts(one) for one in its], lambda one: [one.reference]
    )


@routes.post(
    "/invitations/{invitation}/cancel",
    summary="Cancel an invitation",
    response_model=Invitation,
    responses={**ACTING, **errors(404)},
)
def cancel(acting: Acts, invitation: Reference, why: Reason = NO_REASON) -> Response:
    """Nobody is asked by it. Of one that was sent or answered nothing is cancelled; one that was cancelled
    already is answered as it is."""

    def do(decider: Decider) -> dict[str, Any]:
        one = acting.site.store.invitation_called(invitation)
        if one is None:
            raise Problem(404, "there is no such invitation", code="not_found")
        try:
            return _facts(sends.cancel(decider, one, why.reason))
        except ConfigError as error:
            raise Problem(409, str(error), code="settled") from None

    return acting.once(why.model_dump(), do)


def _facts(one: asking.Invitation) -> dict[str, Any]:
    return {
        "invitation": one.reference,
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


@routes.post("/sending/stop", summary="Stop all sends", response_model=Sending, responses=ACTING)
def stop(acting: Acts, why: Reason = NO_REASON) -> Response:
    """At once, in every process, over restarts, until they are resumed. What falls due meanwhile waits."""

    def do(decider: Decider) -> dict[str, Any]:
        sends.stop(decider, why.reason)
        return sending_facts(acting.site)

    return acting.once(why.model_dump(), do)


@routes.post("/sending/resume", summary="Let sends go on", response_model=Sending, responses=ACTING)
def resume(acting: Acts) -> Response:
    """What became too late meanwhile is not sent."""

    def do(decider: Decider) -> dict[str, Any]:
        sends.resume(decider)
        return sending_facts(acting.site)

    return acting.once(None, do)


def sending_facts(site: Site) -> dict[str, Any]:
    halted, switches = why_none_is_sent(site.store), site.store.switches()
    return {
        "sends": halted is None,
        "why_not": halted,
        "ledger_entries": site.store.ledger_size(),
        "stopped": switches.get(SENDS),
        "ledger": switches.get(LEDGER),
    }
