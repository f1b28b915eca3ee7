"""What could not be written: by cause, with what settles it; tried again or left out, one or all of a cause."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from nps.changes import Cause
from nps.errors import ConfigError
from npsync.deciding import letters as post
from npsync.deciding.writing import want_written
from npsync.sign_in.roles import May
from npsync.web.dashboard.asked import LARGEST, asked, number
from npsync.web.dashboard.audit import looked_at_some
from npsync.web.dashboard.house import House
from npsync.web.dashboard.review import tabs_of
from npsync.web.dashboard.shown import Cards
from npsync.web.dashboard.under_way import under_way
from npsync.web.dashboard.visitors import Form, form_of
from npsync.web.dashboard.words import many, sentence
from npsync.web.site import Site
from npsync.words.letters_text import story
from store.api import DeadLetterRow, Stored

TOGETHER = 50
_STATUSES = ("open", "retried", "resolved", "discarded")


def router(site: Site, house: House) -> APIRouter:
    routes = APIRouter()

    @routes.get("/dead-letters")
    def letters(request: Request) -> Response:
        whose = house.visitor(request, May.PEOPLE)
        wanted = asked(request, "sync", "cause", "code", "status", root=house.root)
        sync = wanted["sync"] or None
        status = wanted["status"] if wanted["status"] in _STATUSES else "open"
        found = site.store.dead_letters(
            sync=sync,
            cause=Cause(wanted["cause"]) if wanted["cause"] in set(Cause) else None,
            code=wanted["code"] or None,
            status=status,
            before=wanted.before,
            limit=TOGETHER + 1,
        )
        shown = found[:TOGETHER]
        looked_at_some(site, whose, "dead-letters", len(shown))
        groups = site.store.letter_groups(sync=sync)
        return house.page(
            "letters.html",
            request,
            whose,
            title="Not written · Review",
            tabs=tabs_of(site, house),
            asked=wanted,
            which=status,
            statuses=_STATUSES,
            syncs=list(site.config.sync),
            groups=[(group, post.advice_for(group.latest)) for group in groups],
            number=sum(group.letters for group in groups),
            letters=shown,
            answers=site.store.responses([one.response for one in shown if one.response is not None]),
            by_itself=post.by_itself,
            last=shown[-1].id if len(found) > TOGETHER else None,
            doing=under_way(site),
        )

    @routes.get("/dead-letters/{letter}")
    def one(request: Request, letter: int) -> Response:
        whose = house.visitor(request, May.PEOPLE)
        beside = site.store.letters_beside(letter) if 0 < letter < LARGEST else []
        found = next((each for each in beside if each.id == letter), None)
        if found is None:
            raise house.not_known(request, whose, f"There is no dead letter {letter}.")
        looked_at_some(site, whose, "dead-letters", 1)
        answer = (
            None if found.response is None else site.store.responses([found.response]).get(found.response)
        )
        states = {} if found.response is None else site.store.states(found.sync, [found.response])
        state = states.get(found.response or 0)
        tried = site.store.tried(found.sync, found.response, found.record_id)
        stored = _stored(found)
        return house.page(
            "letter.html",
            request,
            whose,
            title=f"Dead letter {letter}",
            tabs=tabs_of(site, house),
            letter=found,
            card=None if stored is None else Cards(site).card(stored, {found.sync: state} if state else {}),
            advice=post.advice_for(found),
            by_itself=post.by_itself(found),
            beside=[each for each in beside if each.id != letter],
            tried=tried,
            lines=[
                line.strip() for line in story(found, answer, beside, tried, state, site.config.time_zone)
            ],
            doing=under_way(site),
        )

    @routes.post("/dead-letters/retry")
    def retry(request: Request) -> Response:
        whose, form = house.acting(request, May.OPERATE), form_of(request)
        decider = house.decider(whose)
        try:
            retried = post.retry(decider, post.choose(site.store, _chosen(form)))
        except ConfigError as error:
            return house.back(whose, "/dead-letters", sentence(str(error)), failed=True)
        if not retried.letters:
            return house.back(
                whose, "/dead-letters", "No open letter is meant: nothing was done.", failed=True
            )
        want_written(decider, retried.again)
        return house.back(
            whose,
            "/dead-letters",
            f"{many(len(retried.letters), 'letter')} retried, from the original answers with today's mapping.",
        )

    @routes.post("/dead-letters/discard")
    def discard(request: Request) -> Response:
        whose, form = house.acting(request, May.OPERATE), form_of(request)
        try:
            chosen = post.choose(site.store, _chosen(form))
            discarded = post.discard(house.decider(whose), chosen, form.get("reason", ""))
        except ConfigError as error:
            return house.back(whose, "/dead-letters", sentence(str(error)), failed=True)
        done, left = len(discarded.done), len(discarded.left)
        rest = f" {many(left, 'is', 'are')} being tried at this moment." if left else ""
        said = (
            f"{many(done, 'letter')} discarded: left out for good.{rest}"
            if done
            else f"Nothing was done.{rest}"
        )
        return house.back(whose, "/dead-letters", said, failed=not done)

    def _stored(letter: DeadLetterRow) -> Stored | None:
        if letter.response is None:
            return None
        version = site.store.versions([letter.response]).get(letter.response)
        if version is None:
            return None
        return Stored(
            number=version.number,
            person=version.person,
            received_at=version.received_at,
            response=version.response,
        )

    return routes


def _chosen(form: Form) -> post.Chosen:
    """Letters that are ticked, or all open ones of a cause, code and sync. Raises ConfigError for none of these."""
    ids = tuple(one for text in form.all("letter") if (one := number(text)) is not None)
    if ids:
        return post.Chosen(ids=ids)
    cause = form.get("cause", "")
    if cause not in set(Cause) or not form.get("code"):
        raise ConfigError("Nothing is ticked: nothing was done.")
    return post.Chosen(sync=form.get("sync") or None, cause=Cause(cause), code=form["code"][:200])
