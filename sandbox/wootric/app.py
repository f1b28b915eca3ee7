"""Wootric's addresses: the token endpoint, lists with a thirty-page wall, look-ups of a person."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.toy import name_call
from sandbox.wootric.books import EVERYTHING, ORDERS, Answer, Books, EndUser, Timeline, Window
from sandbox.wootric.settings import Settings
from sandbox.wootric.shapes import (
    Shown,
    answers_shown,
    declines_shown,
    people_shown,
    person_written,
    settings_shown,
)
from sandbox.wootric.surveying import Form, Surveying, form_of, person_from
from sandbox.wootric.tokens import Refusal, Tokens, bad_request, not_found, refused_token

LAST_PAGE, LARGEST_PAGE, DEFAULT_PAGE = 30, 50, 25
_SEGMENTS = {"promoters": range(9, 11), "passives": range(7, 9), "detractors": range(7)}


@dataclass(frozen=True)
class Desk:
    """What every call needs; `settings` is asked anew, as control changes them."""

    books: Mapping[str, Books]  # by account token
    tokens: Tokens
    settings: Callable[[], Settings]
    surveying: Surveying
    welcome: Callable[[Books, Mapping[str, Any]], EndUser]  # a new end user of these books
    amend: Callable[[Books, EndUser, Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Asked:
    books: Books
    settings: Settings
    path: Mapping[str, str]
    query: Mapping[str, str]

    def window(self, name: str) -> Window:
        """created[gt|gte|lt|lte|eq] as one half-open window of whole seconds."""
        start: int | None = None
        end: int | None = None
        for operator, text in self._bounds(name):
            at = _whole(text, f"{name}[{operator}]")
            if operator in ("gt", "gte", "eq"):
                low = at + (operator == "gt")
                start = low if start is None else max(start, low)
            if operator in ("lt", "lte", "eq"):
                high = at + (operator != "lt")
                end = high if end is None else min(end, high)
        return Window(start, end)

    def _bounds(self, name: str) -> Iterable[tuple[str, str]]:
        for operator in ("gt", "gte", "lt", "lte", "eq"):
            if text := self.query.get(f"{name}[{operator}]"):
                yield operator, text

    def page(self) -> tuple[int, int]:
        """How many rows to skip, how many to show."""
        page = _whole(self.query.get("page", "1"), "page")
        size = _whole(self.query.get("per_page", str(DEFAULT_PAGE)), "per_page")
        if not 1 <= page <= LAST_PAGE:
            raise bad_request(f"page must be between 1 and {LAST_PAGE}", "page")
        if not 1 <= size <= LARGEST_PAGE:
            raise bad_request(f"per_page must be between 1 and {LARGEST_PAGE}", "per_page")
        return (page - 1) * size, size

    def newest_first(self, *, default: bool) -> bool:
        return {"asc": False, "desc": True}.get(self.query.get("sort_order", ""), default)

    def person(self) -> EndUser:
        """By id, or by what the query says the path holds."""
        key, found = self.path["id"], None
        if self.query.get("lookup_by_email") == "true":
            found = self.books.by_email(key)
        elif self.query.get("lookup_by_external_id") == "true":
            found = self.books.by_external_id(key)
        elif key.isdigit():
            found = self.books.people.get(int(key))
        if found is None:
            raise not_found()
        return found


Answerer = Callable[[Asked], Any]
Taker = Callable[[Asked, Form], tuple[int, Any]]  # the reply's status and body


def list_responses(asked: Asked) -> list[Shown]:
    return _listed(asked, asked.books.answers, answers_shown(asked.books, asked.settings))


def list_segment(asked: Asked) -> list[Shown]:
    segment = asked.path["segment"]
    if segment not in _SEGMENTS:
        raise not_found()
    return _answers(asked, asked.books.answers.all(), segment)


def list_responses_of(asked: Asked) -> list[Shown]:
    return _answers(asked, asked.books.answers_of(asked.person()))


def get_response_of(asked: Asked) -> Shown | list[Shown]:
    """One by its id; or a person's promoters, passives or detractors."""
    number = asked.path["response"]
    if number in _SEGMENTS:
        return _answers(asked, asked.books.answers_of(asked.person()), number)
    answer = asked.books.answers.by_id.get(int(number)) if number.isdigit() else None
    if answer is None or answer.end_user != asked.person().id:
        raise not_found()
    return answers_shown(asked.books, asked.settings)(answer)


