"""Promoter.io's addresses, v1 and v2: feedback with next links, surveys, contacts."""

from __future__ import annotations

import hmac
import re
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.promoter.words import API_KEY, CAMPAIGN_STATUS, CAMPAIGNS, Refusal
from sandbox.toy import Row, name_call

if TYPE_CHECKING:
    from sandbox.promoter.account import Promoter

_SEGMENTS = {"promoter": range(9, 11), "passive": range(7, 9), "detractor": range(7)}


def build(account: Promoter) -> ASGIApp:
    def endpoint(kind: str, answer: Callable[[Request], Any]) -> Callable[[Request], Any]:
        async def called(request: Request) -> Response:
            name_call(request.scope, kind)
            if not hmac.compare_digest(request.headers.get("authorization", ""), f"Token {API_KEY}"):
                return _json({"detail": "Invalid token."}, 401)
            if (wait := account.spend()) is not None:
                words = f"Request was throttled. Expected available in {wait:.1f} seconds."
                return _json({"detail": words}, 429, {"Retry-After": f"{wait:.0f}"})
            try:
                return _json(*(await answer(request)))
            except Refusal as refused:
                return _json(refused.body, refused.status)

        return called

    async def document(request: Request) -> Row:
        try:
            body = orjson.loads(await request.body())
        except orjson.JSONDecodeError as problem:
            raise Refusal({"detail": f"JSON parse error - {problem}"}) from None
        if not isinstance(body, dict):
            raise Refusal({"non_field_errors": ["Invalid data. Expected a dictionary."]})
        return body

    def shown(row: Row, request: Request, *, v2: bool) -> Row:
        person = account.shelves["contacts"][str(row["contact"])]
        base = str(request.base_url).rstrip("/")
        told = {
            name: row[name]
            for name in ("id", "score", "comment", "comment_updated_date", "status", "score_created")
        }
        told |= {
            "href": f"{base}/api/feedback/{row['id']}",
            "followup_href": f"{base}/api/feedback/{row['id']}/followup",
            "score_type": _segment(row["score"]),
            "score_modified": row["score_modified"],
            "posted_date": _odd(row["posted_date"]) if account.settings.odd_hours else row["posted_date"],
            "contact": {
                name: person[name] for name in ("id", "email", "first_name", "last_name", "attributes")
            },
        }
        if not v2:
            return {**told, "campaign": CAMPAIGNS[row["campaign"]]}
        survey = {"sent_date": row["sent_date"], "attributes": row["attributes"]}
        campaign = {"id": row["campaign"], "name": CAMPAIGNS[row["campaign"]]}
        return {**told, "campaign": campaign, "created": row["posted_date"], "survey": survey, "tags": []}

    def listing(*, v2: bool) -> Callable[[Request], Any]:
        async def listed(request: Request) -> tuple[Row, int]:
            query = dict(request.query_params)
            found = _in_order(account, [row for row in account.rows("feedback") if _wanted(row, query)])
            return _page(request, query, found, account.settings.page, lambda row: shown(row, request, v2=v2))

        return listed

    async def one(request: Request) -> tuple[Row, int]:
        row = account.shelves["feedback"].get(request.path_params["id"])
        if row is None:
            return {"detail": "Not found."}, 404
        return shown(row, request, v2=False), 200

    async def set_status(request: Request) -> tuple[Row, int]:
        row, body = account.shelves["feedback"].get(request.path_params["id"]), await document(request)
        if row is None:
            return {"detail": "Not found."}, 404
        if body.get("status") not in ("OPEN", "CLOSED"):
            raise Refusal({"status": [f'"{body.get("status")}" is not a valid choice.']})
        row["status"] = body["status"]
        account.tell("feedback.status_changed", row["id"])
        return shown(row, request, v2=True), 200

    async def survey(request: Request) -> tuple[Row, int]:
        body = await document(request)
        campaign = body.get(account.settings.campaign_field)
        row = account.survey(body.get("contact"), campaign, body.get("attributes"))
        return _survey_shown(account, row), 201

    async def survey_v1(request: Request) -> tuple[Row, int]:
        """Flat, and every attribute must be a text."""
        body = await document(request)
        attributes = body.get("attributes") or {}
        if not isinstance(attributes, Mapping) or not all(
            isinstance(one, str) for one in attributes.values()
        ):
            raise Refusal({"attributes": ["Not a valid string."]})
        row = account.survey(body, body.get("campaign"), attributes)
        return _survey_shown(account, row), 201

    async def contacts(request: Request) -> tuple[Row, int]:
        query = dict(request.query_params)
        wanted = query.get("email", "").lower()
        found = [row for row in account.rows("contacts") if wanted in ("", row["email"])]
        return _page(request, query, found, account.settings.page, lambda row: row)

    async def remove(request: Request) -> tuple[Row, int]:
        body = await document(request)
        contact = account.contact({"email": body.get("email")})
        contact["active"] = False
        return {"email": contact["email"]}, 200

    routes = [
        Route("/api/v2/feedback/", endpoint("feedback", listing(v2=True)), methods=["GET"]),
        Route("/api/v2/feedback/{id}/", endpoint("feedback_status", set_status), methods=["PUT"]),
        Route("/api/feedback/", endpoint("feedback", listing(v2=False)), methods=["GET"]),
        Route("/api/feedback/{id}", endpoint("feedback_one", one), methods=["GET"]),
        Route("/api/v2/survey/", endpoint("survey", survey), methods=["POST"]),
        Route("/api/contacts/survey/", endpoint("survey", survey_v1), methods=["POST"]),
        Route("/api/contacts/", endpoint("contacts", contacts), methods=["GET"]),
        Route("/api/contacts/remove/", endpoint("remove", remove), methods=["POST"]),
    ]
    inner = Starlette(routes=routes)
    inner.router.redirect_slashes = False
    return _WithLastSlash(inner)


