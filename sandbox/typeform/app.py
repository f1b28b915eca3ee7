"""Typeform's addresses: forms, responses that page by the token of the last one, and webhooks by tag."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sandbox.serving import Answer, Numbers, Refused, document, endpoint, reply, same
from sandbox.toy import Row

if TYPE_CHECKING:
    from sandbox.typeform.tool import Typeform

_LARGEST, _LARGEST_FORMS = 1000, 200


def _refused(description: str, status: int = 400, code: str = "VALIDATION_ERROR") -> Refused:
    return Refused(status, {"code": code, "description": description})


def build(tool: Typeform) -> ASGIApp:
    def check(request: Request) -> Mapping[str, str]:
        if not same(request.headers.get("authorization", ""), f"Bearer {tool.token}"):
            raise _refused("Authentication credentials not found or incorrect", 403, "AUTHENTICATION_FAILED")
        wait = tool.second.spend(tool.settings.per_second)
        if wait is not None:
            tool.room.traffic.limit_met("typeform", "per_second")
            body = {"code": "TOO_MANY_REQUESTS", "description": "Rate limit exceeded"}
            raise Refused(429, body, {"Retry-After": "1"})
        return {}

    def form_of(request: Request) -> str:
        form = str(request.path_params["form"])
        if form not in tool.surveys:
            raise _refused("Non existing form with uid", 404, "FORM_NOT_FOUND")
        return form

    def forms(request: Request) -> Any:
        numbers = Numbers(request.query_params, _refused)
        page, size = numbers.whole("page", 1), numbers.whole("page_size", 10, most=_LARGEST_FORMS)
        every = [{"id": one.id, "title": one.name} for one in tool.surveys.values()]
        shown = every[(page - 1) * size : page * size]
        return {"total_items": len(every), "page_count": -(-len(every) // size), "items": shown}

    def form(request: Request) -> Any:
        return tool.definition(form_of(request))

    def responses(request: Request) -> Any:
        query = request.query_params
        size = Numbers(query, _refused).whole("page_size", 25, most=_LARGEST)
        found = _in_order(_wanted(tool, form_of(request), query), query)
        return {
            "total_items": len(found),
            "page_count": -(-len(found) // size),
            "items": [tool.shown(row) for row in found[:size]],
        }

    async def put_webhook(request: Request) -> Any:
        body = await document(request, _refused)
        if "url" not in body:
            raise _refused("url is required")
        given = {**body, "tag": request.path_params["tag"]}
        return tool.webhooks.set(form_of(request), given, insist=False)

    def delete_webhook(request: Request) -> Any:
        tool.webhooks.end(form_of(request), request.path_params["tag"])
        return Response(status_code=204)

    def get(path: str, kind: str, answer: Answer, method: str = "GET") -> Route:
        return Route(path, endpoint(kind, check, answer), methods=[method])

    async def unknown(request: Request, problem: Exception) -> Response:
        return reply({"code": "NOT_FOUND", "description": "no such endpoint"}, 404)

    return Starlette(
        routes=[
            get("/forms", "forms", forms),
            get("/forms/{form}", "form", form),
            get("/forms/{form}/responses", "responses", responses),
            get("/forms/{form}/webhooks/{tag}", "webhook", put_webhook, "PUT"),
            get("/forms/{form}/webhooks/{tag}", "webhook", delete_webhook, "DELETE"),
        ],
        exception_handlers={404: unknown},
    )


def _wanted(tool: Typeform, form: str, query: Mapping[str, str]) -> list[Row]:
    numbers = Numbers(query, _refused)
    since, until = numbers.moment("since"), numbers.moment("until")
    kinds = query.get("response_type") or {"false": "started,partial"}.get(
        query.get("completed", ""), "completed"
    )
    included = set(filter(None, query.get("included_response_ids", "").split(",")))
    listed = tool.now() - tool.settings.lag
    return [
        row
        for row in tool.of_survey(form)
        if ("completed" if row["finished"] else "partial") in kinds.split(",")
        and (since is None or int(row["created_at"]) >= since)
        and (until is None or int(row["created_at"]) <= until)
        and (not included or row["id"] in included)
        and row["created_at"] <= listed
    ]


def _in_order(rows: list[Row], query: Mapping[str, str]) -> list[Row]:
    """Newest first; `before` and `after` are tokens, not themselves shown, and take no `sort` beside them."""
    before, after, sort = (query.get(name) for name in ("before", "after", "sort"))
    if sort and (before or after):
        raise _refused("sort cannot be combined with before or after")
    newest = not (sort or "").endswith(",asc")
    found = sorted(rows, key=lambda row: float(row["created_at"]), reverse=newest)
    for token in filter(None, (before, after)):
        at = next((index for index, row in enumerate(found) if row["id"] == token), None)
        if at is None:
            raise _refused(f"no response {token}")
        found = found[at + 1 :] if token == before else found[:at]
    return found
