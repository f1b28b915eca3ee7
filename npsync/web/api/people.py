"""One customer's story. Everybody who reads one is noted."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from npsync.asking.invited import About
from npsync.syncing import customer_story
from npsync.web.api.asked import Here, Name, Reader
from npsync.web.api.describing import TAKING, errors
from npsync.web.api.listing import reply
from npsync.web.api.shapes import Story as StoryShape
from npsync.web.problems import Problem
from npsync.web.reading import person_read
from npsync.words import asking_text, why_text

routes = APIRouter(tags=["people"], responses=TAKING)


class Whose(BaseModel):
    """Whose story. In the body, because addresses belong in no log of URLs."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"example": {"who": "ann@example.com"}}
    )

    who: Name = Field(
        max_length=320,
        description="An e-mail, external id, phone, record id or answer id (also source:id).",
    )
    sync: Name | None = Field(None, description="Only what this sync has to do with it.")


@routes.post("/why", summary="Tell one customer's story", response_model=StoryShape, responses=errors(404))
def why(request: Request, site: Here, caller: Reader, whose: Whose) -> Response:
    """Why their records show what they show: the answers, every write, what followed, when they were asked. From what
    npsync remembers; no CRM is asked. It is noted that you read it."""
    if whose.sync is not None and whose.sync not in site.config.sync:
        raise Problem(422, "sync: there is no such sync in the YAML", code="invalid")
    who, now = whose.who.strip(), site.clock.now()
    story = customer_story.told(site.config, site.store, who, now=now, sync=whose.sync)
    asked = About()
    # By an invitation's id its person answers: nobody is told whose it is.
    if whose.sync is None and site.store.invitation(who) is None:
        asked = customer_story.asked(site.config, site.store, who, story, None)
    person_read(site, caller, story)
    if not story.found and not asked.found:
        raise Problem(404, "nothing is known of them", code="not_found")
    facts = why_text.as_json(story, site.config.time_zone)
    return reply(request, facts | {"asked": _about(asked)})


def _about(asked: About) -> dict[str, Any]:
    """Without the ids of invitations: each is the link by which its person answers."""
    facts = asking_text.about_as_json(asked)
    facts["invitations"] = [
        {name: value for name, value in one.items() if name not in ("id", "dedupe")}
        for one in facts["invitations"]
    ]
    for name in ("messages", "not_asked", "elsewhere"):
        facts[name] = [
            {key: value for key, value in one.items() if key != "invitation"} for one in facts[name]
        ]
    return facts