def list_declines(asked: Asked) -> list[Shown]:
    return _listed(asked, asked.books.declines, declines_shown(asked.settings))


def list_people(asked: Asked) -> list[Shown]:
    key = asked.query.get("sort_key", "email")
    if key not in ORDERS:
        raise bad_request(f"sort_key must be one of {', '.join(ORDERS)}", "sort_key")
    skip, count = asked.page()
    found = _people(asked, key)
    if asked.newest_first(default=False):
        found = found[::-1]
    shown = people_shown(asked.books, asked.settings)
    return [shown(person) for person in found[skip : skip + count]]


def _people(asked: Asked, key: str) -> Sequence[EndUser]:
    """Those the filters leave, ascending by `key`."""
    created, updated = asked.window("created"), asked.window("updated")
    if email := asked.query.get("email"):
        found: Sequence[EndUser] = sorted(asked.books.all_by_email(email), key=ORDERS[key])
    else:
        found = asked.books.sorted_people(key)
    if key == "created_at":
        found, created = _between(found, created, lambda person: person.created), EVERYTHING
    elif key == "updated_at":
        found, updated = _between(found, updated, lambda person: person.updated), EVERYTHING
    if created == updated == EVERYTHING:
        return found
    return [one for one in found if created.within(one.created) and updated.within(one.updated)]


def _between(people: Sequence[EndUser], window: Window, when: Callable[[EndUser], int]) -> Sequence[EndUser]:
    low = 0 if window.start is None else bisect_left(people, window.start, key=when)
    high = len(people) if window.end is None else bisect_left(people, window.end, key=when)
    return people[low:high]


def get_person(asked: Asked) -> Shown:
    return people_shown(asked.books, asked.settings)(asked.person())


def get_person_by_phone(asked: Asked) -> Shown:
    # Digits without a plus sign are read as an id, and no path holds one here.
    phone = asked.path["phone"]
    person = asked.books.by_phone(phone) if phone.startswith("+") else None
    if person is None:
        raise not_found()
    return people_shown(asked.books, asked.settings)(person)


def _listed(asked: Asked, timeline: Timeline[Any], shown: Callable[[Any], Shown]) -> list[Shown]:
    skip, count = asked.page()
    newest_first = asked.newest_first(default=True)
    page = timeline.page(asked.window("created"), skip=skip, count=count, newest_first=newest_first)
    return [shown(one) for one in page]


def _answers(asked: Asked, answers: Iterable[Answer], segment: str | None = None) -> list[Shown]:
    skip, count = asked.page()
    window, scores = asked.window("created"), _SEGMENTS[segment] if segment else range(11)
    found = [one for one in answers if window.within(one.created) and one.score in scores]
    if asked.newest_first(default=True):
        found.reverse()
    shown = answers_shown(asked.books, asked.settings)
    return [shown(one) for one in found[skip : skip + count]]


def _whole(text: str, name: str) -> int:
    if not text.isdigit():
        raise bad_request(f"{name} must be a whole number", name)
    return int(text)


def survey_by_email(desk: Desk) -> Taker:
    def take(asked: Asked, form: Form) -> tuple[int, Any]:
        desk.surveying.by_email(asked.books, form, lambda fields: desk.welcome(asked.books, fields))
        return 200, {}

    return take


def create_person(desk: Desk) -> Taker:
    return lambda asked, form: (201, person_written(desk.welcome(asked.books, person_from(form))))


def update_person(desk: Desk) -> Taker:
    def take(asked: Asked, form: Form) -> tuple[int, Any]:
        person = asked.person()
        fields = person_from(form)
        if "properties" in fields:
            fields["properties"] = {**person.properties, **fields["properties"]}
        desk.amend(asked.books, person, fields)
        return 200, person_written(person)

    return take


