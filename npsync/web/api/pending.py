"""A survey inside your product: which one waits for the person who is signed in.

Your server asks, with a token, and hands the link to its page; the page's script shows it in a frame. So no browser is
told more than the link of its own person, and nobody can ask for somebody else's.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from nps.asking import Channel, Invitation, InvitationState, PastKind
from npsync.web.api.asked import Here
from npsync.web.api.describing import TAKING
from npsync.web.api.gatekeeping import Person, keys_of
from npsync.web.bearers import needing
from npsync.web.site import Site
from store.api import TokenRow

LONGEST_WAIT = timedelta(days=366)  # an invitation that is older waits for nobody

routes = APIRouter(tags=["asking"], responses=TAKING)


class Pending(BaseModel):
    """One survey that waits for this person."""

    model_config = ConfigDict(frozen=True)

    survey: str = Field(description="Its name in the YAML.")
    link: str = Field(description="What to hand to npsync.show(…) in the person's browser.")
    until: datetime | None = Field(description="Until when it may be answered.")


class Waiting(BaseModel):
    """Those that wait, the one asked first before the others; usually none."""

    model_config = ConfigDict(frozen=True)

    surveys: tuple[Pending, ...]


@routes.post("/pending", summary="Surveys that wait for a person in your product")
def pending(person: Person, site: Here, caller: Annotated[TokenRow, Depends(needing("surveys"))]) -> Waiting:
    """Which surveys wait to be shown to this person in your product. POST: addresses belong in no log of URLs."""
    found = waiting(site, list(keys_of(site.config, person)), site.clock.now())
    return Waiting(
        surveys=tuple(
            Pending(survey=one.survey, link=f"{site.public_url}/s/{one.id}", until=one.expires_at)
            for one in found
        )
    )


def waiting(site: Site, keys: list[str], now: datetime) -> list[Invitation]:
    """Invitations of this person that went to an in-app channel and are neither answered nor over."""
    past = site.store.past(keys, since=now - LONGEST_WAIT, now=now)
    asked = [one.invitation for one in past if one.what is PastKind.SEND and one.invitation is not None]
    if not asked:
        return []
    found = site.store.invitations(ids=asked, state=InvitationState.SENT, limit=len(asked))
    open_ones = [one for one in found if one.expires_at is None or now < one.expires_at]
    shown = [one for one in open_ones if _is_shown_in_app(site, one.via)]
    return sorted(shown, key=lambda one: (one.sent_at or one.created_at, one.id))


def _is_shown_in_app(site: Site, via: str | None) -> bool:
    connection = site.config.connections.get(via or "")
    if connection is None:
        return False
    sends = connection.connector.sends(connection.settings)
    return sends is not None and sends.channel is Channel.IN_APP
