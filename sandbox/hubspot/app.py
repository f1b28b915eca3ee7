"""HubSpot's addresses: numbered (v3, v4) and dated paths to the same calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sandbox.hubspot.account import ACCESS_TOKEN_SECONDS, CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, Account
from sandbox.hubspot.calls import Asked
from sandbox.hubspot.doors import DATED_VERSIONS, DOORS, Door
from sandbox.hubspot.gate import Gate
from sandbox.hubspot.refusals import Refusal, invalid, malformed, not_found
from sandbox.hubspot.search import LONGEST_BODY
from sandbox.serving import WithoutLastSlash
from sandbox.toy import NoSuchRecord, name_call


def build(account: Account, gate: Gate) -> ASGIApp:
    routes = [
        Route(path, _endpoint(account, gate, door), methods=[door.method])
        for door in DOORS
        for path in (door.numbered, door.dated)
    ]
    token = _token_endpoint(account)
    routes.append(Route("/oauth/{version}/token", token, methods=["POST"]))
    return WithoutLastSlash(Starlette(routes=routes, exception_handlers={HTTPException: _unknown_address}))


def refused(refusal: Refusal) -> Response:
    return _json(refusal.status, refusal.body(), dict(refusal.headers))


def _json(status: int, body: Any, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(body), status, headers, media_type="application/json;charset=utf-8")


def _endpoint(account: Account, gate: Gate, door: Door) -> Callable[[Request], Any]:
    numbered = "v4" if "/v4/" in door.numbered else "v3"

    async def endpoint(request: Request) -> Response:
        name_call(request.scope, door.kind)
        raw = await request.body()
        headers: dict[str, str] = {}
        try:
            path = dict(request.path_params)
            version = path.get("version", numbered)
            if "version" in path and version not in DATED_VERSIONS:
                raise not_found(f"There is no API version {version}")
            scopes = _scopes(account, door, path)
            headers = gate.admit(request.headers.get("authorization", ""), scopes, search=door.search)
            if door.search and len(raw.decode(errors="replace")) > LONGEST_BODY:
                raise invalid(f"The request body is longer than {LONGEST_BODY} characters")
            query = request.query_params.multi_items()
            reply = door.answer(Asked(account, gate, path, query, _parsed(raw), version))
        except Refusal as refusal:
            return _json(refusal.status, refusal.body(), {**headers, **refusal.headers})
        if reply.status == 204:
            return Response(status_code=204, headers=headers)
        return _json(reply.status, reply.body, headers)

    return endpoint


def _scopes(account: Account, door: Door, path: dict[str, str]) -> list[str]:
    try:
        return door.scopes(account, path)
    except NoSuchRecord:
        return []  # an object type the account does not have; the call itself says so


def _parsed(raw: bytes) -> Any:
    if not raw:
        return None
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as problem:
        raise malformed(str(problem)) from problem


def _token_endpoint(account: Account) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        name_call(request.scope, "token")
        if request.path_params["version"] not in ("v1", *DATED_VERSIONS):
            return refused(not_found("There is no such API version"))
        # In the body, never the query.
        form = dict(parse_qsl((await request.body()).decode(errors="replace")))
        if form.get("client_id") != CLIENT_ID or form.get("client_secret") != CLIENT_SECRET:
            return _oauth_problem("BAD_CLIENT_ID", "missing or unknown client id or secret")
        if form.get("grant_type") != "refresh_token":
            return _oauth_problem("BAD_GRANT_TYPE", "unknown grant_type; use refresh_token")
        if form.get("refresh_token") != REFRESH_TOKEN:
            return _oauth_problem("BAD_REFRESH_TOKEN", "missing or unknown refresh token")
        said = {
            "access_token": account.grant(),
            "refresh_token": REFRESH_TOKEN,
            "expires_in": ACCESS_TOKEN_SECONDS,
            "token_type": "bearer",
        }
        return _json(200, said)

    return endpoint


def _oauth_problem(status: str, message: str) -> Response:
    return _json(400, {"status": status, "message": message})


async def _unknown_address(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, HTTPException)
    said = "the method is not allowed here" if problem.status_code == 405 else "there is no such address"
    return refused(Refusal(problem.status_code, "", said))
