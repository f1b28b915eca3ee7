"""/s/{id}: the survey page. One question, one open question, thanks; every step is a plain form.

A GET or HEAD records nothing, whatever stands in the address: mail scanners open links. A POST stores the score and
asks the open question, a second one stores the comment. No page shows what somebody answered to whoever opens a link.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from nps.phrases import LANGUAGES, date_in
from nps.phrases.wording import Phrases
from nps.score import SCALES, segment_of
from nps.surveys import Said
from npsync.asking.answering import LONGEST_COMMENT, AnswerDesk, Closed, Open, tidied
from npsync.web.addresses import place_of
from npsync.web.pages import Pages, scale_labels
from npsync.web.problems import Problem
from npsync.web.site import Site
from npsync.web.throttle import Throttle
from npsync.web.visits import Visit, friendly, may_preview, read_form, visit_of

_STATUS = {Closed.UNKNOWN: 404, Closed.OVER: 410}


def router(site: Site, pages: Pages) -> APIRouter:
    routes = APIRouter(include_in_schema=False, route_class=friendly(pages))
    desk = AnswerDesk(site)
    floor = Floor(pages, site)
    looks, answers, misses = Throttle(60, 60), Throttle(20, 20), Throttle(60, 60)

    def admits(throttle: Throttle, name: str) -> bool:
        return throttle.admits(name, site.clock.monotonic())

    @routes.api_route("/s/-/{name}", methods=["GET", "HEAD"])
    async def asset(name: str) -> Response:
        if name not in pages.assets:
            raise Problem(404, "there is nothing at this address", code="not_found")
        return pages.assets[name].reply()

    @routes.api_route("/s/preview/{survey}", methods=["GET", "HEAD", "POST"])
    async def preview(survey: str, request: Request) -> Response:
        """The wording of a survey, without an invitation and without recording anything."""
        spec = site.config.surveys.get(survey)
        if spec is None or not spec.ask or not may_preview(request):
            return floor.closed(Closed.UNKNOWN, visit_of(request, pages))
        found = Open(spec, survey)
        if request.method == "POST":
            return await answered(found, request)
        return floor.question(found, visit_of(request, pages), _preselected(found, request))

    @routes.api_route("/s/{id}", methods=["GET", "HEAD"])
    async def look(id: str, request: Request) -> Response:
        visit = visit_of(request, pages)
        if not admits(looks, id):
            return floor.busy(visit)
        found = await run_in_threadpool(desk.look, id)
        if isinstance(found, Closed):
            if found is Closed.UNKNOWN and not admits(misses, place_of(request)):
                return floor.busy(visit)
            return floor.closed(found, visit)
        score = _preselected(found, request)
        if score is not None and request.method == "GET":
            desk.clicked(id, score)
        return floor.question(found, visit, score)

    @routes.post("/s/{id}")
    async def answer(id: str, request: Request) -> Response:
        visit = visit_of(request, pages)
        if not admits(answers, id):
            return floor.busy(visit)
        found = await run_in_threadpool(desk.look, id)
        if isinstance(found, Closed):
            if found is Closed.UNKNOWN and not admits(misses, place_of(request)):
                return floor.busy(visit)
            return floor.closed(found, visit)
        return await answered(found, request)

    async def answered(found: Open, request: Request) -> Response:
        visit = visit_of(request, pages)
        form = await read_form(request)
        words = LANGUAGES[visit.language_of(found)]
        score, problem = _score(form.get("score"), found, words)
        comment = form.get("comment")
        if score is None:
            if comment is None:
                return floor.question(found, visit, None, problem=problem)
            return floor.reason(found, visit, None, comment, problem=problem)
        if comment is not None and len(said := tidied(comment)) > LONGEST_COMMENT:
            problem = words.too_long.format(given=len(said), most=LONGEST_COMMENT)
            return floor.reason(found, visit, score, comment, problem=problem)
        until = await run_in_threadpool(desk.take, found, score, comment)
        if comment is None:
            return floor.reason(found, visit, score)
        return floor.thanks(found, visit, until)

    return routes


class Floor:
    """The pages of a survey, one method each."""

    def __init__(self, pages: Pages, site: Site) -> None:
        self._pages, self._site = pages, site

    def question(self, found: Open, visit: Visit, chosen: int | None, *, problem: str = "") -> Response:
        language = visit.language_of(found)
        words = LANGUAGES[language]
        note = ""
        if found.again and found.until is not None:
            note = words.again.format(date=self._day(found, language))
        return self._reply(
            "score.html",
            found,
            visit,
            status=422 if problem else 200,
            problem=problem,
            chosen=chosen,
            preselected="" if chosen is None or problem else words.preselected.format(score=chosen),
            note=note,
        )

    def reason(
        self, found: Open, visit: Visit, chosen: int | None, comment: str = "", *, problem: str = ""
    ) -> Response:
        language = visit.language_of(found)
        said = found.survey.said(language)
        question, its_language = _open_question(said, chosen, found, language)
        return self._reply(
            "comment.html",
            found,
            visit,
            status=422 if problem else 200,
            problem=problem,
            chosen=chosen,
            question=question,
            question_language=its_language,
            comment=comment,
            longest=LONGEST_COMMENT,
        )

    def thanks(self, found: Open, visit: Visit, until: datetime) -> Response:
        language = visit.language_of(found)
        words, said = LANGUAGES[language], found.survey.said(language)
        company = self._pages.company(language)
        paragraphs = [said.thanks or words.what_next.format(company=company)]
        if found.survey.edit_window:
            paragraphs.append(words.may_change.format(date=self._date(until, language)))
        return self._pages.said(
            words.thanks,
            paragraphs,
            language=language,
            embedded=visit.embedded,
            preview=found.invitation is None,
            done=True,
        )

    def closed(self, why: Closed, visit: Visit) -> Response:
        language, embedded = visit.language, visit.embedded
        if why is Closed.ANSWERED:
            words = LANGUAGES[language]
            return self._pages.said(words.already, [words.already_text], language=language, embedded=embedded)
        return self._pages.gone(language, _STATUS[why], embedded=embedded)

    def busy(self, visit: Visit) -> Response:
        return self._pages.busy(visit.language, embedded=visit.embedded)

    def _reply(self, template: str, found: Open, visit: Visit, **names: Any) -> Response:
        language = visit.language_of(found)
        said = found.survey.said(language)
        low, high = SCALES[found.survey.metric.value]
        low_label, high_label = scale_labels(said, found.survey.metric.value, language)
        spoken = found.survey.spoken
        return self._pages.reply(
            template,
            language=language,
            embedded=visit.embedded,
            preview=found.invitation is None,
            address=visit.path,
            languages=tuple((tag, LANGUAGES[tag].name) for tag in spoken if tag != language)
            if len(spoken) > 1
            else (),
            said=said,
            numbers=list(range(low, high + 1)),
            low_label=low_label,
            high_label=high_label,
            action=visit.action,
            **names,
        )

    def _day(self, found: Open, language: str) -> str:
        assert found.until is not None
        return self._date(found.until, language)

    def _date(self, at: datetime, language: str) -> str:
        return date_in(language, at.astimezone(self._site.config.time_zone).date())


def _open_question(said: Said, score: int | None, found: Open, language: str) -> tuple[str, str]:
    """The open question for whoever gave this score, and the language it is in."""
    segment = segment_of(score, found.survey.metric.value)
    own = said.then.get(segment or "") or said.then.get("")
    if own:
        return own, said.language
    return getattr(LANGUAGES[language], segment or "neutral"), language


def _score(given: str | None, found: Open, words: Phrases) -> tuple[int | None, str]:
    """The score a form holds, or what to say about it."""
    low, high = SCALES[found.survey.metric.value]
    if given is None or not given.strip():
        return None, words.none_chosen
    text = given.strip()
    if text.isascii() and text.isdigit() and len(text) < 4 and low <= int(text) <= high:
        return int(text), ""
    return None, words.off_scale.format(low=low, high=high)


def _preselected(found: Open, request: Request) -> int | None:
    """The score that a link of a mail names; nonsense names none."""
    score, _ = _score(request.query_params.get("score"), found, LANGUAGES["en"])
    return score