class _WithLastSlash:
    """An address without its last slash is moved, and a 301 makes clients drop what they posted."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if not path.endswith("/") and not path.rpartition("/")[2].isdigit():
            moved = RedirectResponse(f"{path}/?{scope['query_string'].decode()}".rstrip("?"), 301)
            await moved(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _survey_shown(account: Promoter, row: Row) -> Row:
    contact = account.shelves["contacts"][str(row["contact"])]
    return {
        "campaign": row["campaign"],
        "contact": {name: contact[name] for name in ("email", "first_name", "last_name", "attributes")},
        "attributes": row["attributes"],
    }


def _page(
    request: Request, query: Row, found: list[Row], size: int, shown: Callable[[Row], Row]
) -> tuple[Row, int]:
    number = query.get("page", "1")
    page = int(number) if re.fullmatch(r"[0-9]{1,9}", number) else 0
    if page < 1 or (page > 1 and (page - 1) * size >= len(found)):
        return {"detail": "Invalid page."}, 404
    rows = found[(page - 1) * size : page * size]

    def link(other: int) -> str:
        return f"{str(request.url).partition('?')[0]}?{urlencode({**query, 'page': other})}"

    body = {
        "count": len(found),
        "next": link(page + 1) if page * size < len(found) else None,
        "previous": link(page - 1) if page > 1 else None,
        "results": [shown(row) for row in rows],
    }
    return body, 200


def _wanted(row: Row, query: Row) -> bool:
    posted = datetime.fromisoformat(row["posted_date"])
    if (low := query.get("posted_date_0")) and posted < _midnight("posted_date_0", low):
        return False
    if (high := query.get("posted_date_1")) and posted > _midnight("posted_date_1", high):
        return False
    wanted = {
        "survey__campaign": str(row["campaign"]),
        "survey__campaign__status": CAMPAIGN_STATUS[row["campaign"]],
        "survey__contact__email": row["email"],
        "score": str(row["score"]),
        "score_type": _segment(row["score"]),
    }
    return all(query.get(name, value) == value for name, value in wanted.items())


def _midnight(name: str, text: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), time.min, UTC)
    except ValueError:
        raise Refusal({name: ["Enter a valid date."]}) from None


def _in_order(account: Promoter, rows: list[Row]) -> list[Row]:
    if account.settings.order == "none":  # the same none for every page
        return sorted(rows, key=lambda row: zlib.crc32(str(row["id"]).encode()))
    return sorted(rows, key=lambda row: str(row["posted_date"]), reverse=account.settings.order == "newest")


def _odd(moment: str) -> str:
    return moment.replace("T0", "T")


def _segment(score: int) -> str:
    return next(name for name, scores in _SEGMENTS.items() if score in scores)


def _json(body: Any, status: int, headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps(body), status, dict(headers or {}), media_type="application/json")
