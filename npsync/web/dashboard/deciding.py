"""Deciding about one answer, about those that are ticked, or about all that wait for the same reason."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import Response

from nps.errors import ConfigError
from npsync import held, recalling
from npsync import review as door
from npsync.deciders import signed
from npsync.roles import May
from npsync.web.dashboard.asked import LARGEST
from npsync.web.dashboard.audit import did
from npsync.web.dashboard.doing import want_link, want_run, want_taken_up
from npsync.web.dashboard.house import Away, House
from npsync.web.dashboard.visitors import Form, Visitor, form_of
from npsync.web.dashboard.words import many
from npsync.web.site import Site
from store.api import State, Stored

ACTS: Mapping[str, str] = {
    "ignore": "Leave out",
    "again": "Look up again",
    "release": "Let count",
    "discard": "Discard",
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
        name = door.called(answer.response)
        record = form.get("record", "").strip()[:200]
        back = _back(form, f"/review/answers/{number}")
        if not record:
            return house.back(whose, back, "Say which record it belongs to.", failed=True)
        try:
            want_link(
                site,
                whose,
                name,
                record,
                only_this=form.get("only_this") == "1",
                sync=form.get("sync") or None,
                key=form.get("key", "")[:64],
            )
        except ConfigError as error:
            return house.back(whose, back, str(error), failed=True)
        did(site, whose, "linked to a record", f"answer {name}", {"record": record})
        return house.back(whose, back, f"{name} belongs to {record}: it is being written.")

    @routes.post("/review/answers/{number}/recall")
    def recall(request: Request, number: int) -> Response:
        whose, form = house.acting(request, May.OPERATE), form_of(request)
        answer = _answer(request, whose, number)
        name, back = door.called(answer.response), _back(form, f"/review/answers/{number}")
        recalled = recalling.recall(site.config, site.store, answer)
        if not recalled.done:
            return house.back(whose, back, f"Nothing was decided about {name}.", failed=True)
        want_taken_up(site, whose, recalled.again)
        did(site, whose, "took a decision back", f"answer {name}", {"syncs": list(recalled.again)})
        return house.back(whose, back, f"Taken back: {name} is judged anew.")

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
        if (tab, act) == ("/waiting", "again"):
            return _recheck(whose, form.get("sync", ""))
        found = _pattern(tab, form.get("sync", ""), form.get("code", ""), limit=MOST_AT_ONCE)
        done = _decide(whose, act, found, form.get("reason", ""))
        return house.back(whose, tab, _said(act, done, len(found)), failed=done == 0)

    @routes.post("/decisions/links")
    def unlink(request: Request) -> Response:
        whose, form = house.acting(request, May.OPERATE), form_of(request)
        recalled = recalling.unlink(site.config, site.store, form.get("scope", ""), form.get("value", ""))
        if not recalled.done:
            return house.back(whose, "/decisions", "That decision is not there any more.", failed=True)
        want_taken_up(site, whose, recalled.again)
        answers = sum(map(len, recalled.again.values()))
        did(site, whose, "took a link back", form.get("scope", ""), {"answers": answers})
        return house.back(
            whose, "/decisions", f"Taken back: {many(answers, 'answer')} matched by the rules again."
        )

    # ------------------------------------------------------------ doing it

    def _recheck(whose: Visitor, sync: str) -> Response:
        """However many wait for a record: a run looks them all up."""
        names = [sync] if sync in site.config.sync else list(site.config.sync)
        for name in names:
            want_run(site, whose, name, recheck=True)
        did(site, whose, "had looked up again", "answers", {"syncs": list(names)})
        return house.back(whose, "/waiting", f"All of them are looked up again: {', '.join(names)}.")

    def _decide(whose: Visitor, act: str, answers: Sequence[Stored], reason: str) -> int:
        """How many it was done to."""
        now = site.clock.now()
        facts = {"answers": len(answers)}
        done: list[Stored] = []
        if act == "ignore":
            why = signed("ignored", reason[:500], now, by=whose.name)
            for answer in answers:
                left_out, _ = door.ignore(site.store, door.settled_in(site.config, site.store, answer), why)
                done += [answer] if left_out else []
        elif act == "again":
            again = _by_sync(answers)
            for sync, numbers in again.items():
                site.store.ask_again(sync, numbers)
            want_taken_up(site, whose, again)
            done = list(answers)
        else:
            chosen = _held(answers)
            if act == "release":
                want_taken_up(site, whose, held.let_count(site.store, chosen, now=now))
            else:
                why = signed("discarded", reason[:500], now, by=whose.name)
                held.discard(site.store, chosen, why, now=now)
            done = [one for one in answers if (one.response.source, one.response.id) in chosen.answers]
        if len(done) == 1:
            did(site, whose, _DID[act], f"answer {door.called(done[0].response)}")
        elif done:
            did(site, whose, _DID[act], "answers", facts)
        return len(done)

    def _held(answers: Iterable[Stored]) -> held.Chosen:
        return held.choice_of(
            item
            for answer in answers
            for item in door.settled_in(site.config, site.store, answer)
            if item.settled.state is State.HELD
        )

    def _by_sync(answers: Iterable[Stored]) -> dict[str, list[int]]:
        """The undecided ones of these, by the syncs they are undecided in."""
        again: dict[str, list[int]] = {}
        for answer in answers:
            for item in door.settled_in(site.config, site.store, answer):
                if item.settled.state in (*door.UNDECIDED, State.HELD):
                    again.setdefault(item.sync, []).append(answer.number)
        return again

    def _pattern(tab: str, sync: str, code: str, *, limit: int) -> list[Stored]:
        names = [sync] if sync in site.config.sync else list(site.config.sync)
        found = site.store.waiting_page(names, STATES[tab], code=code or None, limit=limit)
        return [answer for answer, _ in found]

    def _answers(numbers: Sequence[int]) -> dict[int, Stored]:
        return answers_of(site, numbers)

    def _answer(request: Request, whose: Visitor, number: int) -> Stored:
        answer = _answers([number]).get(number)
        if answer is None:
            raise Away(not_known(house, request, whose, "There is no such answer (any more)."))
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


def not_known(house: House, request: Request, whose: Visitor, said: str, next: str = "") -> Response:
    return house.page("said.html", request, whose, status=404, title="Not known", said=said, next=next)


def _back(form: Form, otherwise: str) -> str:
    """The page of ours that the form was on; anything else in it leads nowhere."""
    wanted = form.get("back", "")
    return wanted if _BACK.fullmatch(wanted) else otherwise


_DID: Mapping[str, str] = {
    "ignore": "left out",
    "again": "had looked up again",
    "release": "let count",
    "discard": "discarded",
}
_DONE: Mapping[str, str] = {
    "ignore": "left out for good; if one is edited, it is judged anew",
    "again": "looked up again",
    "release": "counted like any other, and not held again",
    "discard": "left out for good; if one is edited, it is judged anew",
}


def _said(act: str, done: int, of: int) -> str:
    if not done:
        return "Nothing was done: somebody has decided already, or a run is just now at it."
    rest = f" {many(of - done, 'other')} had been decided already." if done < of else ""
    return f"{many(done, 'answer')} {_DONE[act]}.{rest}"
