"""What waits for a person: answers of which nobody knows whose they are, held answers, dead letters. And decisions."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.responses import Response

from nps.changes import Cause
from nps.errors import ConfigError
from nps.suspicion import Rule
from npsync import held as holding
from npsync import letters as post
from npsync import review
from npsync.cli import letters_text, review_text
from npsync.deciders import signed
from npsync.web.api.actions import WANTED, remember, wanted
from npsync.web.api.asked import MOST_NUMBER, SHOWN, From, Here, Limit, Name, Number, OfSync, Reader
from npsync.web.api.describing import ACTING, PROBLEMS, errors
from npsync.web.api.listing import Page, before, page, reply
from npsync.web.api.once import Key, once
from npsync.web.api.shapes import Act, Letter, LetterInFull, LetterStatus, Undecided
from npsync.web.bearers import needing, who
from npsync.web.problems import Problem, faults
from npsync.web.reading import noted
from npsync.web.site import Site
from store.api import Settled, State, Stored, TokenRow
from sync.job import rolled_up_sync

routes = APIRouter(tags=["decisions"], responses=PROBLEMS)
Decider = Annotated[TokenRow, Depends(needing("apply"))]
DECIDING = {**ACTING, **errors(404)}
ONLY_HERE = "Only in this sync."

AnswerName = Annotated[Name, Field(max_length=500, description="SOURCE:ID, as the lists show it.")]
Reason = Annotated[str, Field(max_length=500, description="Why: kept with the decision.")]
LetterNumber = Annotated[int, Field(ge=1, le=MOST_NUMBER)]


class _Decision(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


# ------------------------------------------------------------ looking


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
        review_text.facts(review.Item(name, answer, settled))
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
    states = review.UNDECIDED if state is None else (State(state),)
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


# ------------------------------------------------------------ whose an answer is


class LinkTo(_Decision):
    """Whose an answer is."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"answer": "email-nps:8121", "record": "003Hs000001AbCdIAK"}}
    )

    answer: AnswerName
    record: Name = Field(description="The record it belongs to.")
    sync: Name | None = Field(None, description=ONLY_HERE)
    only_this_answer: bool = Field(False, description="Remember it for this answer, not for its keys.")


class Ignore(_Decision):
    """An answer that does not matter."""

    answer: AnswerName
    reason: Reason = ""
    sync: Name | None = Field(None, description=ONLY_HERE)


class Ignored(_Decision):
    answer: str
    ignored: list[str] = Field(description="The syncs in which it is left out now.")
    left: list[str] = Field(description="Those in which it is not undecided (any more).")


@routes.post(
    "/review/link",
    summary="Decide whose an answer is",
    status_code=202,
    response_model=Act,
    responses=WANTED,
)
def link(site: Here, caller: Decider, decision: LinkTo, key: Key = None) -> Response:
    """Remembered, stronger than any rule, and written: the CRM is asked for the record first."""
    _answer(site, decision.answer, decision.sync)
    return wanted(site, caller, key, "link", dict(decision))


@routes.post("/review/ignore", summary="Leave an answer out", response_model=Ignored, responses=DECIDING)
def ignore(request: Request, site: Here, caller: Decider, decision: Ignore, key: Key = None) -> Response:
    """For good; an edited answer is judged anew."""
    answer, items = _answer(site, decision.answer, decision.sync)
    now = site.clock.now()

    def do() -> dict[str, Any]:
        why = signed("ignored", decision.reason, now, by=who(caller))
        done, left = review.ignore(site.store, items, why)
        if not done:
            raise Problem(409, "the answer is not undecided", code="settled")
        _audit(site, caller, "ignore", f"answer {review.called(answer.response)}", {"syncs": list(done)})
        return {"answer": review.called(answer.response), "ignored": done, "left": left}

    return once(request, site, caller, key, decision.model_dump(), do)


def _answer(site: Site, name: str, sync: str | None) -> tuple[Stored, list[review.Item]]:
    """Raises Problem."""
    if sync is not None and sync not in site.config.sync:
        raise faults({"sync": "is no sync of the YAML"})
    try:
        answer = review.named(site.config, site.store, name)
    except ConfigError:
        raise Problem(
            404, "there is no such answer, or several; name it SOURCE:ID", code="not_found"
        ) from None
    items = review.settled_in(site.config, site.store, answer, sync)
    if not items:
        raise Problem(409, "the answer was not taken up yet; a run takes up what is new", code="not_taken_up")
    return answer, items


# ------------------------------------------------------------ held answers


class Held(_Decision):
    """Which held answers: one by its name, or all that a rule holds."""

    model_config = ConfigDict(json_schema_extra={"example": {"rule": "too_soon"}})

    answer: AnswerName | None = None
    rule: Rule | None = Field(None, description="All that this rule holds.")

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.answer is None) == (self.rule is None):
            raise ValueError("name an answer, or a rule")
        return self


class Discard(Held):
    """Which held answers nobody gave, and why."""

    reason: Reason = ""


class Released(_Decision):
    answers: int = Field(description="How many were released.")
    actions: list[int] = Field(description="The actions that write them, one for each sync.")


class Discarded(_Decision):
    discarded: int
    left: int = Field(description="Those that a run is planning just now: decide again when it has ended.")


