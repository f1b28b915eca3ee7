"""Apptentive's addresses: what a key may use, apps and surveys, raw answers by their ids, and who people are."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sandbox.apptentive.words import APPS, KEY
from sandbox.surveys import Survey
from sandbox.toy import Row, name_call

if TYPE_CHECKING:
    from sandbox.apptentive.tool import Apptentive

_RAW, _METRICS, _DRAFT = (
    "/raw/v2/apps/{app_id}",
    "/metrics/v2/apps/{app_id}",
    "/experimental/v2/apps/{app_id}",
)
_LARGEST_TEXTS = 1000
_WHOLE = re.compile(r"[0-9]{1,15}")


class _Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def build(tool: Apptentive) -> ASGIApp:
    def endpoint(kind: str, answer: Callable[[Request], Any]) -> Callable[[Request], Any]:
        async def called(request: Request) -> Response:
            name_call(request.scope, kind)
            told = request.headers.get("x-api-key") or request.query_params.get("api_key", "")
            if not hmac.compare_digest(told.encode(), KEY.encode()):
                return _json({"error": "Unauthorized"}, 401)
            if tool.budget.spend(tool.settings.per_five_minutes) is not None:
                tool.room.traffic.limit_met("apptentive", "per_five_minutes")
                return _json({"error": "Too many requests"}, 429)
            try:
                if (app_id := request.path_params.get("app_id", next(iter(APPS)))) not in APPS:
                    raise _Refused(404, f"No app {app_id}")
                return _json(answer(request))
            except _Refused as refused:
                return _json({"error": str(refused)}, refused.status)

        return called

    def survey(request: Request) -> Survey:
        found = tool.surveys.get(request.path_params["survey_id"])
        if found is None:
            raise _Refused(404, "No such survey")
        return found

    def answers(request: Request) -> list[Row]:
        wanted, app_id = survey(request), request.path_params["app_id"]
        return [row for row in tool.of_survey(wanted.id) if tool.app_of(row) == app_id]

    def paged(request: Request, rows: Sequence[Row], wrapper: str) -> Any:
        """`starts_after` an id, in the order of ids."""
        query, settings = request.query_params, tool.settings
        size = min(_whole(query, "page_size", settings.page_size), settings.largest)
        order, after = query.get("order", "desc"), query.get("starts_after", "")
        if order not in ("asc", "desc"):
            raise _Refused(400, "order is asc or desc")
        if after and (len(after) != 24 or any(digit not in "0123456789abcdef" for digit in after)):
            raise _Refused(400, "starts_after is no id")
        if after and not settings.synthetic_ids and all(row["id"] != after for row in rows):
            raise _Refused(400, "starts_after is unknown")
        newest = order == "desc"
        found = sorted(rows, key=lambda row: str(row["id"]), reverse=newest)
        if after:
            found = [row for row in found if (row["id"] < after if newest else row["id"] > after)]
        page = found[:size]
        if not wrapper:
            return page
        return {wrapper: page, **({"has_more": len(found) > size} if settings.has_more else {})}

    def info(request: Request) -> Any:
        return {"endpoints": [{"method": "GET", "path": route.path} for route in routes]}

    def apps(request: Request) -> Any:
        return {
            "apps": [{"id": id, "name": name, "platform": platform} for id, (name, platform) in APPS.items()]
        }

    def surveys(request: Request) -> Any:
        app_id = request.path_params["app_id"]
        counts = {id: sum(tool.app_of(row) == app_id for row in tool.of_survey(id)) for id in tool.surveys}
        told = [
            {"id": one.id, "name": one.name, "response_count": counts[one.id]}
            for one in tool.surveys.values()
        ]
        return {"surveys": told}

    def stats(request: Request) -> Any:
        rows = answers(request)
        counts: dict[str, int] = {}
        for row in rows:
            counts[str(row["score"])] = counts.get(str(row["score"]), 0) + 1
        return {"survey_id": survey(request).id, "response_count": len(rows), "scores": counts}

    def texts(request: Request) -> Any:
        page, size = _whole(request.query_params, "page", 1), _whole(request.query_params, "limit", 100)
        if size > _LARGEST_TEXTS:
            raise _Refused(400, f"limit is at most {_LARGEST_TEXTS}")
        found = [
            {"response_id": row["id"], "value": row["comment"]} for row in answers(request) if row["comment"]
        ]
        return {"responses": found[(page - 1) * size : page * size], "total": len(found)}

    def raw(request: Request) -> Any:
        return paged(request, [tool.shown(row) for row in answers(request)], tool.settings.wrapper)

    def people(request: Request) -> Any:
        return paged(request, tool.everybody(), "people")

    def person(request: Request) -> Any:
        wanted = request.path_params["person_id"]
        found = next((one for one in tool.everybody() if one["id"] == wanted), None)
        if found is None:
            raise _Refused(404, "No such person")
        return found

    def conversations(request: Request) -> Any:
        told = [tool.shown(row) for row in tool.rows("responses")]
        rows = [
            {"id": one["conversation_id"], "person_id": one["person_id"], "app_id": one["app_id"]}
            for one in told
        ]
        return paged(
            request, [row for row in rows if row["app_id"] == request.path_params["app_id"]], "conversations"
        )

    def definitions(request: Request) -> Any:
        return {"surveys": [tool.definition(one) for one in tool.surveys.values()]}

    def definition(request: Request) -> Any:
        return tool.definition(survey(request))

    def get(path: str, kind: str, answer: Callable[[Request], Any]) -> Route:
        return Route(path, endpoint(kind, answer), methods=["GET"])

    of_survey = f"{_METRICS}/survey/{{survey_id}}"
    routes = [
        get("/info", "info", info),
        get("/metrics/v2/apps", "apps", apps),
        get(f"{_METRICS}/stats/surveys", "surveys", surveys),
        get(f"{of_survey}/stats", "stats", stats),
        get(f"{of_survey}/question/{{question_id}}/responses", "texts", texts),
        get(f"{_RAW}/surveys/{{survey_id}}/responses", "responses", raw),
        get(f"{_RAW}/people", "people", people),
        get(f"{_RAW}/people/{{person_id}}", "person", person),
        get(f"{_RAW}/conversations", "conversations", conversations),
        get(f"{_DRAFT}/surveys", "definitions", definitions),
        get(f"{_DRAFT}/surveys/{{survey_id}}", "definition", definition),
    ]
    return Starlette(routes=routes)


def _whole(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not _WHOLE.fullmatch(text) or int(text) < 1:
        raise _Refused(400, f"{name} must be a whole number from 1 on")
    return int(text)


def _json(body: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, media_type="application/json")
