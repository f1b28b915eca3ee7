"""What people decide about what waits: whose an answer is, whether it counts, whether it is tried again."""

from __future__ import annotations

from typing import Annotated, Any, Self

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.responses import Response

from nps.changes import Cause
from nps.errors import ConfigError
from nps.suspicion import Rule
from npsync.deciding import answers
from npsync.deciding import held as holding
from npsync.deciding import letters as post
from npsync.deciding.deciders import LONGEST_REASON, Decider
from npsync.deciding.inbox import Item, called, named, settled_in
from npsync.web.api.actions import WANTED, Runner, wanted
from npsync.web.api.asked import MOST_NUMBER, Here, Name
from npsync.web.api.describing import ACTING, PROBLEMS, errors
from npsync.web.api.once import Acts, Key
from npsync.web.api.shapes import Act
from npsync.web.problems import Problem, faults
from npsync.web.site import Site
from store.api import DeadLetterRow, Stored

routes = APIRouter(tags=["decisions"], responses=PROBLEMS)
DECIDING = {**ACTING, **errors(404)}
ONLY_HERE = "Only in this sync."

AnswerName = Annotated[Name, Field(max_length=500, description="SOURCE:ID, as the lists show it.")]
Reason = Annotated[str, Field(max_length=LONGEST_REASON, description="Why: kept with the decision.")]
LetterNumber = Annotated[int, Field(ge=1, le=MOST_NUMBER)]


class _Decision(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


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
def link(site: Here, caller: Runner, decision: LinkTo, key: Key = None) -> Response:
    """Remembered, stronger than any rule, and written: the CRM is asked for the record first."""
    _answer(site, decision.answer, decision.sync)
    return wanted(site, caller, key, "link", dict(decision))


@routes.post("/review/ignore", summary="Leave an answer out", response_model=Ignored, responses=DECIDING)
def ignore(acting: Acts, decision: Ignore) -> Response:
    """For good; an edited answer is judged anew."""
    answer, items = _answer(acting.site, decision.answer, decision.sync)

    def do(decider: Decider) -> dict[str, Any]:
        ignored = answers.ignore(decider, items, decision.reason)
        if not ignored.done:
            raise Problem(409, "the answer is not undecided", code="settled")
        return {
            "answer": called(answer.response),
            "ignored": [item.sync for item in ignored.done],
            "left": [item.sync for item in ignored.left],
        }

    return acting.once(decision.model_dump(), do)


def _answer(site: Site, name: str, sync: str | None) -> tuple[Stored, list[Item]]:
    """Raises Problem."""
    if sync is not None and sync not in site.config.sync:
        raise faults({"sync": "is no sync of the YAML"})
    try:
        answer = named(site.config, site.store, name)
    except ConfigError:
        raise Problem(
            404, "there is no such answer, or several; name it SOURCE:ID", code="not_found"
        ) from None
    items = settled_in(site.config, site.store, answer, sync)
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
def release(acting: Acts, decision: Held) -> Response:
    """A person gave them: they count like any other. Remembered at once, and written by the actions it names."""
    chosen = _held(acting.site, decision)

    def do(decider: Decider) -> dict[str, Any]:
        released = holding.release(decider, chosen)
        return {"answers": len(released.answers), "actions": acting.written(released.again)}

    return acting.once(decision.model_dump(mode="json"), do)


@routes.post("/held/discard", summary="Discard held answers", response_model=Discarded, responses=DECIDING)
def discard(acting: Acts, decision: Discard) -> Response:
    """Nobody gave them: left out for good. One that is edited is judged anew."""
    chosen = _held(acting.site, decision)

    def do(decider: Decider) -> dict[str, Any]:
        discarded = holding.discard(decider, chosen, decision.reason)
        return {"discarded": len(discarded.done), "left": len(discarded.left)}

    return acting.once(decision.model_dump(mode="json"), do)


def _held(site: Site, decision: Held) -> holding.Chosen:
    """Raises Problem. Of a request that comes again nothing is held any more: that is for `once` to tell."""
    if decision.rule is not None:
        return holding.all_of(site.config, site.store, decision.rule.value)
    answer, _ = _answer(site, decision.answer or "", None)
    try:
        return holding.one(site.config, site.store, called(answer.response))
    except ConfigError:
        return holding.Chosen({})


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
    reason: Annotated[Reason, Field(pattern=r"\S")]


class Retried(_Decision):
    letters: list[int] = Field(description="Those that are tried again.")
    actions: list[int] = Field(description="The actions that do it, one for each sync.")


class DiscardedLetters(_Decision):
    discarded: list[int]
    left: list[int] = Field(description="Those that are being tried at this moment.")


@routes.post(
    "/dead-letters/retry", summary="Try dead letters again", response_model=Retried, responses=DECIDING
)
def retry(acting: Acts, decision: Retry) -> Response:
    """From the original answer with today's mapping. A newer answer is never written over."""
    chosen = post.Chosen(tuple(decision.letters), decision.sync, decision.cause, decision.code)

    def do(decider: Decider) -> dict[str, Any]:
        try:
            retried = post.retry(decider, _letters(acting.site, chosen))
        except post.SyncGone:
            raise Problem(409, "the sync of some of them is not in the YAML any more", code="gone") from None
        return {"letters": [one.id for one in retried.letters], "actions": acting.written(retried.again)}

    return acting.once(decision.model_dump(mode="json"), do)


@routes.post(
    "/dead-letters/discard",
    summary="Discard dead letters",
    response_model=DiscardedLetters,
    responses=DECIDING,
)
def discard_letters(acting: Acts, decision: DiscardLetters) -> Response:
    """Leave their answers out for good. One that is edited is judged anew."""
    chosen = post.Chosen(ids=tuple(decision.letters))

    def do(decider: Decider) -> dict[str, Any]:
        discarded = post.discard(decider, _letters(acting.site, chosen), decision.reason)
        return {"discarded": list(discarded.done), "left": list(discarded.left)}

    return acting.once(decision.model_dump(), do)


def _letters(site: Site, chosen: post.Chosen) -> list[DeadLetterRow]:
    """Raises Problem."""
    try:
        return post.choose(site.store, chosen)
    except ConfigError:
        raise Problem(409, "one of these letters is not open, or not there", code="settled") from None
