"""What the toys' addresses have in common: who may call, how they refuse, and files on another host."""

from __future__ import annotations

import base64
import hmac
import inspect
import re
import secrets
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.moments import moment
from sandbox.toy import name_call

_WHOLE = re.compile(r"[0-9]{1,15}")  # not what other scripts call digits, and nothing that JSON cannot say
Answer = Callable[[Request], Any]  # a body, a Response, or what awaits to be one
Check = Callable[[Request], Mapping[str, str]]  # lets a call in (or a Refused); the headers of its reply


class Refused(Exception):
    """A reply that is none, in the vendor's words."""

    def __init__(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(str(body))
        self.status = status
        self.body = body
        self.headers = headers or {}

    def reply(self) -> Response:
        return reply(self.body, self.status, self.headers)


def reply(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps(body), status, dict(headers or {}), media_type="application/json")


def endpoint(kind: str, check: Check, answer: Answer) -> Callable[[Request], Any]:
    async def called(request: Request) -> Response:
        name_call(request.scope, kind)
        headers: Mapping[str, str] = {}
        try:
            headers = check(request)
            body = answer(request)
            if inspect.isawaitable(body):
                body = await body
        except Refused as refused:
            refused.headers = {**headers, **refused.headers}
            return refused.reply()
        if isinstance(body, Response):
            body.headers.update(headers)
            return body
        return reply(body, 200, headers)

    return called


async def document(request: Request, refused: Callable[[str], Refused]) -> dict[str, Any]:
    """The JSON object somebody posted."""
    try:
        body = orjson.loads(await request.body() or b"{}")
    except orjson.JSONDecodeError:
        raise refused("the body is not JSON") from None
    if not isinstance(body, dict):
        raise refused("the body is no object")
    return body


def same(told: str, wanted: str) -> bool:
    return hmac.compare_digest(told.encode(), wanted.encode())


def basic(request: Request) -> tuple[str, str]:
    """User and password of HTTP Basic; empty texts when there are none."""
    scheme, _, told = request.headers.get("authorization", "").partition(" ")
    try:
        text = base64.b64decode(told, validate=True).decode() if scheme.lower() == "basic" else ""
    except ValueError:  # not ASCII, not base64, or not UTF-8 inside
        text = ""
    user, _, password = text.partition(":")
    return user, password


class WithoutLastSlash:
    """For vendors that answer with and without a slash at the end."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app({**scope, "path": scope["path"].rstrip("/")}, receive, send)


class Numbers:
    """Numbers and moments of a query, refused in the vendor's words when they are none."""

    def __init__(self, told: Mapping[str, Any], refused: Callable[[str], Refused]) -> None:
        self._told = told
        self._refused = refused

    def whole(self, name: str, default: int, *, least: int = 1, most: int | None = None) -> int:
        text = str(self._told.get(name, default))
        if not _WHOLE.fullmatch(text) or int(text) < least or (most is not None and int(text) > most):
            limits = f"from {least} on" if most is None else f"from {least} to {most}"
            raise self._refused(f"{name} must be a whole number {limits}")
        return int(text)

    def moment(self, name: str) -> float | None:
        text = self._told.get(name)
        if text in (None, ""):
            return None
        try:
            return moment(text)
        except ValueError:
            raise self._refused(f"{name} is no moment") from None


class Files:
    """Replies that lie on another host, where no key is wanted."""

    most = 50

    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}

    def leave(self, request: Request, body: bytes) -> str:
        """Its address: the same server under its other name, which is another host to whoever holds a key."""
        while len(self._files) >= self.most:
            self._files.pop(next(iter(self._files)))
        name = secrets.token_hex(8)
        self._files[name] = body
        parts = urlsplit(str(request.url))
        host = "127.0.0.1" if parts.hostname == "localhost" else "localhost"
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{host}{port}{request.scope.get('root_path', '')}/files/{name}"

    async def fetched(self, request: Request) -> Response:
        """As object storage does, which refuses whoever shows a second way to be let in."""
        name_call(request.scope, "file")
        keys = {"authorization", "x-api-key", "x-apikey", "x-api-token"} & set(request.headers)
        if keys or "api_key" in request.query_params:
            return reply(
                {"error": "Only one authentication mechanism is allowed: a key was sent to this host"}, 400
            )
        body = self._files.get(request.path_params["name"])
        return (
            reply({"error": "expired"}, 404)
            if body is None
            else Response(body, media_type="application/json")
        )
