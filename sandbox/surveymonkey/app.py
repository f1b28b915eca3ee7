"""SurveyMonkey's addresses: surveys and their definitions, responses in bulk, recipients, webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sandbox.moments import iso_offset
from sandbox.serving import Answer, Numbers, Refused, document, endpoint, reply, same
from sandbox.surveys import Survey
from sandbox.toy import Row

if TYPE_CHECKING:
    from sandbox.surveymonkey.tool import SurveyMonkey

_STATUSES = ("completed", "partial", "overquota", "disqualified")


def error_body(status: int, code: str, message: str) -> Row:
    docs = "https://developer.surveymonkey.example/api/v3/#error-codes"
    return {
        "error": {"docs": docs, "message": message, "id": code, "name": message, "http_status_code": status}
    }


def refused(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Refused:
    return Refused(status, error_body(status, code, message), headers)


def bad(message: str) -> Refused:
    return refused(400, "1000", message)


def budget_headers(tool: SurveyMonkey) -> dict[str, str]:
    """The reset is told in seconds from now."""
    told: dict[str, str] = {}
    spans = (("Minute", tool.minute, tool.settings.per_minute), ("Day", tool.day, tool.settings.per_day))
    for name, budget, most in spans:
        if most:
            start = f"X-Ratelimit-App-Global-{name}-"
            told |= {f"{start}Limit": str(most), f"{start}Remaining": str(budget.left(most))}
            told[f"{start}Reset"] = str(int(budget.resets_in()) + 1)
    return told


def build(tool: SurveyMonkey) -> ASGIApp:
    def check(request: Request) -> Mapping[str, str]:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not same(token, tool.token):
            raise refused(401, "1011", "The authorization token was not provided or is invalid")
        for name, budget in (("per_minute", tool.minute), ("per_day", tool.day)):
            if budget.spend(getattr(tool.settings, name)) is not None:
                tool.room.traffic.limit_met("surveymonkey", name)
                raise refused(429, "1040", "Rate limit reached", budget_headers(tool))
        return budget_headers(tool)

    def survey(request: Request) -> Survey:
        found = tool.surveys.get(request.path_params["survey"])
        if found is None:
            raise refused(404, "1020", "There was an error retrieving the requested resource")
        return found

    def surveys(request: Request) -> Any:
        rows = []
        for one in tool.surveys.values():
            told = {"id": one.id, "title": one.name, "nickname": "", "href": f"{_here(request)}/{one.id}"}
            if "date_modified" in request.query_params.get("include", "").split(","):
                newest = max((row["updated_at"] for row in tool.of_survey(one.id)), default=tool.now())
                told["date_modified"] = iso_offset(newest)
            rows.append(told)
        return _page(request, rows, default=50, most=1000)

    def details(request: Request) -> Any:
        return tool.details(survey(request))

    def bulk(request: Request) -> Any:
        query = request.query_params
        rows = [row for row in tool.of_survey(survey(request).id) if _wanted(tool, row, query)]
        newest, by = query.get("sort_order", "DESC").upper() == "DESC", query.get("sort_by")
        if by not in (None, "date_modified"):
            raise bad("sort_by is date_modified")
        rows.sort(key=lambda row: (row["updated_at" if by else "created_at"], row["id"]), reverse=newest)
        told = _page(request, rows, default=50, most=100)
        simple = query.get("simple", "false").lower() == "true"
        return told | {"data": [tool.shown(row, simple=simple) for row in told["data"]]}

    def one_response(request: Request) -> Any:
        rows = tool.of_survey(survey(request).id)
        found = next((row for row in rows if row["id"] == request.path_params["id"]), None)
        if found is None:
            raise refused(404, "1020", "There was an error retrieving the requested resource")
        return tool.shown(found, simple=request.query_params.get("simple", "false").lower() == "true")

    def recipient(request: Request) -> Any:
        person = tool.shelves["people"].get(request.path_params["id"])
        if person is None:
            raise refused(404, "1020", "There was an error retrieving the requested resource")
        told = {
            "id": person["id"],
            "email": person["email"] or "",
            "survey_response_status": "completely_responded",
        }
        return told | {"custom_fields": {}, "extra_fields": {"customer_id": person["external_id"] or ""}}

    async def webhook(request: Request) -> Any:
        return reply(tool.webhooks.create(await document(request, bad)), 201)

    def route(path: str, kind: str, answer: Answer, method: str = "GET") -> Route:
        return Route(f"/v3{path}", endpoint(kind, check, answer), methods=[method])

    async def unknown(request: Request, problem: Exception) -> Response:
        return reply(error_body(404, "1020", "No such resource"), 404)

    return Starlette(
        routes=[
            route("/surveys", "surveys", surveys),
            route("/surveys/{survey}/details", "details", details),
            route("/surveys/{survey}/responses/bulk", "bulk", bulk),
            route("/surveys/{survey}/responses/{id}/details", "response", one_response),
            route("/collectors/{collector}/recipients/{id}", "recipient", recipient),
            route("/webhooks", "webhook", webhook, "POST"),
        ],
        exception_handlers={404: unknown},
    )


def _page(request: Request, rows: list[Row], *, default: int, most: int) -> Row:
    numbers = Numbers(request.query_params, bad)
    page, size = numbers.whole("page", 1), numbers.whole("per_page", default, most=most)

    def link(number: int) -> str:
        return f"{_here(request)}?{urlencode({**request.query_params, 'page': number, 'per_page': size})}"

    links = {"self": link(page)}
    if page * size < len(rows):
        links["next"] = link(page + 1)
    shown = rows[(page - 1) * size : page * size]
    return {"data": shown, "per_page": size, "page": page, "total": len(rows), "links": links}


def _here(request: Request) -> str:
    return str(request.url).partition("?")[0]


def _wanted(tool: SurveyMonkey, row: Row, query: Mapping[str, str]) -> bool:
    numbers = Numbers(query, bad)
    for name, column in (("created", "created_at"), ("modified", "updated_at")):
        start, end = numbers.moment(f"start_{name}_at"), numbers.moment(f"end_{name}_at")
        told = int(row[column])
        if (start is not None and told < start) or (end is not None and told > end):
            return False
    status = query.get("status")
    if status is not None and status not in _STATUSES:
        raise bad(f"status is one of {', '.join(_STATUSES)}")
    if status is not None and status != ("completed" if row["finished"] else "partial"):
        return False
    return query.get("email") in (None, row["email"])
