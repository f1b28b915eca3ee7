"""Qualtrics' addresses below a data centre; any other data centre knows nobody."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from sandbox.serving import Answer, Numbers, Refused, basic, document, endpoint, reply, same
from sandbox.surveys import Survey
from sandbox.toy import name_call

if TYPE_CHECKING:
    from sandbox.qualtrics.tool import Qualtrics

_WORDS = {400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 429: "Too Many Requests"}
_TOKEN_SECONDS = 3599
# Names are case-sensitive, and one that is unknown is an error.
_EXPORT_FIELDS = frozenset(
    {"format", "startDate", "endDate", "timeZone", "useLabels", "limit", "questionIds", "embeddedDataIds"}
    | {"surveyMetadataIds", "seenUnansweredRecode", "multiselectSeenUnansweredRecode", "breakoutSets"}
    | {"includeDisplayOrder"}
)


def _meta(status: str, **more: Any) -> dict[str, Any]:
    return {"httpStatus": status, "requestId": secrets.token_hex(8), **more}


def refused(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Refused:
    error = {"errorMessage": message, "errorCode": code}
    words = f"{status} - {_WORDS.get(status, 'Internal Server Error')}"
    return Refused(status, {"meta": _meta(words, error=error)}, headers)


def _bad(message: str) -> Refused:
    return refused(400, "RP_0", message)


def _missing() -> Refused:
    return refused(404, "RP_1", "The requested resource was not found")


def _ok(result: Any) -> dict[str, Any]:
    return {"result": result, "meta": _meta("200 - OK")}


def build(tool: Qualtrics) -> ASGIApp:
    def check(request: Request) -> Mapping[str, str]:
        if request.path_params["centre"] != tool.data_centre:
            raise refused(401, "AUTH_6", "Unrecognized X-API-TOKEN.")
        if tool.room.faults.take("expired_token"):
            tool.tokens.clear()
        key = request.headers.get("x-api-token", "")
        if key and not same(key, tool.token):
            raise refused(401, "AUTH_6", "Unrecognized X-API-TOKEN.")
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not key and tool.tokens.get(bearer, 0.0) <= tool.now():
            raise refused(401, "AUTH_4", "No access token was provided, or it is no longer valid.")
        return {}

    def survey(request: Request) -> Survey:
        found = tool.surveys.get(request.path_params["survey"])
        if found is None:
            raise _missing()
        return found

    def surveys(request: Request) -> Any:
        rows = [{"id": one.id, "name": one.name, "isActive": True} for one in tool.surveys.values()]
        return _ok({"elements": rows, "nextPage": None})

    def definition(request: Request) -> Any:
        return _ok(tool.definition(survey(request)))

    async def begin(request: Request) -> Any:
        wanted, body = survey(request), await document(request, _bad)
        if unknown := body.keys() - _EXPORT_FIELDS:
            raise _bad(f"Unexpected json key provided: {', '.join(sorted(unknown))}")
        if body.get("format") not in ("json", "csv"):
            raise _bad("format is json or csv")
        if tool.minute.spend(tool.settings.exports_per_minute) is not None:
            tool.room.traffic.limit_met("qualtrics", "exports_per_minute")
            raise refused(429, "RP_2", "Too many exports were started")
        numbers = Numbers(body, _bad)
        start, end = numbers.moment("startDate"), numbers.moment("endDate")
        rows = [
            row
            for row in tool.of_survey(wanted.id)
            if (start is None or row["created_at"] >= start) and (end is None or row["created_at"] < end)
        ]
        rows.sort(key=lambda row: float(row["created_at"]))
        if "limit" in body:
            rows = rows[: numbers.whole("limit", 1)]
        if tool.room.faults.take("lost_progress"):
            return _ok({"progressId": None, "percentComplete": 0.0, "status": "inProgress"})
        failed = tool.room.faults.take("failed_export") is not None
        progress = tool.exports.begin(wanted.id, body["format"], rows, failed=failed)
        return _ok({"progressId": progress, "percentComplete": 0.0, "status": "inProgress"})

    def look(request: Request) -> Any:
        told = tool.exports.look(survey(request).id, request.path_params["progress"])
        if told is None:
            raise _missing()
        return _ok(told)

    def file(request: Request) -> Any:
        pieces = tool.exports.zipped(survey(request).id, request.path_params["file"])
        if pieces is None:
            raise _missing()
        return StreamingResponse(pieces, media_type="application/zip")

    async def token(request: Request) -> Response:
        name_call(request.scope, "token")
        form = dict(parse_qsl((await request.body()).decode(errors="replace")))
        centre = request.path_params["centre"] == tool.data_centre
        if not centre or basic(request) != tool.client or form.get("grant_type") != "client_credentials":
            return reply({"error": "invalid_client"}, 401)
        access = secrets.token_hex(16)
        tool.tokens[access] = tool.now() + _TOKEN_SECONDS
        told = {"access_token": access, "token_type": "Bearer", "expires_in": _TOKEN_SECONDS}
        return reply({**told, "scope": form.get("scope", "read:survey_responses")})

    def route(path: str, kind: str, answer: Answer, method: str = "GET") -> Route:
        return Route(f"/{{centre}}/API/v3{path}", endpoint(kind, check, answer), methods=[method])

    exports = "/surveys/{survey}/export-responses"
    return Starlette(
        routes=[
            Route("/{centre}/oauth2/token", token, methods=["POST"]),
            route("/surveys", "surveys", surveys),
            route("/survey-definitions/{survey}", "definition", definition),
            route(exports, "export", begin, "POST"),
            route(f"{exports}/{{progress}}", "progress", look),
            route(f"{exports}/{{file}}/file", "file", file),
        ]
    )