def update_settings(desk: Desk) -> Taker:
    def take(asked: Asked, form: Form) -> tuple[int, Any]:
        person = asked.person()
        desk.surveying.switch(asked.books, person, form)
        return 200, settings_shown(person)

    return take


def build(desk: Desk) -> Starlette:
    def route(path: str, kind: str, answer: Answerer, *, limited: bool = False) -> Route:
        return Route(path, _endpoint(desk, kind, answer, limited=limited), methods=["GET"])

    def taking(method: str, path: str, kind: str, take: Taker) -> Route:
        return Route(path, _form_endpoint(desk, kind, take), methods=[method])

    return Starlette(
        routes=[
            route("/v1/responses", "responses", list_responses, limited=True),
            route("/v1/responses/{segment}", "responses", list_segment, limited=True),
            route("/v1/end_users", "end_users", list_people, limited=True),
            route("/v1/end_users/phone_number/{phone}", "end_user", get_person_by_phone),
            route("/v1/end_users/{id}", "end_user", get_person),
            route("/v1/end_users/{id}/responses", "responses", list_responses_of),
            route("/v1/end_users/{id}/responses/{response}", "response", get_response_of),
            route("/v1/declines", "declines", list_declines, limited=True),
            taking("POST", "/v1/email_survey", "email_survey", survey_by_email(desk)),
            taking("POST", "/v1/end_users", "create_end_user", create_person(desk)),
            taking("PUT", "/v1/end_users/{id}", "update_end_user", update_person(desk)),
            taking("PUT", "/v1/end_users/{id}/settings", "end_user_settings", update_settings(desk)),
            Route("/oauth/token", _token_endpoint(desk), methods=["POST"]),
        ],
        exception_handlers={HTTPException: _unknown_address},
    )


def refused(refusal: Refusal, headers: Mapping[str, str] | None = None) -> Response:
    return _json(refusal.status, refusal.body, {**(headers or {}), **refusal.headers})


def _json(status: int, body: Any, headers: Mapping[str, str]) -> Response:
    return Response(orjson.dumps(body), status, dict(headers), media_type="application/json; charset=utf-8")


def _endpoint(desk: Desk, kind: str, answer: Answerer, *, limited: bool) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        name_call(request.scope, kind)
        settings = desk.settings()
        headers: dict[str, str] = {}
        try:
            access = _bearer(request)
            account = desk.tokens.check(access)
            headers = desk.tokens.count(access, settings) if limited else {}
            asked = Asked(desk.books[account], settings, request.path_params, request.query_params)
            return _json(200, answer(asked), headers)
        except Refusal as refusal:
            return refused(refusal, headers)

    return endpoint


def _form_endpoint(desk: Desk, kind: str, take: Taker) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        name_call(request.scope, kind)
        settings = desk.settings()
        form = form_of(await request.body())
        try:
            in_body = dict(form).get("access_token", "")
            if kind == "email_survey" and settings.survey_token_in_body and not in_body:
                raise refused_token("The access token is missing")
            account = desk.tokens.check(in_body or _bearer(request))
            asked = Asked(desk.books[account], settings, request.path_params, request.query_params)
            status, body = take(asked, form)
            return _json(status, body, {})
        except Refusal as refusal:
            return refused(refusal)

    return endpoint


def _bearer(request: Request) -> str:
    """The header, or the query field of the vendor's own samples."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    if token := request.query_params.get("access_token", ""):
        return token
    raise refused_token("The access token is missing")


def _token_endpoint(desk: Desk) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        name_call(request.scope, "token")
        form = dict(parse_qsl((await request.body()).decode(errors="replace")))
        try:
            wanted = request.query_params.get("account_token")
            return _json(200, desk.tokens.issue(form, wanted, desk.settings()), {"Cache-Control": "no-store"})
        except Refusal as refusal:
            return refused(refusal)

    return endpoint


async def _unknown_address(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, HTTPException)
    return refused(Refusal(problem.status_code, not_found().body))
