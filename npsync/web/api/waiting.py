"""What waits for a person: answers of which nobody knows whose they are, held answers, dead letters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from nps.changes import Cause
from nps.suspicion import Rule
from npsync.deciding.inbox import UNDECIDED, Item
from npsync.web.api.asked import SHOWN, From, Here, Limit, Name, Number, OfSync, Reader
from npsync.web.api.describing import PROBLEMS, errors
from npsync.web.api.listing import Page, before, page, reply
from npsync.web.api.shapes import Letter, LetterInFull, LetterStatus, Undecided
from npsync.web.problems import Problem, faults
from npsync.web.reading import noted
from npsync.web.site import Site
from npsync.words import letters_text, review_text
from store.api import Settled, State, Stored, TokenRow

routes = APIRouter(tags=["decisions"], responses=PROBLEMS)


def _listed(
    request: Request,
    site: Site,
    caller: TokenRow,
    about: str,
    states: Sequence[State],
    sync: str | None,
    limit: int,
    cursor: str | None,
    code: str | None = None,
) -> Response:
    if sync is not None and sync not in site.config.sync:
        raise faults({"sync": "is no sync of the YAML"})
    names = [sync] if sync is not None else list(site.config.sync)
    found = site.store.waiting_page(names, states, code=code, before=before(request, cursor), limit=limit + 1)
    if found:
        noted(site, caller, about, about, people=min(limit, len(found)))
    return page(request, site, found, limit, _facts, lambda one: [one[0].number])


def _facts(found: Sequence[tuple[Stored, Mapping[str, Settled]]]) -> list[dict[str, object]]:
    return [
        review_text.facts(Item(name, answer, settled))
        for answer, by_sync in found
        for name, settled in by_sync.items()
    ]


@routes.get("/review", summary="List answers that only a person can match", response_model=Page[Undecided])
def reviewed(
    request: Request,
    site: Here,
    caller: Reader,
    sync: OfSync = None,
    state: Annotated[
        Literal["review", "waiting"] | None,
        Query(description="review: several records have its keys. waiting: none has, yet."),
    ] = None,
    limit: Limit = SHOWN,
    cursor: From = None,
) -> Response:
    """The latest to arrive first. An answer that waits in several syncs is told once for each."""
    states = UNDECIDED if state is None else (State(state),)
    return _listed(request, site, caller, "review", states, sync, limit, cursor)


@routes.get("/held", summary="List held answers", response_model=Page[Undecided])
def held(
    request: Request,
    site: Here,
    caller: Reader,
    sync: OfSync = None,
    rule: Annotated[Rule | None, Query(description="Only what this rule holds.")] = None,
    limit: Limit = SHOWN,
    cursor: From = None,
) -> Response:
    """Answers that look as if a program gave them, the latest to arrive first."""
    code = None if rule is None else rule.value
    return _listed(request, site, caller, "held", (State.HELD,), sync, limit, cursor, code)


@routes.get("/dead-letters", summary="List dead letters", response_model=Page[Letter])
def dead_letters(
    request: Request,
    site: Here,
    caller: Reader,
    sync: OfSync = None,
    status: Annotated[LetterStatus, Query(description="How far they are.")] = "open",
    cause: Annotated[Cause | None, Query(description="Only of this cause.")] = None,
    code: Annotated[Name | None, Query(description="Only with this code.")] = None,
    limit: Limit = SHOWN,
    cursor: From = None,
) -> Response:
    """What could not be written, the latest first, and who can help."""
    found = site.store.dead_letters(
        sync=sync, status=status, cause=cause, code=code, before=before(request, cursor), limit=limit + 1
    )
    if found:
        noted(site, caller, "dead letters", "dead letters", people=min(limit, len(found)))
    answers = site.store.responses([one.response for one in found if one.response is not None])
    return page(
        request,
        site,
        found,
        limit,
        lambda its: [letters_text.facts(one, answers.get(one.response or 0)) for one in its],
        lambda one: [one.id],
    )


@routes.get(
    "/dead-letters/{number}",
    summary="Show a dead letter",
    response_model=LetterInFull,
    responses=errors(404),
)
def dead_letter(request: Request, site: Here, caller: Reader, number: Number) -> Response:
    """The answer as it came, and what was tried. It is noted that you read it."""
    store = site.store
    beside = store.letters_beside(number)
    found = next((one for one in beside if one.id == number), None)
    if found is None:
        raise Problem(404, "there is no such dead letter", code="not_found")
    answer = None if found.response is None else store.responses([found.response]).get(found.response)
    tried = store.tried(found.sync, found.response, found.record_id)
    state = None
    if found.response is not None:
        state = store.states(found.sync, [found.response]).get(found.response)
    noted(site, caller, "dead letter", f"dead letter {number}", people=1)
    return reply(request, letters_text.story_facts(found, answer, beside, tried, state))
