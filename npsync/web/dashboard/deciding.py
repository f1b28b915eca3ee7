"""Deciding about one answer, about those that are ticked, or about all that wait for the same reason."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import Response

from nps.errors import ConfigError
from npsync.actions.asking import ask_for
from npsync.deciding import answers as judging
from npsync.deciding import held
from npsync.deciding.deciders import Decision
from npsync.deciding.inbox import Item, called, settled_in
from npsync.deciding.writing import want_written
from npsync.sign_in.roles import May
from npsync.web.dashboard.asked import LARGEST
from npsync.web.dashboard.house import House
from npsync.web.dashboard.visitors import Form, Visitor, form_of
from npsync.web.dashboard.words import many
from npsync.web.site import Site
from store.api import State, Stored

ACTS: Mapping[str, str] = {
    Decision.IGNORE.value: "Ignore",
    Decision.RECHECK.value: "Recheck",
    Decision.RELEASE.value: "Release",
    Decision.DISCARD.value: "Discard",
}
STATES: Mapping[str, tuple[State, ...]] = {
    "/review": (State.REVIEW,),
    "/held": (State.HELD,),
    "/waiting": (State.WAITING,),
}
MOST_AT_ONCE = 2_000  # of one pattern, in one press of a button
_BACK = re.compile(r"/(review|held|waiting|decisions)(/answers/\d{1,18})?(\?[\w=&%.+-]*)?")


def router(site: Site, house: House) -> APIRouter:
    routes = APIRouter()

    @routes.post("/review/answers/{number}/link")
    def link(request: Request, number: int) -> Response:
        whose, form = house.acting(request, May.OPERATE), form_of(request)
        answer = _answer(request, whose, number)
        name = called(answer.response)
        record = form.get("record", "").strip()[:200]
        back = _back(form, f"/review/answers/{number}")
        if not record:
            return house.back(whose, back, "Say which record it belongs to.", failed=True)
        wanted = {
            "answer": name,
            "record": record,
            "only_this_answer": form.get("only_this") == "1",
            "sync": form.get("sync") or None,
        }
        try:
            ask_for(house.decider(whose), "link", wanted, key=form.get("key", "")[:64])
        except ConfigError as error:
            return house.back(whose, back, str(error), failed=True)
        return house.back(whose, back, f"{name} belongs to {record}: it is being written.")

    @routes.post("/review/answers/{number}/undo")
    def undo(request: Request, number: int) -> Response:
        whose, form = house.acting(request, May.OPERATE), form_of(request)
        answer = _answer(request, whose, number)
        name, back = called(answer.response), _back(form, f"/review/answers/{number}")
        decider = house.decider(whose)
        undone = judging.undo(decider, answer)
        if not undone.done:
            return house.back(whose, back, f"Nothing was decided about {name}.", failed=True)
        want_written(decider, undone.again)
        return house.back(whose, back, f"Undone: {name} is judged anew.")

    @routes.post("/review/answers/{number}/{act}")
    def decide(request: Request, number: int, act: str) -> Response:
        whose, form = house.acting(request, May.OPERATE), form_of(request)
        answer = _answer(request, whose, number)
        back = _back(form, f"/review/answers/{number}")
        if act not in ACTS:
            return house.back(whose, back, "That cannot be done with an answer.", failed=True)
        done = _decide(whose, act, [answer], form.get("reason", ""))
        return house.back(whose, back, _said(act, done, 1), failed=done == 0)

    @routes.post("/review/ticked")
    def ticked(request: Request) -> Response:
        whose, form = house.acting(request, May.OPERATE), form_of(request)
        back, act = _back(form, "/review"), form.get("act", "")
        numbers = [
            int(one) for one in form.all("answer") if one.isascii() and one.isdecimal() and len(one) < 19
        ]
        if not numbers or act not in ACTS:
            return house.back(whose, back, "Nothing is ticked: nothing was done.", failed=True)
        answers = list(_answers(numbers).values())
        done = _decide(whose, act, answers, form.get("reason", ""))
        return house.back(whose, back, _said(act, done, len(answers)), failed=done == 0)

    @routes.get("/review/all")
    def confirm(request: Request) -> Response:
        """What would be decided about everything that waits for the same reason."""
        whose = house.visitor(request, May.OPERATE)
        asked = request.query_params
        tab, act, code = asked.get("tab", ""), asked.get("act", ""), asked.get("code", "")[:80]
        sync = asked.get("sync", "")
        if tab not in STATES or act not in ACTS:
            return house.back(whose, "/review", "That list is not known.", failed=True)
        found = _pattern(tab, sync, code, limit=MOST_AT_ONCE)
        return house.page(
            "all-of.html",
            request,
            whose,
            title=f"{ACTS[act]}: {many(len(found), 'answer')}",
            tab=tab,
            act=act,
            code=code,
            sync=sync,
            verb=ACTS[act],
            number=len(found),
            most=MOST_AT_ONCE,
            back=tab + ("?" + urlencode({"code": code, "sync": sync}) if code or sync else ""),
        )

    @routes.post("/review/all")
    def all_of(request: Request) -> Response:
        whose, form = house.acting(request, May.OPERATE), form_of(request)
        tab, act = form.get("tab", ""), form.get("act", "")
        if tab not in STATES or act not in ACTS:
            return house.back(whose, "/review", "That list is not known.", failed=True)
        if (tab, act) == ("/waiting", Decision.RECHECK):
            return _recheck(whose, form.get("sync", ""))
        found = _pattern(tab, form.get("sync", ""), form.get("code", ""), limit=MOST_AT_ONCE)
        done = _decide(whose, act, found, form.get("reason", ""))
        return house.back(whose, tab, _said(act, done, len(found)), failed=done == 0)

    @routes.post("/decisions/links")
    def unlink(request: Request) -> Response:
        whose, form = house.acting(request, May.OPERATE), form_of(request)
        decider = house.decider(whose)
        undone = judging.unlink(decider, form.get("scope", ""), form.get("value", ""))
        if not undone.done:
            return house.back(whose, "/decisions", "That decision is not there any more.", failed=True)
        want_written(decider, undone.again)
        answers = sum(len(asked.answers) for asked in undone.again.values())
        return house.back(
            whose, "/decisions", f"Undone: {many(answers, 'answer')} matched by the rules again."
        )

    # ------------------------------------------------------------ doing it

    def _recheck(whose: Visitor, sync: str) -> Response:
        names = [sync] if sync in site.config.sync else list(site.config.sync)
        judging.recheck_all(house.decider(whose), names)
        return house.back(whose, "/waiting", f"All of them are rechecked: {', '.join(names)}.")

    def _decide(whose: Visitor, act: str, answers: Sequence[Stored], reason: str) -> int:
        """How many it was done to."""
        decider = house.decider(whose)
        items = [item for answer in answers for item in settled_in(site.config, site.store, answer)]
        match act:
            case Decision.IGNORE:
                return len(judging.ignore(decider, items, reason).answers)
            case Decision.RECHECK:
                rechecked = judging.recheck(decider, items)
                want_written(decider, rechecked.again)
                return len(rechecked.answers)
            case Decision.RELEASE:
                released = held.release(decider, _held(items))
                want_written(decider, released.again)
                return len(released.answers)
            case _:
                return len(held.discard(decider, _held(items), reason).done)

    def _pattern(tab: str, sync: str, code: str, *, limit: int) -> list[Stored]:
        names = [sync] if sync in site.config.sync else list(site.config.sync)
        found = site.store.waiting_page(names, STATES[tab], code=code or None, limit=limit)
        return [answer for answer, _ in found]

    def _answers(numbers: Sequence[int]) -> dict[int, Stored]:
        return answers_of(site, numbers)

    def _answer(request: Request, whose: Visitor, number: int) -> Stored:
        answer = _answers([number]).get(number)
        if answer is None:
            raise house.not_known(request, whose, "There is no such answer (any more).")
        return answer

    return routes


def answers_of(site: Site, numbers: Sequence[int]) -> dict[int, Stored]:
    """Answers by the number of any of their versions, each in its newest one."""
    newest = site.store.newest_versions([one for one in numbers if 0 < one < LARGEST])
    versions = site.store.versions(sorted(newest.values()))
    return {
        number: Stored(
            number=one.number, person=one.person, received_at=one.received_at, response=one.response
        )
        for number, latest in newest.items()
        if (one := versions.get(latest)) is not None
    }


def _back(form: Form, otherwise: str) -> str:
    """The page of ours that the form was on; anything else in it leads nowhere."""
    wanted = form.get("back", "")
    return wanted if _BACK.fullmatch(wanted) else otherwise


_DONE: Mapping[str, str] = {
    Decision.IGNORE: "ignored: left out for good; if one is edited, it is judged anew",
    Decision.RECHECK: "rechecked: looked up again",
    Decision.RELEASE: "released: counted like any other, and not held again",
    Decision.DISCARD: "discarded: left out for good; if one is edited, it is judged anew",
}


def _held(items: Iterable[Item]) -> held.Chosen:
    return held.choice_of(item for item in items if item.settled.state is State.HELD)


def _said(act: str, done: int, of: int) -> str:
    if not done:
        return "Nothing was done: somebody has decided already, or a run is just now at it."
    rest = f" {many(of - done, 'other')} had been decided already." if done < of else ""
    return f"{many(done, 'answer')} {_DONE[act]}.{rest}"