@routes.post("/held/release", summary="Release held answers", response_model=Released, responses=DECIDING)
def release(request: Request, site: Here, caller: Decider, decision: Held, key: Key = None) -> Response:
    """A person gave them: they count like any other. Remembered at once, and written by the actions it names."""
    chosen = _held(site, decision)

    def do() -> dict[str, Any]:
        site.store.release_held(chosen.answers, chosen.by_sync, now=site.clock.now())
        _audit(site, caller, "release", _about(decision), {"answers": len(chosen.answers)})
        return {"answers": len(chosen.answers), "actions": _take_up(site, caller, list(chosen.by_sync))}

    return once(request, site, caller, key, decision.model_dump(mode="json"), do)


@routes.post("/held/discard", summary="Discard held answers", response_model=Discarded, responses=DECIDING)
def discard(request: Request, site: Here, caller: Decider, decision: Discard, key: Key = None) -> Response:
    """Nobody gave them: left out for good. One that is edited is judged anew."""
    chosen, now = _held(site, decision), site.clock.now()

    def do() -> dict[str, Any]:
        why = signed("discarded", decision.reason, now, by=who(caller))
        done = holding.discard(site.store, chosen, why, now=now)
        _audit(site, caller, "discard", _about(decision), {"answers": done})
        return {"discarded": done, "left": len(chosen.answers) - done}

    return once(request, site, caller, key, decision.model_dump(mode="json"), do)


def _held(site: Site, decision: Held) -> holding.Chosen:
    """Raises Problem. Of a request that comes again nothing is held any more: that is for `once` to tell."""
    if decision.rule is not None:
        return holding.all_of(site.config, site.store, decision.rule.value)
    answer, _ = _answer(site, decision.answer or "", None)
    try:
        return holding.one(site.config, site.store, review.called(answer.response))
    except ConfigError:
        return holding.Chosen({})


def _about(decision: Held) -> str:
    return f"held by {decision.rule.value}" if decision.rule is not None else f"answer {decision.answer}"


# ------------------------------------------------------------ dead letters


class Retry(_Decision):
    """Which open letters: by their numbers, or all of a sync, a cause or a code."""

    model_config = ConfigDict(json_schema_extra={"example": {"letters": [81, 82]}})

    letters: list[LetterNumber] = Field(default_factory=list, max_length=1000)
    sync: Name | None = None
    cause: Cause | None = None
    code: Name | None = None

    @model_validator(mode="after")
    def _named_or_chosen(self) -> Self:
        if bool(self.letters) == any((self.sync, self.cause, self.code)):
            raise ValueError("name letters, or choose them by sync, cause or code")
        return self


class DiscardLetters(_Decision):
    """Which letters, and why."""

    letters: list[LetterNumber] = Field(min_length=1, max_length=1000)
    reason: Reason


class Retried(_Decision):
    letters: list[int] = Field(description="Those that are tried again.")
    actions: list[int] = Field(description="The actions that do it, one for each sync.")


class DiscardedLetters(_Decision):
    discarded: list[int]
    left: list[int] = Field(description="Those that are being tried at this moment.")


@routes.post(
    "/dead-letters/retry", summary="Try dead letters again", response_model=Retried, responses=DECIDING
)
def retry(request: Request, site: Here, caller: Decider, decision: Retry, key: Key = None) -> Response:
    """From the original answer with today's mapping. A newer answer is never written over."""

    def do() -> dict[str, Any]:
        meant = _letters(
            site, post.Chosen(tuple(decision.letters), decision.sync, decision.cause, decision.code)
        )
        gone = sorted(
            {one.sync for one in meant if (rolled_up_sync(one.sync) or one.sync) not in site.config.sync}
        )
        if gone:
            raise Problem(409, "the sync of some of them is not in the YAML any more", code="gone")
        numbers = [one.id for one in meant]
        asked = site.store.retry_letters(numbers)
        _audit(site, caller, "retry", "dead letters", {"letters": len(numbers)})
        return {"letters": numbers, "actions": _take_up(site, caller, list(asked))}

    return once(request, site, caller, key, decision.model_dump(mode="json"), do)


@routes.post(
    "/dead-letters/discard",
    summary="Discard dead letters",
    response_model=DiscardedLetters,
    responses=DECIDING,
)
def discard_letters(
    request: Request, site: Here, caller: Decider, decision: DiscardLetters, key: Key = None
) -> Response:
    """Leave their answers out for good. One that is edited is judged anew."""

    def do() -> dict[str, Any]:
        numbers = [one.id for one in _letters(site, post.Chosen(ids=tuple(decision.letters)))]
        why = signed("discarded", decision.reason, site.clock.now(), by=who(caller))
        done = site.store.discard_letters(numbers, why)
        _audit(site, caller, "discard", "dead letters", {"letters": len(done)})
        return {"discarded": done, "left": [one for one in numbers if one not in done]}

    return once(request, site, caller, key, decision.model_dump(), do)


def _letters(site: Site, chosen: post.Chosen) -> list[Any]:
    """Raises Problem."""
    try:
        return post.choose(site.store, chosen)
    except ConfigError:
        raise Problem(409, "one of these letters is not open, or not there", code="settled") from None


def _take_up(site: Site, caller: TokenRow, syncs: Sequence[str]) -> list[int]:
    """What was decided is written, sync by sync. Whoever calls this is done once for its caller's key; one made of that
    key could be another request's."""
    found = []
    for name in syncs:
        of = rolled_up_sync(name)
        arguments = {"sync": of or name, "roll_up": of is not None}
        found.append(remember(site, caller, secrets.token_urlsafe(16), "take_up", arguments)[0].number)
    return found


def _audit(site: Site, caller: TokenRow, what: str, about: str, facts: Mapping[str, Any]) -> None:
    site.store.note_audit(who(caller), what, about, facts, now=site.clock.now())
