"""HubSpot's addresses: numbered (v3, v4) and dated paths to the same calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.hubspot import calls
from sandbox.hubspot.account import ACCESS_TOKEN_SECONDS, CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, Account
from sandbox.hubspot.calls import Answerer, Asked
from sandbox.hubspot.gate import Gate
from sandbox.hubspot.refusals import Refusal, invalid, malformed, not_found
from sandbox.hubspot.search import LONGEST_BODY
from sandbox.toy import NoSuchRecord, name_call

DATED_VERSIONS = ("2025-09", "2026-03", "2026-09")

Scopes = Callable[[Account, dict[str, str]], list[str]]


def _read(account: Account, path: dict[str, str]) -> list[str]:
    return [account.table(path["type"]).kind.read_scope]


def _write(account: Account, path: dict[str, str]) -> list[str]:
    return [account.table(path["type"]).kind.write_scope]


def _read_schema(account: Account, path: dict[str, str]) -> list[str]:
    kind = account.table(path["type"]).kind
    return [kind.read_scope, kind.schema_scope.replace(".write", ".read")]


def _write_schema(account: Account, path: dict[str, str]) -> list[str]:
    return [account.table(path["type"]).kind.schema_scope]


def _read_both(account: Account, path: dict[str, str]) -> list[str]:
    return [account.table(path["from"]).kind.read_scope]


def _anybody(account: Account, path: dict[str, str]) -> list[str]:
    return []


def _preferences(account: Account, path: dict[str, str]) -> list[str]:
    return ["communication_preferences.read", "subscriptions-status-read"]


def _change_preferences(account: Account, path: dict[str, str]) -> list[str]:
    return ["communication_preferences.write", "subscriptions-status-write"]


@dataclass(frozen=True)
class Door:
    """One call: its names on the web, who may come in, what answers."""

    method: str
    numbered: str
    dated: str
    kind: str
    scopes: Scopes
    answer: Answerer
    search: bool = False


_OBJECTS, _DATED_OBJECTS = "/crm/v3/objects/{type}", "/crm/objects/{version}/{type}"
_PROPERTIES, _DATED_PROPERTIES = "/crm/v3/properties/{type}", "/crm/properties/{version}/{type}"
_PREFERENCES = "/communication-preferences"


def _object(
    method: str, tail: str, kind: str, scopes: Scopes, answer: Answerer, search: bool = False
) -> Door:
    return Door(method, _OBJECTS + tail, _DATED_OBJECTS + tail, kind, scopes, answer, search)


def _property(method: str, tail: str, kind: str, scopes: Scopes, answer: Answerer) -> Door:
    return Door(method, _PROPERTIES + tail, _DATED_PROPERTIES + tail, kind, scopes, answer)


DOORS = (
    _object("POST", "/batch/read", "batch_read", _read, calls.read_batch),
    _object("POST", "/batch/update", "batch_update", _write, calls.update_batch),
    _object("POST", "/search", "search", _read, calls.search_records, search=True),
    _object("GET", "", "list", _read, calls.list_records),
    _object("GET", "/{id}", "get", _read, calls.get_record),
    _object("PATCH", "/{id}", "update", _write, calls.update_record),
    Door(
        "POST",
        "/crm/v4/associations/{from}/{to}/batch/read",
        "/crm/associations/{version}/{from}/{to}/batch/read",
        "associations",
        _read_both,
        calls.associations,
    ),
    _property("GET", "", "properties", _read_schema, calls.list_properties),
    _property("POST", "", "create_property", _write_schema, calls.create_property),
    _property("POST", "/batch/create", "create_property", _write_schema, calls.create_properties),
    _property("GET", "/groups", "properties", _read_schema, calls.list_groups),
    _property("POST", "/groups", "create_property", _write_schema, calls.create_group),
    _property("GET", "/{name}", "properties", _read_schema, calls.get_property),
    Door(
        "GET",
        "/crm/v3/pipelines/{type}",
        "/crm/pipelines/{version}/{type}",
        "pipelines",
        _read,
        calls.list_pipelines,
    ),
    Door(
        "POST",
        _PREFERENCES + "/v3/unsubscribe",
        _PREFERENCES + "/{version}/unsubscribe",
        "unsubscribe",
        _change_preferences,
        calls.unsubscribe,
    ),
    Door(
        "POST",
        _PREFERENCES + "/v4/statuses/{email}/unsubscribe-all",
        _PREFERENCES + "/{version}/statuses/{email}/unsubscribe-all",
        "unsubscribe",
        _change_preferences,
        calls.unsubscribe_from_all,
    ),
    Door(
        "GET",
        "/account-info/v3/details",
        "/account-info/{version}/details",
        "account",
        _anybody,
        calls.account_details,
    ),
    Door(
        "GET",
        "/account-info/v3/api-usage/daily/private-apps",
        "/account-info/{version}/api-usage/daily/private-apps",
        "usage",
        _anybody,
        calls.daily_usage,
    ),
    Door(
        "GET",
        _PREFERENCES + "/v4/statuses/{email}/unsubscribe-all",
        _PREFERENCES + "/{version}/statuses/{email}/unsubscribe-all",
        "preferences",
        _preferences,
        calls.unsubscribed_from_all,
    ),
    Door(
        "GET",
        _PREFERENCES + "/v3/status/email/{email}",
        _PREFERENCES + "/{version}/status/email/{email}",
        "preferences",
        _preferences,
        calls.subscription_status,
    ),
)


def build(account: Account, gate: Gate) -> Starlette:
    routes = [
        Route(path, _endpoint(account, gate, door), methods=[door.method])
        for door in DOORS
        for path in (door.numbered, door.dated)
    ]
    token = _token_endpoint(account)
    routes.append(Route("/oauth/{version}/token", token, methods=["POST"]))
    return Starlette(routes=routes, exception_handlers={HTTPException: _unknown_address})


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
