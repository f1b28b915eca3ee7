"""Twilio's addresses: send a message, list them, look at one."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.toy import NoSuchRecord, Row, name_call
from sandbox.twilio.credentials import ACCOUNT_SID, AUTH_TOKEN, KEY_SECRET, KEY_SID
from sandbox.twilio.refusal import Refusal

if TYPE_CHECKING:
    from sandbox.twilio.account import Twilio

_LARGEST_PAGE, _DEFAULT_PAGE = 1_000, 50


def build(account: Twilio) -> Starlette:
    def admit(request: Request) -> None:
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        try:
            given = base64.b64decode(text, validate=True).decode() if scheme.lower() == "basic" else ""
        except (binascii.Error, UnicodeDecodeError):
            given = ""
        if given not in (f"{ACCOUNT_SID}:{AUTH_TOKEN}", f"{KEY_SID}:{KEY_SECRET}"):
            raise Refusal(401, 20003, "Authenticate")
        if request.path_params["account"] != ACCOUNT_SID:
            raise Refusal(404, 20404, f"The requested resource {request.url.path} was not found")

    def endpoint(kind: str, answer: Callable[[Request], Any]) -> Callable[[Request], Any]:
        async def called(request: Request) -> Response:
            name_call(request.scope, kind)
            try:
                admit(request)
                return _json(*(await answer(request)))
            except Refusal as refusal:
                return refusal.reply()

        return called

    async def send(request: Request) -> tuple[Row, int]:
        form = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
        return account.send(form), 201

    async def one(request: Request) -> tuple[Row, int]:
        try:
            return account.row("messages", request.path_params["sid"]), 200
        except NoSuchRecord:
            raise Refusal(404, 20404, f"The requested resource {request.url.path} was not found") from None

    async def listed(request: Request) -> tuple[Row, int]:
        query = dict(request.query_params)
        size = min(int(query.get("PageSize", _DEFAULT_PAGE)), _LARGEST_PAGE)
        page = int(query.get("Page", 0))
        found = [row for row in account.rows("messages") if _wanted(row, query)][::-1]
        here = found[page * size : (page + 1) * size]
        more = (page + 1) * size < len(found)
        path = request.scope["path"][len("/twilio") :]
        following = f"{path}?{urlencode({**query, 'Page': page + 1, 'PageSize': size})}"
        body = {
            "messages": here,
            "page": page,
            "page_size": size,
            "start": page * size,
            "end": page * size + len(here) - 1,
            "uri": path,
            "next_page_uri": following if more else None,
        }
        return body, 200

    messages = "/2010-04-01/Accounts/{account}/Messages"
    return Starlette(
        routes=[
            Route(f"{messages}.json", endpoint("send", send), methods=["POST"]),
            Route(f"{messages}.json", endpoint("list", listed), methods=["GET"]),
            Route(f"{messages}/{{sid}}.json", endpoint("message", one), methods=["GET"]),
        ]
    )


def _wanted(row: Row, query: Row) -> bool:
    if any(query.get(name.capitalize(), row[name]) != row[name] for name in ("to", "from")):
        return False
    bounds = {name: text for name, text in query.items() if name.startswith("DateSent")}
    if not bounds:
        return True
    if row["date_sent"] is None:
        return False
    sent = parsedate_to_datetime(row["date_sent"])
    return all(_within(sent, name.removeprefix("DateSent"), text) for name, text in bounds.items())


def _within(sent: datetime, operator: str, text: str) -> bool:
    """`DateSent>=2026-03-02` arrives as the name `DateSent>`; a day without a time is the whole day, UTC."""
    start, end = _span(text)
    match operator:
        case ">":
            return sent >= start
        case "<":
            return sent < end
        case _:
            return start <= sent < end


def _span(text: str) -> tuple[datetime, datetime]:
    if len(text) == 10:
        start = datetime.combine(datetime.fromisoformat(text).date(), time.min, UTC)
        return start, start + timedelta(days=1)
    moment = datetime.fromisoformat(text)
    start = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return start, start + timedelta(seconds=1)


def _json(body: Row, status: int) -> Response:
    shown = {name: value for name, value in body.items() if name != "id"}
    return Response(orjson.dumps(shown), status, media_type="application/json")
