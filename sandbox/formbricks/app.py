"""Formbricks' addresses: responses of version 2 by offset and time, surveys and contacts of version 1, webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sandbox.serving import Answer, Numbers, Refused, document, endpoint, reply, same
from sandbox.toy import Row

if TYPE_CHECKING:
    from sandbox.formbricks.tool import Formbricks

_COLUMNS = {"createdAt": "created_at", "updatedAt": "updated_at"}
_LARGEST = 250


def refused(status: int, message: str, details: str = "") -> Refused:
    told: Row = {"code": status, "message": message}
    return Refused(status, {"error": {**told, "details": [{"issue": details}]} if details else told})


def bad(message: str) -> Refused:
    return refused(400, "Bad Request", message)


def build(tool: Formbricks) -> ASGIApp:
    def check(request: Request) -> Mapping[str, str]:
        if not same(request.headers.get("x-api-key", ""), tool.key):
            raise refused(401, "Unauthorized")
        version = request.url.path.partition("/api/")[2][:2]
        if tool.minutes[version].spend(tool.settings.per_minute) is not None:
            tool.room.traffic.limit_met("formbricks", "per_minute")
            raise refused(429, "Too Many Requests")
        return {}

    def responses(request: Request) -> Any:
        query = request.query_params
        numbers = Numbers(query, bad)
        size, skip = numbers.whole("limit", 50, most=_LARGEST), numbers.whole("skip", 0, least=0)
        column, newest = _order(query)
        rows = sorted(_wanted(tool, query), key=lambda row: float(row[column]), reverse=newest)
        if tool.settings.ties == "shuffled" or tool.room.faults.take("shuffle", "GET", request.url.path):
            rows = _shuffled(tool, rows, column)
        return {"data": [tool.shown(row) for row in rows[skip : skip + size]]}

    def responses_v1(request: Request) -> Any:
        """Newest first and without any filter by time; all there are, unless a survey is named."""
        query = request.query_params
        numbers = Numbers(query, bad)
        survey = query.get("surveyId")
        rows = tool.of_survey(survey) if survey else list(tool.rows("responses"))
        rows.sort(key=lambda row: float(row["created_at"]), reverse=True)
        size = numbers.whole("limit", 25 if survey else max(1, len(rows)))
        skip = numbers.whole("skip", 0, least=0)
        return {"data": [tool.pushed(row) for row in rows[skip : skip + size]]}

    def row_of(request: Request) -> Row:
        row = tool.shelves["responses"].get(request.path_params["id"])
        if row is None:
            raise refused(404, "Not Found")
        return row

    def response(request: Request) -> Any:
        return {"data": tool.shown(row_of(request))}

    def remove(request: Request) -> Any:
        row = row_of(request)
        shown = tool.shown(row)
        tool.remove("responses", row["id"])
        return {"data": shown}

    def surveys(request: Request) -> Any:
        return {"data": [tool.definition(one) for one in tool.surveys.values()]}

    def contact(request: Request) -> Any:
        if not tool.settings.enterprise:
            raise refused(403, "Contacts are only enabled for Enterprise Edition")
        person = tool.shelves["people"].get(request.path_params["id"])
        if person is None:
            raise refused(404, "Not Found")
        attributes = {"email": person["email"], "userId": person["external_id"]}
        told = {name: value for name, value in attributes.items() if value}
        return {"data": {"id": person["id"], "workspaceId": tool.workspace, "attributes": told}}

    async def webhook(request: Request) -> Any:
        return reply({"data": tool.webhooks.create(await document(request, bad), bad)}, 201)

    def route(path: str, kind: str, answer: Answer, method: str = "GET") -> Route:
        return Route(f"/api{path}", endpoint(kind, check, answer), methods=[method])

    async def unknown(request: Request, problem: Exception) -> Response:
        return reply({"error": {"code": 404, "message": "Not Found"}}, 404)

    return Starlette(
        routes=[
            route("/v2/management/responses", "responses", responses),
            route("/v2/management/responses/{id}", "response", response),
            route("/v2/management/responses/{id}", "delete", remove, "DELETE"),
            route("/v2/management/webhooks", "webhook", webhook, "POST"),
            route("/v1/management/responses", "responses_v1", responses_v1),
            route("/v1/management/surveys", "surveys", surveys),
            route("/v1/management/contacts/{id}", "contact", contact),
        ],
        exception_handlers={404: unknown},
    )


def _order(query: Mapping[str, str]) -> tuple[str, bool]:
    by, order = query.get("sortBy", "createdAt"), query.get("order", "desc")
    if by not in _COLUMNS or order not in ("asc", "desc"):
        raise bad("sortBy is createdAt or updatedAt, order asc or desc")
    return _COLUMNS[by], order == "desc"


def _wanted(tool: Formbricks, query: Mapping[str, str]) -> list[Row]:
    """Both ends of the time belong to it. Stamps have milliseconds, as they are shown."""
    numbers = Numbers(query, bad)
    start, end = numbers.moment("startDate"), numbers.moment("endDate")
    by = query.get("filterDateField", "createdAt")
    if by not in _COLUMNS:
        raise bad("filterDateField is createdAt or updatedAt")
    survey, contact = query.get("surveyId"), query.get("contactId")
    return [
        row
        for row in tool.rows("responses")
        if (start is None or _thousandths(row[_COLUMNS[by]]) >= _thousandths(start))
        and (end is None or _thousandths(row[_COLUMNS[by]]) <= _thousandths(end))
        and survey in (None, row["survey"])
        and contact in (None, row["person"])
    ]


def _thousandths(at: float) -> int:
    return round(at * 1_000_000) // 1000


def _shuffled(tool: Formbricks, rows: list[Row], column: str) -> list[Row]:
    """There is no second key to sort by, so the database may tell equal stamps in any order."""
    told: list[Row] = []
    for _, tied in groupby(rows, key=lambda row: row[column]):
        tied_rows = list(tied)
        tool.room.faults.shuffle(tied_rows)
        told += tied_rows
    return told
