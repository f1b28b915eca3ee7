"""Its addresses: GET (or POST, with the parameters as JSON) /{door}/{style} lists answers.

/{door}/{style}                                 parameters of the style, `since`, `until`, `survey`
/{door}/{style}/surveys/{survey}                one survey's answers
/{door}/in-path/{size}/{page}/{since}           page numbers with everything in the path
/{door}/surveys · /{door}/people/{id} · /{door}/responses/{id}
/oauth/token                                    for the doors oauth2 and raw
/files/{name}                                   where a redirect leads
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sandbox.paged.styles import STYLES, TIMELESS, Call, between, in_order
from sandbox.serving import Refused, reply
from sandbox.toy import Row, name_call

if TYPE_CHECKING:
    from sandbox.paged.tool import Paged


def build(tool: Paged) -> ASGIApp:
    def behind(kind: str, answer: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Any]:
        async def called(request: Request) -> Response:
            name_call(request.scope, kind)
            try:
                if tool.room.faults.take("expired_token"):
                    tool.doors.expire()
                tool.doors.check(request.path_params["door"], request)
                if (refused := _spent(tool)) is not None:
                    return refused
                if fault := tool.room.faults.take("error_inside", request.method, request.url.path):
                    message = fault.detail.get("message", "The report is not ready, try again later")
                    return reply({"success": False, "code": fault.detail.get("code", 500), "error": message})
                told = await answer(request)
            except Refused as refused_because:
                return reply(refused_because.body, refused_because.status)
            if tool.settings.per_day:
                told.headers["X-RateLimit-Day-Remaining"] = str(tool.day.left(tool.settings.per_day))
            return told

        return called

    async def listed(request: Request) -> Response:
        name = request.path_params.get("style", "pages")
        if name not in STYLES:
            raise Refused(404, {"error": f"no style {name}; there are: {', '.join(STYLES)}"})
        asked = await _asked(request)
        settings, faults = tool.settings, tool.room.faults
        rows: Sequence[Row] = list(tool.rows("responses"))
        if name not in TIMELESS:
            rows = between(rows, asked, settings, tool.room.clock.time())
        if survey := asked.get("survey"):
            rows = [row for row in rows if row["survey"] == survey]
        call = Call(
            asked,
            in_order(rows, name, settings, faults.shuffle),
            settings,
            _link(request, settings.foreign_next),
            tool.id_of,
        )
        shown, told = STYLES[name](call)
        if faults.take("shuffle", request.method, request.url.path):
            faults.shuffle(shown := list(shown))
        body = orjson.dumps(
            _placed(settings.rows_at, [tool.shown(row) for row in shown], _beside(tool, shown, told))
        )
        above = bool(settings.redirect_above) and len(rows) > settings.redirect_above
        if above or faults.take("redirect", request.method, request.url.path):
            return Response(status_code=302, headers={"Location": tool.files.leave(request, body)})
        return Response(body, media_type="application/json")

    async def surveys(request: Request) -> Response:
        names = dict.fromkeys(row["survey"] for row in tool.rows("responses"))
        return reply(
            {"surveys": [{"id": name, "name": name.replace("-", " ").capitalize()} for name in names]}
        )

    async def person(request: Request) -> Response:
        found = tool.shelves["people"].get(request.path_params["id"])
        return reply({"error": "not found"}, 404) if found is None else reply(found)

    async def response(request: Request) -> Response:
        wanted = request.path_params["id"]
        found = next((row for row in tool.rows("responses") if str(tool.id_of(row)) == wanted), None)
        return reply({"error": "not found"}, 404) if found is None else reply(tool.shown(found))

    async def token(request: Request) -> Response:
        name_call(request.scope, "token")
        raw = await request.body()
        in_json = "json" in request.headers.get("content-type", "")
        try:
            form = orjson.loads(raw) if in_json else dict(parse_qsl(raw.decode(errors="replace")))
            basic = request.headers.get("authorization", "")
            return reply(tool.doors.token(form, basic, tool.settings.token_seconds))
        except orjson.JSONDecodeError:
            return reply({"error": "invalid_request"}, 400)
        except Refused as refused:
            return reply(refused.body, refused.status)

    def get(path: str, kind: str, answer: Callable[[Request], Awaitable[Response]]) -> Route:
        return Route(path, behind(kind, answer), methods=["GET", "POST"])

    return Starlette(
        routes=[
            Route("/oauth/token", token, methods=["POST"]),
            Route("/files/{name}", tool.files.fetched, methods=["GET"]),
            get("/{door}/surveys", "surveys", surveys),
            get("/{door}/people/{id}", "person", person),
            get("/{door}/responses/{id}", "response", response),
            get("/{door}/in-path/{per_page}/{page}/{since}", "responses", listed),
            get("/{door}/{style}", "responses", listed),
            get("/{door}/{style}/surveys/{survey}", "responses", listed),
        ]
    )


def _spent(tool: Paged) -> Response | None:
    for name, budget in (("per_minute", tool.minute), ("per_day", tool.day)):
        wait = budget.spend(getattr(tool.settings, name))
        if wait is not None:
            tool.room.traffic.limit_met("paged", name)
            refused = tool.too_many(wait)
            if tool.settings.per_day:
                refused.headers["X-RateLimit-Day-Remaining"] = str(tool.day.left(tool.settings.per_day))
            return refused
    return None


async def _asked(request: Request) -> dict[str, str]:
    """Parameters of the path, the query, and with POST of the body."""
    asked = {**request.query_params, **request.path_params}
    if request.method == "POST":
        try:
            body = orjson.loads(await request.body() or b"{}")
        except orjson.JSONDecodeError:
            raise Refused(400, {"error": "the body is not JSON"}) from None
        if not isinstance(body, dict):
            raise Refused(400, {"error": "the body is no object"})
        asked |= {name: str(value) for name, value in body.items()}
    return asked


def _link(request: Request, foreign: str) -> Callable[[Mapping[str, Any]], str]:
    def link(changed: Mapping[str, Any]) -> str:
        address = f"{request.url.path}?{urlencode({**request.query_params, **changed})}"
        return (foreign or f"{request.url.scheme}://{request.url.netloc}") + address

    return link


def _beside(tool: Paged, shown: Sequence[Row], told: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**told, "people": tool.people_of(shown)} if tool.settings.people == "beside" else told


def _placed(path: str, rows: list[Row], told: Mapping[str, Any]) -> Any:
    """`data.responses` stands beside what else `data` tells; without a path the reply is the list alone."""
    *above, last = path.split(".")
    if not last:
        return rows
    body: dict[str, Any] = {last: rows, **told}
    for name in reversed(above):
        body = {name: body}
    return {"success": True, **body} if above else body
